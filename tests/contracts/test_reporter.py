"""ConsoleReporter: secrets and commands stay out of what is said, on a terminal and in a runner's log."""

from __future__ import annotations

import io
import threading
import time

import pytest

from dreamnet_actions.adapters.console.reporter import ConsoleReporter
from dreamnet_actions.domain.secret import SecretValue


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class TestConsoleReporter:
    def test_masks_every_form(self) -> None:
        stream = io.StringIO()
        reporter = ConsoleReporter(stream)
        secret = SecretValue("correct horse\nbattery")
        reporter.mask(secret)
        with reporter.group("about correct horse\nbattery"):
            for form in secret.forms():
                reporter.say(f"it is {form}!")
        assert not [form for form in secret.forms() if form in stream.getvalue()]
        assert stream.getvalue().count("***") == len(secret.forms()) + 1

    @pytest.mark.parametrize("github", [False, True])
    def test_untrusted_text_commands_nobody(self, github: bool) -> None:
        stream = io.StringIO()
        reporter = ConsoleReporter(stream, github=github)
        for hostile in (
            "::error::x",
            " \t::add-mask::x",
            "a\n::set-output name=a::b",
            "a\r::x::y",
            "a ##[error]b",
            "###[x]",
        ):
            reporter.say(hostile)
        reporter.say("\x1b[31mred\x07 \x9b2J \u202egnp\u2066 \x00")
        lines = stream.getvalue().split("\n")
        assert not [line for line in lines if line.lstrip().startswith("::") or "##[" in line]
        assert "\x1b" not in stream.getvalue()
        assert all(line.isprintable() for line in lines)

    def test_groups_only_on_a_runner(self) -> None:
        plain, runner = io.StringIO(), io.StringIO()
        for stream, github in ((plain, False), (runner, True)):
            reporter = ConsoleReporter(stream, github=github)
            with reporter.group("outer\n::x"), reporter.group("inner"):
                reporter.say("said")
        assert plain.getvalue() == "outer\n  : :x\n  inner\n    said\n"
        assert runner.getvalue() == "::group::outer\ninner\n  said\n::endgroup::\n"

    def test_quiet_says_nothing(self) -> None:
        stream = io.StringIO()
        reporter = ConsoleReporter(stream, quiet=True)
        with reporter.group("g"), reporter.waiting("w", 1) as tell:
            tell("t")
            reporter.say("s")
        assert stream.getvalue() == ""

    def test_a_wait_is_told_by_lines_without_a_terminal(self) -> None:
        stream = io.StringIO()
        with ConsoleReporter(stream, tell_every=0.05).waiting("the moon", 60) as tell:
            tell("rising")
            time.sleep(0.3)
        assert "still waiting for the moon, 0s of 1m: rising\n" in stream.getvalue()

    def test_a_wait_is_a_bar_on_a_terminal(self) -> None:
        stream = Terminal()
        reporter = ConsoleReporter(stream)
        with reporter.waiting("the [bold]moon[/]", 60) as tell:
            tell("[red]rising")
            reporter.say("said meanwhile [x]")
            time.sleep(0.3)
        assert "the [bold]moon[/]" in stream.getvalue()
        assert "[red]rising" in stream.getvalue()
        assert "said meanwhile [x]" in stream.getvalue()

    def test_a_stream_without_utf8_shows_escapes(self) -> None:
        raw = io.BytesIO()
        stream = io.TextIOWrapper(raw, encoding="ascii")
        ConsoleReporter(stream).say("a→b")
        assert raw.getvalue() == b"a\\u2192b\n"

    def test_threads_do_not_mix_lines(self) -> None:
        stream = io.StringIO()
        reporter = ConsoleReporter(stream)
        threads = [
            threading.Thread(target=lambda mark=mark: [reporter.say(mark * 50) for _ in range(50)])
            for mark in "abcd"
        ]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert all(len(set(line)) == 1 and len(line) == 50 for line in stream.getvalue().splitlines())
