"""The environment of the second stage: made by uv from hash-locked requirements, once a machine and lock file.

Standard library only. An environment is finished when its mark is there; one that was cut short is made again from
the start, and two steps at the same time wait for each other.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from dreamnet_actions.entrances.action.kept import home as home_of
from dreamnet_actions.errors import PermanentError, TemporaryError

TIMEOUT = 300.0
"""Seconds for one call of an installer; fifty packages take uv four with an empty cache, pip thirty."""
MARK = ".dreamnet-ready"


def environment(
    root: Path, extras: Sequence[str], environ: Mapping[str, str], say: Callable[[str], None]
) -> Path:
    """Answer the Python of an environment that holds what ``github`` and ``extras`` need; make it if there is none.

    ``root`` is the action's own folder. An extra without a lock file is one that this version knows no adapter for: the
    word meant something else, or the configuration's check says what is wrong. Raises TemporaryError when the packages
    could not be fetched, PermanentError where there is no place for them.
    """
    names = ["action", *(f"action-{one}" for one in extras)]
    wanted = [root / "requirements" / f"{name}.txt" for name in names]
    locks = [lock for lock in wanted if lock.is_file()]
    home = home_of(environ)
    folder = home / f"env-{_digest(locks)}"
    python = folder / "bin" / "python"
    if (folder / MARK).is_file():
        return python
    try:
        home.mkdir(parents=True, exist_ok=True)
        with _alone(folder):
            if not (folder / MARK).is_file():
                _make(folder, locks, _uv(root, home, environ), environ, say)
    except OSError as error:
        raise PermanentError(
            f"What this request needs cannot be put into {str(home)!r}: {error.strerror or error}.",
            hint="Give that folder to the runner's user, or name another one in the variable DREAMNET_ACTION_HOME.",
        ) from error
    return python


def _digest(locks: Sequence[Path]) -> str:
    """Name an environment by the machine and the Python that it is of, and all that is in it: the folder may be one
    that several machines share."""
    found = hashlib.sha256(f"{sysconfig.get_platform()}\n{sys.executable}\n{sys.version}".encode())
    for lock in locks:
        found.update(lock.read_bytes())
    return found.hexdigest()[:16]


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Make others who want to make ``folder`` wait for the block's end."""
    with folder.with_name(f"{folder.name}.lock").open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _uv(root: Path, home: Path, environ: Mapping[str, str]) -> str:
    """Answer the uv to use: the machine's, else one of our own, installed by pip from a hash-locked line."""
    found = shutil.which("uv", path=environ.get("PATH"))
    if found:
        return found
    lock = root / "requirements" / "uv.txt"
    folder = home / f"uv-{_digest([lock])}"
    pip = [
        sys.executable,
        "-I",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-input",
    ]
    with _alone(folder):  # two environments that are made at the same time want the same uv
        if not (folder / MARK).is_file():
            shutil.rmtree(folder, ignore_errors=True)
            _run([*pip, "--require-hashes", "--no-deps", "--target", str(folder), "-r", str(lock)], environ)
            (folder / MARK).touch()
    return str(folder / "bin" / "uv")


def _make(
    folder: Path, locks: Sequence[Path], uv: str, environ: Mapping[str, str], say: Callable[[str], None]
) -> None:
    say(f"Installing what {', '.join(lock.stem for lock in locks)} needs ({folder.name}).")
    shutil.rmtree(folder, ignore_errors=True)
    _run([uv, "venv", "--quiet", "--no-project", "--python", sys.executable, str(folder)], environ)
    wanted = [part for lock in locks for part in ("-r", str(lock))]
    python = str(folder / "bin" / "python")
    # No bytecode: compiling all takes longer than the first start, which writes what it needs (docs/benchmarks.md).
    _run(
        [uv, "pip", "install", "--quiet", "--python", python, "--require-hashes", "--no-deps", *wanted],
        environ,
    )
    (folder / MARK).touch()


def _run(command: Sequence[str], environ: Mapping[str, str]) -> None:
    """Run an installer without the step's token; its output is shown only where it failed."""
    kept = {
        name: value
        for name, value in environ.items()
        if name not in ("GITHUB_TOKEN", "GH_TOKEN", "DREAMNET_SECRETS_TOKEN", "DREAMNET_HASH_KEY")
        and not name.startswith("DREAMNET_INPUT_")
    }
    if (mirror := kept.get("PIP_INDEX_URL")) and not kept.keys() & {"UV_DEFAULT_INDEX", "UV_INDEX_URL"}:
        kept["UV_DEFAULT_INDEX"] = mirror  # a mirror that is set for pip is meant for uv, too
    name = Path(command[0]).name
    try:
        status, output = _finished(command, kept)
    except subprocess.TimeoutExpired:
        raise TemporaryError(
            f"{name} did not end within {TIMEOUT:g} s.",
            hint="Is the package index reachable from this runner?",
        ) from None
    if status != 0:
        said = output.decode("utf-8", "replace").strip()[-2000:]
        raise TemporaryError(
            f"The packages that this request needs could not be installed; {name} says:\n{said}",
            hint="Is the package index reachable from this runner? Then run the job again.",
        )


def _finished(command: Sequence[str], environment: Mapping[str, str]) -> tuple[int, bytes]:
    """Run to the end; answers the status and what was said. What cuts it short (time, a cancelled job) ends all that
    the installer started, too."""
    with subprocess.Popen(
        list(command),
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        process_group=0,
    ) as process:
        try:
            _, said = process.communicate(timeout=TIMEOUT)
        except BaseException:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
    return process.returncode, said
