"""A run of its own on a branch: ``branch_worker.py REMOTE SEED [COPIES]``; tells on stdout what has been made durable.

It repeats one unit after another under ids that follow from SEED and the number of the unit, as a rerun of the same
request does: claimed by shared state, written as facts and a message, then flushed.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from dreamnet_actions.adapters.github.memory import GitHubMemory
from dreamnet_actions.adapters.system.clock import SystemClock
from dreamnet_actions.adapters.system.ids import UuidIds
from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.domain.message import Message


def tell(*what: object) -> None:
    # One write call: a killed process leaves a whole line or a part of the last one.
    os.write(1, (json.dumps(what) + "\n").encode())


def unit(run: GitHubMemory, name: str) -> None:
    """Do what ``name`` asks once: its claim, and then its effects, are one commit each, as in a keeper's run."""
    claim = f"request/{name}"
    if (run.journal.state(claim)[0] or {}).get("result"):
        return
    with run.lock.lease(claim, 60.0):
        run.journal.set_state(claim, {"at": 1.0})
        run.journal.barrier()
        run.journal.append(*(Fact(kind="remedy-ended", at=1.0, text=f"{name}-{n}") for n in range(3)))
        run.bus.publish(
            Message(id=name, sender="s", name="n", to="relaybot", time="t", data={"x": "y" * 9000})
        )
        run.journal.set_state(claim, {"at": 1.0, "result": name})
    run.journal.finish()


def main(remote: str, seed: str, copies: str) -> None:
    for number in range(1_000_000):
        name = f"{seed}-{number}"
        with GitHubMemory.at(
            remote,
            environ=dict(os.environ),
            clock=SystemClock(),
            ids=UuidIds(),
            mode="write-behind",
            dispatch=None,
            holder=f"x/actions/runs/{seed}/attempts/{os.getpid()}",
            is_dead=lambda holder: holder.startswith(f"x/actions/runs/{seed}/"),
            folder=Path(copies),
        ) as run:
            unit(run, name)
        tell(name)


if __name__ == "__main__":
    main(*sys.argv[1:])
