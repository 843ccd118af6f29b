"""``dreamnet call``: the contract itself, JSON in and JSON out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dreamnet_actions.domain.request import MAX_BYTES
from dreamnet_actions.entrances.cli.choice import Choice, choice
from dreamnet_actions.entrances.cli.environment import fresh_id, now
from dreamnet_actions.entrances.wire import read_json, with_id, write_json
from dreamnet_actions.errors import DreamNetError, RequestInvalid

if TYPE_CHECKING:
    from dreamnet_actions.domain.result import AgentResult


@click.command()
@click.argument("file")
@click.option(
    "--id", "request_id", metavar="ID", help="The request's id: the same id is the same request, once."
)
@click.option("--dry-run", is_flag=True, help="Plan only; nothing is written.")
@click.option("--no-deliver", is_flag=True, help="Leave the messages that follow to another run.")
@choice
@click.pass_context
def call(
    ctx: click.Context, chosen: Choice, file: str, request_id: str | None, dry_run: bool, no_deliver: bool
) -> None:
    """FILE holds an AgentRequest; - reads it from standard input.

    The exit status follows from the result, which is printed whatever happens. Messages that the request leads to
    are handed to their keepers before the command ends.
    """
    from dreamnet_actions.domain.endings import failure

    try:
        raw = with_id(read_json(_read(file)), request_id, "--id")
        with chosen.system() as system:
            result = system.pipe.submit(raw, dry_run=dry_run)
            _print(result)
            if not no_deliver and not dry_run:
                system.pipe.drain()
    except DreamNetError as error:
        result = failure(error, request_id=request_id or fresh_id(), at=now())
        _print(result)
    ctx.exit(result.exit_status)


def _print(result: AgentResult) -> None:
    click.echo(write_json(result.to_json()))


def _read(file: str) -> bytes:
    """Answer the file's bytes, one more than allowed at most: that is enough to see that there are too many."""
    try:
        if file == "-":
            return sys.stdin.buffer.read(MAX_BYTES + 1)
        with Path(file).open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise RequestInvalid(
            [f"{file} cannot be read: {error.strerror or error}."],
            hint="Name a file, or - for standard input.",
        ) from None
