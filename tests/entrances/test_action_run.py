"""How a step of the action ends: told to stop, held up, unwritten; and whose job a message is."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from dreamnet_actions.domain.message import Message
from dreamnet_actions.domain.result import AgentResult
from dreamnet_actions.entrances.action import run
from dreamnet_actions.entrances.action.stopping import CUT, cut
from dreamnet_actions.errors import DreamNetError, PermissionMissing, TemporaryError
from dreamnet_actions.testing.memory.system import MemorySystem
from tests.keepers.homes import home

SCRIPT = """\
import os, signal, sys, time
from dreamnet_actions.entrances.action import stopping
from dreamnet_actions.entrances.action.stopping import hold, interruptible
def say(text): print(text, flush=True)
def kill(number): os.kill(os.getpid(), number)
"""


def ran(body: str) -> tuple[int, list[str]]:
    """Run a script of its own process; answers its status and the lines that it said."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT + body], capture_output=True, text=True, timeout=30, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert "ignored" not in done.stderr, done.stderr
    return done.returncode, done.stdout.splitlines()


@pytest.mark.parametrize("number", ["signal.SIGINT", "signal.SIGTERM"])
def test_a_signal_interrupts_the_block_once(number: str) -> None:
    status, lines = ran(f"""
try:
    with interruptible(lambda: say("last")):
        try:
            kill({number})
        except KeyboardInterrupt:
            say("interrupted")
            kill(signal.SIGTERM)
            kill(signal.SIGINT)
            say("not again")
            raise
except KeyboardInterrupt:
    say("ended")
""")
    assert (status, lines) == (0, ["interrupted", "not again", "ended"])


def test_what_comes_before_the_block_is_not_lost() -> None:
    status, lines = ran("""
hold()
kill(signal.SIGINT)
say("held")
try:
    with interruptible(lambda: None):
        say("never")
except KeyboardInterrupt:
    say("told")
""")
    assert (status, lines) == (0, ["held", "told"])


def test_what_comes_after_the_block_waits_until_all_is_said() -> None:
    status, lines = ran("""
with interruptible(lambda: None):
    say("work")
kill(signal.SIGTERM)
say("whole")
say(signal.SIGTERM in signal.sigpending())
os._exit(0)
""")
    assert (status, lines) == (0, ["work", "whole", "True"])


@pytest.mark.parametrize("last", ['say("last")', "1 / 0"])
def test_a_block_that_no_interrupt_ends_is_ended(last: str) -> None:
    """Even where the last words fail."""
    status, lines = ran(f"""
import threading
threading.excepthook = lambda *_: None
stopping.LIMIT = 0.2
with interruptible(lambda: {last}):
    while True:
        try:
            kill(signal.SIGINT)
            time.sleep(60)
        except KeyboardInterrupt:
            say("goes on")
""")
    assert status == CUT
    assert lines == (["goes on", "last"] if "say" in last else ["goes on"])


LOST = {
    "a finalizer": """
class Ending:
    def __del__(self):
        kill(signal.SIGTERM)
        for _ in range(9): pass  # where Python looks whether a signal came
""",
    "a weak reference's callback": """
import weakref
SEEN = []
def gone(_):
    kill(signal.SIGTERM)
    for _ in range(9): pass
class Ending:
    def __init__(self):
        SEEN.append(weakref.ref(self, gone))
""",
}


@pytest.mark.parametrize("where", LOST)
def test_an_interrupt_that_python_loses_comes_again(where: str) -> None:
    """Python says "Exception ignored", and goes on, where one is raised in these: no word of that is printed."""
    status, lines = ran(f"""
{LOST[where]}
try:
    with interruptible(lambda: say("last")):
        ending = Ending()
        del ending
        while True: pass
except KeyboardInterrupt:
    say("told")
kill(signal.SIGINT)
say("whole")
os._exit(0)
""")
    assert (status, lines) == (0, ["told", "whole"])


def test_what_else_python_cannot_raise_is_told_as_ever() -> None:
    status, lines = ran("""
sys.unraisablehook = lambda what: say(what.exc_type.__name__)
class Ending:
    def __del__(self): 1 / 0
with interruptible(lambda: None):
    Ending()
""")
    assert (status, lines) == (0, ["ZeroDivisionError"])


@pytest.mark.parametrize("number", ["signal.SIGINT", "signal.SIGTERM"])
def test_nor_does_a_thread_let_it_through_that_still_runs(number: str) -> None:
    """Which the kernel gives a process's signal to where the main thread blocks it (signal(7))."""
    status, lines = ran(f"""
import threading
with interruptible(lambda: say("last")):
    threading.Thread(target=threading.Event().wait, daemon=True).start()
kill({number})
while {number} in signal.sigpending(): pass
say("whole")
say({number} in signal.sigpending())
os._exit(0)
""")
    assert (status, lines) == (0, ["whole", "False"])


def test_a_step_that_was_cut_is_deferred() -> None:
    result = cut({"GITHUB_RUN_ID": "7", "GITHUB_JOB": "web"}, now=0.0)
    assert (result.outcome, result.exit_status, result.error) == ("deferred", CUT, None)
    assert result.id.startswith("actions/7/0/web/-/")
    assert "told to stop" in result.summary


