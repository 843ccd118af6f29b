"""Messages between keepers: CloudEvents 1.0 of type ``dreamnet.message.v1``, and what follows from them.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, unquote

from dreamnet_actions.errors import RequestInvalid, TooManyHops

TYPE = "dreamnet.message.v1"
EVENT_TYPE = "dreamnet.event.v1"
REQUEST_TYPE = "dreamnet.request.v1"
"""The ``event_type`` of a dispatch that carries a whole AgentRequest; ``TYPE`` is that of a message."""
HOP_LIMIT = 8
MAX_DATA = 60_000
"""Bytes of a message's data: GitHub takes less than 64 KB in a repository_dispatch payload."""
_PLAIN_ID = re.compile(r"[!-~]{1,200}")


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message. ``name`` is what happened, in words joined by hyphens; ``data`` what it is about.

    ``id`` with ``sender`` is unique for ever (CloudEvents' rule); ``correlation_id`` is the same along a whole story,
    ``causation_id`` names the message or request that led to this one. ``to`` is a keeper, or None for an event
    that anybody may follow. ``time`` is RFC 3339 UTC.
    """

    id: str
    sender: str
    name: str
    to: str | None
    time: str
    data: Mapping[str, Any] = field(default_factory=dict)
    correlation_id: str = ""
    causation_id: str = ""
    hops: int = 0

    @property
    def source(self) -> str:
        """CloudEvents' ``source``, a URI reference, whatever the sender's name holds."""
        return f"/dreamnet/{quote(self.sender, safe='/:@')}"

    def to_json(self) -> dict[str, Any]:
        """Write the message as a CloudEvent in its JSON form."""
        event: dict[str, Any] = {
            "specversion": "1.0",
            "id": self.id,
            "source": self.source,
            "type": TYPE if self.to else EVENT_TYPE,
            "subject": self.name,
            "time": self.time,
            "datacontenttype": "application/json",
            "correlationid": self.correlation_id or self.id,
            "hops": self.hops,
            "data": dict(self.data),
        }
        if self.causation_id:
            event["causationid"] = self.causation_id
        if self.to:
            event["to"] = self.to
        return event

    @classmethod
    def from_json(cls, event: Mapping[str, Any]) -> Message:
        """Read a CloudEvent of one of our types; raises RequestInvalid with every mistake."""
        mistakes = []
        if event.get("specversion") != "1.0":
            mistakes.append(f"'specversion' is {event.get('specversion')!r:.60}; expected '1.0'.")
        if event.get("type") not in (TYPE, EVENT_TYPE):
            mistakes.append(f"'type' is {event.get('type')!r:.60}; expected {TYPE!r} or {EVENT_TYPE!r}.")
        mistakes += [
            f"{key!r} is {event.get(key)!r:.60}; expected text."
            for key in ("id", "source", "subject", "time")
            if not isinstance(event.get(key), str) or not event[key]
        ]
        mistakes += [
            f"{key!r} is {event[key]!r:.60}; expected text."
            for key in ("to", "correlationid", "causationid")
            if not isinstance(event.get(key), str | None)
        ]
        if not isinstance(event.get("data") or {}, Mapping):
            mistakes.append("'data' is no object.")
        hops = event.get("hops", 0)
        if not isinstance(hops, int) or isinstance(hops, bool) or hops < 0:
            mistakes.append(f"'hops' is {hops!r:.60}; expected a whole number from 0.")
        if mistakes:
            raise RequestInvalid(mistakes)
        return cls(
            id=event["id"],
            sender=unquote(event["source"].removeprefix("/dreamnet/")),
            name=event["subject"],
            to=event.get("to") or None,
            time=event["time"],
            data=event.get("data") or {},
            correlation_id=str(event.get("correlationid") or event["id"]),
            causation_id=str(event.get("causationid") or ""),
            hops=hops,
        )

    def passed_on(self) -> Message:
        """Answer the message after one more hop; raises TooManyHops past the limit."""
        if self.hops >= HOP_LIMIT:
            raise TooManyHops(self.hops + 1, HOP_LIMIT)
        return replace(self, hops=self.hops + 1)


def digest(data: object) -> str:
    """Hash plain data in its canonical JSON form: equal data, equal hash (SHA-256, 64 hex characters)."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def bounded_id(*parts: str) -> str:
    """Join names to an id of at most 200 visible ASCII characters: distinct names, distinct ids.

    What is too long or holds other characters keeps its readable beginning and gets a hash of the whole.
    """
    text = "/".join(parts)
    if _PLAIN_ID.fullmatch(text):
        return text
    return f"{re.sub('[^!-~]', '_', text)[:120]}~{digest(parts)[:40]}"
