"""Untrusted text in GitHub's Markdown: it reads as written, and is nothing else.

markdown-it (with GFM's tables and strikes) reads it; what GitHub makes of plain text afterwards (mentions, references)
is looked for by the patterns of its own docs.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from dreamnet_actions.adapters.github import body, hidden, story
from dreamnet_actions.domain.briefing import Links
from dreamnet_actions.domain.dream import STATES, Dream
from dreamnet_actions.domain.health import Report
from dreamnet_actions.domain.markdown import BREAK, cut, fenced, inline, title, visible
from dreamnet_actions.errors import RequestTooLarge

READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
# https://docs.github.com/en/get-started/writing-on-github/working-with-advanced-formatting/autolinked-references-and-urls
# and https://github.github.com/gfm/#autolinks-extension-
LINKED = re.compile(
    r"@[A-Za-z0-9]|#\d|\bGH-\d|https?://\w|ftp://\w|\bwww\.\w|[\w.+-]+@[\w-]+\.\w|:(?!\d\d:)[a-z0-9_+-]+:",
    re.IGNORECASE,
)
HOSTILE = [
    "@octocat", "hi @octocat/team", "fixes #1", "closes octocat/hello#12", "Resolves GH-7", "gh-1",
    "fixes https://github.com/o/r/issues/1", "www.example.com", "mail a@b.example", "<!-- dreamnet:dream v1 {} -->",
    "-->", "--><script>alert(1)</script>", "<img src=x onerror=alert(1)>", "![x](https://e.example/x.png)",
    "[x](javascript:alert(1))", "[x]: https://e.example", "# heading", "=====", "-----", "- item", "+ item", "* item",
    "1. one", "12) twelve", "> quote", "```\ncode\n```", "`", "``", "``` `` `", "~~~", "~~gone~~",
    "| a | b |\n|---|---|",
    "$x$", "$$\nx\n$$", "[^1]", "&lt;b&gt;", "&#64;octocat", "\\@octocat", "\\", "a\\", "</details>", "<details>",
    ":octocat:", "::error::x", "\u202egnp", "\ud800", "\x1b[31mred", "a\u2028b", "\r\n# x", "   indented", "    code",
    "- [x] done", "<https://e.example>", "http://e.example", "\t", "", "**bold** __bold__ *i* _i_", "a@b", "#", "@",
]  # fmt: skip
TEXT = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(),
    st.text(alphabet="`~*_[]<>()#+-.!|&$^\\@:/ \n1aGH=w", max_size=40),
    st.lists(st.sampled_from(HOSTILE), min_size=2, max_size=4).map(" ".join),
)


def read(markdown: str) -> tuple[list[str], str]:
    """Answer the blocks that a reader finds, and the text that it shows."""
    tokens = READER.parse(markdown)
    kinds, shown = [], ""
    for token in tokens:
        kinds.append(token.type)
        for child in token.children or ():
            kinds.append(child.type)
            shown += child.content
        shown += "\n" if token.type == "inline" else ""
    return kinds, shown


@pytest.mark.slow
@given(TEXT)
def test_a_line_is_a_line_of_text(text: str) -> None:
    for before in ("", "- **Seen:** ", "word "):
        kinds, shown = read(before + inline(text) + "\n\nend")
        own = {"paragraph_open", "inline", "text", "paragraph_close", "text_special"}
        if before.startswith("-"):
            own |= {"bullet_list_open", "list_item_open", "strong_open", "strong_close", "list_item_close"}
            own |= {"bullet_list_close"}
        assert set(kinds) <= own, kinds
        wanted = before.replace("- **Seen:**", "Seen:") + cut(visible(text), 300)
        assert shown.replace(BREAK, "").split() == [*wanted.replace(BREAK, "").split(), "end"]


@given(TEXT)
def test_nothing_in_a_line_is_linked(text: str) -> None:
    _, shown = read(inline(text))
    assert not LINKED.search(shown), shown
    assert not LINKED.search(title(text))


@given(TEXT)
def test_nothing_gets_out_of_a_fence(text: str) -> None:
    tokens = READER.parse(f"{fenced(text)}\n\nend")
    assert [token.type for token in tokens] == ["fence", "paragraph_open", "inline", "paragraph_close"]
    assert "`" * len(tokens[0].markup) not in tokens[0].content


@given(st.text(max_size=2000), st.integers(min_value=1, max_value=300))
def test_a_line_is_cut(text: str, limit: int) -> None:
    shown = read(inline(text, limit))[1]
    assert len(shown.replace(BREAK, "").strip()) <= limit
    assert len(title(text, limit).replace(BREAK, "")) <= limit


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_hidden_stays_hidden(text: str) -> None:
    line = hidden.encode("dream", {"text": text, "list": [text, -1.5e-7, None]})
    assert [token.type for token in READER.parse(line)] == ["html_block"]
    inside = line.removeprefix("<!--").removesuffix("-->")
    assert not re.search(r"--|[<>@#&]|//|gh-", inside, re.IGNORECASE)
    assert hidden.decode("dream", f"{text}\n\n{line}") == {"text": text, "list": [text, -1.5e-7, None]}


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
REPORTS = st.builds(
    Report,
    service=TEXT,
    check=TEXT,
    status=st.sampled_from(["passed", "failed", "degraded", "unknown"]),
    cause=st.sampled_from([None, "timeout", "crash"]),
    detail=TEXT,
    phases=st.dictionaries(TEXT, st.floats(min_value=0, max_value=1e6), max_size=3),
    value=st.none() | st.floats(allow_nan=False),
)
DREAMS = st.builds(
    Dream,
    key=TEXT,
    state=st.sampled_from(STATES),
    health=st.sampled_from(["failing", "degraded"]),
    cause=st.sampled_from([None, "timeout", "something new"]),
    opened_at=st.floats(min_value=-1e18, max_value=1e18),
    resolved_at=st.none() | st.floats(min_value=0, max_value=1e10),
    evidence=st.lists(REPORTS, max_size=3).map(tuple),
    remedy=st.none() | TEXT,
    until=st.none() | st.floats(min_value=0, max_value=1e10),
    because=TEXT,
    pattern=TEXT,
    umbrella=st.none() | st.integers(min_value=1, max_value=10**6),
    data=st.dictionaries(st.text(), PLAIN, max_size=2),
)


@pytest.mark.slow
@given(DREAMS)
def test_a_dream_comes_back_equal_and_its_body_is_neutral(dream: Dream) -> None:
    text, stored = body.body_of(body.Stored(dream=dream, revision=3))
    assert body.read(text) == stored == body.Stored(dream=dream, revision=3)
    assert body.read(text.replace("\n", "\r\n")) == stored
    text.encode()
    kinds, shown = read(text.rpartition("<!-- dreamnet:")[0])
    assert not LINKED.search(shown), shown
    assert not {"heading_open", "link_open", "image", "html_inline", "table_open", "hr"} & set(kinds)
    html = [token.content for token in READER.parse(text) if token.type == "html_block"]
    assert all(
        re.match(r"<(details><summary>Evidence|/details>|!-- dreamnet:dream v1 )", one) for one in html
    ), html


@pytest.mark.slow
@given(DREAMS)
def test_a_title_is_short_and_neutral(dream: Dream) -> None:
    written = body.title_of(dream)
    assert 0 < len(written) <= 256
    assert not LINKED.search(written)
    assert "\n" not in written


def test_a_title_says_what_is_wrong() -> None:
    assert body.title_of(Dream(key="production/web", cause="refused")) == (
        "web is failing: connection refused (production)"
    )


def test_what_does_not_fit_is_cut_and_what_is_hidden_agrees() -> None:
    reports = tuple(
        Report(service="p/web", check=f"c{n}", status="failed", detail="@octocat " * 5000) for n in range(10)
    )
    given_ = body.Stored(dream=Dream(key="p/web", evidence=reports, data={"n": 1}), revision=1)
    text, stored = body.body_of(given_)
    assert len(text) <= body.MOST
    assert "Cut to fit: 10 of 10 reports" in text
    assert body.read(text) == stored != given_
    assert [one.check for one in stored.dream.evidence] == [one.check for one in reports]
    assert stored.dream.data == {"n": 1}
    links = Links(home="https://github.com/octo/shop", run="https://github.com/octo/shop/actions/runs/7")
    text, stored = body.body_of(given_, links)
    said = "[The run that saw them](https://github.com/octo/shop/actions/runs/7) shows all."
    assert len(text) <= body.MOST
    assert said in text
    # Written once more, by a run that saw nothing of it, the note stays; what somebody wrote in its place does not.
    again, _ = body.body_of(replace(stored, revision=2), Links())
    assert said in again
    assert body.read(again.replace("Cut to fit: 10", "@octocat 10")).cut == ""  # type: ignore[union-attr]
    with pytest.raises(RequestTooLarge):
        body.body_of(body.Stored(dream=Dream(key="p/web", data={"n": "x" * body.MOST}), revision=1))


def test_damaged_data_is_none_of_ours() -> None:
    text, _ = body.body_of(body.Stored(dream=Dream(key="p/web"), revision=1))
    start = text.index("{", text.index("<!-- dreamnet:"))
    data = json.loads(text[start:].removesuffix(" -->"))
    for damaged in ("{", json.dumps({}), json.dumps(data | {"dream": 3}), json.dumps(data | {"rev": "x"})):
        assert body.read(f"<!-- dreamnet:dream v1 {damaged} -->") is None
    assert body.read(text.replace(" v1 ", " v2 ")) is None
    assert body.read("") is None


@pytest.mark.slow
@given(st.lists(st.tuples(st.floats(min_value=0, max_value=1e10), TEXT), max_size=40))
def test_a_story_comes_back_equal(lines: list[tuple[float, str]]) -> None:
    told = story.Told()
    for at, text in lines:
        told = told.and_then(at, text)
    text, kept = story.write(told)
    assert story.read(text) == kept == told
    assert list(kept.lines) == lines
    _, shown = read(text.rpartition("<!-- dreamnet:")[0])
    assert not LINKED.search(shown)


@pytest.mark.slow
def test_a_long_story_loses_its_oldest_lines_only() -> None:
    told = story.Told(lines=tuple((float(n), f"line {n} " + "x" * 100) for n in range(2950)))
    for n in range(2950, 3000):
        _, told = story.write(told.and_then(float(n), f"line {n} " + "x" * 100))
    text, _ = story.write(told)
    assert len(text) <= body.MOST
    assert told.dropped + len(told.lines) == 3000
    assert [at for at, _ in told.lines] == [float(n) for n in range(told.dropped, 3000)]
    assert len(told.lines) > 100
    assert f"{told.dropped} older lines no longer kept here" in text
    text, _ = story.write(told, "https://github.com/octo/shop")
    assert "[the journal](https://github.com/octo/shop/tree/dreamnet) has them" in text
