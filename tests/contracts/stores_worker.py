"""A process of its own on a database: ``stores_worker.py WHAT DATABASE [SEED]``; tells on stdout what it has done.

``receive``  takes the messages that wait, for an hour, and holds them until it is killed
``hold``     takes the lease ``p/web`` for an hour and holds it until it is killed
``open``     opens the database and a dream of the key ``p/web``
``write``    writes without end, one line of JSON for each thing that was committed
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
from dataclasses import replace
from pathlib import Path

from dreamnet_actions.adapters.sqlite.bus import SqliteMessageBus
from dreamnet_actions.adapters.sqlite.database import Database, open_database
from dreamnet_actions.adapters.sqlite.dreams import SqliteDreamStore
from dreamnet_actions.adapters.sqlite.journal import SqliteJournal
from dreamnet_actions.adapters.sqlite.locks import SqliteLock
from dreamnet_actions.adapters.system.clock import SystemClock
from dreamnet_actions.domain.dream import Dream
from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.domain.message import Message


def tell(*what: object) -> None:
    # One write call: a killed process leaves a whole line or a part of the last one.
    os.write(1, (json.dumps(what) + "\n").encode())


def receive(database: Database, _: int) -> None:
    got = SqliteMessageBus(database, SystemClock()).receive(lease=3600.0)
    tell(*[delivery.message.id for delivery in got])
    signal.pause()


def hold(database: Database, _: int) -> None:
    with SqliteLock(database, SystemClock()).lease("p/web", 3600.0):
        tell("held")
        signal.pause()


def open_dream(database: Database, _: int) -> None:
    tell(SqliteDreamStore(database).open(Dream(key="p/web")).number)


def write(database: Database, seed: int) -> None:
    chance = random.Random(seed)
    dreams, journal = SqliteDreamStore(database), SqliteJournal(database)
    bus = SqliteMessageBus(database, SystemClock())
    for turn in range(1_000_000):
        name = f"{seed}-{turn}"
        match chance.choice(["fact", "dream", "comment", "state", "publish", "handle"]):
            case "fact":
                facts = [Fact(kind="tick", at=turn, text=f"{name}-{n}") for n in range(3)]
                tell("facts", [(fact.seq, fact.text) for fact in journal.append(*facts)])
            case "dream":
                dream = dreams.open(Dream(key=f"p/{name}", because="x" * 2000))
                tell("dream", dream.number, "open")
                dreams.update(replace(dream, state="healing"))
                tell("dream", dream.number, "healing")
            case "comment":
                number = dreams.open(Dream(key="p/always")).number
                dreams.comment(number, turn, name)
                tell("comment", number, name)
            case "state":
                tell("state", journal.set_state(f"k{turn % 3}", name))
            case "publish":
                bus.publish(
                    *(
                        Message(id=f"{name}-{n}", sender="s", name="n", to="relaybot", time="t")
                        for n in range(3)
                    )
                )
                tell("sent", [f"{name}-{n}" for n in range(3)])
            case "handle":
                for delivery in bus.receive(limit=2):
                    bus.ack(delivery)
                    tell("handled", delivery.message.id)


if __name__ == "__main__":
    what, path, *seed = sys.argv[1:]
    works = {"receive": receive, "hold": hold, "open": open_dream, "write": write}
    works[what](open_database(Path(path)), int(seed[0]) if seed else 0)
