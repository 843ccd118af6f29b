"""What we print is no command to the runner, whatever was in it: ``harmless`` against the grammar."""

from __future__ import annotations

import io
import json
import re
import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dreamnet_actions.adapters.console.harmless import harmless, lines_of
from dreamnet_actions.adapters.console.reporter import ConsoleReporter
from dreamnet_actions.domain.plain import no_command
from dreamnet_actions.entrances.cli.terminal import neutral, one_line
from dreamnet_actions.entrances.wire import write_json
from tests.actions.grammar import BLANKS, COMMANDS, Runner, may_be_command, parse, weightless

pytestmark = pytest.mark.slow

WEIGHTLESS = (
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180e\u180f\u3164\ufe00\ufe0f\uffa0\U000e0100\u200b\u00ad\x00\ufeff"
)
PIECES = [
    "::",
    ":",
    "#",
    "##[",
    "##",
    "[",
    "]",
    " ",
    "=",
    ",",
    ";",
    "%0A",
    "%3A",
    *COMMANDS,
    "ERROR",
    "Add-Mask",
]
PIECES += [*BLANKS, *WEIGHTLESS, "\x1b[31m", "\x9b", "：", "＃", "［", "ſet-env", "x"]

lines_like_commands = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
"""Most of what is drawn from all of Unicode never comes near a command; this comes near all the time."""


@settings(max_examples=500)
@given(st.one_of(lines_like_commands, st.text(max_size=80)))
@example("::error::x")
@example(" \t::set-output name=a::b")
@example("\u3000::add-mask::x")
@example("\ufeff::error::x")
@example("###[error]x")
@example("#\u034f#\ufe0f[error]x")
@example("\ufe0f:\u034f:error::x")
@example("x ##[add-mask]y")
@example("a\r::error::x\x85::error::y\u2028::error::z")
def test_no_line_is_a_command(text: str) -> None:
    for line in [harmless(text), *lines_of(text)]:
        assert not may_be_command(line), ascii(line)
        assert not may_be_command(line, {*COMMANDS, "x", ""}), "a token of stop-commands may be any name"
        assert "::" not in line.lstrip(BLANKS)[:2]
        assert "##[" not in line
        assert "\n" not in line
        assert "\r" not in line


def test_the_weightless_are_known_on_both_sides() -> None:
    for char in map(chr, range(sys.maxunicode + 1)):
        if weightless(char):
            assert no_command(f"{char}:{char}:x") == f"{char}: {char}:x", ascii(char)


@settings(max_examples=300)
@given(st.one_of(lines_like_commands, st.text(max_size=80)))
@example("a\n::error::x\n \t##[add-mask]y")
@example("\u200b::error::x")
def test_what_the_command_line_prints_is_no_command(text: str) -> None:
    for line in [*re.split("\r\n|\r|\n", neutral(text)), one_line(text)]:
        assert not may_be_command(line), ascii(line)


@given(st.one_of(lines_like_commands, st.text(max_size=80)), st.sampled_from([None, 2]))
@example("##[add-mask]x", 2)
@example("x\\\\##[", 2)
def test_json_holds_no_command_and_says_the_same(text: str, indent: int | None) -> None:
    written = write_json({"a": [text], text: 1, "b": {"c": text}}, indent=indent)
    assert json.loads(written) == {"a": [text], text: 1, "b": {"c": text}}
    for line in written.split("\n"):
        assert parse(line) is None
        assert "##[" not in line


@given(lines_like_commands)
def test_what_is_made_harmless_twice_is_the_same(text: str) -> None:
    assert harmless(harmless(text)) == harmless(text)


def test_the_careful_reading_does_see_these() -> None:
    """Without this, the test above could pass for a reason of its own."""
    drawn = [
        "::error::x",
        "\u3000::add-mask::x",
        "###[error]x",
        "#\u034f#\ufe0f[error]x",
        "\ufe0f:\u034f:error::x",
    ]
    assert all(may_be_command(line) for line in drawn)
    assert parse("::error::x")
    assert parse("###[error]x")


@given(lines_like_commands)
@settings(max_examples=200)
@example("::stop-commands::x\r\n::x::\n##[group]y")
def test_a_whole_report_gives_the_runner_no_command(text: str) -> None:
    stream = io.StringIO()
    ConsoleReporter(stream).say(text)
    runner = Runner()
    runner.feed(stream.getvalue().encode("utf-8", "replace"))
    assert runner.commands == []
    assert runner.errors == []


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("std::vector::size", "std::vector::size"),
        ("::error::x", ": :error::x"),
        ("see ##[error]x", "see # #[error]x"),
        ("## [heading]", "## [heading]"),
        ("⚠️ 12:30::45", "⚠️ 12:30::45"),
        ("a\tb\x1b[2J\r", "a b\\x1b[2J"),
        ("\u2028::x", "\\u2028::x"),
    ],
)
def test_what_is_not_dangerous_stays_as_it_is(line: str, shown: str) -> None:
    assert harmless(line) == shown
