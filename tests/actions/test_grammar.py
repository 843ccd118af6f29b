"""The port of the runner's grammar, against the cases that actions/runner publishes in src/Test/L0."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.actions.grammar import (
    BLANKS,
    COMMANDS,
    SUMMARY_LIMIT,
    Command,
    FileInvalid,
    Runner,
    lines,
    may_be_command,
    pairs,
    parse,
    parse_new,
    parse_old,
    summary,
)

DO = {"do-something"}


# Worker/ActionCommandL0.cs, CommandParserTest and CommandParserV2Test
@pytest.mark.parametrize(
    ("line", "properties", "data"),
    [
        ("##[do-something k1=v1;]msg", {"K1": "v1"}, "msg"),
        ("##[do-something]", {}, ""),
        ("##[do-something k1=%3B=%0D=%0A=%5D;]%3B-%0D-%0A-%5D", {"K1": ";=\r=\n=]"}, ";-\r-\n-]"),
        ("##[do-something k1=%253B=%250D=%250A=%255D;]%253B-%250D-%250A-%255D",
         {"K1": "%3B=%0D=%0A=%5D"}, "%3B-%0D-%0A-%5D"),
        ("##[do-something k1=;k2=;]", {}, ""),
        (">>>   ##[do-something k1=v1;]msg", {"K1": "v1"}, "msg"),
    ],
)  # fmt: skip
def test_the_old_form(line: str, properties: dict[str, str], data: str) -> None:
    assert parse_old(line, DO) == Command("do-something", properties, data)
    assert parse_new(line, DO) is None


@pytest.mark.parametrize(
    ("line", "properties", "data"),
    [
        ("::do-something k1=v1,::msg", {"K1": "v1"}, "msg"),
        ("::do-something::", {}, ""),
        ("::do-something k1=;=%2C=%0D=%0A=]=%3A,::;-%0D-%0A-]-:-,", {"K1": ";=,=\r=\n=]=:"}, ";-\r-\n-]-:-,"),
        ("::do-something k1=;=%252C=%250D=%250A=]=%253A,::;-%250D-%250A-]-:-,",
         {"K1": ";=%2C=%0D=%0A=]=%3A"}, ";-%0D-%0A-]-:-,"),
        ("::do-something k1=,k2=,::", {}, ""),
        ("::do-something k1=v1::", {"K1": "v1"}, ""),
        ("   ::do-something k1=v1,::msg", {"K1": "v1"}, "msg"),
    ],
)  # fmt: skip
def test_the_new_form(line: str, properties: dict[str, str], data: str) -> None:
    assert parse_new(line, DO) == Command("do-something", properties, data)
    assert parse_old(line, DO) is None


def test_the_new_form_stands_at_the_start_only() -> None:
    assert parse("   >>>   ::do-something k1=v1,::msg", DO) is None


# Worker/ActionCommandManagerL0.cs
@pytest.mark.parametrize("line", ["::echo::on", "::echo::ON", "::echo::Off   ", "::ECHO::off", "##[Echo]on"])
def test_names_ignore_case(line: str) -> None:
    command = parse(line)
    assert command is not None
    assert command.name.lower() == "echo"


@pytest.mark.parametrize("token", ["stopToken", "randomToken"])
@pytest.mark.parametrize(
    ("stop", "resume"), [("##[stop-commands]{}", "##[{}]"), ("::stop-commands::{}", "::{}::")]
)
def test_commands_are_stopped_until_the_token_comes(token: str, stop: str, resume: str) -> None:
    runner = Runner()
    assert runner.line(stop.format(token))
    assert not runner.line("##[set-output name=foo]bar")
    assert not runner.line("::error::no")
    assert runner.line(resume.format(token.upper()))
    assert runner.line("##[set-output name=foo]bar")
    assert runner.masks == [token]
    assert runner.log == ["##[set-output name=foo]bar", "::error::no"]


@pytest.mark.parametrize("token", ["stop-commands", "", "set-env", "pause-logging", "Error"])
def test_some_tokens_are_refused(token: str) -> None:
    runner = Runner()
    runner.line(f"::stop-commands::{token}")
    assert runner.errors
    assert runner.token is None


def test_each_line_of_a_mask_is_a_mask() -> None:
    runner = Runner()
    runner.line("::add-mask::abc%0Ddef%0Aghi%0D%0Ajkl")
    assert runner.masks == ["abc\rdef\nghi\r\njkl", "abc", "def", "ghi", "jkl"]
    runner = Runner()
    runner.line("::add-mask:: %0D  %0A   %0D%0A    %0D")
    assert runner.masks == []


# Worker/OutputManagerL0.cs
def test_the_old_form_counts_anywhere_and_only_for_a_registered_name() -> None:
    names = {"some-command"}
    assert parse("##[some-command]this line is a command even though it contains ERROR: not working", names)
    assert parse("this line is a command too ##[some-command]even though it contains ERROR", names)
    assert parse("##[not-command]this line is an ERROR: it is broken again", names) is None
    assert parse("##[not-command] ##[some-command]only the first counts", names) is None
    assert may_be_command("##[not-command] ##[some-command]only the first counts", names)


def test_unknown_names_are_no_command() -> None:
    for line in (
        "::nothing::x",
        "::::",
        "::",
        "",
        "::error:",
        ":: error::x",
        "std::vector::size",
        "##[]",
        "##[error",
    ):
        assert parse(line) is None, line


@pytest.mark.parametrize("blank", BLANKS.replace("\r", "").replace("\n", ""))
def test_every_blank_of_dotnet_may_stand_in_front(blank: str) -> None:
    assert parse(f"{blank}{blank}::error::x") == Command("error", {}, "x")


@pytest.mark.parametrize("char", "\u200b\ufeff\u00ad\x00\u180e\x1c")
def test_what_is_no_blank_of_dotnet_hides_a_command_from_the_plain_reading_only(char: str) -> None:
    assert parse(f"{char}::error::x") is None
    assert may_be_command(f"{char}::error::x")
    assert may_be_command(f"::error:{char}:x")


@pytest.mark.parametrize("char", "\v\f\x85\u2028\u2029\x1c\x1d\x1e")
def test_lines_end_at_cr_and_lf_only(char: str) -> None:
    assert lines(f"a{char}b\rc\nd\r\ne\n".encode()) == [f"a{char}b", "c", "d", "e"]


def test_a_byte_order_mark_in_front_is_dropped_and_bad_bytes_are_replaced() -> None:
    runner = Runner()
    runner.feed("\ufeff::error::x\n".encode() + b"\xff\n")
    assert runner.commands == [Command("error", {}, "x")]
    assert runner.log == ["\ufffd"]


@pytest.mark.slow
@given(st.text(max_size=60).map(lambda text: text.replace("\r", "").replace("\n", "")))
@example("::error::x")
@example("a ##[ERROR k=v]x")
def test_the_careful_reading_sees_all_that_the_plain_one_does(text: str) -> None:
    for line in (text, f"::error {text}", f"##[error {text}", f"{text}::debug::", f"{text}##[group]"):
        if parse(line):
            assert may_be_command(line)


@given(st.sampled_from(sorted(COMMANDS)), st.text(BLANKS.replace("\r", "").replace("\n", "")), st.text())
def test_a_command_is_seen_behind_any_blanks(name: str, blanks: str, data: str) -> None:
    data = data.replace("\r", "").replace("\n", "")
    assert parse(f"{blanks}::{name}::{data}") is not None
    assert may_be_command(f"{blanks}::{name}::{data}")


# Worker/SetOutputFileCommandL0.cs; SetEnvFileCommandL0.cs has the same cases
@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([], []),
        (["MY_OUTPUT=MY VALUE"], [("MY_OUTPUT", "MY VALUE")]),
        (["", "A=my value", "", "B=my second value", ""], [("A", "my value"), ("B", "my second value")]),
        (["A="], [("A", "")]),
        (["A==abc", "B=def=ghi", "C=jkl="], [("A", "=abc"), ("B", "def=ghi"), ("C", "jkl=")]),
        (["A<<EOF", "line one", "line two", "line three", "EOF"], [("A", "line one\nline two\nline three")]),
        (["A<<EOF", "EOF"], [("A", "")]),
        (["", "A<<EOF", "hello", "world", "EOF", "", "B<<EOF", "HELLO", "AGAIN", "EOF", ""],
         [("A", "hello\nworld"), ("B", "HELLO\nAGAIN")]),
        (
            ["A<<=EOF", "hello", "one", "=EOF", "B<<<EOF", "hello", "two", "<EOF",
             "C<<EOF", "hello", "", "three", "", "EOF",
             "D<<EOF", "hello=four", "EOF", "E<<EOF", " EOF", "EOF"],
            [("A", "hello\none"), ("B", "hello\ntwo"), ("C", "hello\n\nthree\n"), ("D", "hello=four"), ("E", " EOF")],
        ),
    ],
)  # fmt: skip
def test_files_of_outputs(rows: list[str], found: list[tuple[str, str]]) -> None:
    assert pairs("\n".join(rows).encode("utf-8-sig")) == found


def test_files_that_fail_a_step() -> None:
    rows = ["MY_OUTPUT<<EOF", "line one", "line two", "line three", "EOF"]
    for content in (" ".join(rows), "A<<EOF\nline one\nline two EOF", "<<EOF\nEOF\n", "A<<\n\n", "nothing"):
        with pytest.raises(FileInvalid):
            pairs(content.encode())


def test_a_carriage_return_ends_no_mark() -> None:
    assert pairs(b"A<<EOF\nx\r\nEOF\r\ny\nEOF\n") == [("A", "x\r\nEOF\r\ny")]


# Worker/CreateStepSummaryCommandL0.cs
def test_summaries_have_a_limit() -> None:
    assert summary(b"") is None
    assert summary(b"# x" + b" " * (SUMMARY_LIMIT - 3)) is not None
    with pytest.raises(FileInvalid):
        summary(bytes(SUMMARY_LIMIT + 1))
