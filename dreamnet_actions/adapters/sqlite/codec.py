"""Values in and out of columns: JSON without loss, and text that SQLite can hold.

The ``to_json`` of the domain is for people and other programs (it rounds, it fills in); what is stored here has to
come back equal.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from dreamnet_actions.domain.dream import Dream
from dreamnet_actions.domain.health import Report
from dreamnet_actions.domain.message import Message


def dumps(value: Any) -> str:
    """Write plain data (any mapping counts as an object) as ASCII JSON: a lone surrogate survives it."""
    return json.dumps(value, separators=(",", ":"), default=_mapping)


def loads(text: str) -> Any:
    """Read what ``dumps`` wrote."""
    return json.loads(text)


def column(text: str) -> str:
    """Make text fit for a searched column: untrusted JSON may hold half a surrogate pair, which UTF-8 cannot."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def dream_body(dream: Dream) -> str:
    """Write all of a dream but its number."""
    fields = vars(dream) | {"evidence": [vars(report) for report in dream.evidence]}
    del fields["number"]
    return dumps(fields)


def dream_from(number: int, body: str) -> Dream:
    """Read what ``dream_body`` wrote."""
    fields = loads(body)
    fields["evidence"] = tuple(Report(**report) for report in fields["evidence"])
    return Dream(number=number, **fields)


def message_body(message: Message) -> str:
    """Write a message."""
    return dumps(vars(message))


def message_from(body: str) -> Message:
    """Read what ``message_body`` wrote."""
    return Message(**loads(body))


def _mapping(value: object) -> dict[Any, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is no plain data")
