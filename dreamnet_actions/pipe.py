"""The one pipe: parse, claim, choose, run, send, report. The only place that turns an error into a result.

Entrances hand in raw data or a request; keepers hand back a Report. Nothing here knows an adapter.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from dreamnet_actions.domain.actions import Agent
from dreamnet_actions.domain.endings import bug, ended, failure
from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.domain.message import MAX_DATA, Message
from dreamnet_actions.domain.request import AgentRequest, parse_request, usable_id
from dreamnet_actions.domain.result import AgentResult, Report
from dreamnet_actions.domain.times import rfc3339
from dreamnet_actions.errors import (
    BUG,
    ConfigError,
    DreamNetError,
    IdReused,
    RequestError,
    RequestTooLarge,
    StateDamaged,
)
from dreamnet_actions.ports.stores import Journal, Lock, MessageBus
from dreamnet_actions.ports.system import Clock, Ids

LEASE = 900.0
"""Seconds for which a request belongs to the run that claimed it; a dead run's claim is free at once."""


MOST_KEPT = 1_000
"""Characters of a request's input, as JSON, that are kept with its claim."""


class Keeper(Protocol):
    """A keeper as the pipe sees it."""

    @property
    def agent(self) -> Agent:
        """Which keeper it is."""

    def perform(self, request: AgentRequest) -> Report:
        """Do the request's action; raises DreamNetError."""


class Gate(Protocol):
    """What stands before every write: refuses while paused, and while the request is a dry run."""

    def dry(self, on: bool) -> None:
        """Say whether the request that this thread runs is a dry run."""


