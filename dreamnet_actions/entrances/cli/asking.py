"""What ``dreamnet init`` asks on a terminal: each question comes with what was recognised or given as its answer."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace

import click

from dreamnet_actions.domain.spec.forms import HttpAddress
from dreamnet_actions.entrances.cli.terminal import one_line, tell
from dreamnet_actions.entrances.setup.choose import PORT, Asked, command_of, formed, name, service
from dreamnet_actions.entrances.setup.draft import Service
from dreamnet_actions.entrances.setup.recognise import Guess
from dreamnet_actions.errors import RequestInvalid


def answered(guesses: Sequence[Guess], asked: Asked, called: str, *, asking: bool) -> list[Service]:
    """Ask about each service, or take what is known of it where nobody is asked.

    ``called`` is what a service is called of which nothing was recognised.
    """
    if not asking:
        ready = [(one, service(one, asked)) for one in guesses]
        for one, made in ready:
            if made is None:
                tell(f"left out: {one.name} ({one.why}): nothing tells how it starts; --command does")
        return [made for _, made in ready if made is not None]
    listed = list(guesses) or [Guess(name=called, why="")]
    several = len(listed) > 1
    picked = [
        one
        for one in listed
        if not several or click.confirm(f"Set up {one.name} ({one_line(one.why)})?", default=True)
    ]
    return [_asked(one, asked) for one in picked]


def schedule(usual: str, read: Callable[[str], str]) -> str:
    """Ask how often to check, and say what that costs first; ``read`` makes the cron line of an answer."""
    tell(
        "Each look is a run of Actions, billed by whole minutes on GitHub's runners: every 30 min is 1,440 min a month."
    )
    answer: str = click.prompt(
        "How often to check (30m, 1h, or a cron line)", default=usual, value_proc=_reader(read)
    )
    return answer


def _asked(guess: Guess, asked: Asked) -> Service:
    """Ask about one service; each question has what was recognised or given as its answer."""
    called = click.prompt(
        "Service", default=guess.name, value_proc=_reader(lambda text: name(text, "--service"))
    )
    known = asked.command or _joined(guess.command)
    line = click.prompt(
        "How it starts ({port} is the port that it listens on)",
        default=known or None,
        value_proc=_reader(lambda text: command_of(text) and text),
    )
    port = click.prompt(
        "Port for clients", default=asked.port or guess.port or PORT, type=click.IntRange(1, 65535)
    )
    path = guess.ready or "/"
    check = click.prompt(
        "Address that tells whether it is well",
        default=asked.check or f"http://127.0.0.1:{port}{path}",
        value_proc=_reader(lambda text: formed(text, HttpAddress, "--check")),
    )
    # What was recognised stays the words that it is; only another line is split anew.
    kept = asked.command is None and line == known
    made = service(replace(guess, name=called), Asked(command=None if kept else line, port=port, check=check))
    assert made is not None  # noqa: S101 — the command was asked for
    return made


def _joined(words: Sequence[str]) -> str:
    """Write words as a line that splits into them again."""
    return shlex.join(words).replace("'{port}'", "{port}")


def _reader(read: Callable[[str], object]) -> Callable[[str], str]:
    """Have click ask again, with our words, where an answer is not taken."""

    def proc(text: str) -> str:
        try:
            return str(read(text))
        except RequestInvalid as error:
            raise click.UsageError(f"{error.message} {error.hint}") from None

    return proc
