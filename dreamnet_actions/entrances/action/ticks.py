"""Writes down each tick of a schedule: when the run was planned, and when it came.

GitHub tells a run the cron line that started it, and not the planned time. That is the line's newest time before now: a
tick that comes after the next one was due looks like that one, and the one before it as missed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dreamnet_actions.domain.cron import parse_cron
from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.domain.message import Message, bounded_id
from dreamnet_actions.domain.schedule import STATE, Schedule, Tick, newest, punctuality
from dreamnet_actions.domain.times import rfc3339
from dreamnet_actions.entrances.wire import read_json
from dreamnet_actions.errors import DreamNetError, RequestInvalid

if TYPE_CHECKING:
    from dreamnet_actions.bootstrap import System

_REF = re.compile(r"[^/]+/[^/]+/(\.github/workflows/[^/@]+)@.*", re.DOTALL)


def record(system: System, found: Mapping[str, str]) -> None:
    """Write the tick that started this run into the journal; nothing where another event did, or where it cannot be
    told when it was planned. A run that is started again by a person is no tick."""
    if found.get("GITHUB_EVENT_NAME") != "schedule" or found.get("GITHUB_RUN_ATTEMPT", "1") != "1":
        return
    workflow = _REF.fullmatch(found.get("GITHUB_WORKFLOW_REF", ""))
    line = _line(found)
    if workflow is None or line is None or _has_zone(found, workflow[1]):
        return
    try:
        cron = parse_cron(line)
    except ValueError:
        return  # a form that GitHub takes and we do not know: nothing is claimed about it
    real = system.clock.now()
    planned = newest(cron, real)
    if planned is None:
        return
    number = found.get("GITHUB_RUN_NUMBER", "")
    tick = Tick(planned, real, int(number) if re.fullmatch("[0-9]{1,12}", number) else 0)
    schedule = Schedule(workflow[1], cron.line)
    stored, _ = system.journal.state(schedule.key)
    schedule = Schedule.from_json(stored) if stored else schedule
    text = f"{schedule.workflow} began {round(tick.late)} s late"
    data = {"workflow": schedule.workflow, "cron": schedule.cron, "planned": planned, "real": real}
    system.journal.append(
        Fact(kind="tick", at=real, text=text, data={**data, "late": round(tick.late, 1), "run": tick.number})
    )
    system.journal.set_state(schedule.key, schedule.after(tick).to_json())


def tell_of_silence(system: System) -> None:
    """Have DreamKeeper look at the schedules, where one fell silent: its own cannot tell of itself. One message for
    each silence, whoever finds it. Where it cannot be sent (a pause, an outage) the next run finds it, too."""
    now, grace = system.clock.now(), system.config.watch.late_after
    for data in system.journal.states(STATE).values():
        one = Schedule.from_json(data)
        if punctuality(one, now, grace=grace).silent is None:
            continue
        silence = bounded_id("silence", one.workflow, one.cron, str(int(one.ticks[-1].real)))
        told = Message(
            id=silence,
            sender="relaybot",
            name="schedule-fell-silent",
            to="dreamkeeper",
            time=rfc3339(now),
            data={"reason": f"{one.workflow} was not started when it was planned"},
            correlation_id=silence,
        )
        try:
            system.bus.publish(told)
        except DreamNetError as error:
            system.reporter.say(f"{one.workflow} fell silent, which could not be told: {error.message}")


def _line(found: Mapping[str, str]) -> str | None:
    """Answer the cron line that the event names
    (https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows#schedule)."""
    path = Path(found.get("GITHUB_EVENT_PATH") or "-")
    try:
        payload = read_json(path.read_bytes())
    except (OSError, RequestInvalid):
        return None
    line = payload.get("schedule") if isinstance(payload, Mapping) else None
    return line if isinstance(line, str) and len(line) <= 200 else None


def _has_zone(found: Mapping[str, str], workflow: str) -> bool:
    """Say whether the workflow's schedule is in a time zone, which the event does not tell of."""
    file = Path(found.get("GITHUB_WORKSPACE") or ".") / workflow
    try:
        return "timezone:" in file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
