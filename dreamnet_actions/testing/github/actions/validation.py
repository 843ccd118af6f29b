"""The mistakes of a workflow file that GitHub itself refuses, in its words. Pure: plain data in, faults out.

Not the whole schema (the gates have actionlint for that): what would make a run start that GitHub would not
start, or what the rest of the engine relies on. Source:
https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from cronsim import CronSim, CronSimError

from dreamnet_actions.testing.github.actions import lexer, permissions
from dreamnet_actions.testing.github.actions.activities import EVENTS

_TOP = {"name", "description", "run-name", "on", "permissions", "env", "defaults", "concurrency", "jobs"}
_JOB = {
    *(
        "name",
        "permissions",
        "needs",
        "if",
        "runs-on",
        "snapshot",
        "environment",
        "concurrency",
        "outputs",
        "env",
    ),
    *("defaults", "steps", "timeout-minutes", "strategy", "continue-on-error", "container", "services"),
    *("uses", "with", "secrets"),
}
_STEP = {
    "id",
    "if",
    "name",
    "uses",
    "run",
    "shell",
    "with",
    "env",
    "continue-on-error",
    "timeout-minutes",
    "working-directory",
}
_PAIRS = (("branches", "branches-ignore"), ("tags", "tags-ignore"), ("paths", "paths-ignore"))
_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_INPUT_TYPES = {"string", "boolean", "number", "choice", "environment"}
SHORTEST_MINUTES = 5
"""Minutes between two runs of a schedule; GitHub takes none that come closer."""


class Fault(NamedTuple):
    """One mistake: the steps down to where it stands, and GitHub's sentence."""

    steps: tuple[str | int, ...]
    text: str


def faults(data: Mapping[str, Any]) -> list[Fault]:
    """Answer every mistake of a workflow."""
    return [*_top(data), *_triggers(data.get("on")), *_concurrency(data, ()), *_jobs(data.get("jobs"))]


def _top(data: Mapping[str, Any]) -> Iterator[Fault]:
    yield from (Fault((key,), f"Unexpected value '{key}'") for key in data if key not in _TOP)
    for needed in ("on", "jobs"):
        if not data.get(needed):
            place = (needed,) if needed in data else ()
            yield Fault(place, f"Required property is missing: {needed}")
    yield from _permissions(data, ())
    if isinstance(title := data.get("run-name"), str):
        yield from _expression(title, ("run-name",))


def _expression(text: str, steps: tuple[str | int, ...]) -> Iterator[Fault]:
    try:
        for span in lexer.spans(text):
            if not lexer.tokens(span.expression):
                yield Fault(steps, "An expression was expected")
    except lexer.ExpressionMistake as mistake:
        yield Fault(steps, str(mistake))


def _permissions(data: Mapping[str, Any], steps: tuple[str | int, ...]) -> Iterator[Fault]:
    try:
        permissions.understand(data.get("permissions"))
    except ValueError as error:
        yield Fault((*steps, "permissions"), str(error))


def _triggers(value: Any) -> Iterator[Fault]:
    if not isinstance(value, (str, list, Mapping)):
        return
    for name in [value] if isinstance(value, str) else value:
        if name not in EVENTS:
            yield Fault(("on", name), f"Unexpected value '{name}'")
    for name, settings in value.items() if isinstance(value, Mapping) else ():
        if name == "schedule":
            yield from _schedule(settings)
        elif isinstance(settings, Mapping):
            yield from _filters(name, settings)
            yield from _inputs(name, settings.get("inputs"))


def _filters(name: str, settings: Mapping[str, Any]) -> Iterator[Fault]:
    for one, other in _PAIRS:
        if one in settings and other in settings:
            yield Fault(
                ("on", name, other), f"you may only define one of `{one}` and `{other}` for a single event"
            )
    known = EVENTS.get(name)
    types = settings.get("types")
    for kind in [types] if isinstance(types, str) else types if isinstance(types, list) else ():
        if known is not None and known.types and kind not in known.types:
            yield Fault(("on", name, "types"), f"Unexpected value '{kind}'")


def _inputs(event: str, inputs: Any) -> Iterator[Fault]:
    for name, settings in inputs.items() if isinstance(inputs, Mapping) else ():
        kind = settings.get("type", "string") if isinstance(settings, Mapping) else "string"
        if kind not in _INPUT_TYPES:
            yield Fault(("on", event, "inputs", name, "type"), f"Unexpected value '{kind}'")
        elif kind == "choice" and not settings.get("options"):
            yield Fault(("on", event, "inputs", name), "Required property is missing: options")