class Pipe:
    """Runs requests, one result each. Safe to be called by several threads."""

    def __init__(
        self,
        *,
        keepers: Mapping[Agent, Keeper],
        journal: Journal,
        bus: MessageBus,
        lock: Lock,
        clock: Clock,
        ids: Ids,
        gate: Gate,
        alarm: Callable[[StateDamaged], None] | None = None,
        hide: Callable[[str], str] = str,
    ) -> None:
        self._keepers = keepers
        self._journal = journal
        self._bus = bus
        self._lock = lock
        self._clock = clock
        self._ids = ids
        self._gate = gate
        self._alarm = alarm
        self._hide = hide

    def submit(
        self,
        raw: object,
        *,
        id: str | None = None,  # noqa: A002
        dry_run: bool = False,
        claim: bool | None = None,
    ) -> AgentResult:
        """Read a request from plain JSON data and run it.

        ``id`` is the entrance's (an Idempotency-Key, a delivery id, a workflow's run) and counts where the request has
        none; ``claim`` says whether it is kept (left out: whenever somebody named it). Never raises: an error is a
        result with its code, a bug one with code ``bug`` and its traceback in the log.
        """
        began = self._clock.now()
        fallback = id or self._ids.fresh()
        given = raw.get("id") if isinstance(raw, Mapping) else None
        try:
            request = parse_request(raw, fresh_id=fallback, dry_run=dry_run)
        except Exception as error:  # noqa: BLE001 - submit never raises: a bug becomes a result, and is logged
            names = [one for one in (given, fallback) if isinstance(one, str) and usable_id(one)]
            return self._raised(error, names[0] if names else self._ids.fresh(), began)
        named = id is not None or given is not None
        return self.run(request, claim=named if claim is None else claim)

    def run(self, request: AgentRequest, *, claim: bool = True) -> AgentResult:
        """Run one request; twice is once: an id that ended answers its first result. Never raises.

        ``claim=False`` is for an id that was made up just now: nobody can send it again.
        """
        began = self._clock.now()
        try:
            if not claim or request.dry_run or not request.spec.writes:
                return self._perform(request, began)
            with self._lock.lease(f"request/{request.id}", LEASE):
                return self._former(request) or self._claimed(request, began)
        except Exception as error:  # noqa: BLE001 - of the claim itself; a keeper's is caught in _perform
            return self._raised(error, request.id, began, request)

    def drain(self, limit: int = 100) -> int:
        """Hand waiting messages to their keepers until none waits or ``limit`` were; answers how many."""
        handed = 0
        while handed < limit:
            result = self.submit({"agent": "relaybot", "input": {"action": "deliver", "limit": 1}})
            if result.outcome != "done":
                break
            handed += 1
        return handed

    def former(self, request_id: str) -> AgentResult | None:
        """Answer how the request of that id ended; None where it has not, or is to run again."""
        stored, _ = self._journal.state(f"request/{request_id}")
        return _stored_result(stored) if stored else None

    def begun(self, request_id: str) -> Mapping[str, Any] | None:
        """Answer the input of the request that claimed that id and is to run again: it was cut off, or ended
        otherwise than well. None where there is none, or its input was too long to be kept."""
        stored, _ = self._journal.state(f"request/{request_id}")
        asked: Mapping[str, Any] | None = stored.get("input") if stored and "result" not in stored else None
        return asked

    def forget(self, before: float) -> int:
        """Drop the answers to requests that began before then (seconds since 1970), so that they do not pile up for
        ever; answers how many. From then on such a request is run again."""
        old = [
            key
            for key, value in self._journal.states("request/").items()
            if float(value.get("at", 0.0)) < before
        ]
        for key in old:
            self._journal.set_state(key, None)
        return len(old)

    def _claimed(self, request: AgentRequest, began: float) -> AgentResult:
        """Run a request that this run holds the claim of, and store how it ended."""
        key = f"request/{request.id}"
        claim = {"digest": request.digest, "at": began, **_kept(request)}
        self._journal.set_state(key, claim)
        result = self._perform(request, began)
        if _answers_again(result):
            stored = {
                "digest": request.digest,
                "at": began,
                "result": result.to_json(),
                "exit_status": result.exit_status,
                "http_status": result.http_status,
            }
            self._journal.set_state(key, stored)
        else:
            self._journal.set_state(key, claim | {"outcome": result.outcome})
        return result

    def _former(self, request: AgentRequest) -> AgentResult | None:
        """Answer the first result of a request that already ended; raises IdReused for another body."""
        stored, _ = self._journal.state(f"request/{request.id}")
        if not stored:
            return None
        if stored["digest"] != request.digest:
            raise IdReused(request.id)
        return _stored_result(stored)

    def _perform(self, request: AgentRequest, began: float) -> AgentResult:
        """Let the keeper work, send what it has to say, and write the result and its fact."""
        self._gate.dry(request.dry_run)
        try:
            report = self._keepers[request.agent].perform(request)
            sent = [] if request.dry_run else self._send(request, report)
            if report.then is not None and not request.dry_run:
                report.then()
        except Exception as error:  # noqa: BLE001 - run never raises: a bug becomes a result, and is logged
            result = self._raised(error, request.id, began, request)
        else:
            result = ended(request, report, sent, began, self._clock.now())
            result = result if result.error is None else self._hidden(result)
        finally:
            self._gate.dry(False)
        self._record(request, result)
        return result

    def _raised(
        self, error: Exception, request_id: str, began: float, request: AgentRequest | None = None
    ) -> AgentResult:
        """Turn what was raised into a result: an error of ours by its class, anything else as the bug that it is."""
        now = self._clock.now()
        if isinstance(error, StateDamaged) and self._alarm is not None:
            self._alarm(error)
        if isinstance(error, DreamNetError):
            failed = failure(error, request_id=request_id, at=began, now=now, request=request)
            # Of a request or a file the words are ours, and say names; of the world they may be somebody else's.
            return failed if isinstance(error, RequestError | ConfigError) else self._hidden(failed)
        import logging  # late, as the other: there is nothing to log but a bug
        import traceback

        # Not by exc_info: whoever raised it, or what it came from, may quote a value.
        told = self._hide("".join(traceback.format_exception(error)))
        logging.getLogger("dreamnet").error("A bug of DreamNet's in request %s\n%s", request_id, told)
        return bug(error, request_id, request, began, now)

    def _hidden(self, result: AgentResult) -> AgentResult:
        """Answer a result whose error tells no value: part of its words may be a library's, or a platform's."""
        error = {
            key: self._hide(text) if key in ("message", "hint") else text
            for key, text in (result.error or {}).items()
        }
        return replace(result, summary=self._hide(result.summary), error=error)

    def _send(self, request: AgentRequest, report: Report) -> list[str]:
        """Put the keeper's messages on the bus. Their ids follow from the request, so a rerun sends none twice."""
        messages = [
            Message(
                id=outgoing.id or f"{request.id}/{index}",
                sender=request.agent,
                name=outgoing.name,
                to=outgoing.to,
                time=rfc3339(self._clock.now()),
                data=outgoing.data,
                correlation_id=outgoing.correlation_id or request.correlation_id,
                causation_id=request.id,
                hops=request.hops if outgoing.hops is None else outgoing.hops,
            )
            for index, outgoing in enumerate(report.messages)
        ]
        for message in messages:
            if (size := len(json.dumps(dict(message.data)))) > MAX_DATA:
                raise RequestTooLarge(size, MAX_DATA)
        if messages:
            fresh = self._bus.publish(*messages)
            self._journal.append(
                *[self._sent(message) for message, new in zip(messages, fresh, strict=True) if new]
            )
        return [message.id for message in messages]

    def _sent(self, message: Message) -> Fact:
        return Fact(
            kind="message-sent",
            at=self._clock.now(),
            text=f"{message.sender} → {message.to or 'everybody'}: {message.name}",
            service=str(message.data.get("key", "")),
            dream=str(message.data.get("dream", "")),
            correlation_id=message.correlation_id,
            data={"message": message.id, "name": message.name, "to": message.to},
        )

    def _record(self, request: AgentRequest, result: AgentResult) -> None:
        """Write the fact that the request ended; looks, and rounds that found nothing to do, are not worth one."""
        quiet = not request.spec.writes or request.dry_run or result.outcome == "unchanged"
        quiet = quiet or (request.agent == "dreamkeeper" and request.action == "check" and not result.changes)
        quiet = quiet or (request.agent == "relaybot" and request.action == "deliver")
        if quiet and result.error is None:
            return
        self._journal.append(
            Fact(
                kind="request-ended" if result.error is None or result.exit_status != BUG else "error",
                at=self._clock.now(),
                text=f"{request.agent} {request.action}: {result.summary}",
                service=str(request.input.get("service", "")),
                correlation_id=request.correlation_id,
                data={
                    "request": request.id,
                    "outcome": result.outcome,
                    "verdict": result.verdict,
                    "action": request.action,
                    "agent": request.agent,
                    "code": (result.error or {}).get("code"),
                },
            )
        )


def _kept(request: AgentRequest) -> dict[str, Any]:
    """Answer what of a request is kept with its claim, so that whoever words it by how things stand can word it again
    as it was first."""
    asked = {"action": request.action, **request.input}
    return {"input": asked} if len(json.dumps(asked)) <= MOST_KEPT else {}


def _stored_result(stored: Mapping[str, Any]) -> AgentResult | None:
    if "result" not in stored:
        return None
    return AgentResult.from_json(
        stored["result"], exit_status=stored["exit_status"], http_status=stored["http_status"]
    )


def _answers_again(result: AgentResult) -> bool:
    """A request that ended ``done``, ``unchanged`` or rolled back answers its first result; any other runs again."""
    return result.outcome in ("done", "unchanged") or result.verdict == "rolled-back"
