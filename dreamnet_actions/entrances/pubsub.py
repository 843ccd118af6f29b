"""Pushes of Pub/Sub: an event of Secret Manager becomes one message for each env entry that may read the secret.

How it is answered decides whether it comes again, for Pub/Sub delivers what is not acknowledged (102, 200, 201, 202,
204) until the subscription gives it up:

- 202: stored. The bus holds it before it is answered, so that a kill loses nothing; it may come twice and is then the
  same request.
- 200: understood, and nothing is to be done: no entry reads that secret, or nothing changed. Also what makes no sense,
  which no repetition mends; that is told in the log and the journal.
- 401 and 403: not believed. It comes again, so that nothing is lost while a setting is mended.
- 503 and other errors of ours: it comes again.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dreamnet_actions.domain import secretevents
from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.domain.message import digest
from dreamnet_actions.domain.route import WEBHOOK
from dreamnet_actions.domain.spec.models import Webhook
from dreamnet_actions.entrances import webhooks
from dreamnet_actions.entrances.pushtokens import PushTokens
from dreamnet_actions.entrances.wire import read_json
from dreamnet_actions.errors import RefusedError, RequestError, RequestTooLarge

if TYPE_CHECKING:
    from starlette.requests import Request

    from dreamnet_actions.bootstrap import System
    from dreamnet_actions.domain.result import AgentResult

log = logging.getLogger("dreamnet")

MAX_BYTES = 1024 * 1024
"""An event of Secret Manager's holds a resource without its value: some thousand bytes."""
MESSAGE = "secret-changed"
_HEADER = "x-goog-pubsub-"
_ID = re.compile(r"[!-~]{1,50}")
_ATTRIBUTES = ("eventType", "secretId", "versionId")


@dataclass(frozen=True, kw_only=True)
class Push:
    """One message as it was pushed. ``id`` is the one that Pub/Sub gave it, the same at every delivery."""

    id: str
    subscription: str
    attributes: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What became of a push: the first ``result`` that is no success, or what is ``said``, with HTTP's status."""

    status: int
    said: Mapping[str, Any]
    result: AgentResult | None = None


def read(headers: Mapping[str, str], body: bytes) -> Push | str:
    """Read a push in either of its two forms; a text says why it is none.

    Wrapped, the body is a JSON object with the ``message``. Unwrapped, it is the message's data, and the rest stands in
    headers, attributes too (https://cloud.google.com/pubsub/docs/payload-unwrapping, "write metadata").
    """
    if found := headers.get(f"{_HEADER}message-id"):
        attributes = {name: headers[name.lower()] for name in _ATTRIBUTES if name.lower() in headers}
        return _push(found, headers.get(f"{_HEADER}subscription-name", ""), attributes)
    try:
        told = read_json(body, limit=MAX_BYTES)
    except RequestError:
        return "its body is no JSON"
    message = told.get("message") if isinstance(told, Mapping) else None
    if not isinstance(message, Mapping):
        return "its body holds no 'message', and its headers no metadata"
    told_of = message.get("attributes") or {}
    if not isinstance(told_of, Mapping):
        return "its attributes are no object"
    given = {key: value for key, value in told_of.items() if isinstance(value, str)}
    return _push(message.get("messageId") or message.get("message_id"), told.get("subscription"), given)


def _push(ident: object, subscription: object, attributes: Mapping[str, str]) -> Push | str:
    if not isinstance(ident, str) or not _ID.fullmatch(ident):
        return "it has no messageId"
    named = subscription if isinstance(subscription, str) else ""
    return Push(id=ident, subscription=named, attributes=attributes)


