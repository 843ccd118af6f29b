"""What is told of a replica that is not well: the platform's own notes and its last lines, made fit to be shown.

All of it is untrusted text: a program writes into its log what it likes, values of secrets among it. Values that
DreamNet knows are masked wherever they are printed; ``cleaned`` hides besides what looks like one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dreamnet_actions.domain.markdown import cut, visible

LINES = 8
"""How many lines and how many notes are told at most."""
LINE = 300
"""Characters of one line."""
_TIMES = re.compile(r" \(\d+ times\)$")
_CAUSE = len("not found")
"""Characters that the end of a message has at least where it says what happened; a number or a word says too little."""
_HIDDEN = "***"
_NAMES = (
    r"password|passwd|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credentials?|session[_-]?id"
)
_QUOTED = r"[\"']?"
_SECRETS = (
    # What stands behind a name that says so: PASSWORD=…, "apiKey": "…", client_secret: …
    (
        re.compile(
            rf"(?i)([\w.-]{{0,40}}(?:{_NAMES})[\w.-]{{0,40}}{_QUOTED}\s*[:=]\s*{_QUOTED})[^\s\"',;&]+"
        ),
        rf"\1{_HIDDEN}",
    ),
    # RFC 9110, 11.6.2: a scheme and what proves who one is.
    (
        re.compile(rf"(?i)\b(authorization{_QUOTED}\s*[:=]\s*{_QUOTED})(?:[\w-]+\s+)?[^\s\"']+"),
        rf"\1{_HIDDEN}",
    ),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{12,}"), rf"\1 {_HIDDEN}"),
    # RFC 3986, 3.2.1: user and password in an address.
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]{0,20}://)[^/\s:@]*:[^/\s@]+@"), rf"\1{_HIDDEN}@"),
    # Forms that are known by themselves: JWT (RFC 7519), GitHub, AWS, Google, Slack, PEM and its lines (RFC 7468).
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*"), _HIDDEN),
    (re.compile(r"\b(?:gh[pousr]_|github_pat_)\w{16,}"), _HIDDEN),
    (re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"), _HIDDEN),
    (re.compile(r"\bAIza[\w-]{35}"), _HIDDEN),
    (re.compile(r"\bxox[abprs]-[\w-]{10,}"), _HIDDEN),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*"), _HIDDEN),
    (re.compile(r"^[A-Za-z0-9+/]{40,}={0,2}$"), _HIDDEN),
)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Of the replica with the id ``replica``: ``notes``, what the platform said of it, and ``lines``, the last that it
    wrote, both oldest first; ``unread`` says what of it may not be read, and what to do about that. Untrusted text, as
    ``evidence`` makes it."""

    replica: str
    notes: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Answer plain data."""
        return {"replica": self.replica, "events": list(self.notes), "log": list(self.lines)}


def evidence(
    replica: str, notes: Iterable[str] = (), lines: Iterable[str] = (), unread: Iterable[str] = ()
) -> Evidence:
    """Make evidence of raw text: cleaned, cut, of each the last ones only; what comes twice in a row is told once."""
    refused = tuple(cleaned(one, 4 * LINE) for one in unread)
    return Evidence(replica=replica, notes=_told(notes), lines=_told(lines), unread=refused)


def with_last_words(why: str, seen: Evidence | None) -> str:
    """Add to a reason what the replica wrote last, else what the platform said last of it, unless the reason says that
    already."""
    if seen is not None and seen.lines:
        return why if seen.lines[-1] in why else f"{why}; its last line: {seen.lines[-1]}"
    if seen is None or not seen.notes or _says(why, seen.notes[-1]):
        return why
    return f"{why}; {seen.notes[-1]}"


def _says(why: str, note: str) -> bool:
    """Say whether a reason has what a note (``Reason: message (3 times)``) tells: all of the message, or the end of it,
    where those who wrap errors leave what really happened."""
    message = _TIMES.sub("", note.partition(": ")[2] or note).removeprefix("Error: ").rstrip("…")
    root = message.rpartition(": ")[2]
    return message in why or (len(root) >= _CAUSE and root in why)


def cleaned(text: str, limit: int = LINE) -> str:
    """Answer untrusted text as one line of printable characters, without what looks like a secret; at most ``limit``
    characters of it."""
    shown = visible(text[: 4 * limit])  # a line of a log may be endless
    for pattern, instead in _SECRETS:
        shown = pattern.sub(instead, shown)
    return cut(shown, limit)


def _told(texts: Iterable[str]) -> tuple[str, ...]:
    told: list[str] = []
    for text in texts:
        shown = cleaned(text)
        if shown and told[-1:] != [shown]:
            told.append(shown)
    return tuple(told[-LINES:])
