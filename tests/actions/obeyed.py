"""Whether anything on GitHub would obey what a step wrote: its output, its files of commands, and Markdown of ours."""

from __future__ import annotations

import json
import re
from typing import Any

from markdown_it import MarkdownIt

from tests.actions.grammar import Runner, may_be_command, pairs
from tests.actions.recording import Recorded

OUTPUTS = ["result", "outcome", "verdict", "summary", "to", "event"]
OURS = frozenset({"add-mask", "group", "endgroup", "error", "warning", "notice"})
"""The commands that DreamNet itself gives."""
LINKED = {
    "mention": re.compile(r"(?<![A-Za-z0-9_])@[A-Za-z0-9]"),
    "issue": re.compile(r"#\d|\bGH-\d", re.IGNORECASE),
    "address": re.compile(r"\bhttps?://\w|\bftp://\w|\bwww\.\w|\bmailto:\w", re.IGNORECASE),
    "mail": re.compile(r"[\w.+-]@[\w-]+\.\w"),
    "direction": re.compile("[\u202a-\u202e\u2066-\u2069]"),
    "escape": re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]"),
}
"""What GitHub makes links of, once Markdown is text; and what turns the writing around."""
_READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
_BLOCKS = {"heading", "paragraph", "table", "thead", "tbody", "tr", "th", "td", "bullet_list", "list_item"}
_INLINE = {"text", "text_special", "softbreak", "strong_open", "strong_close", "em_open", "em_close"}
_OUR_HTML = re.compile(
    r"(<details><summary>[^<>]*</summary>|</details>|<!-- dreamnet:(?:dream|story) v1 [^<>]*-->)?\s*"
)
_OUR_CODE = re.compile(r"dry-run|result|[\d*,/-]+( [\d*,/-]+){4}")
"""Words of ours that stand in code: two names, and the cron line of a schedule."""


def mistakes_of(step: Recorded) -> list[str]:
    """Answer all that is wrong with what one step of the action wrote."""
    found = [*_printed(step), *_files(step)]
    if step.status == 70 or b"Traceback" in step.printed:
        found.append(f"a bug (exit status {step.status}): {step.printed[-2000:]!r}")
    summary = step.files.get("GITHUB_STEP_SUMMARY", b"").decode("utf-8", "strict")
    return [*found, *(f"summary: {one}" for one in markdown_mistakes(summary))]


def _printed(step: Recorded) -> list[str]:
    runner = Runner()
    runner.feed(step.printed)
    found = [f"the runner finds a mistake: {one}" for one in runner.errors]
    for command in runner.commands:
        title = command.properties.get("TITLE", "")
        if command.name not in OURS:
            found.append(f"a command that is none of ours: {command}")
        elif command.name in ("error", "warning", "notice") and not title.startswith("DreamNet"):
            found.append(f"an annotation that is none of ours: {command}")
    found += [f"a line that may be a command: {line!a}" for line in runner.log if may_be_command(line)]
    found += [f"a line that controls a terminal: {line!a}" for line in runner.log if "\x1b" in line]
    return found


def _files(step: Recorded) -> list[str]:
    found = [
        f"{name} holds {step.files[name]!r:.200}"
        for name in ("GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE")
        if step.files.get(name)
    ]
    written = pairs(step.files.get("GITHUB_OUTPUT", b""))
    if [name for name, _ in written] != OUTPUTS:
        found.append(f"the outputs are {[name for name, _ in written]}")
        return found
    values = dict(written)
    try:
        result = json.loads(values["result"])
    except ValueError as error:
        return [*found, f"'result' is no JSON: {error}"]
    same = {name: result[name] or "" for name in ("outcome", "verdict", "summary")}
    found += [f"{name} is {values[name]!r}, not {one!r}" for name, one in same.items() if values[name] != one]
    if values["to"] not in ("", "dreamkeeper", "deploykeeper", "envkeeper"):
        found.append(f"'to' is {values['to']!r}")
    if values["event"]:
        json.loads(values["event"])
    found += [f"{name!r} holds an expression" for name in ("result", "event") if "${{" in values[name]]
    return found


def markdown_mistakes(markdown: str, *, links: bool = True) -> list[str]:
    """Answer what GitHub would make of a text of ours beyond what we mean. ``links``: ours may be in it."""
    found: list[str] = []
    for token in _READER.parse(markdown):
        if token.type == "inline":
            found += _inline(token.children or [], links=links)
        elif token.type == "html_block":
            if not _OUR_HTML.fullmatch(token.content.strip()):
                found.append(f"HTML: {token.content[:200]!r}")
        elif token.type != "fence" and re.sub("_(open|close)$", "", token.type) not in _BLOCKS:
            found.append(f"{token.type}: {token.content[:200]!r}")
    return found


def _inline(children: list[Any], *, links: bool) -> list[str]:
    found, shown, within = [], "", False
    for child in children:
        kind = child.type
        if kind == "link_open" and links:
            address = str(child.attrs.get("href", ""))
            within = True
            if not re.match(
                r"http://127\.0\.0\.1:\d+/octo/shop/|https://github\.com/dreamnet/dreamnet/blob/", address
            ):
                found.append(f"a link to {address!r}")  # fmt: skip
        elif kind == "link_close" and links:
            within = False
        elif kind == "html_inline" and child.content == "<br>":
            shown += "\n"
        elif kind == "code_inline" and _OUR_CODE.fullmatch(child.content):
            shown += " "
        elif kind not in _INLINE:
            found.append(f"{kind}: {child.content[:200]!r}")
        elif not within:
            shown += child.content
    return found + [f"{name}: {shown[:300]!a}" for name, pattern in LINKED.items() if pattern.search(shown)]
