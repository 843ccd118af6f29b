"""``dreamnet timeline``: what happened, from the journal."""

from __future__ import annotations

from collections.abc import Sequence

import click

from dreamnet_actions.domain.journal import KINDS, Fact
from dreamnet_actions.domain.times import clock_time, rfc3339
from dreamnet_actions.entrances.cli.choice import Choice, choice
from dreamnet_actions.entrances.cli.options import duration
from dreamnet_actions.entrances.cli.terminal import one_line, say
from dreamnet_actions.entrances.views import ROUTINE, is_news
from dreamnet_actions.entrances.wire import write_json


@click.command()
@click.option("--since", callback=duration, metavar="DURATION", help="The last so long, as 10m.")
@click.option("--service", metavar="KEY", help="Only about this service (platform/service).")
@click.option("--story", metavar="ID", help="Only of this story (a correlation id).")
@click.option(
    "--kind", "kinds", multiple=True, type=click.Choice(list(KINDS)), metavar="KIND", help="Only this kind."
)
@click.option("--after", type=click.IntRange(0), default=0, help="Only facts after this number.")
@click.option(
    "--limit", default=100, type=click.IntRange(1, 10_000), show_default=True, help="The newest so many."
)
@click.option("--json", "as_json", is_flag=True, help="Print one fact a line as JSON.")
@choice
def timeline(
    chosen: Choice,
    since: float | None,
    service: str | None,
    story: str | None,
    kinds: tuple[str, ...],
    after: int,
    limit: int,
    as_json: bool,
) -> None:
    """The newest last. Times are UTC."""
    with chosen.system(aloud=False) as system:
        facts: Sequence[Fact] = system.journal.read(
            kinds=kinds or frozenset(KINDS) - ROUTINE,
            service=service,
            correlation_id=story,
            since=system.clock.now() - since if since else 0.0,
            after=after,
            limit=limit,
        )
    if not kinds:
        facts = [fact for fact in facts if is_news(fact)]
    day = ""
    for fact in facts:
        if as_json:
            click.echo(write_json(fact.to_json(), indent=None))
            continue
        if rfc3339(fact.at)[:10] != day:
            day = rfc3339(fact.at)[:10]
            say(day)
        say(f"  {clock_time(fact.at)}  {one_line(fact.text)}")
    if not facts and not as_json:
        say("Nothing happened.")
