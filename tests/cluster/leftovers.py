"""Taking a bed away, whoever ended and in whatever state: what ``down`` does, and ``up`` before it begins.

Nothing here trusts a record. Processes are found by the bed's mark in their environment, by their cgroup or by their
root, and ended by their ids; mounts by the bed's folder; cgroups, network and the rest by the bed's name. So it is the
same after a SIGKILL.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil

from tests.cluster import network, tuning
from tests.cluster.errors import BedError
from tests.cluster.places import MARK, Bed
from tests.cluster.processes import wait_for

CGROUPS = Path("/sys/fs/cgroup")
LIMIT = 30.0
"""Seconds in which each kind of thing must be gone."""

_DETACH = 2  # MNT_DETACH of umount2(2): also what somebody still stands in


def clean(bed: Bed) -> None:
    """Take away all that is the bed's.

    Raises:
        BedError: Something would not go within the limit; with what.
    """
    _processes(bed)
    _sockets(bed)
    _mounts(bed)
    _cgroups(bed)
    network.down(bed)
    _links_to_logs(bed)
    tuning.restore(bed)
    if bed.home.exists():
        shutil.rmtree(bed.home)


def left(bed: Bed) -> list[str]:
    """Answer, in words, what there still is of a bed."""
    found = [f"process {process.pid} ({_words(process)})" for process in processes(bed)]
    found += [f"mount {place}" for place in mounts(bed)]
    found += [f"cgroup {path}" for path in cgroups(bed)]
    found += [f"network namespace {bed.namespace}"] if bed.namespace_file.exists() else []
    found += [f"network device {bed.link}"] if bed.link in network.links() else []
    found += [f"link {path}" for path in links_to_logs(bed)]
    found += [f"folder {bed.home}"] if bed.home.exists() else []
    return found


def processes(bed: Bed) -> list[psutil.Process]:
    """Answer the bed's processes: its parts, shims and all that runs in its containers."""
    found = []
    for process in psutil.process_iter():
        if process.pid != os.getpid() and _belongs(process.pid, bed):
            with contextlib.suppress(psutil.NoSuchProcess):
                if process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
    return found


def _belongs(pid: int, bed: Bed) -> bool:
    folder = Path("/proc") / str(pid)
    try:
        if f"{MARK}={bed.name}".encode() in (folder / "environ").read_bytes().split(b"\0"):
            return True
        if any(f"/{bed.cgroup}/" in line for line in (folder / "cgroup").read_text().splitlines()):
            return True
        # What somebody started with ctr is in no cgroup of the bed; but its root is a mount of the bed's.
        roots = [line for line in (folder / "mountinfo").read_text().splitlines() if line.split()[4] == "/"]
        return any(f"={bed.home}/" in line for line in roots)
    except OSError:  # it ended, or is the kernel's own
        return False


def _processes(bed: Bed) -> None:
    # The kubelet first: it would start anew what ends.
    for process in processes(bed):
        with contextlib.suppress(psutil.NoSuchProcess):
            if Path(process.exe() or "?").name == "kubelet":
                process.kill()

    def none_left() -> bool:
        found = processes(bed)
        for process in found:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        return not found

    wait_for(
        f"the processes of bed {bed.name} to end",
        none_left,
        LIMIT,
        state=lambda: "left: " + _sentence(left(bed)),
    )


def _sockets(bed: Bed) -> None:
    """Remove the sockets of shims: they are outside of the bed's folder, which tells where."""
    for path in bed.home.glob("containerd/state/io.containerd.runtime.v2.task/*/*/bootstrap.json"):
        with contextlib.suppress(OSError, ValueError):
            address = str(json.loads(path.read_text(encoding="utf-8")).get("address", ""))
            name = Path(address.removeprefix("unix://"))
            if name.is_socket() and name.parent.name == "s":
                name.unlink(missing_ok=True)


def mounts(bed: Bed) -> list[Path]:
    """Answer where the bed has something mounted, the innermost first."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        place = Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), line.split()[4]))
        if place.is_relative_to(bed.home):
            found.append(place)
    return sorted(found, key=lambda place: len(place.parts), reverse=True)


def _mounts(bed: Bed) -> None:
    libc = ctypes.CDLL(None, use_errno=True)

    def none_left() -> bool:
        for place in mounts(bed):
            if libc.umount2(os.fsencode(place), _DETACH) and (problem := ctypes.get_errno()) != 22:
                raise BedError(f"{place} cannot be unmounted: {os.strerror(problem)}")
        return not mounts(bed)

    wait_for(f"the mounts of bed {bed.name} to go", none_left, LIMIT)


def cgroups(bed: Bed) -> list[Path]:
    """Answer the bed's topmost cgroup below each controller."""
    places = [CGROUPS / bed.cgroup, *(CGROUPS.glob(f"*/{bed.cgroup}"))]
    # Controllers that are mounted together have two names (cpu, cpuacct), one being a link.
    return sorted({place.resolve() for place in places if place.is_dir()})


def _cgroups(bed: Bed) -> None:
    def none_left() -> bool:
        for top in cgroups(bed):
            for place in _inner_first(top):
                with contextlib.suppress(OSError):  # busy while the kernel buries who was in it
                    place.rmdir()
        return not cgroups(bed)

    wait_for(f"the cgroups of bed {bed.name} to go", none_left, LIMIT, state=lambda: str(cgroups(bed)))


def _inner_first(top: Path) -> Iterator[Path]:
    for folder, _, _ in os.walk(top, topdown=False):
        yield Path(folder)


def links_to_logs(bed: Bed) -> list[Path]:
    """Answer the kubelet's links in /var/log/containers, which is fixed in it, that lead to the bed's logs."""
    folder = Path("/var/log/containers")
    if not folder.is_dir():
        return []
    return [
        path for path in folder.iterdir() if path.is_symlink() and path.readlink().is_relative_to(bed.home)
    ]


def _links_to_logs(bed: Bed) -> None:
    for path in links_to_logs(bed):
        path.unlink(missing_ok=True)
    # The plugins' own notes on networks of pods, likewise.
    for path in Path("/var/lib/cni/results").glob(f"{bed.namespace}-*"):
        path.unlink(missing_ok=True)


def _words(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())[:80] or process.name()
    except psutil.NoSuchProcess:
        return "ended meanwhile"


def _sentence(found: list[str]) -> str:
    return "; ".join(found[:10]) or "nothing"
