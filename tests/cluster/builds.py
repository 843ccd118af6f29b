"""Building the bed's programs from source, once for everybody on this machine.

Each Go module here becomes one folder of programs below the cache, named by the hash of the module's files, the
Go version and the recipe. A folder is there whole or not at all: it is built beside its place and renamed. Who comes
while another builds waits, and is told how far that one is.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.cluster.errors import BedError
from tests.cluster.places import SOURCES, cache

KUBERNETES = "1.37.2"
_VERSION = "k8s.io/component-base/version"
_TOLD = {
    "gitVersion": f"v{KUBERNETES}",
    "gitMajor": KUBERNETES.split(".")[0],
    "gitMinor": KUBERNETES.split(".")[1],
    "gitTreeState": "clean",
}

Say = Callable[[str], None]


def say(line: str) -> None:
    """Tell a person what happens."""
    print(f"cluster: {line}", file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Module:
    """One Go module and what is built from it.

    Attributes:
        name: Its folder here, and the first word of its folder in the cache.
        programs: File name of each program, and its package.
        arguments: What ``go build`` gets besides.
        sources: The folder that the module's folder is in.
        seconds: About how long each program takes on two free cores, cold; for people who wait.
    """

    name: str
    programs: Mapping[str, str]
    arguments: tuple[str, ...] = ("-ldflags=-s -w",)
    sources: Path = SOURCES
    seconds: Mapping[str, int] = field(default_factory=dict)


MODULES = (
    Module(
        "kubernetes",
        {
            **{
                name: f"k8s.io/kubernetes/cmd/{name}"
                for name in (
                    "kube-apiserver",
                    "kube-controller-manager",
                    "kube-scheduler",
                    "kubelet",
                    "kube-proxy",
                    "kubectl",
                )
            },
            "etcd": "go.etcd.io/etcd/server/v3",
        },
        # Without the version the kubelet and the API server disagree.
        (f"-ldflags=-s -w {' '.join(f'-X {_VERSION}.{key}={value}' for key, value in _TOLD.items())}",),
        seconds={"kube-apiserver": 222, "kube-controller-manager": 71, "kubelet": 45, "kube-proxy": 18},
    ),
    Module(
        "containerd",
        {
            name: f"github.com/containerd/containerd/v2/cmd/{name}"
            for name in ("containerd", "containerd-shim-runc-v2", "ctr")
        },
        ("-tags=no_btrfs,no_zfs,no_devmapper", "-ldflags=-s -w"),
        seconds={"containerd": 70},
    ),
    Module("samples", {"sample": "./sample", "pause": "./pause"}),
)


def programs(tell: Say = say) -> dict[str, Path]:
    """Answer the path of each program; builds what is not there yet, which takes minutes the first time."""
    found: dict[str, Path] = {}
    for module in MODULES:
        folder = built(module, tell)
        found.update({name: folder / name for name in module.programs})
    return found


def built(module: Module, tell: Say = say) -> Path:
    """Answer the folder of a module's programs, and build it where it is not there.

    Raises:
        BedError: There is no Go, or it could not build; with what it said.
    """
    place = cache() / f"{module.name}-{_fingerprint(module)}"
    if place.is_dir():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    with _alone(place, tell):
        if not place.is_dir():
            _build(module, place, tell)
    return place


def _build(module: Module, place: Path, tell: Say) -> None:
    # Of a builder that was killed: its compiler may still be at it, so the next one's folder has another name.
    for left in place.parent.glob(f"{place.name}.unfinished-*"):
        shutil.rmtree(left, ignore_errors=True)
    beside = place.with_suffix(f".unfinished-{os.getpid()}")
    beside.mkdir()
    seconds: dict[str, float] = {}
    tell(f"building {module.name} from source, kept in {place}")
    for number, (name, package) in enumerate(module.programs.items(), 1):
        step = f"{name} ({number} of {len(module.programs)})"
        about = module.seconds.get(name)
        tell(f"building {step}{f', about {about} s on two free cores' if about else ''}")
        place.with_suffix(".lock").write_text(step, encoding="utf-8")
        began = time.monotonic()
        _go(module, name, package, beside / name, step, tell)
        seconds[name] = time.monotonic() - began
    listed = "".join(f"{name} {took:.1f}\n" for name, took in seconds.items())
    (beside / "seconds").write_text(listed, encoding="utf-8")
    beside.rename(place)
    tell(f"built {module.name} in {sum(seconds.values()):.0f} s")


def _go(module: Module, name: str, package: str, into: Path, step: str, tell: Say) -> None:
    command = [go(), "build", "-p", str(min(os.cpu_count() or 1, 4)), "-trimpath", "-mod=readonly"]
    command += [*module.arguments, "-o", str(into), package]
    # Nicer than whatever else runs here: nobody waits for a build as for an answer.
    command = ["nice", "-n", "15", *command]
    with into.with_suffix(".log").open("w+", encoding="utf-8") as log:
        process = subprocess.Popen(
            command,
            cwd=module.sources / module.name,
            env=environment(),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        began = time.monotonic()
        try:
            while True:
                try:
                    status = process.wait(timeout=30)
                    break
                except subprocess.TimeoutExpired:
                    tell(f"still building {step}, {time.monotonic() - began:.0f} s")
        except BaseException:
            process.terminate()
            process.wait(timeout=30)
            raise
        log.seek(0)
        said = log.read()
    if status:
        raise BedError(
            f"{name} could not be built (`{' '.join(command)}` in {module.name}/):\n{said.strip()[-4000:]}"
        )
    into.with_suffix(".log").unlink()


def environment() -> dict[str, str]:
    """Answer the environment that Go gets here."""
    # Without C the programs are the same on every machine, with a compiler or without. A module may name a newer Go
    # than there is; distributions, and the Python index's Go, would not fetch it unless they are told to.
    ours = {"CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false", "GOWORK": "off"}
    return {"GOTOOLCHAIN": "auto", **os.environ, **ours}


def _fingerprint(module: Module) -> str:
    """Answer what names a build: a few characters that change when anything does that goes into it."""
    told = hashlib.sha256()
    folder = module.sources / module.name
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            told.update(f"{path.relative_to(folder)} {path.stat().st_size}\n".encode() + path.read_bytes())
    told.update(repr((dict(module.programs), module.arguments, platform.machine(), _go_version())).encode())
    return told.hexdigest()[:16]


def go() -> str:
    """Answer the Go to use: scripts/setup.sh puts one beside our Python only where the machine's is too old."""
    ours = Path(sys.prefix) / "bin" / "go"
    found = str(ours) if ours.exists() else shutil.which("go")
    if found is None:
        raise BedError(
            "no Go found, which builds the cluster; scripts/cluster installs it, or put one on PATH"
        )
    return found


