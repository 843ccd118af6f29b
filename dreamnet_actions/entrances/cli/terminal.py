"""Text for people: harmless whatever it holds, aligned, and nothing more than plain lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import click

from dreamnet_actions.domain.plain import no_command

_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def neutral(text: object) -> str:
    """Write untrusted text so that no terminal obeys it, and no workflow's runner: ESC becomes four plain characters,
    and a command to the runner gets a blank in its mark; lines and tabs stay.
    """
    plain = _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), str(text))
    return "\n".join(map(no_command, plain.split("\n")))


def one_line(text: object, width: int = 0) -> str:
    """Write untrusted text as one harmless line, cut to ``width`` characters where that is given."""
    line = " ".join(neutral(text).split())
    return line if not width or len(line) <= width else line[: width - 1] + "…"


def say(text: object = "") -> None:
    """Print to standard output, made harmless."""
    click.echo(neutral(text))


def tell(text: object) -> None:
    """Print to standard error, made harmless."""
    click.echo(neutral(text), err=True)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Align columns under their heads by two blanks; the last column may be as long as it likes."""
    lines = [list(head), *([one_line(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