def _schedule(entries: Any) -> Iterator[Fault]:
    if not isinstance(entries, list) or not entries:
        yield Fault(("on", "schedule"), "A sequence was not expected" if entries else "Unexpected value ''")
        return
    for index, entry in enumerate(entries):
        cron = entry.get("cron") if isinstance(entry, Mapping) else None
        if not isinstance(cron, str) or (told := _bad_cron(cron)):
            yield Fault(
                ("on", "schedule", index),
                told if isinstance(cron, str) else "Required property is missing: cron",
            )


def _bad_cron(line: str) -> str:
    try:
        fires = CronSim(line, datetime(2026, 1, 1, tzinfo=UTC))
        if len(line.split()) != 5:
            return f"Invalid cron '{line}': it has five fields"
        times = [next(fires) for _ in range(24)]
    except (CronSimError, StopIteration):
        return f"Invalid cron '{line}'"
    gaps = (later - earlier for earlier, later in itertools.pairwise(times))
    if min(gap.total_seconds() for gap in gaps) < SHORTEST_MINUTES * 60:
        return f"Invalid cron '{line}': the shortest interval is once every {SHORTEST_MINUTES} minutes"
    return ""


def _concurrency(data: Mapping[str, Any], steps: tuple[str | int, ...]) -> Iterator[Fault]:
    value = data.get("concurrency")
    here = (*steps, "concurrency")
    if value is None or isinstance(value, str):
        yield from _expression(value or "", here)
        return
    if not isinstance(value, Mapping):
        yield Fault(here, f"Unexpected value '{value}'")
        return
    for key in value:
        if key not in {"group", "cancel-in-progress", "queue"}:
            yield Fault((*here, key), f"Unexpected value '{key}'")
    if not value.get("group"):
        yield Fault(here, "Required property is missing: group")
    if value.get("queue", "single") not in {"single", "max"}:
        yield Fault((*here, "queue"), f"Unexpected value '{value['queue']}'")
    if value.get("queue") == "max" and value.get("cancel-in-progress") is True:
        yield Fault((*here, "queue"), "queue 'max' cannot be combined with cancel-in-progress: true")


def _jobs(jobs: Any) -> Iterator[Fault]:
    if not isinstance(jobs, Mapping):
        if jobs:
            yield Fault(("jobs",), "A mapping was expected")
        return
    for name, job in jobs.items():
        here = ("jobs", name)
        if not _ID.fullmatch(name):
            yield Fault(
                here,
                f"The identifier '{name}' is invalid. IDs may only contain alphanumeric characters, '_', and '-'. "
                "IDs must start with a letter or '_' and must be less than 100 characters.",
            )
        if not isinstance(job, Mapping):
            yield Fault(here, "Unexpected value ''")
            continue
        yield from (Fault((*here, key), f"Unexpected value '{key}'") for key in job if key not in _JOB)
        yield from _permissions(job, here)
        yield from _concurrency(job, here)
        yield from _work(job, here)
        yield from _needs(name, jobs)


def _work(job: Mapping[str, Any], here: tuple[str | int, ...]) -> Iterator[Fault]:
    if "uses" in job:
        if not isinstance(job["uses"], str):
            yield Fault((*here, "uses"), "Unexpected value ''")
        yield from (
            Fault((*here, key), f"Unexpected value '{key}'") for key in ("steps", "runs-on") if key in job
        )
        return
    if not job.get("runs-on"):
        yield Fault(here, "Required property is missing: runs-on")
    if not isinstance(steps := job.get("steps"), list) or not steps:
        yield Fault(here, "Required property is missing: steps")
        return
    for index, step in enumerate(steps):
        place = (*here, "steps", index)
        if not isinstance(step, Mapping):
            yield Fault(place, "Unexpected value ''")
            continue
        yield from (Fault((*place, key), f"Unexpected value '{key}'") for key in step if key not in _STEP)
        if ("run" in step) == ("uses" in step):
            text = "Required property is missing: run" if "run" not in step else "Unexpected value 'run'"
            yield Fault(place, text)


def _needs(name: str, jobs: Mapping[str, Any]) -> Iterator[Fault]:
    for one in needs_of(jobs[name]):
        if one not in jobs:
            yield Fault(("jobs", name, "needs"), f"Job '{name}' depends on unknown job '{one}'.")
    open_, seen = list(needs_of(jobs[name])), set()
    while open_:
        one = open_.pop()
        if one == name:
            yield Fault(
                ("jobs", name, "needs"),
                f"Job '{name}' depends on job '{one}' which creates a cycle in the dependency graph.",
            )
            return
        if one not in seen and isinstance(jobs.get(one), Mapping):
            seen.add(one)
            open_ += needs_of(jobs[one])


def needs_of(job: Mapping[str, Any]) -> list[str]:
    """Answer the ids that a job waits for."""
    needs = job.get("needs")
    return (
        [needs] if isinstance(needs, str) else [str(one) for one in needs] if isinstance(needs, list) else []
    )
