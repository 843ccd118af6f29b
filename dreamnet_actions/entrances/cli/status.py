"""``dreamnet status``: what runs where, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from dreamnet_actions.domain.dream import ENDED, STATES
from dreamnet_actions.domain.times import rfc3339
from dreamnet_actions.entrances.cli.choice import Choice, choice
from dreamnet_actions.entrances.cli.dreams import dream_table
from dreamnet_actions.entrances.cli.render import finding_lines, show_result
from dreamnet_actions.entrances.cli.terminal import one_line, say
from dreamnet_actions.entrances.wire import write_json

if TYPE_CHECKING:
    from dreamnet_actions.bootstrap import System
    from dreamnet_actions.domain.result import AgentResult


@click.command()
@click.argument("service", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@choice
@click.pass_context
def status(ctx: click.Context, chosen: Choice, service: str | None, as_json: bool) -> None:
    """Nothing is checked for this: health is what the last check saw."""
    with chosen.system(aloud=False) as system:
        result, seen = look(system, service)
        if as_json:
            click.echo(write_json(status_json(system, result, seen)))
        elif result.error is not None:
            show_result(result)
        else:
            _show(system, result, seen)
    ctx.exit(result.exit_status)


def look(system: System, service: str | None) -> tuple[AgentResult, dict[str, dict[str, Any]]]:
    """Ask DeployKeeper what runs, and the journal what the last check of each service saw."""
    given = {"service": service} if service else {}
    result = system.pipe.submit({"agent": "deploykeeper", "input": {"action": "status", **given}})
    seen: dict[str, dict[str, Any]] = {}
    for fact in system.journal.read(kinds={"check-ended"}, limit=1000):
        name = fact.service.partition("/")[2] or fact.service
        seen[name] = {"at": rfc3339(fact.at), "text": fact.text, **_health(fact.data)}
    return result, seen


def status_json(system: System, result: AgentResult, seen: Mapping[str, Any]) -> dict[str, Any]:
    """Answer all of it as plain data; the same at the command line and over HTTP."""
    states = [state for state in STATES if state not in ENDED]
    return {
        "paused": system.paused(),
        "result": result.to_json(),
        "checked": dict(seen),
        "dreams": [dream.to_json() for dream in system.dreams.search(states=states)],
    }


def _show(system: System, result: AgentResult, seen: Mapping[str, Mapping[str, Any]]) -> None:
    if paused := system.paused():
        say(f"Paused by {one_line(paused.get('by'))} since {rfc3339(paused['at'])}: {one_line(paused.get('reason'))}")
    if not result.findings:
        say(result.summary)
    for finding in result.findings:
        lines = list(finding_lines(finding))
        last = seen.get(str(finding.get("service")))
        if last and last.get("health"):
            lines[0] += f"; {last['health']} at {last['at']}"
        say("\n".join(lines))
    states = [state for state in STATES if state not in ENDED]
    if found := system.dreams.search(states=states):
        say()
        say(dream_table(found, system.clock.now()))


def _health(data: Mapping[str, Any]) -> dict[str, Any]:
    return {"health": data["health"]} if "health" in data else {}
