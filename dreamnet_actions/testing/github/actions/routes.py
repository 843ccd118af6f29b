"""The REST endpoints of Actions: workflows, dispatches, runs, jobs, logs, artifacts. Thin: the engine decides.

Source: https://docs.github.com/en/rest/actions
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dreamnet_actions.testing.github.actions import views
from dreamnet_actions.testing.github.actions.dispatching import MOST_INPUTS, DispatchRefused
from dreamnet_actions.testing.github.actions.engine import Engine
from dreamnet_actions.testing.github.actions.registry import Entry
from dreamnet_actions.testing.github.actions.runs import Attempt, Job, NotNow, Run
from dreamnet_actions.testing.github.call import Answer, Call, Problem, not_found, rest
from dreamnet_actions.testing.github.permissions import R
from dreamnet_actions.testing.github.rest.fields import counted, moment
from dreamnet_actions.testing.github.world import World

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

A = R + "/actions"
_RUN = A + "/runs/{run_id}"
_WORKFLOW = A + "/workflows/{workflow_id}"


class ActionsRoutes:
    """The routes over an engine that may come later: the server has to be up before there is one."""

    def __init__(self) -> None:
        self.engine: Engine | None = None

    def __call__(self, world: World) -> list[Route]:
        """Answer the routes (the stand-in's ``extend``)."""
        from starlette.routing import Route

        del world
        return [
            rest("GET", A + "/workflows", self.workflows, locked=False),
            rest("GET", _WORKFLOW, self.workflow, locked=False),
            rest("PUT", _WORKFLOW + "/enable", self.enable, locked=False),
            rest("PUT", _WORKFLOW + "/disable", self.disable, locked=False),
            rest("POST", _WORKFLOW + "/dispatches", self.dispatch, locked=False),
            rest("GET", _WORKFLOW + "/runs", self.workflow_runs, locked=False),
            rest("GET", A + "/runs", self.runs, locked=False),
            rest("GET", A + "/permissions", self.permissions),
            rest("GET", A + "/artifacts", self.all_artifacts, locked=False),
            rest("GET", _RUN, self.run, locked=False),
            rest("GET", _RUN + "/attempts/{attempt_number}", self.attempt, locked=False),
            rest("GET", _RUN + "/attempts/{attempt_number}/jobs", self.attempt_jobs, locked=False),
            rest("GET", _RUN + "/artifacts", self.artifacts, locked=False),
            rest("GET", _RUN + "/jobs", self.jobs, locked=False),
            rest("GET", _RUN + "/logs", self.logs, locked=False),
            rest("POST", _RUN + "/cancel", self.cancel, locked=False),
            rest("POST", _RUN + "/force-cancel", self.cancel, locked=False),
            rest("POST", _RUN + "/rerun", self.rerun, locked=False),
            rest("POST", _RUN + "/rerun-failed-jobs", self.rerun_failed, locked=False),
            rest("GET", A + "/jobs/{job_id}", self.job, locked=False),
            rest("GET", A + "/jobs/{job_id}/logs", self.job_logs, locked=False),
            Route("/_logs/{secret}/{name}", self._log_file, methods=["GET"]),
        ]

    # ── Finding ──────────────────────────────────────────────────────────────────────────────────────────

    @property
    def _engine(self) -> Engine:
        if self.engine is None:
            raise Problem(503, "The workflow engine has not started yet")
        return self.engine

    def _entry(self, call: Call) -> Entry:
        try:
            return self._engine.entry(call.repository.full_name, call.params["workflow_id"])
        except LookupError:
            raise not_found() from None

    def _run(self, call: Call) -> Run:
        try:
            found = self._engine.run(call.number("run_id"))
        except KeyError:
            raise not_found() from None
        if found.repository.lower() != call.repository.full_name.lower():
            raise not_found()
        return found

    def _attempt(self, call: Call, run: Run) -> Attempt:
        number = call.number("attempt_number")
        if not 1 <= number <= len(run.attempts):
            raise not_found()
        return run.attempts[number - 1]

    def _job(self, call: Call) -> tuple[Run, Job, int]:
        number = call.number("job_id")
        for run in self._engine.runs(call.repository.full_name):
            for attempt in run.attempts:
                for job in attempt.jobs:
                    if job.id == number:
                        return run, job, attempt.number
        raise not_found()

    # ── Workflows ────────────────────────────────────────────────────────────────────────────────────────

    def workflows(self, call: Call) -> Answer:
        """List repository workflows."""
        return counted(call, "workflows", self._engine.workflows(call.repository.full_name), views.workflow)

    def workflow(self, call: Call) -> Answer:
        """Get a workflow."""
        return Answer(200, views.workflow(call.world, call.repository, self._entry(call)))

    def enable(self, call: Call) -> Answer:
        """Enable a workflow."""
        return self._switch(call, on=True)

    def disable(self, call: Call) -> Answer:
        """Disable a workflow."""
        return self._switch(call, on=False)

    def _switch(self, call: Call, *, on: bool) -> Answer:
        entry = self._entry(call)
        self._engine.registry.switch(call.repository.full_name, entry.id, on=on, now=call.now)
        return Answer(204)

    def dispatch(self, call: Call) -> Answer:
        """Create a workflow dispatch event; with ``return_run_details`` its run is answered."""
        body = call.fields()
        ref, inputs = body.get("ref"), body.get("inputs") or {}
        if not isinstance(ref, str) or not ref:
            raise Problem(422, 'Invalid request.\n\n"ref" wasn\'t supplied.')
        if not isinstance(inputs, dict):
            raise Problem(422, "Invalid request.\n\nFor 'properties/inputs', it is not an object.")
        if len(inputs) > MOST_INPUTS:
            raise Problem(422, f"Invalid request.\n\nNo more than {MOST_INPUTS} properties are allowed.")
        entry = self._entry(call)
        try:
            run = self._engine.dispatch(
                call.repository.full_name,
                entry.id,
                ref=ref,
                inputs=inputs,
                actor=call.actor.login,
                by_workflow=call.token.kind == "workflow",
            )
        except DispatchRefused as refused:
            raise Problem(422, str(refused)) from None
        except LookupError:
            raise not_found() from None
        if body.get("return_run_details") is not True:
            return Answer(204)
        shown = views.run(call.world, call.repository, run)
        return Answer(
            200, {"workflow_run_id": run.id, "run_url": shown["url"], "html_url": shown["html_url"]}
        )

    # ── Runs ─────────────────────────────────────────────────────────────────────────────────────────────

    def runs(self, call: Call) -> Answer:
        """List workflow runs for a repository."""
        return self._listed(call, self._engine.runs(call.repository.full_name))

    def workflow_runs(self, call: Call) -> Answer:
        """List workflow runs for a workflow."""
        entry = self._entry(call)
        runs = [one for one in self._engine.runs(call.repository.full_name) if one.workflow_id == entry.id]
        return self._listed(call, runs)

    def _listed(self, call: Call, runs: list[Run]) -> Answer:
        for name, value in call.query.items():
            if keeps := _FILTERS.get(name):
                runs = [one for one in runs if keeps(one, value)]
        return counted(call, "workflow_runs", runs, views.run)

    def run(self, call: Call) -> Answer:
        """Get a workflow run."""
        return Answer(200, views.run(call.world, call.repository, self._run(call)))

    def attempt(self, call: Call) -> Answer:
        """Get a workflow run attempt."""
        run = self._run(call)
        return Answer(200, views.run(call.world, call.repository, run, self._attempt(call, run)))

    def cancel(self, call: Call) -> Answer:
        """Cancel a workflow run."""
        try:
            self._engine.cancel(self._run(call))
        except NotNow as refused:
            raise Problem(409, str(refused)) from None
        return Answer(202, {})

    def rerun(self, call: Call) -> Answer:
        """Re-run a workflow."""
        return self._again(call, failed_only=False)

    def rerun_failed(self, call: Call) -> Answer:
        """Re-run failed jobs from a workflow run."""
        return self._again(call, failed_only=True)

    def _again(self, call: Call, *, failed_only: bool) -> Answer:
        try:
            self._engine.rerun(self._run(call), actor=call.actor.login, failed_only=failed_only)
        except NotNow as refused:
            raise Problem(403, str(refused)) from None
        return Answer(201, {})

    # ── Jobs, logs, artifacts ────────────────────────────────────────────────────────────────────────────

    def jobs(self, call: Call) -> Answer:
        """List jobs for a workflow run; ``filter=all`` those of earlier attempts too."""
        run = self._run(call)
        attempts = run.attempts if call.query.get("filter") == "all" else [run.now]
        return self._jobs(call, run, attempts)

    def attempt_jobs(self, call: Call) -> Answer:
        """List jobs for a workflow run attempt."""
        run = self._run(call)
        return self._jobs(call, run, [self._attempt(call, run)])

    def _jobs(self, call: Call, run: Run, attempts: list[Attempt]) -> Answer:
        found = [(job, attempt.number) for attempt in attempts for job in attempt.jobs]
        return counted(
            call, "jobs", found, lambda world, repo, one: views.job(world, repo, run, one[0], one[1])
        )

    def job(self, call: Call) -> Answer:
        """Get a job for a workflow run."""
        run, job, attempt = self._job(call)
        return Answer(200, views.job(call.world, call.repository, run, job, attempt))

    def logs(self, call: Call) -> Answer:
        """Download workflow run logs: a redirect to a zip, as on GitHub."""
        return _redirect(call, f"/_logs/{self._engine.secret}/{self._run(call).id}.zip")

    def job_logs(self, call: Call) -> Answer:
        """Download job logs: a redirect to the text."""
        return _redirect(call, f"/_logs/{self._engine.secret}/job-{self._job(call)[1].id}.txt")

    def _log_file(self, request: Request) -> Response:
        from starlette.responses import Response

        engine, name = self.engine, request.path_params["name"]
        match = re.fullmatch(r"(?:(\d{1,18})\.zip|job-(\d{1,18})\.txt)", name)
        # GitHub's addresses of logs need no token: they are hard to guess, and so is this one.
        if engine is None or match is None or not engine.knows(request.path_params["secret"]):
            return Response(status_code=404)
        for run in engine.all_runs():
            if match[1] and run.id == int(match[1]):
                return Response(zipped(run), media_type="application/zip")
            for attempt in run.attempts if match[2] else ():
                for job in attempt.jobs:
                    if job.id == int(match[2]):
                        return Response("\n".join(job.log) + "\n", media_type="text/plain; charset=utf-8")
        return Response(status_code=404)

    def artifacts(self, call: Call) -> Answer:
        """List workflow run artifacts."""
        return self._artifacts(call, [self._run(call)])

    def all_artifacts(self, call: Call) -> Answer:
        """List artifacts for a repository."""
        return self._artifacts(call, self._engine.runs(call.repository.full_name))

    def _artifacts(self, call: Call, runs: list[Run]) -> Answer:
        wanted = call.query.get("name")
        found = [
            (run, id_, path)
            for run in runs
            for id_, path in views.artifacts(run)
            if wanted in {None, path.name}
        ]
        return counted(call, "artifacts", found, lambda world, repo, one: views.artifact(world, repo, *one))

    def permissions(self, call: Call) -> Answer:
        """Get GitHub Actions permissions for a repository."""
        selected = (
            f"{call.world.api_url}/repos/{call.repository.full_name}/actions/permissions/selected-actions"
        )
        return Answer(
            200,
            {
                "enabled": True,
                "allowed_actions": "all",
                "selected_actions_url": selected,
                "sha_pinning_required": False,
            },
        )


def _redirect(call: Call, path: str) -> Answer:
    return Answer(302, None, {"Location": f"{call.world.server_url}{path}"})


def zipped(run: Run) -> bytes:
    """Answer the logs of a run's newest attempt as GitHub packs them: a file for each job."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for index, job in enumerate(run.jobs):
            name = re.sub(r'[<>:"/\\|?*\x00-\x1f]', "", job.name)[:100]
            archive.writestr(f"{index}_{name}.txt", "\n".join(job.log) + "\n")
        if not run.jobs:
            archive.writestr(
                "0_run.txt", "\n".join([*run.now.log, *(one.message for one in run.annotations)]) + "\n"
            )
    return out.getvalue()


def _in_status(run: Run, value: str) -> bool:
    return value in {run.status, run.conclusion}


def created(run: Run, value: str) -> bool:
    """Say whether a run was made then; written as GitHub's search has it: ``>=T``, ``<T``, ``T..T``, ``T`` (a day, or a
    second)."""
    at = run.attempts[0].created_at
    if ".." in value:
        begin, _, end = value.partition("..")
        return (begin in {"", "*"} or at >= _moment(begin)) and (end in {"", "*"} or at <= _end(end))
    for mark, holds in _COMPARED:
        if value.startswith(mark):
            return holds(at, value.removeprefix(mark))
    return _moment(value) <= at <= _end(value)


def _moment(text: str) -> float:
    return moment(text if "T" in text else f"{text}T00:00:00Z")


def _end(text: str) -> float:
    return _moment(text) + (0.999 if "T" in text else 86399.999)


_COMPARED: tuple[tuple[str, Callable[[float, str], bool]], ...] = (
    (">=", lambda at, text: at >= _moment(text)),
    ("<=", lambda at, text: at <= _end(text)),
    (">", lambda at, text: at > _end(text)),
    ("<", lambda at, text: at < _moment(text)),
)
_FILTERS: dict[str, Callable[[Run, Any], bool]] = {
    "event": lambda run, value: run.event.name == value,
    "status": _in_status,
    "branch": lambda run, value: run.branch == value,
    "head_sha": lambda run, value: run.sha == value,
    "actor": lambda run, value: run.event.actor.lower() == value.lower(),
    "created": created,
    "check_suite_id": lambda run, value: str(run.id) == value,
}
