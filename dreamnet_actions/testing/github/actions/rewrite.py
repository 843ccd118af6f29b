"""The copy of a workflow that act reads: what act 0.2.89 does not know taken out, each job's own token put in, and no
value evaluated that was (``once``).

Learned by running act: it rejects ``concurrency.queue`` and ``uses: $/…``; it ignores ``permissions``,
``environment`` and ``timeout-minutes``; it has one token a run; it serves both remote actions and remote
*reusable workflows* from ``--local-repository owner/name@ref=DIR``, without any network. So every called
workflow becomes a file of its own, one for each call (its jobs have other tokens there), in a made-up
repository ``sandbox/calls@run``, and the checkout stays as it was pushed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dreamnet_actions.testing.github.actions import (
    concurrency,
    dispatching,
    expressions,
    once,
    permissions,
    tokens,
)
from dreamnet_actions.testing.github.actions.lexer import ExpressionMistake
from dreamnet_actions.testing.github.actions.plan import (
    USUAL_MINUTES,
    JobPlan,
    Origin,
    Plan,
    Sources,
    Unit,
    WorkflowRefused,
    written,
)
from dreamnet_actions.testing.github.actions.serving import ActionServer
from dreamnet_actions.testing.github.actions.turns import waiting_step
from dreamnet_actions.testing.github.actions.validation import needs_of
from dreamnet_actions.testing.github.actions.workflow import Workflow, read

LABEL = "ubuntu-latest"
"""The one runner label that act is given; every ``runs-on`` becomes it."""
CALLS = "sandbox/calls"
DEEPEST = 10
"""Levels of called workflows
(https://docs.github.com/en/actions/reference/workflows-and-actions/reusing-workflow-configurations#limitations)."""
JOB_MARK = "DREAMNET_SANDBOX_JOB"
"""The variable by which a job's processes are known."""

_DROPPED = ("permissions", "concurrency", "environment", "snapshot")
_CALL = re.compile(r"(?P<repository>[^/@\s]+/[^/@\s]+)/(?P<path>\.github/workflows/[^/@\s]+)@(?P<ref>\S+)")


@dataclass(frozen=True)
class _Level:
    """One workflow on the way down: the run's own, or one that a job above it calls."""

    workflow: Workflow
    origin: Origin
    path: tuple[str, ...] = ()
    allowed: Mapping[str, str] | None = None
    units: tuple[Unit, ...] = ()
    inputs: Mapping[str, Any] = field(default_factory=dict)
    depth: int = 0


class Rewriter:
    """Makes the plan of one run. ``kept`` holds, by path, the outputs of jobs that are not to run again;
    ``facts`` are properties of the ``github`` context that act does not know (``triggering_actor``);
    ``contexts`` serve the groups of jobs and called workflows; ``identity`` is what a job with ``id-token: write`` has
    in its environment."""

    def __init__(
        self,
        sources: Sources,
        folder: Path,
        here: Origin,
        *,
        default: Mapping[str, str] = permissions.RESTRICTED,
        kept: Mapping[tuple[str, ...], Mapping[str, str]] | None = None,
        facts: Mapping[str, str] | None = None,
        contexts: Mapping[str, Any] | None = None,
        identity: Mapping[str, str] | None = None,
    ) -> None:
        self._sources = sources
        self._folder = folder
        self._here = here
        self._default = default
        self._kept = dict(kept or {})
        self._facts = {("github", name): value for name, value in (facts or {}).items()}
        self._contexts = dict(contexts or {})
        self._identity = dict(identity or {})
        self._calls = folder / "calls"
        self.plan = Plan(workflow=folder / "workflow.yml", event="")
        self._refs = once.refs(self._contexts.get("github") or {})
        self._actions = ActionServer(sources, self.plan, folder / "actions", here, self._refs)
        self._top = ""
        self._exceeding: list[str] = []

    def run(self, workflow: Workflow, event: str) -> Plan:
        """Write the copies and answer the plan; raises WorkflowRefused with GitHub's message."""
        (self._calls / ".github" / "workflows").mkdir(parents=True)
        self.plan.event = event
        self._top = workflow.name
        settings = workflow.on.get(event) if event == "workflow_dispatch" else None
        level = _Level(workflow, self._here, inputs=self._contexts.get("inputs") or {})
        data = self._workflow(level, {event: settings or {}})
        if self._exceeding:
            raise WorkflowRefused(f"The workflow is not valid. {' '.join(self._exceeding)}")
        _write(self.plan.workflow, tokens.put(data, self._facts))
        self.plan.repositories[f"{CALLS}@run"] = self._calls
        return self.plan

    def _workflow(self, level: _Level, on: Mapping[str, Any]) -> dict[str, Any]:
        data = level.workflow.data
        env = data.get("env")
        secret = env if tokens.mentions(env) else None
        jobs = {name: self._job(level, name, secret) for name in level.workflow.jobs}
        kept = {key: data[key] for key in ("defaults",) if key in data}
        if env is not None and secret is None:
            kept["env"] = env
        return {"name": self._top, "on": dict(on), **kept, "jobs": jobs}

    def _job(self, level: _Level, name: str, env: Mapping[str, Any] | None) -> dict[str, Any]:
        data = level.workflow.jobs[name]
        job = self._planned(level, name)
        out = {key: value for key, value in data.items() if key not in _DROPPED}
        out["name"] = job.key
        if job.path in self._kept:
            return self._done_before(out, self._kept[job.path])
        job.units = (*level.units, *self._unit(data, job.path, level.inputs, called=False))
        job.token = self._sources.token(job)
        if job.calls is not None:
            return self._calling(out, level, job)
        for key in ("container", "services"):
            if data.get(key):
                raise WorkflowRefused(f"The sandbox has no containers: job '{name}' has '{key}'.", "failure")
        out["runs-on"] = LABEL
        identity = self._identity if job.permissions.get("id-token") == "write" else {}
        out["env"] = {**(env or {}), **(data.get("env") or {}), **identity, JOB_MARK: job.key}
        waiting = [waiting_step(job)] if job.units else []
        names = once.expressed(level.workflow.data.get("env"), data.get("env"))
        out["steps"] = [*waiting, *self._steps(data["steps"], level.origin, job, names)]
        return dict(tokens.with_token(out, job.token))

    def _unit(
        self, data: Mapping[str, Any], path: tuple[str, ...], inputs: Mapping[str, Any], *, called: bool
    ) -> list[Unit]:
        """Answer what holds the group that a job or called workflow names; none where only act could tell
        which."""
        try:
            group = concurrency.read(data.get("concurrency"), {**self._contexts, "inputs": inputs})
        except ExpressionMistake as mistake:
            self.plan.notes.append(
                f"The concurrency of {'/'.join(path)} is not kept by the sandbox: {mistake}"
            )
            return []
        return [] if group is None else [Unit(path, called, group)]

    def _planned(self, level: _Level, name: str) -> JobPlan:
        workflow, allowed = level.workflow, level.allowed
        data = workflow.jobs[name]
        default = self._default if allowed is None else allowed
        granted = permissions.of_job(
            workflow.permissions, permissions.understand(data.get("permissions")), default
        )
        calls = data.get("uses")
        job = JobPlan(
            number=len(self.plan.jobs) + 1,
            path=(*level.path, name),
            title=str(data.get("name") or name),
            data=data,
            permissions=granted,
            calls=calls if isinstance(calls, str) else None,
            needs=tuple(needs_of(data)),
            labels=_labels(data.get("runs-on")),
            minutes=_minutes(data.get("timeout-minutes")),
        )
        self.plan.jobs.append(job)
        return job

    def _steps(
        self, steps: list[Mapping[str, Any]], origin: Origin, job: JobPlan, names: frozenset[str]
    ) -> list[dict[str, Any]]:
        checked_out = False
        out = []
        for each in steps:
            step = once.step(each, names, self._refs)
            uses = step.get("uses")
            if isinstance(uses, str):
                around = names | once.expressed(each.get("env"))
                step["uses"] = self._actions.step(uses, origin, job, checked_out=checked_out, names=around)
                checked_out = checked_out or uses.startswith("actions/checkout@")
            out.append(step)
        return out

    def _calling(self, out: dict[str, Any], level: _Level, job: JobPlan) -> dict[str, Any]:
        uses = job.calls or ""
        try:
            if level.depth >= DEEPEST:
                raise WorkflowRefused(f"Workflows call each other more than {DEEPEST} levels deep.")
            called, origin = self._called(uses, level.origin)
            _check_call(called, job.data)
            self._compare(called, level, job)
            inputs = self._passed(called, job.data, level.inputs)
            units = (*job.units, *self._unit(called.data, job.path, inputs, called=True))
            below = _Level(called, origin, job.path, job.permissions, units, inputs, level.depth + 1)
            call = tokens.put(called.on.get("workflow_call") or {}, self._facts)
            data = self._workflow(below, {"workflow_call": once.outputs(call)})
        except WorkflowRefused as refused:
            told = str(refused)
            if not told.startswith("Error calling"):
                told = f"Error calling workflow '{uses}'. {told}"
            if level.depth == 0:
                place = level.workflow.at("jobs", job.path[-1], "uses")
                told = f"The workflow is not valid. {place}: {told}"
            raise WorkflowRefused(told, refused.conclusion) from None
        file = f"{job.key}-{called.file}"
        _write(self._calls / ".github" / "workflows" / file, tokens.put(data, self._facts))
        out["uses"] = f"{CALLS}/.github/workflows/{file}@run"
        return dict(tokens.with_token(out, job.token))

    def _compare(self, called: Workflow, level: _Level, job: JobPlan) -> None:
        """Note what a called workflow asks for and this job does not grant: GitHub tells all of it, of every call."""
        asked = {name: permissions.understand(data.get("permissions")) for name, data in called.jobs.items()}
        place = level.workflow.at("jobs", job.path[-1])
        if level.origin.repository != self._here.repository:
            place = f"{level.origin.repository}/{place}"
        self._exceeding += [
            f"{place}: Error calling workflow '{job.calls}'. {said}"
            for said in permissions.refusals(called.permissions, asked, job.permissions)
        ]

    def _passed(self, called: Workflow, job: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a called workflow's inputs, as far as they can be known before the run starts."""
        known = {**self._contexts, "inputs": inputs}
        given = {}
        for name, value in (job.get("with") or {}).items():
            try:
                given[name] = expressions.interpolate(value, known) if isinstance(value, str) else value
            except ExpressionMistake:
                continue  # it names what only act knows
        return dispatching.typed(called.call_inputs, given)

    def _called(self, uses: str, origin: Origin) -> tuple[Workflow, Origin]:
        """Find a called workflow; ``./`` and ``$/`` mean the caller file's own repository and commit."""
        if uses.startswith(("./", "$/")):
            where, path = origin, uses[2:]
        else:
            match = _CALL.fullmatch(uses)
            if match is None:
                raise WorkflowRefused(
                    f"invalid value workflow reference: references to workflows must be prefixed with format "
                    f"'owner/repository/' or './': '{uses}'"
                )
            repository = self._sources.repository(match["repository"])
            sha = repository.resolve(match["ref"]) if repository is not None else None
            if sha is None:
                raise WorkflowRefused(
                    "workflow was not found. (The sandbox has not that repository, or not that ref: "
                    "push it there.)"
                )
            where, path = Origin(match["repository"], sha, match["ref"]), match["path"]
        hosted = self._sources.repository(where.repository)
        data = hosted.file(where.sha, path) if hosted is not None else None
        if data is None:
            raise WorkflowRefused("workflow was not found.")
        called = read(path, data)
        if called.mistakes:
            raise WorkflowRefused("; ".join(called.mistakes))
        if "workflow_call" not in called.on:
            raise WorkflowRefused("workflow is not reusable as it is missing a `on.workflow_call` trigger")
        return called, where

    def _done_before(self, out: Mapping[str, Any], outputs: Mapping[str, str]) -> dict[str, Any]:
        """A job that succeeded in an earlier attempt: it answers what it answered then."""
        literal = {key: once.literal(value) for key, value in outputs.items()}
        return {
            **{key: out[key] for key in ("name", "needs") if key in out},
            "if": "always()",
            "runs-on": LABEL,
            "outputs": literal,
            "steps": [{"run": "true"}],
        }


def _check_call(called: Workflow, job: Mapping[str, Any]) -> None:
    given = job.get("with") or {}
    for name in given:
        if name not in called.call_inputs:
            raise WorkflowRefused(f"Invalid input, {name} is not defined in the referenced workflow.")
    for name, settings in called.call_inputs.items():
        if settings.get("required") is True and name not in given:
            raise WorkflowRefused(f"Input {name} is required, but not provided while calling.")
    trigger = called.on.get("workflow_call")
    declared = (trigger.get("secrets") if isinstance(trigger, Mapping) else None) or {}
    passed = job.get("secrets") or {}
    if passed == "inherit":
        return
    for name in passed:
        if name not in declared:
            raise WorkflowRefused(f"Invalid secret, {name} is not defined in the referenced workflow.")
    for name, settings in declared.items():
        if isinstance(settings, Mapping) and settings.get("required") is True and name not in passed:
            raise WorkflowRefused(f"Secret {name} is required, but not provided while calling.")


def _labels(value: Any) -> tuple[str, ...]:
    if isinstance(value, Mapping):
        value = value.get("labels") or value.get("group")
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),) if value else ()


def _minutes(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else USUAL_MINUTES


def _write(file: Path, data: Mapping[str, Any]) -> None:
    file.write_bytes(written(data))
