"""RelayBot's actions: relay, publish, replay, route, deliver."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dreamnet_actions.domain.actions import AGENTS, Agent
from dreamnet_actions.domain.message import MAX_DATA, Message, bounded_id, digest
from dreamnet_actions.domain.request import AgentRequest
from dreamnet_actions.domain.result import AgentResult, Change, ErrorInfo, Report
from dreamnet_actions.domain.route import DEFAULTS, request_for, route
from dreamnet_actions.domain.times import rfc3339
from dreamnet_actions.errors import (
    ABOUT_OUR_TOKEN,
    BUG,
    DreamNetError,
    RequestInvalid,
    RequestTooLarge,
    TemporaryError,
    TooManyHops,
)
from dreamnet_actions.errors.words import nearest, unknown
from dreamnet_actions.keepers.context import Context
from dreamnet_actions.keepers.relaybot.bursts import Bursts
from dreamnet_actions.keepers.relaybot.subjects import outdated, subjects
from dreamnet_actions.ports.stores import Delivery, DreamStore, MessageBus

Submit = Callable[[Mapping[str, Any]], AgentResult]
"""How a request reaches its keeper: the pipe's ``submit`` in the embedded home, a later job of the run on GitHub."""

TRIES = 5
"""Deliveries of one message that may end in an error of ours before it is put aside for a person."""
LEASE = 1800.0
"""Seconds for which a delivery belongs to the run that took it; a dead run's is free at once."""
MOST = 1000
"""Messages that one request may hand out."""
_OURS = frozenset(one.code for one in ABOUT_OUR_TOKEN)