# ── what is said at the end ─────────────────────────────────────────────────────────────────────────────────


def result(**more: Any) -> AgentResult:
    given: dict[str, Any] = {
        "id": "r-1", "agent": "relaybot", "action": "deliver", "outcome": "done", "verdict": None,
        "summary": "All is well.", "started_at": "2026-11-01T00:00:00Z", "finished_at": "2026-11-01T00:00:00Z",
    }  # fmt: skip
    return AgentResult(**{**given, **more})


def test_a_message_that_could_not_be_handed_over_is_no_success() -> None:
    error = {
        "code": "refused.permission",
        "message": "The token lacks 'issues: read'.",
        "hint": None,
        "docs": None,
    }
    delivered = result(findings=[{"message": "m-0", "text": "x"}, {"message": "m-1", "error": error}])
    held = run._held_up(delivered)
    assert (held.outcome, held.error, held.exit_status) == ("deferred", error, 75)
    assert replace(held, outcome="done", error=None, exit_status=0) == delivered


def test_a_message_that_was_handed_over_or_is_done_already_holds_nothing_up() -> None:
    for findings in ([], [{"message": "m-1", "text": "x"}]):
        delivered = result(findings=findings)
        assert run._held_up(delivered) is delivered


class Unwritten(SimpleNamespace):
    """A system whose last write fails with ``error``."""

    error: DreamNetError | None

    def finish(self) -> None:
        """Raise the error, where there is one."""
        if self.error is not None:
            raise self.error


def test_what_was_written_down_is_answered_as_it_is() -> None:
    given = result()
    assert run._finished(Unwritten(error=None), given) is given  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "outcome", "status"),
    [
        (TemporaryError("GitHub gave no answer.", retry_after=7.0), "deferred", 75),
        (PermissionMissing("The token lacks 'contents: write'.", hint="permissions:"), "refused", 4),
    ],
)
def test_what_could_not_be_written_down_is_no_success(
    error: DreamNetError, outcome: str, status: int
) -> None:
    """It still tells what was done before."""
    changes = [{"what": "service web", "to": "restarted"}]
    ended = run._finished(Unwritten(error=error), result(changes=changes))  # type: ignore[arg-type]
    assert (ended.outcome, ended.exit_status) == (outcome, status)
    assert ended.summary == f"All is well. But it could not be written down: {error.message}"
    assert ended.error is not None
    assert ended.error["code"] == error.code
    assert ended.changes == changes
    assert ended.retry_after == getattr(error, "retry_after", None)


def test_of_two_errors_the_first_is_the_one_to_mend() -> None:
    own = {"code": "permanent.platform", "message": "It did not start.", "hint": None, "docs": None}
    failed = result(outcome="failed", error=own, exit_status=5, summary="It did not start.")
    ended = run._finished(Unwritten(error=TemporaryError("No answer.")), failed)  # type: ignore[arg-type]
    assert (ended.outcome, ended.error, ended.exit_status) == ("failed", own, 5)
    assert ended.summary == "It did not start. But it could not be written down: No answer."


# ── whose job a message is ──────────────────────────────────────────────────────────────────────────────────


def routed(system: MemorySystem, **given: Any) -> tuple[AgentResult, list[Message]]:
    """Route a message as RelayBot's job does; answers the result, and what was stored beside it."""
    row: dict[str, Any] = {"id": "m-1", "sender": "user", "name": "health-check-failed-needs-restart"}
    message = Message(**{**row, "to": "deploykeeper", "time": "2026-11-23T11:38:03.250Z", **given})
    stored: list[Message] = []

    def receive_only(one: Message) -> None:
        stored.append(one)
        system.bus.publish(one)

    job = SimpleNamespace(pipe=system.pipe, receive_only=receive_only)
    return run._route(job, message, {}), stored  # type: ignore[arg-type]


def restarted(system: MemorySystem) -> int:
    return len(system.platforms["local"]._known["web"].restarted)


def test_a_message_goes_to_its_keepers_job_whatever_its_correlation_id_holds() -> None:
    """In RelayBot's own job, which has other permissions, nothing is done for it."""
    system = home()
    answered, stored = routed(system, correlation_id="$(touch x)\n::error::x", data={"service": "web"})
    assert answered.outcome == "done"
    assert [one["to"] for one in answered.findings] == ["deploykeeper"]
    assert answered.findings[0]["event"]["correlationid"] == "$(touch x)\n::error::x"
    assert (stored, restarted(system)) == ([], 0)


def test_a_message_that_is_nobodys_is_put_aside() -> None:
    system = home()
    answered, stored = routed(system, name="nonsense")
    assert (answered.outcome, len(stored)) == ("refused", 1)
    assert [one.state for one in system.bus.list()] == ["dead"]


def test_a_message_that_a_missing_permission_stops_waits() -> None:
    system = home()

    def refuse(*_: object, **__: object) -> Any:
        raise PermissionMissing("The token lacks the permission 'issues: read'.", hint="permissions:")

    system.dreams.search = refuse  # type: ignore[method-assign]
    answered, stored = routed(system)
    assert (answered.outcome, len(stored), restarted(system)) == ("refused", 1, 0)
    assert [(one.state, one.attempts) for one in system.bus.list()] == [("waiting", 0)]
