"""A worker of the proof ``messages``: does one job after another as runs of workflows do, until it is killed.

``python -m tests.proofs._carrier FOLDER``: jobs come as lines of JSON on standard input, each is answered by a line.
What is outside (the one effect that a message has) is a line in the file ``effects``; what is dispatched is one in
``announced``.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dreamnet_actions.adapters.github.memory import GitHubMemory
from dreamnet_actions.adapters.system.clock import SystemClock
from dreamnet_actions.adapters.system.ids import UuidIds
from dreamnet_actions.domain.message import Message
from dreamnet_actions.errors import DreamNetError
from dreamnet_actions.ports.stores import Delivery

LEASE = 1800.0
REDRIVE_AFTER = 600.0
ANNOUNCEMENTS = 6


class Shifted(SystemClock):
    """The real time, moved on by what the driver let pass."""

    def __init__(self, by: float) -> None:
        super().__init__()
        self._by = by

    def now(self) -> float:
        return super().now() + self._by


def message(number: int) -> Message:
    return Message(
        id=f"m-{number}",
        sender="dreamkeeper",
        name="health-check-failed-needs-restart",
        to="deploykeeper",
        time="2026-11-26T00:00:00Z",
        data={"service": "web", "text": "x" * (number % 97)},
        correlation_id=f"story-{number}",
        causation_id=f"check-{number}",
    )


def append(file: Path, *lines: str) -> None:
    """Write whole lines at the end of a file that others write, too."""
    handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(handle, "".join(f"{line}\n" for line in lines).encode())
    finally:
        os.close(handle)


class Worker:
    """Does jobs in one folder. ``job`` says what, as which run and attempt, and how far time was moved on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def do(self, job: Mapping[str, Any]) -> Mapping[str, Any]:
        run = f"https://github.com/o/r/actions/runs/{job['run']}/attempts/{job['attempt']}#relay"
        with GitHubMemory.at(
            str(self.folder / "remote.git"),
            environ=dict(os.environ),
            clock=Shifted(job["passed"]),
            ids=UuidIds(),
            mode=job["mode"],
            dispatch=self.dispatch,
            holder=run,
            folder=self.folder / "copies",
        ) as memory:
            try:
                return getattr(self, job["kind"])(memory, job) or {}
            except DreamNetError as error:
                return {"error": error.code}

    def dispatch(self, _: str, payload: Mapping[str, Any]) -> None:
        append(self.folder / "announced", json.dumps(payload["dreamnet"]))

    def publish(self, memory: GitHubMemory, job: Mapping[str, Any]) -> Mapping[str, Any]:
        """Send messages; the same job run again sends the same ones."""
        new = memory.bus.publish(*map(message, job["messages"]))
        memory.journal.finish()
        return {"new": sum(new)}

    def take(self, memory: GitHubMemory, job: Mapping[str, Any]) -> Mapping[str, Any]:
        """Be the run that an announcement started."""
        arrived = memory.bus.accept(Message.from_json(job["event"]))
        return self._handle(memory, memory.bus.receive(lease=LEASE, only={(arrived.sender, arrived.id)}))

    def sweep(self, memory: GitHubMemory, job: Mapping[str, Any]) -> Mapping[str, Any]:
        """Take what waits, as a process that lives on does."""
        return self._handle(memory, memory.bus.receive(limit=job["limit"], lease=LEASE))

    def _handle(self, memory: GitHubMemory, deliveries: Sequence[Delivery]) -> Mapping[str, Any]:
        # What was taken is had for certain only when that is on the branch: before anything outside is touched.
        memory.journal.barrier()
        for delivery in deliveries:
            self._act(delivery)
            memory.bus.ack(delivery)
        memory.journal.finish()
        return {"handled": len(deliveries)}

    def _act(self, delivery: Delivery) -> None:
        """Do what cannot be undone, as keepers do it: look first whether it was done."""
        effects = self.folder / "effects"
        if f"\n{delivery.message.id} ".encode() in b"\n" + effects.read_bytes():
            return
        time.sleep(0.002)  # so that whoever looks at the same time sees as little
        append(effects, f"{delivery.message.id} {delivery.attempt}")

    def schedule(self, memory: GitHubMemory, _: Mapping[str, Any]) -> Mapping[str, Any]:
        """Announce again what waits, put aside what nobody comes for, and have a person replay that."""
        dead = memory.bus.give_up(REDRIVE_AFTER, after=ANNOUNCEMENTS)
        redriven = memory.bus.redrive(REDRIVE_AFTER)
        for one in dead:
            memory.bus.replay(one.id)
        memory.journal.finish()
        left = [one for one in memory.bus.list(limit=1_000_000) if one.state != "done"]
        return {"dead": len(dead), "redriven": redriven, "left": len(left)}


def main(folder: str) -> None:
    worker = Worker(Path(folder))
    for line in sys.stdin:
        answer = worker.do(json.loads(line))
        os.write(1, (json.dumps(answer) + "\n").encode())


if __name__ == "__main__":
    main(sys.argv[1])
