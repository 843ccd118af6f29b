"""GitHub's JSON of workflows, runs, jobs and artifacts, as its OpenAPI description has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

from dreamnet_actions.testing.github.actions.registry import Entry
from dreamnet_actions.testing.github.actions.repository import Repository as GitRepository
from dreamnet_actions.testing.github.actions.runs import Attempt, Job, Run, Step
from dreamnet_actions.testing.github.records import Repository
from dreamnet_actions.testing.github.rest import shapes
from dreamnet_actions.testing.github.world import World

DAYS = 90
"""Days after which artifacts and logs are gone (they are not, here)."""
RUNNER = "sandbox"


def workflow(world: World, repo: Repository, entry: Entry) -> dict[str, Any]:
    """A ``workflow``."""
    base = f"{shapes.repository_url(world, repo)}/actions/workflows/{entry.id}"
    page = f"{world.server_url}/{repo.full_name}"
    return {
        "id": entry.id,
        "node_id": shapes.node_id("Workflow", entry.id),
        "name": entry.name,
        "path": entry.path,
        "state": entry.state,
        "created_at": shapes.when(entry.created_at),
        "updated_at": shapes.when(entry.updated_at),
        "url": base,
        "html_url": f"{page}/blob/{quote(repo.default_branch)}/{quote(entry.path)}",
        "badge_url": f"{page}/workflows/{quote(entry.name, safe='')}/badge.svg",
    }


def run(world: World, repo: Repository, one: Run, attempt: Attempt | None = None) -> dict[str, Any]:
    """A ``workflow-run``, at its newest attempt or at another."""
    tried = attempt or one.now
    base = f"{shapes.repository_url(world, repo)}/actions/runs/{one.id}"
    minimal = shapes.minimal_repository(world, repo)
    earlier = f"{base}/attempts/{tried.number - 1}" if tried.number > 1 else None
    return {
        "id": one.id,
        "name": one.workflow.name,
        "node_id": shapes.node_id("WorkflowRun", one.id),
        "check_suite_id": one.id,
        "check_suite_node_id": shapes.node_id("CheckSuite", one.id),
        "head_branch": one.branch,
        "head_sha": one.sha,
        "path": one.workflow.path,
        "display_title": one.title,
        "run_number": one.number,
        "run_attempt": tried.number,
        "referenced_workflows": [],
        "event": one.event.name,
        "status": tried.status,
        "conclusion": tried.conclusion,
        "workflow_id": one.workflow_id,
        "url": base,
        "html_url": f"{world.server_url}/{repo.full_name}/actions/runs/{one.id}",
        "pull_requests": [],
        "created_at": shapes.when(one.attempts[0].created_at),
        "updated_at": shapes.when(tried.completed_at or tried.started_at or tried.created_at),
        "run_started_at": shapes.when(tried.started_at or tried.created_at),
        "actor": shapes.user(world, world.user(one.event.actor)),
        "triggering_actor": shapes.user(world, world.user(tried.actor or one.event.actor)),
        "jobs_url": f"{base}/jobs",
        "logs_url": f"{base}/logs",
        "check_suite_url": f"{shapes.repository_url(world, repo)}/check-suites/{one.id}",
        "artifacts_url": f"{base}/artifacts",
        "cancel_url": f"{base}/cancel",
        "rerun_url": f"{base}/rerun",
        "previous_attempt_url": earlier,
        "workflow_url": f"{shapes.repository_url(world, repo)}/actions/workflows/{one.workflow_id}",
        "head_commit": _commit(world, repo, one.sha),
        "repository": minimal,
        "head_repository": minimal,
    }


def _commit(world: World, repo: Repository, sha: str) -> dict[str, Any]:
    told = GitRepository(world.git_dir(repo.full_name)).summary(sha)
    return {
        "id": sha,
        "tree_id": told["tree"],
        "message": told["message"].strip(),
        "timestamp": told["at"],
        "author": {"name": told["author"], "email": told["author_email"]},
        "committer": {"name": told["committer"], "email": told["committer_email"]},
    }


def job(world: World, repo: Repository, one: Run, which: Job, attempt: int) -> dict[str, Any]:
    """A ``job``."""
    api = shapes.repository_url(world, repo)
    return {
        "id": which.id,
        "run_id": one.id,
        "run_url": f"{api}/actions/runs/{one.id}",
        "run_attempt": attempt,
        "node_id": shapes.node_id("CheckRun", which.id),
        "head_sha": one.sha,
        "url": f"{api}/actions/jobs/{which.id}",
        "html_url": f"{world.server_url}/{repo.full_name}/actions/runs/{one.id}#job-{which.id}",
        "status": which.status,
        "conclusion": which.conclusion,
        "created_at": shapes.when(which.created_at),
        "started_at": shapes.when(which.started_at or which.created_at),
        "completed_at": shapes.when_or_none(which.completed_at),
        "name": which.name,
        "steps": [_step(step) for step in which.steps],
        "check_run_url": f"{api}/check-runs/{which.id}",
        "labels": list(which.labels),
        "runner_id": 1 if which.started_at else None,
        "runner_name": RUNNER if which.started_at else None,
        "runner_group_id": 1 if which.started_at else None,
        "runner_group_name": RUNNER if which.started_at else None,
        "workflow_name": one.workflow.name,
        "head_branch": one.branch,
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "name": step.name,
        "status": step.status if step.status in {"queued", "in_progress", "completed"} else "queued",
        "conclusion": step.conclusion,
        "number": step.number,
        "started_at": shapes.when_or_none(step.started_at),
        "completed_at": shapes.when_or_none(step.completed_at),
    }


def artifacts(one: Run) -> list[tuple[int, Path]]:
    """Answer the artifacts of a run's newest attempt, each with its id and folder."""
    folder = one.now.folder / "artifacts" if one.now.folder else None
    if folder is None or not folder.is_dir():
        return []
    names = sorted(path for path in folder.iterdir() if path.is_dir())
    return [(one.id * 100 + index, path) for index, path in enumerate(names, 1)]


def artifact(world: World, repo: Repository, one: Run, id_: int, path: Path) -> dict[str, Any]:
    """An ``artifact``."""
    base = f"{shapes.repository_url(world, repo)}/actions/artifacts/{id_}"
    at = one.now.completed_at or one.now.created_at
    return {
        "id": id_,
        "node_id": shapes.node_id("Artifact", id_),
        "name": path.name,
        "size_in_bytes": sum(file.stat().st_size for file in path.rglob("*") if file.is_file()),
        "url": base,
        "archive_download_url": f"{base}/zip",
        "expired": False,
        "created_at": shapes.when(at),
        "expires_at": shapes.when(at + DAYS * 86400),
        "updated_at": shapes.when(at),
        "workflow_run": {
            "id": one.id,
            "repository_id": repo.id,
            "head_repository_id": repo.id,
            "head_branch": one.branch or "",
            "head_sha": one.sha,
        },
    }
