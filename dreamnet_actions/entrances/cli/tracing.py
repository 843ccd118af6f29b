"""``dreamnet trace``: who told whom, and what came of it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import click

from dreamnet_actions.domain.times import clock_time, rfc3339
from dreamnet_actions.domain.trace import Step, depths, mermaid
from dreamnet_actions.domain.units import counted
from dreamnet_actions.entrances.cli.choice import Choice, choice
from dreamnet_actions.entrances.cli.terminal import one_line, say
from dreamnet_actions.entrances.trace import Traced, traced
from dreamnet_actions.entrances.wire import write_json

DEEPEST = 8
"""How far what follows from messages is moved in."""


@click.command()
@click.argument("id_", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--mermaid", "as_diagram", is_flag=True, help="Print a Mermaid sequence diagram.")
@choice
def trace(chosen: Choice, id_: str, as_json: bool, as_diagram: bool) -> None:
    """ID is a dream's number or key (platform/service), or the id of a message, a request or a story.

    Causes stand before effects; what follows from a message is moved in. Times are UTC.
    """
    if as_json and as_diagram:
        raise click.UsageError("Give --json or --mermaid, not both.")
    with chosen.system(aloud=False) as system:
        found = traced(system, id_)
    if as_json:
        click.echo(write_json(found.to_json()))
    elif as_diagram:
        click.echo(mermaid(found.steps), nl=False)
    else:
        say("\n".join(_told(found)))


def _told(found: Traced) -> Iterator[str]:
    yield f"Story {', '.join(map(one_line, found.stories))}"
    for dream, link in found.dreams:
        yield f"Dream {dream.number}: {one_line(dream.key)}, {dream.state}{f'  {link}' if link else ''}"
    depth = depths(found.steps)
    day = ""
    for one in found.steps:
        if rfc3339(one.at)[:10] != day:
            day = rfc3339(one.at)[:10]
            yield day
        margin = "  " * min(depth[one.key], DEEPEST)
        first, *rest = _lines(one)
        yield f"  {clock_time(one.at)}  {margin}{one_line(first)}"
        for line in rest:
            yield f"{' ' * 12}{margin}  {one_line(line)}"


def _lines(one: Step) -> Iterator[str]:
    """Say one step in a line, and what else there is to know of it in others."""
    if one.kind == "fact":
        yield one.text
        return
    if one.kind == "request":
        what = " ".join(filter(None, (one.sender, one.name))) or f"request {one.id}"
        yield f"{what}: {one.state}{f' – {one.text}' if one.text else ''}"
        return
    tries = f", {counted(one.attempts, 'attempt')}" if one.attempts else ""
    yield f"{one.sender} → {one.to or 'everybody'}: {one.name} ({one.state}{tries})"
    if one.error:
        yield f"why: {one.error}"
    if one.state == "dead":
        yield f"again: dreamnet replay {shlex.quote(one.id)}"
    if one.link:
        yield f"run: {one.link}"