@dataclass(frozen=True, kw_only=True)
class RelayBot:
    """Stores, routes and hands out messages."""

    context: Context
    bus: MessageBus
    dreams: DreamStore
    submit: Submit
    agent: Agent = "relaybot"
    bursts: Bursts = field(default_factory=Bursts)
    """Syncs under way and ended, so that many messages about one entry are few syncs."""

    def perform(self, request: AgentRequest) -> Report:
        """Do the request's action."""
        actions: dict[str, Callable[[AgentRequest], Report]] = {
            "relay": self.relay,
            "deliver": self.deliver,
            "publish": self.publish,
            "replay": self.replay,
            "route": self.route,
        }
        return actions[request.action](request)

    # ── taking messages ──────────────────────────────────────────────────────────────────────────────────

    def relay(self, request: AgentRequest) -> Report:
        """Store a message for a keeper: one for each thing that it is about."""
        given = request.input
        if given["to"] not in AGENTS:
            raise RequestInvalid([unknown("keeper in 'input.to'", given["to"], AGENTS)])
        data = {**given.get("data", {}), **{k: given[k] for k in ("service", "target") if k in given}}
        message = self._message(request, given["from"], given["message"], given["to"], data)
        rule = route(message, self.context.config.routes)
        if rule is None:
            raise RequestInvalid([self._no_route(message)], hint=self._route_lines(message))
        about = subjects(message, rule, self.context.config, self.dreams)
        if not about:
            summary = f"{message.name}: no service is named and no open dream asks for it; nothing to do."
            return Report(outcome="unchanged", summary=summary)
        return self._store(request, [self._about(message, one) for one in about])

    def publish(self, request: AgentRequest) -> Report:
        """Store an event; where a route fits it, it is also handed to that route's keeper."""
        given = request.input
        message = self._message(
            request, given.get("from", "user"), given["event"], None, given.get("data", {})
        )
        rule = route(message, self.context.config.routes)
        if rule is None:
            return self._store(request, [message])
        addressed = replace(message, to=rule.to)
        about = subjects(addressed, rule, self.context.config, self.dreams)
        return self._store(request, [self._about(addressed, one) for one in about] or [message])

    def replay(self, request: AgentRequest) -> Report:
        """Let a dead message be handed out again."""
        if request.dry_run:
            return Report(outcome="planned", summary=f"Would hand {request.input['message']} out again.")
        message = self.bus.replay(request.input["message"])
        change = Change(
            what=f"message {message.id}", before="dead", after="waiting", why="a person asked for it"
        )
        return Report(
            outcome="done",
            summary=f"{message.name} ({message.id}) will be handed out again.",
            changes=[change],
        )

    def route(self, request: AgentRequest) -> Report:
        """Say which keeper handles a message from outside; the finding ``to`` names it, ``event`` is the message as it
        is to be handed over. One that is about several things is stored as one message for each, and none is handed
        over from here."""
        message = Message.from_json(request.input["event"])
        rule = route(message.passed_on(), self.context.config.routes)
        if rule is None:
            raise RequestInvalid([self._no_route(message)], hint=self._route_lines(message))
        addressed = replace(message, to=rule.to)
        about = subjects(addressed, rule, self.context.config, self.dreams)
        if not about:
            summary = f"{message.name}: no service is named and no open dream asks for it; nothing to do."
            return Report(outcome="unchanged", summary=summary)
        if len(about) > 1:
            return self._store(request, [self._about(addressed, one) for one in about])
        whole = self._about(addressed, about[0])
        text = f"{message.name} goes to {rule.to}."
        finding = {"to": rule.to, "event": whole.to_json(), "text": text}
        return Report(outcome="done", summary=text, findings=[finding])

    def _message(
        self, request: AgentRequest, sender: str, name: str, to: str | None, data: Mapping[str, Any]
    ) -> Message:
        if (size := len(json.dumps(dict(data)))) > MAX_DATA:
            raise RequestTooLarge(size, MAX_DATA)
        return Message(
            id=request.id,
            sender=sender,
            name=name,
            to=to,
            time=rfc3339(self.context.clock.now()),
            data=data,
            correlation_id=request.correlation_id,
            causation_id=request.id,
            hops=request.hops,
        )

    def _about(self, message: Message, one: Mapping[str, Any]) -> Message:
        """The message about one thing: its id follows from both, so that the same thing is the same message."""
        if not one:
            return message
        return replace(message, id=f"{message.id}/{digest(dict(one))[:12]}", data={**message.data, **one})

    def _store(self, request: AgentRequest, messages: Sequence[Message]) -> Report:
        said = ", ".join(f"{one.name} → {one.to or 'everybody'}" for one in messages)
        changes = [
            Change(
                what=f"message {one.id}",
                before=None,
                after=f"{one.name} for {one.to or 'everybody'}",
                why=f"{one.sender} sent it",
            )
            for one in messages
        ]
        if request.dry_run:
            return Report(outcome="planned", summary=f"Would store {said}.", changes=changes)
        fresh = self.bus.publish(*messages)
        for message, new in zip(messages, fresh, strict=True):
            if new:
                text = f"{message.sender} → {message.to or 'everybody'}: {message.name}"
                self.context.note(
                    "message-sent",
                    text,
                    request=request,
                    service=str(message.data.get("key", "")),
                    data={"message": message.id, "name": message.name, "to": message.to},
                )
        return Report(
            outcome="done" if any(fresh) else "unchanged", summary=f"Stored {said}.", changes=changes
        )

    # ── handing them out ─────────────────────────────────────────────────────────────────────────────────

    def deliver(self, request: AgentRequest) -> Report:
        """Hand waiting messages to their keepers, oldest first."""
        limit = request.input.get("limit", 100)
        if not 1 <= limit <= MOST:
            raise RequestInvalid([f"'input.limit' is {limit}; expected 1 to {MOST}."])
        if request.dry_run:
            waiting = self.bus.list(states={"waiting"})
            return Report(outcome="planned", summary=f"Would hand out {len(waiting)} messages.")
        findings: list[dict[str, Any]] = []
        for delivery in self.bus.receive(limit=limit, lease=LEASE):
            finding: dict[str, Any] = {"message": delivery.message.id, "name": delivery.message.name}
            finding["text"] = self._handle(delivery, finding)
            findings.append(finding)
        if not findings:
            return Report(outcome="unchanged", summary="No message waits.")
        return Report(outcome="done", summary=" ".join(one["text"] for one in findings), findings=findings)

    def _handle(self, delivery: Delivery, finding: dict[str, Any]) -> str:
        """Hand one message over; an error of ours on the way gives it back, and hides no other message."""
        try:
            return self._hand_over(delivery, finding)
        except DreamNetError as error:
            if delivery.attempt >= TRIES and not isinstance(error, (TemporaryError, *ABOUT_OUR_TOKEN)):
                return self._bury(delivery, error.message)
            self.bus.retry(delivery, error=error.message, after=min(60.0, 2.0**delivery.attempt))
            finding["error"] = ErrorInfo(
                code=error.code, message=error.message, hint=error.hint, docs=error.docs
            ).to_json()
            return f"{delivery.message.name} waits: {error.message}"

    def _hand_over(self, delivery: Delivery, finding: dict[str, Any]) -> str:
        """Hand one message to its keeper: in effect once, whatever happens on the way. The keeper's result goes into
        ``finding``."""
        message = delivery.message
        if (why := outdated(message, self.dreams)) is not None:
            self._routed(delivery, f"{message.name}: {why}; nothing to do", "unchanged", None)
            self.bus.ack(delivery)
            return f"{message.name}: {why}."
        try:
            onward = message.passed_on()
        except TooManyHops as error:
            return self._bury(delivery, error.message)
        rule = route(onward, self.context.config.routes)
        if rule is None:
            return self._bury(delivery, f"{self._no_route(message)} {self._route_lines(message)}")
        request = request_for(onward, rule)
        sync = self.bursts.about(request)
        if sync is not None and (by := self.bursts.covering(sync, delivery)) is not None:
            self._routed(delivery, f"{message.name}: seen already by the sync {by}", "unchanged", by)
            self.bus.ack(delivery)
            return f"{message.name}: seen already by the sync {by}."
        with self.bursts.alone(sync) as free:
            if not free:
                return self._wait(delivery, "a sync of the same is under way", None)
            upto = self.bus.last() if sync is not None else 0
            began = rfc3339(self.context.clock.now())
            result = self.submit(request)
            self.bursts.ended(sync, upto, began, result)
        finding |= {"result": result.to_json(), "exit_status": result.exit_status}
        text = f"{message.name} → {result.agent or rule.to} {result.action or ''}: {result.outcome}"
        if result.outcome == "deferred" or (result.error or {}).get("code") in _OURS:
            return self._later(delivery, result)
        if result.exit_status == BUG:
            return self._after_bug(delivery, result)
        self._routed(delivery, text, result.outcome, result.id)
        heard = self._reply(onward, rule.to, result)
        if result.outcome in ("refused", "failed") and not heard:
            return self._bury(delivery, (result.error or {}).get("message", result.summary))
        self.bus.ack(delivery)
        return f"{text}."

    def _routed(self, delivery: Delivery, text: str, outcome: str, request_id: str | None) -> None:
        message = delivery.message
        self.context.note(
            "message-routed",
            text,
            service=str(message.data.get("key", "")),
            correlation_id=message.correlation_id,
            data={
                "message": message.id,
                "request": request_id,
                "outcome": outcome,
                "attempt": delivery.attempt,
            },
        )

    def _reply(self, message: Message, agent: str, result: AgentResult) -> bool:
        """Send the result on, so that DreamKeeper proves it; where it asked another, that one proves it.

        Answers whether anybody hears of the result so.
        """
        if result.messages and result.outcome == "done":
            return True
        if agent == "dreamkeeper" or "service" not in message.data:
            return False
        action = result.action or "request"
        data = {
            key: message.data[key]
            for key in ("service", "target", "key", "dream", "remedy", "attempt")
            if key in message.data
        }
        data |= {"outcome": result.outcome, "verdict": result.verdict, "summary": result.summary[:500]}
        reply = Message(
            id=bounded_id(message.sender, message.id, "result"),
            sender=agent,
            name=f"{action}-finished",
            to="dreamkeeper",
            time=rfc3339(self.context.clock.now()),
            data=data,
            correlation_id=message.correlation_id,
            causation_id=message.id,
            hops=message.hops,
        )
        if all(self.bus.publish(reply)):
            self.context.note(
                "message-sent",
                f"{agent} → dreamkeeper: {reply.name} ({result.outcome})",
                service=str(data.get("key", "")),
                correlation_id=message.correlation_id,
                data={"message": reply.id, "name": reply.name, "to": "dreamkeeper"},
            )
        return True

    def _later(self, delivery: Delivery, result: AgentResult) -> str:
        """Not now: a lease, a pause, an outage of ours, a token that expired or lacks a permission. That is no failure,
        however long it takes."""
        return self._wait(delivery, (result.error or {}).get("message", result.summary), result.retry_after)

    def _wait(self, delivery: Delivery, error: str, retry_after: float | None) -> str:
        after = min(60.0, max(0.5, retry_after or 0.5) if delivery.attempt > 3 else 0.5 * delivery.attempt)
        self.bus.retry(delivery, error=error, after=after)
        return f"{delivery.message.name} waits: {error}."

    def _after_bug(self, delivery: Delivery, result: AgentResult) -> str:
        if delivery.attempt >= TRIES:
            return self._bury(delivery, result.summary)
        self.bus.retry(delivery, error=result.summary, after=min(60.0, 2.0**delivery.attempt))
        return f"{delivery.message.name} is tried again: {result.summary}"

    def _bury(self, delivery: Delivery, error: str) -> str:
        """Put a message aside for a person; nothing is lost."""
        self.bus.dead_letter(delivery, error=error)
        name = delivery.message.name
        self.context.note(
            "message-dead",
            f"{name} ({delivery.message.id}) could not be handled: {error}",
            correlation_id=delivery.message.correlation_id,
            data={"message": delivery.message.id},
        )
        return f"{name} is dead: {error}"

    # ── words ────────────────────────────────────────────────────────────────────────────────────────────

    def _no_route(self, message: Message) -> str:
        known = [
            rule.on for rule in (*self.context.config.routes, *DEFAULTS) if message.to in (None, rule.to)
        ]
        near = nearest(message.name, known)
        listed = ", ".join(sorted(set(known))) or "none"
        hint = f" Did you mean {near!r}?" if near else ""
        return f"No route takes {message.name!r} to {message.to}. Known: {listed}.{hint}"

    def _route_lines(self, message: Message) -> str:
        line = f"- {{on: {message.name}, to: {message.to}, input: {{action: …}}}}"
        return f"Or add to the configuration:\nroutes:\n  {line}"
