"""Commit statuses, and what they come to together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dreamnet_actions.testing.github.call import Answer, Call, Problem, invalid, rest
from dreamnet_actions.testing.github.permissions import R
from dreamnet_actions.testing.github.records import CommitStatus, Repository
from dreamnet_actions.testing.github.rest import gitshapes, shapes
from dreamnet_actions.testing.github.rest.fields import Fields, page, paged
from dreamnet_actions.testing.github.rest.find import find_commit
from dreamnet_actions.testing.github.world import World

if TYPE_CHECKING:
    from starlette.routing import Route

STATES = ("error", "failure", "pending", "success")
MOST = 1000
"""A commit takes no more statuses of one context."""


def routes() -> list[Route]:
    """Answer this module's routes."""
    return [
        rest("POST", R + "/statuses/{sha}", create),
        rest("GET", R + "/statuses/{sha:path}", list_for),
        rest("GET", R + "/commits/{ref:path}/statuses", list_for),
        rest("GET", R + "/commits/{ref:path}/status", combined),
    ]


def shape(world: World, repository: Repository, one: CommitStatus) -> dict[str, Any]:
    """A ``status``."""
    return {**simple(world, repository, one), "creator": shapes.user(world, one.user)}


def simple(world: World, repository: Repository, one: CommitStatus) -> dict[str, Any]:
    """A ``simple-commit-status``."""
    return {
        "url": f"{shapes.repository_url(world, repository)}/statuses/{one.sha}",
        "avatar_url": shapes.user(world, one.user)["avatar_url"],
        "id": one.id,
        "node_id": shapes.node_id("Status", one.id),
        "state": one.state,
        "description": one.description,
        "target_url": one.target_url,
        "context": one.context,
        "created_at": shapes.when(one.created),
        "updated_at": shapes.when(one.updated),
    }


def contexts(repository: Repository, sha: str) -> dict[str, str]:
    """Answer the state of each context of a commit: statuses, and check runs by their names."""
    states = {one.context: one.state for one in repository.statuses if one.sha == sha}
    for run in repository.checks.values():
        if run.sha == sha:
            fine = run.conclusion in {"success", "neutral", "skipped"}
            states[run.name] = "pending" if run.status != "completed" else "success" if fine else "failure"
    return states


def create(call: Call) -> Answer:
    """Create a commit status (https://docs.github.com/rest/commits/statuses#create-a-commit-status)."""
    sha = call.params["sha"]
    if call.world.git(call.repository).kind(sha) != "commit":
        raise Problem(422, f"No commit found for SHA: {sha}")
    fields = Fields(call, "Status")
    target = fields.optional("target_url")
    if target and not target.startswith(("http://", "https://")):
        raise invalid("Status", "target_url", "custom", "target_url must use http(s) scheme")
    made = CommitStatus(
        call.world.fresh_id(),
        call.actor,
        call.now,
        call.now,
        sha=sha,
        state=fields.text("state", choices=STATES),
        context=fields.optional("context") or "default",
        description=fields.optional("description", limit=140),
        target_url=target,
    )
    there = [one for one in call.repository.statuses if (one.sha, one.context) == (sha, made.context)]
    if len(there) >= MOST:
        raise Problem(422, "This SHA and context has reached the maximum number of statuses.")
    call.repository.statuses.append(made)
    call.world.save(made, touch=False)
    shaped = shape(call.world, call.repository, made)
    call.announce("status", at=sha, **_event(call, made))
    return Answer(201, shaped, {"Location": shaped["url"]})


def list_for(call: Call) -> Answer:
    """List commit statuses for a reference
    (https://docs.github.com/rest/commits/statuses#list-commit-statuses-for-a-reference)."""
    return paged(
        call, _shown(call, find_commit(call, call.params.get("ref") or call.params["sha"]))[::-1], shape
    )


def combined(call: Call) -> Answer:
    """Get the combined status for a reference
    (https://docs.github.com/rest/commits/statuses#get-the-combined-status-for-a-specific-reference)."""
    sha = find_commit(call, call.params["ref"])
    latest = list({one.context: one for one in _shown(call, sha)}.values())
    states = {one.state for one in latest}
    state = "failure" if states & {"failure", "error"} else "success" if states == {"success"} else "pending"
    base = shapes.repository_url(call.world, call.repository)
    shown, headers = page(call, latest)
    body = {
        "state": state,
        "statuses": [simple(call.world, call.repository, one) for one in shown],
        "sha": sha,
        "total_count": len(latest),
        "repository": shapes.minimal_repository(call.world, call.repository),
        "commit_url": f"{base}/commits/{sha}",
        "url": f"{base}/commits/{sha}/status",
    }
    return Answer(200, body, headers)


def _shown(call: Call, sha: str) -> list[CommitStatus]:
    return [one for one in call.repository.statuses if one.sha == sha and one.as_of(call.as_of)]


def _event(call: Call, one: CommitStatus) -> dict[str, Any]:
    git = call.world.git(call.repository)
    commit = gitshapes.commit(call.world, call.repository, git.commit(one.sha))
    return {
        "id": one.id,
        "sha": one.sha,
        "name": call.repository.full_name,
        "target_url": one.target_url,
        "context": one.context,
        "description": one.description,
        "state": one.state,
        "branches": [
            {
                "name": name.removeprefix("refs/heads/"),
                "commit": {"sha": one.sha, "url": commit["url"]},
                "protected": False,
            }
            for name, sha in git.refs("refs/heads/").items()
            if sha == one.sha
        ],
        "commit": commit,
        "created_at": shapes.when(one.created),
        "updated_at": shapes.when(one.updated),
    }
