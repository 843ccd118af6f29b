"""``dreamnet releases``: which versions went out, and how that ended."""

from __future__ import annotations

from typing import Any

import click

from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.domain.times import rfc3339
from dreamnet_actions.domain.units import format_duration
from dreamnet_actions.entrances.cli.choice import Choice, choice
from dreamnet_actions.entrances.cli.terminal import one_line, say, table
from dreamnet_actions.entrances.wire import write_json

KINDS = frozenset({"release-started", "release-step", "release-ended", "release-skipped"})


@click.command()
@click.option("--service", metavar="KEY", help="Only of this service (platform/service).")
@click.option(
    "--limit", default=20, type=click.IntRange(1, 1000), show_default=True, help="The newest so many."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with every step.")
@choice
def releases(chosen: Choice, service: str | None, limit: int, as_json: bool) -> None:
    """The newest last."""
    with chosen.system(aloud=False) as system:
        found = told(list(system.journal.read(kinds=KINDS, service=service)))[-limit:]
    if as_json:
        click.echo(write_json(found))
    elif not found:
        say("No releases.")
    else:
        head = ("STARTED", "SERVICE", "VERSION", "VERDICT", "TOOK", "STEPS", "WHY")
        say(table(head, [_row(one) for one in found]))


def told(facts: list[Fact]) -> list[dict[str, Any]]:
    """Fold the facts of releases into one entry each: a start, its steps, and its end if it has ended."""
    found: list[dict[str, Any]] = []
    open_by_service: dict[str, dict[str, Any]] = {}
    for fact in facts:
        if fact.kind == "release-skipped":
            found.append({
                "service": fact.service, "version": fact.data.get("version"), "started_at": rfc3339(fact.at),
                "at": fact.at, "verdict": "skipped", "seconds": None, "text": fact.text, "steps": [],
            })  # fmt: skip
            continue
        if fact.kind == "release-started" or fact.service not in open_by_service:
            one: dict[str, Any] = {
                "service": fact.service, "version": fact.data.get("version"), "started_at": rfc3339(fact.at),
                "at": fact.at, "verdict": None, "seconds": None, "text": fact.text, "steps": [],
            }  # fmt: skip
            found.append(one)
            open_by_service[fact.service] = one
        one = open_by_service[fact.service]
        one["version"] = fact.data.get("version", one["version"])
        if fact.kind == "release-step":
            one["steps"].append({"at": rfc3339(fact.at), "text": fact.text, **fact.data})
        elif fact.kind == "release-ended":
            one |= {
                "verdict": fact.data.get("verdict"),
                "seconds": round(fact.at - one["at"], 3),
                "text": fact.text,
            }
            del open_by_service[fact.service]
    return found


def _row(one: dict[str, Any]) -> tuple[object, ...]:
    took = format_duration(one["seconds"]) if one["seconds"] is not None else "-"
    version = str(one["version"] or "-").removeprefix("git:")[:12]
    return (one["started_at"], one["service"], version, one["verdict"] or "under way", took, len(one["steps"]),
            one_line(one["text"], 100))  # fmt: skip
