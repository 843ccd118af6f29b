"""The second stage: the request through the pipe, on this repository's own dreams, messages and journal.

Ends with the request's exit status. SIGINT (a cancelled job) and SIGTERM end what is under way where it stands, which
is safe at every point; what is known by then is still written, within ``LAST_WORDS`` seconds.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dreamnet_actions.domain.endings import bug, failure
from dreamnet_actions.domain.message import Message, bounded_id
from dreamnet_actions.domain.result import AgentResult
from dreamnet_actions.domain.times import rfc3339
from dreamnet_actions.entrances.action.comment import Talk
from dreamnet_actions.entrances.action.event import Asked
from dreamnet_actions.entrances.action.first import read_asked
from dreamnet_actions.entrances.action.inputs import read_inputs
from dreamnet_actions.entrances.action.naming import request_id
from dreamnet_actions.entrances.action.needs import whole
from dreamnet_actions.entrances.action.proposing import Proposal, propose
from dreamnet_actions.entrances.action.stopping import cut, interruptible
from dreamnet_actions.entrances.action.telling import tell
from dreamnet_actions.entrances.action.ticks import record, tell_of_silence
from dreamnet_actions.entrances.cli.environment import environ, now
from dreamnet_actions.errors import ABOUT_OUR_TOKEN, DreamNetError, TemporaryError

if TYPE_CHECKING:
    from dreamnet_actions.bootstrap import System

LAST_WORDS = 3.0
"""Seconds for what is still written after SIGINT: the runner sends SIGTERM 7.5 s after it."""
PATIENCE = 120.0
"""Seconds for which a message that has to wait (somebody holds its service) is tried again within the run."""


def main() -> int:
    """Run the step; answers its exit status."""
    found = environ()
    from dreamnet_actions.bootstrap.runner import runner_of

    runner = runner_of(found)
    raised: DreamNetError | None = None
    shown: str | None = None
    try:
        with interruptible(lambda: tell(cut(found, now=now()), found, runner)):
            result, shown = run(found)
    except DreamNetError as error:
        raised = error
        result = failure(error, request_id=request_id(found, error.message), at=now())
    except KeyboardInterrupt:
        result = cut(found, now=now())
    except Exception as error:
        logging.getLogger("dreamnet").exception("This is a bug of DreamNet's; please report it.")
        result = bug(error, request_id(found, str(error)), None, now(), now())
    tell(whole(result, found), found, runner, error=raised, shown=shown)
    return result.exit_status


def run(found: Mapping[str, str]) -> tuple[AgentResult, str | None]:
    """Assemble the system, do what is asked, and make what was done durable; answers the result, and the job's summary
    where it is another than every result's. Raises DreamNetError before the pipe."""
    from dreamnet_actions import bootstrap

    asked, inputs = read_asked(found), read_inputs(found)
    root = Path(found.get("GITHUB_WORKSPACE") or ".").resolve()
    options = bootstrap.Options(
        root=root,
        config=root / inputs.config if inputs.config else None,
        environ=found,
        home="github",
        aloud=True,
    )
    if asked.proposed is not None:
        proposal = Proposal(proposed=asked.proposed, environ=found, now=now, dry_run=inputs.dry_run)
        return propose(options, proposal)
    return _run(bootstrap.assemble(options), asked, found, dry_run=inputs.dry_run), None


def _run(system: System, asked: Asked, found: Mapping[str, str], *, dry_run: bool) -> AgentResult:
    try:
        if asked.spoken is not None:
            talk = Talk(system=system, spoken=asked.spoken, environ=found, dry_run=dry_run)
            return talk.told(_finished(system, talk.perform()))
        if not dry_run:
            record(system, found)
            if found.get("GITHUB_EVENT_NAME") == "schedule" and asked.agent != "dreamkeeper":
                tell_of_silence(system)
        result = _perform(system, asked, found, dry_run=dry_run)
        due = found.get("GITHUB_EVENT_NAME") == "schedule" and not dry_run and system.tidy()
        result = _finished(system, result)
        if due and not result.exit_status:
            system.compact_by_itself()
        return result
    except KeyboardInterrupt:
        _last_words(system)
        raise
    finally:
        system.close()


