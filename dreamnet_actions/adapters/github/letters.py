"""Messages as rows of ``state.json``, and their large bodies as files of the branch. Pure: no clock, no sending."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dreamnet_actions.adapters.github.rows import copied, dumps
from dreamnet_actions.adapters.github.snapshot import BODIES, Snapshot
from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.domain.message import Message
from dreamnet_actions.errors import JournalDamaged, StateDamaged, TemporaryError
from dreamnet_actions.ports.stores import Receipt

POINTER = "dreamnet-body"
"""The one key in the data of a dispatched message whose body is a file: ``{"path", "sha256", "size"}``."""
MAX_ROW = 8_000
"""Bytes of a message's data that stand in its row; more is a file, so that ``state.json`` stays small."""
MAX_EVENT = 60_000
"""Bytes of a CloudEvent that are dispatched whole: GitHub takes less than 64 KB in a ``client_payload``."""
KEEP_DONE, KEEP_DONE_FOR = 200, 2 * 86_400.0
KEEP_DEAD = 200
KEEP_HANDLED, KEEP_HANDLED_FOR = 5_000, 90 * 86_400.0

STATES = frozenset({"waiting", "leased", "done", "dead"})
"""Where the row of a message may stand."""

Row = dict[str, Any]
_PATH = re.compile(r"messages/(?P<hash>[0-9a-f]{64})\.json")


def row_key(message: Message) -> str:
    """Answer the key of a message's row: by sender and id, which are unique for ever."""
    return hashlib.sha256(dumps([message.sender, message.id]).encode()).hexdigest()[:24]


def is_known(at: Snapshot, message: Message) -> bool:
    """Say whether a message is on the branch, or was."""
    key = row_key(message)
    return key in at.rows.messages or key in at.rows.handled


def store(at: Snapshot, message: Message, now: float) -> bool:
    """Add a message unless it is known; answers whether it was new. ``message.data`` must be plain."""
    if is_known(at, message):
        return False
    at.rows.message_seq += 1
    fields = dict(vars(message))
    row: Row = {
        "seq": at.rows.message_seq,
        "state": "waiting" if message.to else "done",
        "attempts": 0,
        "due": 0.0,
        "until": 0.0,
        "owner": "",
        "error": "",
        "at": now,
        "announced": now,
        "announcements": 1,
    }
    body = dumps(message.data).encode("ascii")
    if len(body) > MAX_ROW:
        row["body"] = hashlib.sha256(body).hexdigest()
        at.put_body(f"{BODIES}{row['body']}.json", body)
        fields["data"] = {}
    at.rows.messages[row_key(message)] = row | {"message": copied(fields)}
    return True


def message_fields(fields: object) -> bool:
    """Say whether a row's ``message`` is one."""
    if not isinstance(fields, Mapping) or not isinstance(fields.get("data"), Mapping):
        return False
    texts = ("id", "sender", "name", "time", "correlation_id", "causation_id")
    right = all(isinstance(fields.get(name), str) for name in texts) and isinstance(fields.get("hops"), int)
    return right and set(fields) == {*texts, "to", "data", "hops"}


def message_of(at: Snapshot, row: Row) -> Message:
    """Answer the whole message of a row. Raises StateDamaged where its body is not what was stored."""
    message = Message(**copied(row["message"]))
    if "body" in row:
        path = f"{BODIES}{row['body']}.json"
        return replace(message, data=_checked(at.body(path), path, row["body"]))
    return message


def receipt_of(row: Row) -> Receipt:
    """Answer what is known of a row's way. What an earlier DreamNet did not write is not known."""
    announced = row["announced"] if row["message"]["to"] else None
    return Receipt(
        announced=announced,
        announcements=announcements(row),
        taken=row.get("taken"),
        holder=row["owner"],
        ended=row.get("ended"),
    )


def announcements(row: Row) -> int:
    """Answer how often a row was announced since it was last taken."""
    return int(row.get("announcements", 1)) if row["message"]["to"] else 0


def unheard_of(message: Message, now: float) -> Fact:
    """Write the fact that a message was put aside because no run came for it."""
    return Fact(
        kind="message-dead",
        at=now,
        text=f"{message.name} ({message.id}) could not be handled: no run took it",
        service=str(message.data.get("key", "")),
        correlation_id=message.correlation_id or message.id,
        data={"message": message.id},
    )


def event_of(message: Message) -> dict[str, Any]:
    """Write a message as the CloudEvent that is dispatched: one that is too large points to its body."""
    event = message.to_json()
    if len(dumps(event)) <= MAX_EVENT:
        return event
    body = dumps(message.data).encode("ascii")
    sha = hashlib.sha256(body).hexdigest()
    pointer = {"path": f"{BODIES}{sha}.json", "sha256": sha, "size": len(body)}
    return message.to_json() | {"data": {POINTER: pointer}}


def is_pointer(message: Message) -> bool:
    """Say whether a message that arrived holds a pointer in the place of its body."""
    pointer = message.data.get(POINTER)
    return set(message.data) == {POINTER} and isinstance(pointer, Mapping)


def resolved(at: Snapshot, message: Message) -> Message:
    """Answer the message with its body in the place of the pointer.

    Raises TemporaryError where the file is not on the branch (yet), StateDamaged where it is another than was sent.
    """
    pointer = message.data[POINTER]
    path = str(pointer.get("path"))
    named = _PATH.fullmatch(path)
    if named is None or pointer.get("sha256") != named["hash"]:
        raise StateDamaged(f"The message {message.id!r:.200}", f"its pointer {path!r:.100} names no body")
    content = at.body(path)
    if content is None:
        raise TemporaryError(
            f"The body of the message {message.id!r:.200} ({path}) is not on the branch.",
            hint="It is pushed before the message is sent: look at the run that sent it.",
        )
    return replace(message, data=_checked(content, path, named["hash"]))


def prune(at: Snapshot, now: float) -> None:
    """Keep the file small: of messages that are done, after a while only a hash is kept, by which they stay known."""
    rows = at.rows
    by_seq = sorted(rows.messages.items(), key=lambda one: -one[1]["seq"])
    done = [(key, row) for key, row in by_seq if row["state"] == "done"]
    dead = [(key, row) for key, row in by_seq if row["state"] == "dead"]
    old = [(key, row) for key, row in done[:KEEP_DONE] if row["at"] <= now - KEEP_DONE_FOR]
    for key, row in [*old, *done[KEEP_DONE:], *dead[KEEP_DEAD:]]:
        del rows.messages[key]
        rows.handled[key] = now
        if "body" in row and all(one.get("body") != row["body"] for one in rows.messages.values()):
            at.put_body(f"{BODIES}{row['body']}.json", None)
    newest = sorted(rows.handled.items(), key=lambda one: -one[1])[:KEEP_HANDLED]
    rows.handled = {key: when for key, when in newest if when > now - KEEP_HANDLED_FOR}


def _checked(content: bytes | None, path: str, sha: str) -> dict[str, Any]:
    if content is None:
        raise JournalDamaged(path, "it is not on the branch")
    if hashlib.sha256(content).hexdigest() != sha:
        raise JournalDamaged(path, "its hash is another than its name says")
    data: dict[str, Any] = json.loads(content)
    return data
