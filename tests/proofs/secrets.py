"""Proof: no secret is seen anywhere, and each arrives byte for byte or is refused with the reason.

``python -m tests.proofs.secrets`` brings 200 shapes of values from every source to every sink, with every failure on
the way, and looks for every form of each in all that anybody could see. Then all shapes that an environment can hold
go to a real service by the real command, while the arguments and environments of all processes are sampled. Ends 1
where anything was seen, lost or refused without a reason.
"""

from __future__ import annotations

import argparse
import collections
import itertools
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dreamnet_actions.adapters.files.grammar import fits, write_entry
from dreamnet_actions.domain.secret import SecretValue
from tests.proofs._secrets import FAILURES, LONG, SINKS, SOURCES, CannotHold, Seen, marked, run
from tests.proofs._shapes import SecretShape, shapes

SAMPLE = 0.002
"""Seconds between two looks at all processes."""
PLACE = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Where the files of a run lie: in memory, for this proof is of what is in them, not of disks."""
LIMIT = 60.0
"""Seconds that the service may take to say what it was given."""
_SERVICE = """\
import json, os, pathlib, time
found = {name.decode(): value.hex() for name, value in os.environb.items() if name.startswith(b"V_")}
pathlib.Path("got.new").write_text(json.dumps(found))
pathlib.Path("got.new").rename("got.json")
time.sleep(600)
"""
_CONFIG = """\
version: 1
platforms: {local: {process: {}}}
services:
  web: {platform: local, command: [PYTHON, service.py]}
env:
  web:
    from: {dotenv: web.env}
    to: [{process: web}, {dotenv: out/copy.env}]
    accept: [{lint: placeholder, why: a proof}]
