"""``dreamnet dreams``: the problems there are, and the story of one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import click

from dreamnet_actions.domain.dream import ENDED, STATES, Dream
from dreamnet_actions.domain.times import clock_time, rfc3339
from dreamnet_actions.domain.units import format_duration
from dreamnet_actions.entrances.cli.choice import Choice, choice
from dreamnet_actions.entrances.cli.render import check_line
from dreamnet_actions.entrances.cli.terminal import one_line, say, table
from dreamnet_actions.entrances.views import OPEN, dream_story, find_dream
from dreamnet_actions.entrances.wire import write_json

LATELY = 5
"""How many ended dreams are shown where none is open."""


@click.group(invoke_without_command=True)
@click.option("--all", "everything", is_flag=True, help="Those that ended, too.")
@click.option("--state", "states", multiple=True, type=click.Choice(STATES), help="Only these states.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@choice
@click.pass_context
def dreams(
    ctx: click.Context, chosen: Choice, everything: bool, states: tuple[Any, ...], as_json: bool
) -> None:
    """Without a word more: those that have not ended, newest first; where none is open, those that ended last."""
    if ctx.invoked_subcommand:
        return
    wanted = states or (() if everything else OPEN)
    with chosen.system(aloud=False) as system:
        found = system.dreams.search(states=wanted)
        if as_json:
            click.echo(write_json([dream.to_json() for dream in found]))
        elif found:
            say(dream_table(found, system.clock.now()))
        elif everything or states:
            say("No dreams.")
        else:
            say("No open dreams.")
            if ended := system.dreams.search(states=ENDED, limit=LATELY):
                say(
                    f"\nEnded last ('dreamnet dreams --all' shows more):\n{dream_table(ended, system.clock.now())}"
                )


@dreams.command()
@click.argument("dream")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@choice
def show(chosen: Choice, dream: str, as_json: bool) -> None:
    """Tell one dream's story: what, since when, evidence, what was tried, and what it did.

    DREAM is a number or a key (platform/service).
    """
    with chosen.system(aloud=False) as system:
        one = find_dream(system, dream)
        story = dream_story(system, one)
        if as_json:
            click.echo(write_json({**one.to_json(), "story": story}))
        else:
            say("\n".join(_told(one, story, system.clock.now())))


def dream_table(found: Sequence[Dream], now: float) -> str:
    """Write dreams as a table for people."""
    return table(
        ("NUMBER", "KEY", "STATE", "HEALTH", "SINCE", "CAUSE", "WHY"),
        [
            (
                dream.number,
                dream.key,
                dream.state,
                dream.health,
                f"{format_duration(max(0.0, now - dream.opened_at))} ago",
                dream.cause or "-",
                one_line(dream.because or dream.pattern, 80),
            )
            for dream in found
        ],
    )


def _waits(dream: Dream) -> str | None:
    """Say what a person is asked to approve, and the command for it."""
    if (asked := dream.asks) is None:
        return None
    until = rfc3339(asked.until)
    return f"an approval of {asked.what} (try {asked.attempt}) until {until}: dreamnet approve {dream.key}"


def _told(dream: Dream, story: list[dict[str, Any]], now: float) -> Iterator[str]:
    yield f"Dream {dream.number}: {dream.key} is {dream.state}" + (
        f", {dream.health}" if not dream.ended else ""
    )
    yield f"  since     {rfc3339(dream.opened_at)} ({format_duration(max(0.0, now - dream.opened_at))} ago)"
    if dream.resolved_at is not None:
        yield f"  resolved  {rfc3339(dream.resolved_at)}, after {format_duration(dream.resolved_at - dream.opened_at)}"
    rows = {
        "cause": dream.cause,
        "because": dream.because,
        "pattern": dream.pattern,
        "remedy": f"{dream.remedy}, try {dream.attempt}" if dream.remedy else None,
        "flaps": f"reopened {dream.flaps} times" if dream.flaps else None,
        "snoozed": f"until {rfc3339(dream.until)}" if dream.until else None,
        "waits for": _waits(dream),
        "umbrella": f"part of dream {dream.umbrella}" if dream.umbrella else None,
    }
    for name, text in rows.items():
        if text:
            yield f"  {name:<9} {one_line(text)}"
    if dream.evidence:
        yield "Evidence"
        for report in dream.evidence:
            first, *rest = report.detail.split("\n")
            yield f"  {check_line({**report.to_json(), 'detail': first})}"
            yield from (
                f"      {'  ' * line.startswith('  ')}{one_line(line)}" for line in rest if line.strip()
            )
    if story:
        yield "Story"
        for one in story:
            yield f"  {clock_time(one['at'])}  {one_line(one['text'])}"
