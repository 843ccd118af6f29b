"""Untrusted text made neutral for GitHub's Markdown. Pure; everything of ours that GitHub shows passes through here.

Neutral means: it reads as it was written, and is nothing else. No mention, no reference to an issue or link that GitHub
would make out of it (so no closing words either, which need one), no HTML, image, heading, formula or end of a block.
GitHub finds mentions and references after Markdown's own escapes are gone, so those are broken with a character of no
width; all else is escaped as https://github.github.com/gfm/#backslash-escapes says.
"""

from __future__ import annotations

import re

BREAK = "\u200b"
"""A character without width: what stands on its two sides is not read as one."""
_SPECIAL = re.compile(r"[\\`*_\[\]<>&#~|$^!]")
_FIRST = re.compile(r"^(?:(?=[-+=:])|(\d+)(?=[.)]))")
_ENDS = re.compile(r"\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_LINKED = (
    (re.compile(r"@"), f"@{BREAK}"),  # @name, owner/name@commit, mail addresses
    (re.compile(r"#"), f"#{BREAK}"),  # #1, owner/name#1
    (re.compile(r"\b(gh-)", re.IGNORECASE), rf"\1{BREAK}"),  # GH-1
    (re.compile(r":(?=//)"), f":{BREAK}"),  # https://…, ftp://…
    (re.compile(r"\b(www)(?=\.)", re.IGNORECASE), rf"\1{BREAK}"),  # www.…
    (re.compile(r":(?=[\w+-]+:)"), f":{BREAK}"),  # :octocat: is an image
)


def visible(text: str) -> str:
    """Answer ``text`` as one line of printable characters: line ends and blanks are one blank, what does not print
    (control, direction, half a surrogate pair) is shown as its escape."""
    flat = " ".join(text.split())
    if flat.isprintable():
        return flat
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape", "surrogatepass").decode("ascii")
        for one in flat
    )


def cut(text: str, limit: int) -> str:
    """Answer at most ``limit`` characters of it, the last one telling that something is missing."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def inline(text: str, limit: int = 300) -> str:
    """Answer untrusted text for use within a line of Markdown, or as one; at most ``limit`` characters are shown."""
    shown = cut(visible(text), limit)
    first = _FIRST.match(shown)
    shown = _SPECIAL.sub(r"\\\g<0>", _unlinked(shown))
    if first is not None:
        # Only at the start of a line do these begin a list, a rule or a heading.
        at = len(first[1] or "")
        shown = f"{shown[:at]}\\{shown[at:]}"
    return shown


def cell(text: str, limit: int = 2000) -> str:
    """Answer untrusted text for one cell of a table: its lines parted by ``<br>``, at most ``limit`` characters."""
    lines = [inline(line, limit) for line in _ENDS.split(cut(text, limit))]
    return "<br>".join(line for line in lines if line) or " "


def title(text: str, limit: int = 200) -> str:
    """Answer untrusted text for an issue's title, which GitHub shows without Markdown but for code spans."""
    return _unlinked(cut(visible(text), limit)).replace("`", "'")


def fenced(text: str, limit: int = 4000) -> str:
    """Answer untrusted text as a block of code, its fence longer than any within."""
    lines = [visible_line(line) for line in _ENDS.split(cut(text.strip(), limit))]
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([fence, *lines, fence])


def visible_line(line: str) -> str:
    """Answer one line with its blanks as they are; what does not print is shown as its escape."""
    return "".join(
        one
        if one.isprintable()
        else "    "
        if one == "\t"
        else one.encode("unicode_escape", "surrogatepass").decode("ascii")
        for one in line
    )


def _unlinked(text: str) -> str:
    for pattern, put in _LINKED:
        text = pattern.sub(put, text)
    return text