def _finished(system: System, result: AgentResult) -> AgentResult:
    """Make durable what was done. Where that fails the result says so, and still tells what was done before."""
    try:
        system.finish()
    except DreamNetError as error:
        unsaid = failure(error, request_id=result.id, at=now())
        summary = f"{result.summary} But it could not be written down: {unsaid.summary}"
        if result.exit_status:  # that error is the one to mend first
            return replace(result, summary=summary)
        return replace(
            result,
            outcome=unsaid.outcome,
            summary=summary,
            error=unsaid.error,
            exit_status=unsaid.exit_status,
            http_status=unsaid.http_status,
            retry_after=unsaid.retry_after,
        )
    return result


def _perform(system: System, asked: Asked, found: Mapping[str, str], *, dry_run: bool) -> AgentResult:
    if asked.message is not None:
        message = _whole(asked.message, found)
        if asked.relayed:
            return _route(system, message, found)
        return _handle(system, message, dry_run=dry_run)
    return system.pipe.submit(
        asked.request, id=request_id(found, asked.request), dry_run=dry_run, claim=asked.claim
    )


def _whole(message: Message, found: Mapping[str, str]) -> Message:
    """Complete a message that somebody else dispatched: its id is the run's, which names that dispatch."""
    if message.id:
        return message
    fields: dict[str, Any] = {**vars(message), "id": request_id(found, message.name), "time": rfc3339(now())}
    return Message(**fields)


def _route(system: System, message: Message, found: Mapping[str, str]) -> AgentResult:
    """Say whose job a message is; one that is nobody's is put aside, so that it is not lost and does not come again.

    Where the token stops that (it lacks a permission, or expired), it waits: nothing is done here, with the permissions
    of RelayBot's own job.
    """
    asks = {"agent": "relaybot", "input": {"action": "route", "event": message.to_json()}}
    result = system.pipe.submit(
        asks | {"correlation_id": bounded_id(message.correlation_id or message.id), "hops": message.hops},
        id=request_id(found, message.id),
        claim=False,
    )
    if result.outcome == "refused":
        system.receive_only(message)
        if (result.error or {}).get("code") not in {one.code for one in ABOUT_OUR_TOKEN}:
            _deliver(system)
    return result


def _handle(system: System, message: Message, *, dry_run: bool) -> AgentResult:
    """Hand one message to its keeper, as a later job of RelayBot's run; answers the keeper's own result."""
    system.receive_only(message)
    if dry_run:
        return _deliver(system, dry_run=True)
    until = system.clock.monotonic() + PATIENCE
    pause = 1.0
    while True:
        answered = _deliver(system)
        keeper = _keepers(answered)
        waits = keeper is not None and keeper.outcome == "deferred"
        if not waits or system.clock.monotonic() + pause > until:
            return keeper or _held_up(answered)
        with system.reporter.waiting(f"{message.name}: {answered.summary}", pause):
            system.clock.sleep(pause)
        pause = min(pause * 2, 30.0)


def _deliver(system: System, *, dry_run: bool = False) -> AgentResult:
    return system.pipe.submit({"agent": "relaybot", "input": {"action": "deliver"}}, dry_run=dry_run)


def _held_up(delivered: AgentResult) -> AgentResult:
    """Answer what is said where the message could not be handed over (a permission is missing, GitHub is not there):
    it waits, and the run says why instead of ending as if all were well."""
    error = next((one["error"] for one in delivered.findings if "error" in one), None)
    if error is None:
        return delivered
    return replace(delivered, outcome="deferred", error=error, exit_status=TemporaryError.exit_status)


def _keepers(delivered: AgentResult) -> AgentResult | None:
    """Answer the keeper's result out of RelayBot's."""
    for one in delivered.findings:
        if isinstance(one.get("result"), Mapping):
            return AgentResult.from_json(one["result"], exit_status=one["exit_status"], http_status=200)
    return None


# ── being told to stop ──────────────────────────────────────────────────────────────────────────────────


def _last_words(system: System) -> None:
    """Write what is known, within a limit: a journal that does not answer must not hold the end up."""
    words = threading.Thread(target=_try_finish, args=(system,), daemon=True)
    words.start()
    words.join(LAST_WORDS)


def _try_finish(system: System) -> None:
    with contextlib.suppress(DreamNetError):
        system.finish()


if __name__ == "__main__":
    sys.exit(main())
