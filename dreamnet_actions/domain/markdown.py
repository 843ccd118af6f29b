"""Untrusted text in GitHub's Markdown: shown as it is, and nothing more. Pure.

GitHub looks for mentions, references and addresses in the rendered text, so escaping alone does not stop them: a WORD
JOINER (U+2060, invisible, no break) stands where they would begin. What those are:
https://docs.github.com/en/get-started/writing-on-github/working-with-advanced-formatting/autolinked-references-and-urls
and the GitHub Flavored Markdown specification, section 6.9 (https://github.github.com/gfm/#autolinks-extension-).
"""

from __future__ import annotations

import re

JOINER = "\u2060"
_BREAKS = re.compile(r"[\r\n\v\f\x1c-\x1e\x85\u2028\u2029]+")
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e0fff]"
)
"""What does not show, turns the writing around, or is no character."""
_SYNTAX = re.compile(r"[\\`*_\[\]<>|~$&^]|^[#+\-=]|!(?=\[)|:(?=[a-z0-9_+-]+:)")
"""What may be mark-up: anywhere, or (headings, lists, rules) at the beginning; ``:name:`` is an emoji."""
_LISTED = re.compile(r"^([0-9]{1,9})([.)])")
_MENTION = re.compile(r"@(?=[A-Za-z0-9_-])")
_NUMBER = re.compile(r"#(?=\d)")
_OLD_NUMBER = re.compile(r"\b(GH)-(?=\d)", re.IGNORECASE)
_ADDRESS = re.compile(r"\b(https?|ftp|mailto|xmpp)(?=:)|\b(www)(?=\.)", re.IGNORECASE)
_EMAIL = re.compile(r"(?<=[A-Za-z0-9._+-])@")


def plain(text: str) -> str:
    """Write untrusted text as one line of inline Markdown that shows it: no mark-up, mention, reference or address."""
    line = _INVISIBLE.sub("\ufffd", _BREAKS.sub(" ", text)).replace("\t", " ").strip()
    return _escape(_disarm(line))


def cell(text: str) -> str:
    """Write untrusted text for one cell of a table, its lines parted by ``<br>``."""
    lines = [plain(line) for line in _BREAKS.split(text)]
    return "<br>".join(line for line in lines if line) or " "


def fenced(text: str, language: str = "") -> str:
    """Write untrusted text as a block of code: its lines as they are, in a fence longer than any inside."""
    kept = _INVISIBLE.sub("\ufffd", re.sub(r"\r\n?|[\v\f\x85\u2028\u2029]", "\n", text))
    longest = max((len(run) for run in re.findall(r"`+", kept)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{re.sub('[^a-z]', '', language)}\n{kept}\n{fence}"


def code(text: str) -> str:
    """Write untrusted text as a code span: one line, in more backticks than any run inside."""
    line = _INVISIBLE.sub("\ufffd", _BREAKS.sub(" ", text)).strip() or " "
    longest = max((len(run) for run in re.findall(r"`+", line)), default=0)
    tick = "`" * (longest + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{tick}{pad}{line}{pad}{tick}"


def _disarm(line: str) -> str:
    """Break what GitHub finds in rendered text."""
    line = _EMAIL.sub(f"{JOINER}@", line)
    line = _MENTION.sub(f"@{JOINER}", line)
    line = _NUMBER.sub(f"#{JOINER}", line)
    line = _OLD_NUMBER.sub(rf"\1{JOINER}-", line)
    return _ADDRESS.sub(lambda found: f"{found[0]}{JOINER}", line)


def _escape(line: str) -> str:
    """Escape by backslash what Markdown may read; ``<`` and ``&`` as entities, which no HTML parser takes for a tag."""

    def one(found: re.Match[str]) -> str:
        return {"<": "&lt;", ">": "&gt;", "&": "&amp;"}.get(found[0], f"\\{found[0]}")

    return _LISTED.sub(r"\1\\\2", _SYNTAX.sub(one, line))
