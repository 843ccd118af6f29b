"""The supervisor as a program: one long-lived process per platform, in the background, at most one at a time.

It holds an flock for as long as it lives, ends what an earlier one left, and brings back the services that it finds in
its state. SIGTERM ends it and all services gracefully; SIGKILL ends all at once.

Run as ``python -m dreamnet_actions.adapters.process.supervisor --state DIR --platform NAME``. It goes into the
background by itself and prints one JSON line first: ``{"ok": true}`` once it can be talked to, or ``{"ok": false,
"why": …}``. Its imports are kept light on purpose: no pydantic, and psutil only where there is no /proc.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import fcntl
import json
import logging
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from dreamnet_actions.adapters.process.durable import private_directory
from dreamnet_actions.adapters.process.identity import sweep
from dreamnet_actions.adapters.process.places import Places
from dreamnet_actions.adapters.process.state import fresh, load, save
from dreamnet_actions.adapters.process.supervision import Supervisor
from dreamnet_actions.errors import DreamNetError

log = logging.getLogger("dreamnet.process")

_LOG_LIMIT = 1_000_000


def main(arguments: list[str] | None = None) -> int:
    """Go into the background, become the one supervisor, and serve."""
    parser = argparse.ArgumentParser(prog="dreamnet-supervisor")
    parser.add_argument("--state", type=Path, required=True, help="the state directory")
    parser.add_argument("--platform", required=True, help="the platform's name")
    chosen = parser.parse_args(arguments)
    places = Places(chosen.state.resolve(), chosen.platform)
    private_directory(places.directory)

    reading, writing = os.pipe()
    if os.fork():
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            sys.stdout.buffer.write(pipe.read() or b'{"ok": false, "why": "it ended while starting"}\n')
        sys.stdout.flush()
        return 0
    os.close(reading)
    _leave_terminal(places)
    try:
        return _serve(places, lambda answer: _tell(writing, answer))
    except (DreamNetError, OSError) as error:
        log.exception("could not start")
        _tell(writing, {"ok": False, "why": str(error)})
        return 1


def _serve(places: Places, tell: Callable[[dict[str, Any]], None]) -> int:
    lock = os.open(places.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        tell({"ok": False, "why": "busy"})
        return 0
    state = load(places.wanted) or fresh()
    left = sweep(lambda mark: mark.startswith(f"{state.instance}."))
    if left:
        log.warning("ended %d processes that an earlier supervisor left", left)
    state = replace(state, epoch=state.epoch + 1)
    save(places.wanted, state)

    async def supervise() -> None:
        await Supervisor(places, state, lock).run(lambda: tell({"ok": True}))

    asyncio.run(supervise())
    return 0


def _leave_terminal(places: Places) -> None:
    """Let go of everything of the command that started us: its directory, its terminal and its pipes."""
    os.chdir("/")
    if places.log.exists() and places.log.stat().st_size > _LOG_LIMIT:
        places.log.replace(places.log.with_name("supervisor.log.1"))
    output = os.open(places.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os.close(output)
    os.close(nothing)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(process)d %(levelname)s %(message)s")


def _tell(pipe: int, answer: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):
        os.write(pipe, json.dumps(answer).encode() + b"\n")
        os.close(pipe)


if __name__ == "__main__":
    sys.exit(main())
