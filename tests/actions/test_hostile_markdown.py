"""The corpus in Markdown: shown as text, and nothing on GitHub comes of it."""

from __future__ import annotations

import re

import pytest
from markdown_it import MarkdownIt

from dreamnet_actions.domain import markdown
from tests.actions.hostile import Hostile, corpus

READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
CORPUS = corpus("/nowhere/canary")


def texts(kind: str) -> list[Hostile]:
    return [one for one in CORPUS if one.kind == kind]


BY_KIND = pytest.mark.parametrize("kind", sorted({one.kind for one in CORPUS}))
LINKED = {
    "mention": re.compile(r"(?<![A-Za-z0-9_])@[A-Za-z0-9]"),
    "issue": re.compile(r"#\d|\bGH-\d", re.IGNORECASE),
    "address": re.compile(r"\bhttps?://\w|\bftp://\w|\bwww\.\w|\bmailto:\w", re.IGNORECASE),
    "mail": re.compile(r"[\w.+-]@[\w-]+\.\w"),
    "direction": re.compile("[\u202a-\u202e\u2066-\u2069]"),
    "escape": re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]"),
}
"""What GitHub makes links of, once Markdown is text; and what turns the writing around."""


def tokens(markdown: str) -> list[tuple[str, str]]:
    """(type, content) of all that a reader of Markdown finds."""
    found = []
    for token in READER.parse(markdown):
        found += [(child.type, child.content) for child in token.children or ()]
        if token.type != "inline":
            found.append((token.type, token.content))
    return found


@BY_KIND
def test_in_a_line_it_is_text(kind: str) -> None:
    for one in texts(kind):
        for before in ("", "- ", "**Problem**: "):
            found = tokens(before + markdown.inline(one.text))
            kinds = {kind for kind, _ in found}
            ours = {
                "strong_open",
                "strong_close",
                "bullet_list_open",
                "bullet_list_close",
                "list_item_open",
                "list_item_close",
            }
            assert kinds - ours <= {"paragraph_open", "paragraph_close", "text"}, kinds
            shown = "".join(content for kind, content in found if kind == "text")
            for name, pattern in LINKED.items():
                assert not pattern.search(shown), f"{name}: {shown[:200]!a}"


@BY_KIND
def test_in_a_table_it_stays_in_its_cell(kind: str) -> None:
    for one in texts(kind):
        found = tokens(f"| a | b |\n|---|---|\n| {markdown.cell(one.text)} | end |\n")
        kinds = [kind for kind, _ in found]
        assert kinds.count("td_open") == 2
        assert (
            set(kinds) & {"link_open", "image", "html_block", "code_inline", "em_open", "strong_open"}
            == set()
        )
        assert {content for kind, content in found if kind == "html_inline"} <= {"<br>"}
        assert ("text", "end") in found


@BY_KIND
def test_nothing_gets_out_of_a_fence(kind: str) -> None:
    for one in texts(kind):
        found = tokens(f"{markdown.fenced(one.text)}\n\nend")
        assert sorted(kind for kind, _ in found) == ["fence", "paragraph_close", "paragraph_open", "text"]
        assert ("text", "end") in found


def test_as_they_are_most_are_more_than_text() -> None:
    """Without this, the tests above could pass for a reason of their own."""

    def obeyed(one: Hostile) -> bool:
        found = tokens(one.text)
        shown = "".join(content for kind, content in found if kind == "text")
        more = {kind for kind, _ in found} - {"paragraph_open", "paragraph_close", "text", "softbreak"}
        return bool(more) or any(pattern.search(shown) for pattern in LINKED.values())

    marked = [one for one in CORPUS if one.kind == "markdown"]
    assert sum(map(obeyed, marked)) > len(marked) / 2
