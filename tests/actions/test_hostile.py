"""The corpus has teeth, and none of it is obeyed by what we print."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from dreamnet_actions.adapters.console.harmless import lines_of
from dreamnet_actions.adapters.runner.commands import annotation, output, summary
from dreamnet_actions.entrances.cli.terminal import neutral
from dreamnet_actions.entrances.wire import write_json
from tests.actions import grammar
from tests.actions.hostile import Hostile, corpus, encodes, of

pytestmark = pytest.mark.slow

PLACE = Path("/nowhere/canary")
ALL = corpus(PLACE)


def texts(kind: str) -> list[Hostile]:
    return [one for one in ALL if one.kind == kind]


BY_KIND = pytest.mark.parametrize("kind", sorted({one.kind for one in ALL}))


def test_there_are_three_hundred_and_each_is_another() -> None:
    assert len(ALL) >= 300
    assert len({one.id for one in ALL}) == len(ALL)
    assert len({one.text for one in ALL}) == len(ALL)
    assert {one.kind for one in ALL} >= {
        "shell",
        "expression",
        "command",
        "file",
        "markdown",
        "terminal",
        "unicode",
    }
    assert corpus(PLACE) == ALL
    assert not any("@CANARY@" in one.text for one in ALL)


@pytest.mark.parametrize("number", range(len(of("shell", PLACE))))
def test_a_shell_does_execute_each(number: int, tmp_path: Path) -> None:
    """Pasted into a script as an expression in `run` is, bare or quoted, each creates its canary."""
    canary = tmp_path / "canary"
    one = of("shell", canary)[number]
    for script in (
        f"echo {one.text}",
        f'echo "{one.text}"',
        f"echo '{one.text}'",
        f"cat <<EOF\n{one.text}\nEOF",
    ):
        subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, check=False, timeout=10)
        if canary.exists():
            return
    pytest.fail(f"{one.text!r} executes nothing")


def test_handed_over_as_data_a_shell_executes_none(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    for one in corpus(canary):
        if one.fits_environment:
            subprocess.run(
                ["bash", "-c", 'printf "%s" "$TEXT" >/dev/null'],
                env={"TEXT": one.text, "PATH": "/usr/bin:/bin"},
                check=True,
            )
    assert not canary.exists()


@pytest.mark.parametrize("one", of("command", PLACE), ids=lambda one: one.id)
def test_each_command_is_seen_by_the_careful_reading(one: Hostile) -> None:
    assert any(grammar.may_be_command(line) for line in grammar.lines(one.text.encode()))


@pytest.mark.parametrize("one", of("nearly", PLACE), ids=lambda one: one.id)
def test_what_is_near_a_command_is_none(one: Hostile) -> None:
    assert not any(grammar.parse(line) for line in grammar.lines(one.text.encode()))


@BY_KIND
def test_nothing_printed_is_a_command(kind: str) -> None:
    for one in texts(kind):
        printed = ["\n".join(lines_of(one.text)), neutral(one.text), write_json({one.text: one.text})]
        for text in printed:
            for line in grammar.lines(text.encode("utf-8", "replace")):
                assert grammar.parse(line) is None
                if not text.startswith("{"):
                    assert not grammar.may_be_command(line)
                    assert "\x1b" not in line


@BY_KIND
def test_an_annotation_of_it_is_one_command(kind: str) -> None:
    for one in texts(kind):
        runner = grammar.Runner()
        runner.feed(
            (annotation("error", one.text, title=one.text, file=one.text, line=1) + "\n").encode(
                "utf-8", "replace"
            )
        )
        (command,) = runner.commands
        assert command.name == "error"
        assert runner.log == []
        if encodes(one.text):
            assert command.data == one.text


@BY_KIND
def test_an_output_of_it_is_that_output(kind: str, tmp_path: Path) -> None:
    for one in texts(kind):
        file = tmp_path / f"{one.id}-output"
        output(file, "result", one.text, delimiter="d_5e9c1f")
        output(file, "outcome", "failed", delimiter="d_a0b1c2")
        (name, value), *rest = grammar.pairs(file.read_bytes())
        assert name == "result"
        assert rest == [("outcome", "failed")]
        if encodes(one.text):
            assert value == one.text


@BY_KIND
def test_a_summary_takes_it(kind: str, tmp_path: Path) -> None:
    for one in texts(kind):
        file = tmp_path / f"{one.id}-summary"
        assert summary(file, one.text + "\n")
        assert grammar.summary(file.read_bytes())


@BY_KIND
def test_git_takes_its_branch(kind: str) -> None:
    for one in texts(kind):
        taken = subprocess.run(
            ["git", "check-ref-format", "--branch", one.branch], capture_output=True, check=False
        )
        assert taken.returncode == 0, one.branch


def test_branches_still_bite() -> None:
    """What git forbids takes some of the bite away, and leaves enough."""
    names = [one.branch for one in of("shell", PLACE)]
    assert sum("canary" in name and ("$(" in name or "`" in name or ";" in name) for name in names) >= 30
