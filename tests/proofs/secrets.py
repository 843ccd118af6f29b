"""Proof: no secret is seen anywhere, and each arrives byte for byte or is refused with the reason.

    scripts/prove secrets [--shapes N] [--here]

Brings 200 shapes of values from every source to every sink, with every failure on the way, and looks for every form of
each in all that anybody could see. Sources and sinks of other machines (Secret Manager, a real cluster, Actions) meet
every other end where all goes well, and every failure with memory at the other end; ``--here`` leaves them out. Then
all shapes that an environment can hold go to a real service by the real command, while the arguments and environments
of all processes are sampled. Ends 1 where anything was seen, lost or refused without a reason.
"""

from __future__ import annotations

import argparse
import collections
import itertools
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from dreamnet_actions.adapters.files.grammar import fits, write_entry
from dreamnet_actions.domain.secret import SecretValue
from tests.proofs._secret_ends import DOCKER, HERE, NAME, CannotHold, Ends
from tests.proofs._secret_places import elsewhere
from tests.proofs._secrets import FAILURES, LONG, Seen, marked, run
from tests.proofs._shapes import SecretShape, shapes
from tests.proofs.deploy_faults import bed

SAMPLE = 0.002
"""Seconds between two looks at all processes."""
ARRIVED, REFUSED = "arrived byte for byte", "refused, with the reason"
FAILED, NO_WAY = "failed as asked", "the source's format has no way to write it"
"""What becomes of a value."""
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


@dataclass(frozen=True, kw_only=True, order=True)
class Way:
    """One way of a value: the names of a source and of a sink, and what happens to it."""

    source: str
    sink: str
    failure: str


def ways_here() -> Iterator[Way]:
    """Answer every way on this machine."""
    for source, sink, failure in itertools.product(HERE.sources, HERE.sinks, FAILURES):
        yield Way(source=source, sink=sink, failure=failure)


def ways_elsewhere(away: Ends) -> Iterator[Way]:
    """Answer the ways over other machines: each end with every other end, and in every course with memory."""
    for source, sink in itertools.product(away.sources, {**HERE.sinks, **away.sinks}):
        yield Way(source=source, sink=sink, failure="none")
    for source, sink in itertools.product(HERE.sources, away.sinks):
        yield Way(source=source, sink=sink, failure="none")
    for failure in FAILURES:
        if failure != "none":
            yield from (Way(source=one, sink="memory", failure=failure) for one in away.sources)
            seen = away.sinks.keys() - (away.silent if failure == "sink loses the value" else ())
            yield from (Way(source="memory", sink=one, failure=failure) for one in sorted(seen))


def matrix(
    chosen: Iterable[SecretShape], ways: Collection[Way], away: Ends = HERE
) -> Iterator[tuple[Way, str, str]]:
    """Bring each shape each way; answers the way, what became of it, and what is wrong with that ("": nothing).
    ``away`` has the ends that are not on this machine."""
    sources, sinks = {**HERE.sources, **away.sources}, {**HERE.sinks, **away.sinks}
    for (number, data), way in itertools.product(chosen, ways):
        value = SecretValue.of(data)
        if len(value.reveal()) < LONG and way.failure != "none":
            value = marked(value, way.failure)
        told = f"shape {number} ({len(data)} bytes), {way.source} → {way.sink}, {way.failure}"
        with tempfile.TemporaryDirectory(dir=PLACE) as root:
            try:
                seen = run(Path(root), sources[way.source], sinks[way.sink], way.failure, value)
            except CannotHold:
                yield way, NO_WAY, ""
                continue
        wrong = _wrong(seen, value, way.failure)
        yield way, _fate(seen, way.failure), f"{told}: {wrong}" if wrong else ""


def _fate(seen: Seen, failure: str) -> str:
    return ARRIVED if seen.arrived else REFUSED if failure == "none" else FAILED


def _wrong(seen: Seen, value: SecretValue, failure: str) -> str:
    if found := seen.leaks(value):
        return f"was seen in {', '.join(found)}"
    if seen.loose:
        return f"others may read {', '.join(seen.loose)}"
    if failure == "none" and seen.done and not seen.arrived:
        return "it is called done, and another value is there"
    if failure == "none" and not seen.arrived and NAME not in seen.refused:
        return f"neither arrived nor was refused by name: {seen.refused!r}"
    if failure != "none" and seen.done:
        return "is called done all the same"
    if not seen.done and seen.held:
        return "something was written all the same"
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
    parser = argparse.ArgumentParser(prog="scripts/prove secrets")
    parser.add_argument("--shapes", type=int, default=200)
    parser.add_argument("--here", action="store_true", help="only the ends on this machine")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a time limit's end tells how far it came, too
    began, chosen = time.perf_counter(), shapes()[: asked.shapes]
    # A value goes hundreds of ways: what it could look like is worked out once, as nothing about it depends on the way.
    SecretValue.forms = lru_cache(maxsize=4)(SecretValue.forms)  # type: ignore[method-assign]
    faults = []
    with ExitStack() as stack:
        away: Ends = HERE
        ways = list(ways_here())
        if not asked.here:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            away = stack.enter_context(elsewhere(folder, stack.enter_context(bed())))
            ways += ways_elsewhere(away)
        faults += _told(chosen, ways, away)
    faults += getattr(away, "wrong", [])
    more, figures = processes(chosen)
    faults += more
    print(figures)
    for fault in faults[:40]:
        print(f"WRONG  {fault}")
    print(
        f"{time.perf_counter() - began:.0f} s; {'nothing was seen or lost' if not faults else f'{len(faults)} faults'}"
    )
    return 1 if faults else 0


def _told(chosen: Sequence[SecretShape], ways: Collection[Way], away: Ends) -> list[str]:
    """Go all ways, print a table of the fates, answer the faults; one that is cut off tells how far it came."""
    fates, faults = collections.Counter[str](), []
    ends: dict[tuple[str, str], collections.Counter[str]] = collections.defaultdict(collections.Counter)
    began = time.perf_counter()
    try:
        for way, fate, fault in matrix(chosen, ways, away):
            fates[fate] += 1
            if fates.total() % (10 * len(ways)) == 0:
                shape, passed = fates.total() // len(ways), time.perf_counter() - began
                print(f"{passed:5.0f} s  {shape} of {len(chosen)} shapes", file=sys.stderr, flush=True)
            if way.failure == "none":
                ends["from", way.source][fate] += 1
                ends["to", way.sink][fate] += 1
            if fault:
                faults.append(fault)
                print(f"WRONG  {fault}", file=sys.stderr, flush=True)
    finally:
        _show(chosen[: -(-fates.total() // len(ways))], ways, fates, ends)
    return faults


def _show(
    chosen: Sequence[SecretShape],
    ways: Collection[Way],
    fates: collections.Counter[str],
    ends: Mapping[tuple[str, str], collections.Counter[str]],
) -> None:
    named = [len({getattr(one, part) for one in ways}) for part in ("source", "sink", "failure")]
    print(
        f"{len(chosen)} shapes, {named[0]} sources, {named[1]} sinks, {named[2]} courses: {fates.total()} ways"
    )
    for fate, count in fates.most_common():
        print(f"{count:6d}  {fate}")
    print("where all is well:                      arrived  refused  no way to write it")
    for (side, end), counts in sorted(ends.items()):
        print(f"  {side:<4} {end:<34} {counts[ARRIVED]:6d}   {counts[REFUSED]:6d}   {counts[NO_WAY]:6d}")
    print(
        f"docker: read back by {'its own program' if DOCKER else 'the rules of its documentation'}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
