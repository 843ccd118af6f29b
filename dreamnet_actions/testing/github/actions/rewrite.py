"""The copy of a workflow that act reads: what act 0.2.89 does not know taken out, each job's own token put in.

Learned by running act: it rejects ``concurrency.queue`` and ``uses: $/…``; it ignores ``permissions``,
``environment`` and ``timeout-minutes``; it has one token a run; it serves both remote actions and remote
*reusable workflows* from ``--local-repository owner/name@ref=DIR``, without any network. So every called
workflow becomes a file of its own, one for each call (its jobs have other tokens there), in a made-up
repository ``sandbox/calls@run``, and the checkout stays as it was pushed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dreamnet_actions.testing.github.actions import permissions, tokens
from dreamnet_actions.testing.github.actions.plan import (
    USUAL_MINUTES,
    JobPlan,
    Origin,
    Plan,
    Sources,
    WorkflowRefused,
)
from dreamnet_actions.testing.github.actions.serving import ActionServer
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


class Rewriter:
    """Makes the plan of one run. ``kept`` holds, by path, the outputs of jobs that are not to run again;
    ``facts`` are properties of the ``github`` context that act does not know (``triggering_actor``)."""

    def __init__(
        self,
        sources: Sources,
        folder: Path,
        here: Origin,
        *,
        default: Mapping[str, str] = permissions.RESTRICTED,
        kept: Mapping[tuple[str, ...], Mapping[str, str]] | None = None,
        facts: Mapping[str, str] | None = None,
    ) -> None:
        self._sources = sources
        self._folder = folder
        self._here = here
        self._default = default
        self._kept = dict(kept or {})
        self._facts = {("github", name): value for name, value in (facts or {}).items()}
        self._calls = folder / "calls"
        self.plan = Plan(workflow=folder / "workflow.yml", event="")
        self._actions = ActionServer(sources, self.plan, folder / "actions", here)
        self._top = ""

    def run(self, workflow: Workflow, event: str) -> Plan:
        """Write the copies and answer the plan; raises WorkflowRefused with GitHub's message."""
        (self._calls / ".github" / "workflows").mkdir(parents=True)
        self.plan.event = event
        self._top = workflow.name
        settings = workflow.on.get(event) if event == "workflow_dispatch" else None
        data = self._workflow(workflow, self._here, (), None, {event: settings or {}}, 0)
        _write(self.plan.workflow, tokens.put(data, self._facts))
        self.plan.repositories[f"{CALLS}@run"] = self._calls
        return self.plan

    def _workflow(
        self,
        workflow: Workflow,
        origin: Origin,
        path: tuple[str, ...],
        allowed: Mapping[str, str] | None,
        on: Mapping[str, Any],
        depth: int,
    ) -> dict[str, Any]:
        env = workflow.data.get("env")
        jobs = {
            name: self._job(
                workflow, name, origin, path, allowed, env if tokens.mentions(env) else None, depth
            )
            for name in workflow.jobs
        }
        kept = {key: workflow.data[key] for key in ("defaults",) if key in workflow.data}
        if env is not None and not tokens.mentions(env):
            kept["env"] = env
        return {"name": self._top, "on": dict(on), **kept, "jobs": jobs}

    def _job(
        self,
        workflow: Workflow,
        name: str,
        origin: Origin,
        path: tuple[str, ...],
        allowed: Mapping[str, str] | None,
        env: Mapping[str, Any] | None,
        depth: int,
    ) -> dict[str, Any]:
        data = workflow.jobs[name]
        job = self._planned(workflow, name, path, allowed)
        out = {key: value for key, value in data.items() if key not in _DROPPED}
        out["name"] = job.key
        if job.path in self._kept:
            return self._done_before(out, self._kept[job.path])
        job.token = self._sources.token(job)
        if job.calls is not None:
            return self._calling(out, workflow, job, origin, depth)
        for key in ("container", "services"):
            if data.get(key):
                raise WorkflowRefused(f"The sandbox has no containers: job '{name}' has '{key}'.", "failure")
        out["runs-on"] = LABEL
        out["env"] = {**(env or {}), **(data.get("env") or {}), JOB_MARK: job.key}
        out["steps"] = self._steps(data["steps"], origin, job)
        return dict(tokens.with_token(out, job.token))

    def _planned(
        self, workflow: Workflow, name: str, path: tuple[str, ...], allowed: Mapping[str, str] | None
    ) -> JobPlan:
        data = workflow.jobs[name]
        default = self._default if allowed is None else allowed
        granted = permissions.of_job(
            workflow.permissions, permissions.understand(data.get("permissions")), default
        )
        if allowed is not None and (more := permissions.exceeding(granted, allowed)):
            raise WorkflowRefused(permissions.refusal(name, more))
        calls = data.get("uses")
        job = JobPlan(
            number=len(self.plan.jobs) + 1,
            path=(*path, name),
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

    def _steps(self, steps: list[Mapping[str, Any]], origin: Origin, job: JobPlan) -> list[dict[str, Any]]:
        checked_out = False
        out = []
        for step in steps:
            uses = step.get("uses")
            if isinstance(uses, str):
                served = self._actions.step(uses, origin, job, checked_out=checked_out)
                out.append({**step, "uses": served})
                checked_out = checked_out or uses.startswith("actions/checkout@")
            else:
                out.append(dict(step))
        return out

    def _calling(
        self, out: dict[str, Any], workflow: Workflow, job: JobPlan, origin: Origin, depth: int
    ) -> dict[str, Any]:
        uses = job.calls or ""
        try:
            if depth >= DEEPEST:
                raise WorkflowRefused(f"Workflows call each other more than {DEEPEST} levels deep.")
            called, where = self._called(uses, origin)
            _check_call(called, job.data)
            file = f"{job.key}-{called.file}"
            data = self._workflow(
                called,
                where,
                job.path,
                job.permissions,
                {"workflow_call": called.on.get("workflow_call") or {}},
                depth + 1,
            )
        except WorkflowRefused as refused:
            told = str(refused)
            if not told.startswith("Error calling"):
                told = f"Error calling workflow '{uses}'. {told}"
            if depth == 0:
                told = f"The workflow is not valid. {workflow.at('jobs', job.path[-1], 'uses')}: {told}"
            raise WorkflowRefused(told, refused.conclusion) from None
        _write(self._calls / ".github" / "workflows" / file, tokens.put(data, self._facts))
        out["uses"] = f"{CALLS}/.github/workflows/{file}@run"
        return dict(tokens.with_token(out, job.token))

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
        literal = {key: f"${{{{ {tokens.quoted(value)} }}}}" for key, value in outputs.items()}
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
    # JSON is YAML: nothing in a text can be read as anything else.
    file.write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
