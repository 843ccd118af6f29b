"""Understands what act says (``--json``): which job and step a line is of, results, outputs, summaries,
annotations.

Each job of the rewritten copy is named by its key (``j3``), so that the last part of act's ``job`` field tells
it, also within called workflows and matrices.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from dreamnet_actions.testing.github.actions import expressions
from dreamnet_actions.testing.github.actions.lexer import ExpressionMistake
from dreamnet_actions.testing.github.actions.plan import JobPlan, Plan
from dreamnet_actions.testing.github.actions.runs import Annotation, Attempt, Job, Step

_JOB = re.compile(r"(?:^|/)(?P<key>j\d+)(?:-(?P<leg>\d+))?\s*$")
_COMMAND = re.compile(
    r"\s*::(?P<level>error|warning|notice)(?:\s+(?P<properties>.*?))?::(?P<message>.*)", re.DOTALL
)
_NOISE = ("LocalRepositoryCache ", "Cleaning up container for job", "\U0001f9ea  Matrix:")
_UNTOLD = ("set-output", "summary")
"""What a step writes into files: GitHub's log does not repeat it, act's does, for each action around the step again."""
_UNESCAPED = (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%"))
LONGEST_LOG = 50_000
"""Lines kept of one job; what comes on top is counted only."""
MOST_ANNOTATIONS = 10
"""Of each level and step (https://docs.github.com/en/rest/checks/runs)."""


@dataclass
class _Heard:
    plan: JobPlan
    job: Job
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    matrix: Mapping[str, Any] = field(default_factory=dict)
    dropped: int = 0
    counts: dict[tuple[str, str], int] = field(default_factory=dict)


class Listener:
    """Fills an attempt's jobs from act's lines. ``new_id`` numbers jobs, ``now`` is the stand-in's time.

    ``began`` and ``ended`` are told of each job, for its time limit and its token. What ends in failure once
    ``cancelled`` is set, or is ``overdue`` (by key), counts as cancelled, as on GitHub; act does not tell these
    apart.
    """

    def __init__(
        self,
        plan: Plan,
        attempt: Attempt,
        *,
        contexts: Mapping[str, Any],
        new_id: Callable[[], int],
        now: Callable[[], float],
        began: Callable[[JobPlan], None] = lambda _job: None,
        ended: Callable[[JobPlan], None] = lambda _job: None,
    ) -> None:
        self._plan = plan
        self._attempt = attempt
        self._contexts = contexts
        self._new_id = new_id
        self._now = now
        self._began = began
        self._ended = ended
        self.overdue: set[str] = set()
        self.cancelled = False
        self._heard: dict[tuple[str, str], _Heard] = {}
        for job in plan.jobs:
            if job.calls is None:
                self._heard[job.key, ""] = _Heard(job, self._made(job, {}))

    def _made(self, plan: JobPlan, matrix: Mapping[str, Any]) -> Job:
        job = Job(
            id=self._new_id(),
            path=plan.path,
            name=self._title(plan, matrix),
            created_at=self._now(),
            labels=plan.labels,
            permissions=plan.permissions,
        )
        for number, step in enumerate(plan.data.get("steps") or (), 1):
            job.steps.append(Step(number=number, name=_step_title(step)))
        self._attempt.jobs.append(job)
        return job

    def _title(self, plan: JobPlan, matrix: Mapping[str, Any]) -> str:
        callers = [self._callers_title(plan.path[:depth]) for depth in range(1, len(plan.path))]
        try:
            own = expressions.spell(
                expressions.interpolate(plan.title, {**self._contexts, "matrix": dict(matrix)})
            )
        except ExpressionMistake:
            own = plan.title
        if matrix and "${{" not in plan.title:
            own += f" ({', '.join(expressions.spell(one) for one in matrix.values())})"
        return " / ".join([*callers, own])

    def _callers_title(self, path: tuple[str, ...]) -> str:
        return next((one.title for one in self._plan.jobs if one.path == path), path[-1])

    def hear(self, line: str) -> None:
        """Take one line of act's output."""
        try:
            said = json.loads(line)
        except ValueError:
            said = {"msg": line}
        if not isinstance(said, dict):
            return
        heard = self._whose(said)
        if heard is None:
            text = str(said.get("msg", "")).rstrip()
            if text and said.get("level") in {None, "error", "fatal", "warning"}:
                self._attempt.log.append(text)
            return
        self._take(heard, said)

    def _whose(self, said: Mapping[str, Any]) -> _Heard | None:
        match = _JOB.search(str(said.get("job", "")))
        if match is None:
            return None
        key, leg = match["key"], match["leg"] or ""
        plan = self._plan.job(key)
        if plan is None or plan.calls is not None:
            return None
        matrix = said.get("matrix") or {}
        first = self._heard.get((key, ""))
        if leg and (key, leg) not in self._heard:
            if leg == "1" and first is not None:
                # The job was listed before its matrix was known: it becomes the first leg.
                self._heard[key, leg] = first
            else:
                self._heard[key, leg] = _Heard(plan, self._made(plan, matrix))
        heard = self._heard[key, leg]
        if matrix and not heard.matrix:
            heard.matrix = matrix
            heard.job.name = self._title(plan, matrix)
        return heard

    def _take(self, heard: _Heard, said: Mapping[str, Any]) -> None:
        job, at = heard.job, self._now()
        if job.status == "queued":
            job.status, job.started_at = "in_progress", at
            if heard.plan.units:
                job.status = "pending"
            self._began(heard.plan)
        text = str(said.get("msg", ""))
        if not text.startswith(_NOISE) and said.get("command") not in _UNTOLD:
            self._log(heard, text, at)
        self._step(heard, said, at)
        self._command(heard, said)
        if isinstance(result := said.get("jobResult"), str):
            self.end(heard.plan, job, result)
            job.outputs = self._outputs(heard)

    def go_on(self, plan: JobPlan) -> None:
        """A job has its concurrency groups: it does not wait any more."""
        for heard in self._heard.values():
            if heard.plan is plan and heard.job.status == "pending":
                heard.job.status, heard.job.started_at = "in_progress", self._now()

    def end(self, plan: JobPlan, job: Job, conclusion: str) -> None:
        """A job has ended: its open steps with it."""
        at = self._now()
        if conclusion == "failure" and (self.cancelled or plan.key in self.overdue):
            conclusion = "cancelled"
        job.status, job.conclusion, job.completed_at = "completed", conclusion, at
        job.started_at = job.started_at or at
        for step in job.steps:
            if step.conclusion is None:
                step.conclusion = conclusion if step.status == "in_progress" else "skipped"
                step.status, step.completed_at = "completed", at
        self._ended(plan)

    def finish(self, conclusion: str) -> None:
        """Act is gone: what has not ended ends with ``conclusion``, what never began was skipped."""
        for heard in self._heard.values():
            if heard.job.status != "completed":
                began = heard.job.status in {"in_progress", "pending"} or conclusion == "cancelled"
                self.end(heard.plan, heard.job, conclusion if began else "skipped")

    def _log(self, heard: _Heard, text: str, at: float) -> None:
        stamp = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        for line in text.rstrip("\n").split("\n"):
            if len(heard.job.log) < LONGEST_LOG:
                heard.job.log.append(f"{stamp} {line.rstrip(chr(13))}")
            else:
                heard.dropped += 1

    def _step(self, heard: _Heard, said: Mapping[str, Any], at: float) -> None:
        ids = said.get("stepID")
        if said.get("stage") != "Main" or not isinstance(ids, list) or len(ids) != 1:
            return
        step = self._step_of(heard, str(ids[0]))
        if step is None:
            return
        if step.status == "queued":
            step.status, step.started_at = "in_progress", at
        if isinstance(result := said.get("stepResult"), str):
            step.status, step.conclusion, step.completed_at = "completed", result, at

    def _step_of(self, heard: _Heard, name: str) -> Step | None:
        first = 1 if heard.plan.units else 0  # a step of ours comes before them
        for index, data in enumerate(heard.plan.data.get("steps") or ()):
            if str(data.get("id") or index + first) == name and index < len(heard.job.steps):
                return heard.job.steps[index]
        return None

    def _command(self, heard: _Heard, said: Mapping[str, Any]) -> None:
        command, ids = said.get("command"), said.get("stepID")
        if command == "summary":
            if isinstance(ids, list) and len(ids) > 1:
                return  # a step within an action: act tells it again as that of the step that uses the action
            heard.job.summaries.append(str(said.get("content", "")))
        elif command == "set-output" and isinstance(ids, list) and len(ids) == 1:
            heard.outputs.setdefault(str(ids[0]), {})[str(said.get("name"))] = str(said.get("arg", ""))
        elif command in {"error", "warning", "notice"}:
            place = (str(command), str(ids))
            heard.counts[place] = heard.counts.get(place, 0) + 1
            if heard.counts[place] <= MOST_ANNOTATIONS and (note := annotation(str(said.get("raw", "")))):
                note.job = heard.job.name
                self._attempt.annotations.append(note)

    def _outputs(self, heard: _Heard) -> dict[str, str]:
        steps = {name: {"outputs": values} for name, values in heard.outputs.items()}
        contexts = {**self._contexts, "steps": steps, "matrix": dict(heard.matrix)}
        out = {}
        for name, text in (heard.plan.data.get("outputs") or {}).items():
            try:
                out[str(name)] = expressions.spell(expressions.interpolate(str(text), contexts))
            except ExpressionMistake:
                continue  # it names what only act knows
        return out


def annotation(raw: str) -> Annotation | None:
    """Read one command line as the runner does; None for what is no annotation.

    Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
    """
    match = _COMMAND.match(raw.rstrip("\r\n"))
    if match is None:
        return None
    properties: dict[str, str] = {}
    for pair in (match["properties"] or "").split(","):
        name, _, value = pair.partition("=")
        properties[name.strip().lower()] = _unescaped(value)
    return Annotation(
        level=match["level"],
        message=_unescaped(match["message"]),
        file=properties.get("file", ""),
        line=_whole(properties.get("line")),
        end_line=_whole(properties.get("endline")),
        column=_whole(properties.get("col")),
        title=properties.get("title", ""),
    )


def _unescaped(text: str) -> str:
    for written, meant in _UNESCAPED:
        text = text.replace(written, meant)
    return text


def _whole(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() else None


def _step_title(step: Mapping[str, Any]) -> str:
    if step.get("name"):
        return str(step["name"])
    if step.get("uses"):
        return f"Run {step['uses']}"
    return (
        f"Run {str(step.get('run', '')).strip().splitlines()[0] if str(step.get('run', '')).strip() else ''}"
    )