"""


def matrix(chosen: Iterable[SecretShape], failures: Iterable[str] = FAILURES) -> Iterator[tuple[str, str]]:
    """Bring each shape each way; answers for each way what became of it, and what is wrong with that ("": nothing)."""
    for (number, data), source, sink, failure in itertools.product(chosen, SOURCES, SINKS, failures):
        value = SecretValue.of(data)
        if len(value.reveal()) < LONG and failure != "none":
            value = marked(value, failure)
        way = f"shape {number} ({len(data)} bytes), {source} → {sink}, {failure}"
        with tempfile.TemporaryDirectory(dir=PLACE) as root:
            try:
                seen = run(Path(root), source, sink, failure, value)
            except CannotHold:
                yield "the source's format has no way to write it", ""
                continue
        yield _fate(seen, failure), f"{way}: {wrong}" if (wrong := _wrong(seen, value, failure)) else ""


def _fate(seen: Seen, failure: str) -> str:
    return (
        "arrived byte for byte"
        if seen.arrived
        else "refused, with the reason"
        if failure == "none"
        else "failed as asked"
    )


def _wrong(seen: Seen, value: SecretValue, failure: str) -> str:
    if found := seen.leaks(value):
        return f"was seen in {', '.join(found)}"
    if seen.loose:
        return f"others may read {', '.join(seen.loose)}"
    if failure == "none" and not seen.arrived and "VALUE" not in seen.refused:
        return f"neither arrived nor was refused by name: {seen.refused!r}"
    if failure != "none" and seen.arrived:
        return "arrived all the same"
    return ""


# ── real processes ───────────────────────────────────────────────────────────────────────────────────────


class Sampler:
    """Looks at the arguments and environments of all processes, and keeps whose held one of the values."""

    def __init__(self, values: Iterable[bytes]) -> None:
        self._values = [one for one in values if len(one) >= LONG]
        self.arguments: set[str] = set()
        self.environments: set[str] = set()
        self.looks = 0
        self._over = threading.Event()

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Look until the end of the block."""
        thread = threading.Thread(target=self._look, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def _look(self) -> None:
        seen: set[tuple[str, bytes]] = set()
        while not self._over.wait(SAMPLE):
            self.looks += 1
            for one in os.listdir("/proc"):  # noqa: PTH208 - names are all that is needed
                if one.isdigit() and int(one) != os.getpid():
                    self._one(one, seen)

    def _one(self, pid: str, seen: set[tuple[str, bytes]]) -> None:
        try:
            told = Path(f"/proc/{pid}/cmdline").read_bytes()
            if (pid, told) in seen:
                return
            held = Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            return  # it has ended, or is another user's
        seen.add((pid, told))
        name = told.replace(b"\0", b" ").decode("utf-8", "replace")[:120]
        if any(value in told for value in self._values):
            self.arguments.add(name)
        if any(value in held for value in self._values):
            self.environments.add(name)


def processes(chosen: Iterable[SecretShape]) -> tuple[list[str], str]:
    """Sync and deploy a real service with every shape that its environment can hold; answers faults and figures."""
    given = {f"V_{number}": data for number, data in chosen if _fits(f"V_{number}", data)}
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        entries = [write_entry(one, data.decode()) for one, data in given.items()]
        (root / "web.env").write_text("\n".join(entries) + "\n", "utf-8")
        (root / "service.py").write_text(_SERVICE)
        (root / "dreamnet.yml").write_text(_CONFIG.replace("PYTHON", sys.executable))
        sampler = Sampler(given.values())
        with sampler.looking():
            told = [_dreamnet(root, *words) for words in (("sync",), ("deploy",), ("plan",), ("timeline",))]
            got = _await(root / "got.json")
            told.append(_dreamnet(root, "down"))
        if not any("service.py" in one for one in sampler.environments):
            return ["the sampler did not see the one environment that holds values: it is blind"], ""
        faults = [f"{one} does not hold what was given" for one in given if got.get(one) != given[one].hex()]
        faults += [f"the arguments of {one!r} hold a value" for one in sampler.arguments]
        # For the moment between fork and exec the service has its supervisor's arguments, and its own environment.
        faults += [
            f"{one!r} was given a value"
            for one in sampler.environments
            if "service.py" not in one and "supervis" not in one
        ]
        for number, data in chosen:
            value = SecretValue.of(data)
            forms = [form for form in value.forms() if len(form) >= LONG]
            if any(form in text for text in told for form in forms):
                faults.append(f"shape {number} was printed")
    return faults, f"{len(given)} shapes in a real service, {sampler.looks} looks at all processes"


def _fits(name: str, data: bytes) -> bool:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return False
    return not fits(name, text) and len(data) < 130_000


def _dreamnet(root: Path, *words: str) -> str:
    command = [sys.executable, "-m", "dreamnet_actions", "--state", str(root / "state"), *words]
    path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        command,
        cwd=root,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONPATH": path},
    )
    return done.stdout + done.stderr


def _await(file: Path) -> dict[str, str]:
    import json

    until = time.monotonic() + LIMIT
    while not file.exists() and time.monotonic() < until:
        time.sleep(0.05)
    found: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    return found


def main() -> int:
    """Run it all, print the figures, and say whether everything held."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--shapes", type=int, default=200)
    began, chosen = time.perf_counter(), shapes()[: parser.parse_args().shapes]
    fates: collections.Counter[str] = collections.Counter()
    faults = []
    for fate, fault in matrix(chosen):
        fates[fate] += 1
        faults += [fault] if fault else []
    print(
        f"{len(chosen)} shapes, {len(SOURCES)} sources, {len(SINKS)} sinks, {len(FAILURES)} courses: "
        f"{sum(fates.values())} ways"
    )
    for fate, count in fates.most_common():
        print(f"{count:6d}  {fate}")
    more, figures = processes(chosen)
    faults += more
    print(figures)
    for fault in faults[:40]:
        print(f"WRONG  {fault}")
    print(
        f"{time.perf_counter() - began:.0f} s; {'nothing was seen or lost' if not faults else f'{len(faults)} faults'}"
    )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
