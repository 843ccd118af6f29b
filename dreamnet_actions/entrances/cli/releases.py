"""``dreamnet releases``: which versions went out, and how that ended."""

from __future__ import annotations

from typing import Any

import click

from dreamnet_actions.domain import chronicle
from dreamnet_actions.domain.markdown import cell
from dreamnet_actions.domain.units import format_duration
from dreamnet_actions.entrances.cli.choice import Choice, choice
from dreamnet_actions.entrances.cli.terminal import one_line, say, table
from dreamnet_actions.entrances.wire import write_json


@click.command()
@click.option("--service", metavar="KEY", help="Only of this service (platform/service).")
@click.option(
    "--limit", default=20, type=click.IntRange(1, 1000), show_default=True, help="The newest so many."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with every step.")
@click.option("--markdown", is_flag=True, help="Print a table for an issue, a summary or a wiki.")
@choice
def releases(chosen: Choice, service: str | None, limit: int, as_json: bool, markdown: bool) -> None:
    """The newest last. `dreamnet deploykeeper releases` also asks the platforms: what is out, before it, and held."""
    with chosen.system(aloud=False) as system:
        facts = system.journal.read(kinds=chronicle.RELEASE_KINDS, service=service)
        found = chronicle.releases(facts)[-limit:]
    if as_json:
        click.echo(write_json(found))
    elif markdown:
        click.echo("\n".join(_markdown(found)))
    elif not found:
        say("No releases.")
    else:
        head = ("STARTED", "SERVICE", "VERSION", "VERDICT", "TOOK", "STEPS", "WHY")
        say(table(head, [_row(one) for one in found]))


def _row(one: dict[str, Any]) -> tuple[object, ...]:
    took = format_duration(one["seconds"]) if one["seconds"] is not None else "-"
    version = str(one["version"] or "-").removeprefix("git:")[:12]
    return (one["started_at"], one["service"], version, one["verdict"] or "under way", took, len(one["steps"]),
            one_line(one["text"], 100))  # fmt: skip


def _markdown(found: list[dict[str, Any]]) -> list[str]:
    head = ["| started | service | version | verdict | took | why |", "|---|---|---|---|---|---|"]
    rows = []
    for one in found:
        started, service, version, verdict, took, _, _ = _row(one)
        shown = (started, service, version, verdict, took, one["text"])
        rows.append(f"| {' | '.join(cell(str(text)) for text in shown)} |")
    return [*head, *rows]
