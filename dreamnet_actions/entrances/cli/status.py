"""``dreamnet status``: what runs where, and what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dreamnet_actions.domain.times import rfc3339
from dreamnet_actions.entrances.cli.choice import Choice, choice
from dreamnet_actions.entrances.cli.dreams import dream_table
from dreamnet_actions.entrances.cli.render import finding_lines
from dreamnet_actions.entrances.cli.root import show_lines
from dreamnet_actions.entrances.cli.terminal import one_line, say
from dreamnet_actions.entrances.views import OPEN, status_json
from dreamnet_actions.entrances.wire import write_json

if TYPE_CHECKING:
    from dreamnet_actions.bootstrap import System


@click.command()
@click.argument("service", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@choice
@click.pass_context
def status(ctx: click.Context, chosen: Choice, service: str | None, as_json: bool) -> None:
    """Nothing is checked for this: health is what the last check saw."""
    with chosen.system(aloud=False) as system:
        seen = status_json(system, service)
        if as_json:
            click.echo(write_json(seen))
        elif error := seen["result"]["error"]:
            show_lines(error["message"], error["hint"], error["docs"])
        else:
            _show(system, seen)
    ctx.exit(seen["exit_status"])


def _show(system: System, seen: dict[str, Any]) -> None:
    if paused := seen["paused"]:
        say(
            f"Paused by {one_line(paused.get('by'))} since {rfc3339(paused['at'])}: {one_line(paused.get('reason'))}"
        )
    result = seen["result"]
    if not result["findings"]:
        say(result["summary"])
    for finding in result["findings"]:
        first, *more = finding_lines(finding)
        last = seen["checked"].get(str(finding.get("service")))
        say("\n".join([f"{first}; {last['health']} at {last['at']}" if last else first, *more]))
    if found := system.dreams.search(states=OPEN):
        say()
        say(dream_table(found, system.clock.now()))
