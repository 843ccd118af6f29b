"""``dreamnet messages`` and ``dreamnet follow``: what the keepers told each other, and what comes next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dreamnet_actions.entrances.cli.choice import Choice, choice
from dreamnet_actions.entrances.cli.options import duration
from dreamnet_actions.entrances.cli.terminal import say, table
from dreamnet_actions.entrances.views import message_json
from dreamnet_actions.entrances.wire import write_json

if TYPE_CHECKING:
    from dreamnet_actions.ports.stores import MessageState

POLL = 0.2
"""Seconds between two looks of ``follow`` at the bus."""


@click.command()
@click.option(
    "--dead", is_flag=True, help="Only those that could not be handled; `dreamnet replay ID` tries again."
)
@click.option("--waiting", is_flag=True, help="Only those that wait for their keeper.")
@click.option(
    "--limit", default=50, type=click.IntRange(1, 10_000), show_default=True, help="The newest so many."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@choice
def messages(chosen: Choice, dead: bool, waiting: bool, limit: int, as_json: bool) -> None:
    """The newest last."""
    states = {state for state, on in (("dead", dead), ("waiting", waiting)) if on}
    with chosen.system(aloud=False) as system:
        found = system.bus.list(states=states, limit=limit)
    if as_json:
        click.echo(write_json([message_json(one) for one in found]))
    elif not found:
        say("No messages.")
    else:
        say(table(("TIME", "FROM", "TO", "MESSAGE", "STATE", "ID", "ERROR"), [_row(one) for one in found]))


def _row(one: MessageState) -> tuple[str, ...]:
    message = one.message
    return (message.time, message.sender, message.to or "-", message.name, one.state, message.id, one.error)


@click.command()
@click.option(
    "--after", type=click.IntRange(0), help="Begin after this number; 0 is the very first.  [default: now]"
)
@click.option("--for", "seconds", callback=duration, metavar="DURATION", help="End after this time, as 10s.")
@choice
@click.pass_context
def follow(ctx: click.Context, chosen: Choice, after: int | None, seconds: float | None) -> None:
    """One CloudEvent a line, with the bus' own number as `seq`: give the last one as --after to go on from there."""
    with chosen.system(aloud=False) as system:
        seen = system.bus.last() if after is None else after
        end = None if seconds is None else system.clock.monotonic() + seconds
        try:
            while True:
                for seq, message in system.bus.follow(seen):
                    seen = seq
                    click.echo(write_json({"seq": seq, **message.to_json()}, indent=None))
                left = POLL if end is None else min(POLL, end - system.clock.monotonic())
                if left <= 0:
                    break
                system.clock.sleep(left)
        except KeyboardInterrupt:
            ctx.exit(0)  # how following is meant to end