class PushDesk:
    """Takes pushes: ``body`` reads a request's body up to a limit, ``run`` calls what waits in a thread."""

    def __init__(
        self,
        system: System,
        body: Callable[[Request, int], Awaitable[bytes]],
        run: Callable[[Callable[[], Any]], Awaitable[Any]],
    ) -> None:
        self._system, self._body, self._run = system, body, run
        self._tokens = PushTokens(system.environ, system.clock.monotonic)

    async def take(self, name: str, webhook: Webhook, request: Request) -> Taken:
        """Take one push: first who sent it, then what it says. Raises what ``PushTokens.check`` raises."""
        push = webhook.pubsub
        assert push is not None  # noqa: S101 - the caller looked
        authorization = request.headers.getlist("authorization")
        await self._run(lambda: self._tokens.check(authorization, push))
        found: Push | str
        try:
            found = read(request.headers, await self._body(request, MAX_BYTES))
        except RequestTooLarge:
            found = f"it is larger than {MAX_BYTES} bytes"
        taken: Taken = await self._run(lambda: self._judge(name, webhook, found))
        return taken

    def _judge(self, name: str, webhook: Webhook, found: Push | str) -> Taken:
        if isinstance(found, str):
            return self._senseless(name, found, self._system.ids.fresh())
        only = webhook.pubsub.subscription if webhook.pubsub else None
        if only and found.subscription != only:
            raise RefusedError(
                f"The push is of the subscription {found.subscription[:200]!r}, and not of this webhook's.",
                hint="Mend 'pubsub.subscription', or leave it out to take those of all that have such a token.",
            )
        event = secretevents.read(found.attributes)
        if isinstance(event, str):
            return self._senseless(name, event, found.id)
        if event.type == secretevents.TEST:
            self._note(name, found.id, f"{event.type}: Secret Manager's events arrive here", event)
        if event.type in secretevents.QUIET:
            return Taken(status=200, said={"ignored": f"{event.type} changes no value"})
        entries = event.about(self._system.config.env)
        if not entries:
            return Taken(status=200, said={"ignored": f"no env entry reads {event.secret}"})
        return self._store(name, webhook, found, event, entries)

    def _store(
        self,
        name: str,
        webhook: Webhook,
        push: Push,
        event: secretevents.SecretEvent,
        entries: list[str],
    ) -> Taken:
        """Put a message for each entry on the bus. One that is there already is the same message."""
        message = webhook.message or MESSAGE
        # Pub/Sub's ids are unique within a topic only, so that what is told belongs to the id.
        ident = f"{push.id}/{digest([message, event.type, event.changed])[:8]}"
        for entry in entries:
            data = {
                "entry": entry,
                "secret": event.changed,
                "event": event.type,
                "reason": f"Secret Manager told of {event.type} of {event.name}",
            }
            one = webhooks.Event(
                name=message,
                data=data,
                id=f"{ident}/{entry}",
                sender=f"{WEBHOOK}{name}",
            )
            result = self._system.pipe.submit(one.request())
            if result.http_status != 200:
                return Taken(status=result.http_status, said={}, result=result)
        self._note(name, push.id, f"{event.type} of {event.secret}", event, entries=entries)
        return Taken(status=202, said={"event": event.type, "secret": event.secret, "entries": entries})

    def _senseless(self, name: str, why: str, ident: str) -> Taken:
        """Acknowledge what cannot be understood, and say so where somebody looks."""
        log.warning("A push to the webhook %s makes no sense and is passed over: %s.", name, why)
        self._note(name, ident, f"a push makes no sense and is passed over: {why}", None)
        return Taken(status=200, said={"ignored": f"it makes no sense: {why}"})

    def _note(
        self, name: str, ident: str, text: str, event: secretevents.SecretEvent | None, **more: Any
    ) -> None:
        """Write down that a push came, once for all its deliveries."""
        system, which = self._system, f"{WEBHOOK}{name}/{ident}"
        if system.journal.read(kinds={"webhook"}, correlation_id=which, limit=1):
            return
        data = {"webhook": name, "event": event.type if event else None, "delivery": ident, **more}
        system.journal.append(
            Fact(
                kind="webhook",
                at=system.clock.now(),
                text=f"webhook {name}: {text}",
                correlation_id=which,
                data=data,
            )
        )