def _go_version() -> str:
    # Asked in a module, since that may name a newer Go, which Go then fetches.
    return asked("env", "GOVERSION", folder=SOURCES / "kubernetes").strip()


def asked(*words: str, folder: Path, seconds: float = 300) -> str:
    """Run Go in a module's folder, and answer what it prints. Raises BedError with what it said."""
    done = subprocess.run(
        [go(), *words],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )
    if done.returncode:
        said = f"{done.stdout.strip()} {done.stderr.strip()}".strip()
        raise BedError(f"Go cannot be used here (`go {' '.join(words)}` in {folder.name}/): {said}")
    return done.stdout


def sources(module: str, folder: Path) -> Path:
    """Answer the folder of a module's sources, which the module in ``folder`` names and its ``go.sum`` checks.

    Raises:
        BedError: It cannot be had.
    """
    return Path(json.loads(asked("mod", "download", "-json", module, folder=folder, seconds=600))["Dir"])


@contextlib.contextmanager
def _alone(place: Path, tell: Say) -> Iterator[None]:
    """Hold the build's lock; while another holds it, tell how far that one is."""
    with place.with_suffix(".lock").open("a+", encoding="utf-8") as lock:
        heard, told = "", 0.0
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                lock.seek(0)
                step = lock.read().strip() or "something"
                if step != heard or time.monotonic() - told > 30:
                    tell(f"waiting for another build, which is at {step}")
                    heard, told = step, time.monotonic()
                time.sleep(0.2)
        yield
