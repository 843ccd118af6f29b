"""Finding the supervisor, and starting one where there is none.

Two commands at once start one: starting is done under a lock of its own, and the supervisor holds its flock before it
does anything. A lock that is held while nobody answers is a supervisor that starts or ends: it is waited for.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dreamnet_actions.adapters.process import control
from dreamnet_actions.adapters.process.durable import private_directory
from dreamnet_actions.adapters.process.identity import Identity, boot_id, send
from dreamnet_actions.adapters.process.places import Places
from dreamnet_actions.adapters.process.state import load
from dreamnet_actions.errors import DeadlineExceeded, PlatformFailed, TemporaryError

ANSWER_LIMIT = 15.0
"""Seconds for the supervisor to answer one request."""
START_LIMIT = 20.0
"""Seconds for a supervisor to start, the end of a former one included."""
DIED = "it ended while starting"
_TRIES = 4
_PACKAGE_ROOT = Path(__file__).resolve().parents[3]
_POLL = 0.02


def ask(places: Places, request: Mapping[str, Any]) -> Any:
    """Send one request to the supervisor that runs. Raises NoSupervisor where none does."""
    return control.call(places.socket(), request, within=ANSWER_LIMIT)


def ask_started(places: Places, request: Mapping[str, Any]) -> Any:
    """Send one request, starting a supervisor where none runs. One that goes away meanwhile is started again, a few
    times: every request may be repeated."""
    for _ in range(_TRIES):
        try:
            return ask(places, request)
        except control.NoSupervisor:
            start(places)
    raise TemporaryError("The process platform's supervisor does not stay up.", hint=_hint(places))


def start(places: Places) -> None:
    """See to it that a supervisor runs. Raises StateDamaged, PlatformFailed and DeadlineExceeded."""
    private_directory(places.directory)
    deadline = time.monotonic() + START_LIMIT
    with _locked(places.start_lock, deadline):
        while not answers(places):
            told = _launch(places)
            if told["ok"]:
                return
            if told["why"] == DIED:
                return  # it was killed meanwhile; whoever asks sees that nobody answers
            if told["why"] != "busy":
                load(places.wanted)  # raises StateDamaged itself, where that was it
                raise PlatformFailed(f"The supervisor could not start: {told['why']}.", hint=_hint(places))
            if time.monotonic() > deadline:
                raise DeadlineExceeded("the former supervisor to end", START_LIMIT)
            time.sleep(_POLL)


def answers(places: Places) -> bool:
    """Tell whether a supervisor takes requests."""
    try:
        control.call(places.socket(), {"do": "observe"}, within=ANSWER_LIMIT)
    except control.NoSupervisor:
        return False
    return True


def end_by_force(places: Places) -> None:
    """End a supervisor that does not answer (it is stopped, or hangs): its services end with it."""
    try:
        found = json.loads(places.runtime.read_bytes())
        supervisor = Identity(found["supervisor"]["pid"], found["supervisor"]["started"])
        if found["boot"] == boot_id():
            send(supervisor, signal.SIGKILL)
    except (OSError, ValueError, KeyError, TypeError):
        return


def wait_until_gone(places: Places, within: float) -> None:
    """Wait until no supervisor holds the lock: it gives it up as the very last. Raises DeadlineExceeded."""
    if places.lock.exists():
        with _locked(places.lock, time.monotonic() + within, limit=within):
            pass


def _launch(places: Places) -> dict[str, Any]:
    """Start a supervisor; answer what it says when it serves or cannot. Its environment is the little that it and its
    replicas may see: nothing of the command's tokens lives on in it."""
    from dreamnet_actions.adapters.process.spawn import inherited

    environment = inherited(dict(os.environ)) | {"PYTHONPATH": str(_PACKAGE_ROOT)}
    command = [sys.executable, "-P", "-m", "dreamnet_actions.adapters.process.supervisor"]
    import subprocess  # late: most commands find the supervisor running

    try:
        run = subprocess.run(
            [*command, "--state", str(places.state), "--platform", places.platform],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=environment,
            cwd="/",
            start_new_session=True,
            timeout=START_LIMIT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise DeadlineExceeded("the supervisor to start", START_LIMIT) from error
    try:
        told: dict[str, Any] = json.loads(run.stdout)
    except ValueError:
        text = run.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        return {"ok": False, "why": text or f"it ended with status {run.returncode}"}
    return told


@contextlib.contextmanager
def _locked(path: Path, deadline: float, *, limit: float = START_LIMIT) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise DeadlineExceeded(f"the lock {path.name}", limit) from None
                time.sleep(_POLL)
        yield
    finally:
        os.close(descriptor)


def _hint(places: Places) -> str:
    return f"Its last words are in {places.log}."
