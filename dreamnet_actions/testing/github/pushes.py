"""A ref moved: the events that GitHub tells of it, with payloads of its shape.

https://docs.github.com/webhooks/webhook-events-and-payloads#push
"""

from __future__ import annotations

import time
from typing import Any

from dreamnet_actions.testing.github.gitstore import ZERO, CommitRecord, GitStore
from dreamnet_actions.testing.github.hosting import Event
from dreamnet_actions.testing.github.proposals import pushed
from dreamnet_actions.testing.github.records import Repository, User
from dreamnet_actions.testing.github.world import World

MOST_COMMITS = 2048
"""A push event lists no more."""


def moved(
    world: World, repository: Repository, ref: str, before: str, after: str, actor: User, *, by_workflow: bool
) -> list[Event]:
    """Answer the events for ``ref`` having gone from ``before`` to ``after`` (zeros: not there): ``push``, ``create``
    or ``delete``, and ``pull_request`` of those whose branch it is. Refs outside ``refs/heads`` and ``refs/tags`` cause
    none."""
    if not ref.startswith(("refs/heads/", "refs/tags/")) or before == after:
        return []
    with world.lock:
        repository.pushed = world.clock.now()
        extra = world.payload(repository.full_name, actor.login)
        payload = _push(world, repository, ref, before, after, actor) | extra
        payload["repository"] = _webhook_repository(repository, extra["repository"])
    events = [("push", payload)]
    if before == ZERO or after == ZERO:
        kind, _, name = ref.removeprefix("refs/").partition("/")
        created = {
            "ref": name,
            "ref_type": "branch" if kind == "heads" else "tag",
            "pusher_type": "user",
            **({"master_branch": repository.default_branch, "description": None} if before == ZERO else {}),
        }
        events.append(("create" if before == ZERO else "delete", created | extra))
    told = [
        Event(
            name=name,
            repository=repository.full_name,
            ref=ref,
            sha=after,
            payload=body,
            actor=actor.login,
            by_workflow=by_workflow,
        )
        for name, body in events
    ]
    with world.lock:
        return told + pushed(world, repository, ref, before, after, actor, by_workflow=by_workflow)


def _webhook_repository(repository: Repository, shaped: dict[str, Any]) -> dict[str, Any]:
    """In a push these two are numbers, and there are a few names of former times."""
    return {
        **shaped,
        "created_at": int(repository.created),
        "pushed_at": int(repository.pushed),
        "stargazers": 0,
        "master_branch": repository.default_branch,
        "owner": {**shaped["owner"], "name": repository.owner.login, "email": _email(repository.owner.login)},
    }


def _push(
    world: World, repository: Repository, ref: str, before: str, after: str, actor: User
) -> dict[str, Any]:
    git = world.git(repository)
    page = f"{world.server_url}/{repository.full_name}"
    tip = git.resolve(after) if after != ZERO else None
    commits: list[CommitRecord] = []
    if tip is not None:
        known = [one for name, one in git.refs("refs/heads/").items() if name != ref]
        hidden = [before] if before != ZERO else known
        commits = git.log(tip, *(f"^{one}" for one in hidden), limit=MOST_COMMITS)[::-1]
    forced = before != ZERO and after != ZERO and not git.is_ancestor(before, after)
    span = f"{before[:12]}...{after[:12]}" if ZERO not in (before, after) else (tip or before)[:12]
    return {
        "ref": ref,
        "before": before,
        "after": after,
        "pusher": {"name": actor.login, "email": _email(actor.login)},
        "created": before == ZERO,
        "deleted": after == ZERO,
        "forced": forced,
        "base_ref": None,
        "compare": f"{page}/{'compare' if '...' in span else 'commit'}/{span}",
        "commits": [_commit(git, page, one) for one in commits],
        "head_commit": _commit(git, page, git.commit(tip)) if tip else None,
    }


def _commit(git: GitStore, page: str, one: CommitRecord) -> dict[str, Any]:
    changes = git.changes(one.parents[0] if one.parents else None, one.sha)
    by = {
        kind: [path for letter, path, *_ in changes if letter in letters]
        for kind, letters in _LETTERS.items()
    }
    return {
        "id": one.sha,
        "tree_id": one.tree,
        "distinct": True,
        "message": one.message,
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(one.committer.when)),
        "url": f"{page}/commit/{one.sha}",
        "author": {"name": one.author.name, "email": one.author.email, **_username(one.author.email)},
        "committer": {
            "name": one.committer.name,
            "email": one.committer.email,
            **_username(one.committer.email),
        },
        **by,
    }


_LETTERS = {"added": "A", "removed": "D", "modified": "MT"}


def _email(login: str) -> str:
    return f"{login}@users.noreply.github.com"


def login_of(email: str) -> str | None:
    """Answer whose no-reply address this is: GitHub knows authors by their addresses."""
    name, _, host = email.partition("@")
    return name.partition("+")[2] or name if host == "users.noreply.github.com" else None


def _username(email: str) -> dict[str, str]:
    login = login_of(email)
    return {"username": login} if login else {}
