"""``python -m tests.cluster.census NAME``: what on this machine has to do with a bed.

It looks in other ways than ``down`` does, to judge that. As root, for others may not look at root's processes. Prints
JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

from tests.cluster.errors import BedError
from tests.cluster.places import SOURCES


def census(name: str) -> dict[str, Any]:
    """Answer it: ``processes`` (id, start time, program), ``things``, ``sockets``, ``networks``, ``ways out``."""
    command = [*(["sudo", "-n"] if os.geteuid() else []), sys.executable, "-m", "tests.cluster.census", name]
    done = subprocess.run(
        command, cwd=SOURCES.parents[1], capture_output=True, text=True, check=False, timeout=60
    )
    if done.returncode:
        raise BedError(f"the census ended with {done.returncode}: {done.stderr.strip()}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def alive(processes: list[tuple[int, float, str]]) -> list[int]:
    """Answer which of these processes still run."""
    found = []
    for pid, born, _ in processes:
        try:
            process = psutil.Process(pid)
            if process.create_time() == born and process.status() != psutil.STATUS_ZOMBIE:
                found.append(pid)
        except psutil.NoSuchProcess:
            continue
    return found


def _look(name: str) -> dict[str, Any]:
    mounts = [line for line in _lines("/proc/mounts") if name in line]
    spaces = [Path(line.split()[1]) for line in mounts if "netns" in line.split()[1]]
    spaces = [space for space in spaces if space.exists()]
    processes = _within({space.stat().st_ino for space in spaces})
    return {
        "processes": processes,
        "things": [
            *mounts,
            *_named("/sys/fs/cgroup", name),
            *_named("/var/lib/cni", name),
            *_named("/run", name),
        ]
        + [line for line in _run("ip", "netns", "list").splitlines() if name in line]
        + [str(path) for path in _all("/var/log/containers") if name in str(path.readlink())],
        "sockets": sorted({path for pid, _, _ in processes for path in _listening(pid)}),
        "networks": len({space.stat().st_ino for space in spaces}),
        "ways out": [way for space in spaces if (way := _way_out(space))],
    }


def _within(spaces: set[int]) -> list[tuple[int, float, str]]:
    """Answer who is in one of these network namespaces."""
    found = []
    for process in psutil.process_iter():
        try:
            if Path(f"/proc/{process.pid}/ns/net").stat().st_ino in spaces:
                found.append((process.pid, process.create_time(), Path(process.exe()).name))
        except (OSError, psutil.NoSuchProcess):
            continue
    return found


def _listening(pid: int) -> list[str]:
    """Answer the sockets of shims in the network namespace of a process; other beds have theirs beside them."""
    try:
        lines = _lines(f"/proc/{pid}/net/unix")
    except OSError:
        return []
    return [line.split()[-1] for line in lines if line.split()[-1].startswith("/run/containerd/s/")]


def _way_out(space: Path) -> str:
    """Answer the route from a network namespace to somewhere else, if it has one. Sends nothing."""
    asked = ["nsenter", f"--net={space}", "ip", "route", "get", "203.0.113.1"]  # an address for documentation
    done = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=20)
    return "" if "unreachable" in done.stderr else done.stdout + done.stderr


def _lines(path: str) -> list[str]:
    return Path(path).read_text(encoding="utf-8").splitlines()


def _all(folder: str) -> list[Path]:
    return [path for path in Path(folder).iterdir() if path.is_symlink()] if Path(folder).is_dir() else []


def _named(folder: str, name: str) -> list[str]:
    return [str(path) for path in Path(folder).rglob(f"*{name}*")] if Path(folder).is_dir() else []


def _run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout


if __name__ == "__main__":
    print(json.dumps(_look(sys.argv[1])))
