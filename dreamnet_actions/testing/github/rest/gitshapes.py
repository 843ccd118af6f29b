"""GitHub's JSON of what is in git: commits, files, differences."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from dreamnet_actions.testing.github import records
from dreamnet_actions.testing.github.gitstore import CommitRecord, Person
from dreamnet_actions.testing.github.pushes import login_of
from dreamnet_actions.testing.github.rest import shapes

if TYPE_CHECKING:
    from dreamnet_actions.testing.github.world import World

UNSIGNED = {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}
_STATUS = {"A": "added", "D": "removed", "M": "modified", "T": "changed"}
_TYPES = {"blob": "file", "tree": "dir", "commit": "submodule"}


def _person(one: Person) -> dict[str, str]:
    return {"name": one.name, "email": one.email, "date": shapes.when(one.when)}


def _account(world: World, one: Person) -> dict[str, Any] | None:
    login = login_of(one.email)
    found = world.users.get(login.lower()) if login else None
    return shapes.user(world, found) if found else None


def commit(world: World, repo: records.Repository, one: CommitRecord) -> dict[str, Any]:
    """A ``commit``, without its files."""
    base, page = shapes.repository_url(world, repo), f"{world.server_url}/{repo.full_name}"
    url = f"{base}/commits/{one.sha}"
    return {
        "url": url,
        "sha": one.sha,
        "node_id": shapes.node_id("Commit", one.sha),
        "html_url": f"{page}/commit/{one.sha}",
        "comments_url": f"{url}/comments",
        "commit": {
            "url": f"{base}/git/commits/{one.sha}",
            "author": _person(one.author),
            "committer": _person(one.committer),
            "message": one.message,
            "comment_count": 0,
            "tree": {"sha": one.tree, "url": f"{base}/git/trees/{one.tree}"},
            "verification": UNSIGNED,
        },
        "author": _account(world, one.author),
        "committer": _account(world, one.committer),
        "parents": [
            {"sha": sha, "url": f"{base}/commits/{sha}", "html_url": f"{page}/commit/{sha}"}
            for sha in one.parents
        ],
    }


def git_commit(world: World, repo: records.Repository, one: CommitRecord) -> dict[str, Any]:
    """A ``git-commit``."""
    base, page = shapes.repository_url(world, repo), f"{world.server_url}/{repo.full_name}"
    return {
        "sha": one.sha,
        "node_id": shapes.node_id("Commit", one.sha),
        "url": f"{base}/git/commits/{one.sha}",
        "html_url": f"{page}/commit/{one.sha}",
        "author": _person(one.author),
        "committer": _person(one.committer),
        "message": one.message,
        "tree": {"sha": one.tree, "url": f"{base}/git/trees/{one.tree}"},
        "parents": [
            {"sha": sha, "url": f"{base}/git/commits/{sha}", "html_url": f"{page}/commit/{sha}"}
            for sha in one.parents
        ],
        "verification": UNSIGNED,
    }


def files(world: World, repo: records.Repository, old: str | None, new: str) -> list[dict[str, Any]]:
    """The ``diff-entry`` list between two commits."""
    base, page = shapes.repository_url(world, repo), f"{world.server_url}/{repo.full_name}"
    return [
        {
            "sha": sha,
            "filename": path,
            "status": _STATUS.get(letter, "modified"),
            "additions": added,
            "deletions": deleted,
            "changes": added + deleted,
            "blob_url": f"{page}/blob/{new}/{quote(path)}",
            "raw_url": f"{page}/raw/{new}/{quote(path)}",
            "contents_url": f"{base}/contents/{quote(path)}?ref={new}",
        }
        for letter, path, sha, added, deleted in world.git(repo).changes(old, new)
    ]


def whole_commit(world: World, repo: records.Repository, one: CommitRecord) -> dict[str, Any]:
    """A ``commit`` with its files and their sums."""
    changed = files(world, repo, one.parents[0] if one.parents else None, one.sha)
    added, deleted = sum(item["additions"] for item in changed), sum(item["deletions"] for item in changed)
    stats = {"additions": added, "deletions": deleted, "total": added + deleted}
    return {**commit(world, repo, one), "stats": stats, "files": changed}


def entry(
    world: World, repo: records.Repository, ref: str, row: tuple[str, str, str, int, str]
) -> dict[str, Any]:
    """What ``contents`` says of one path, without its content."""
    _, kind, sha, size, path = row
    base, page = shapes.repository_url(world, repo), f"{world.server_url}/{repo.full_name}"
    url = f"{base}/contents/{quote(path)}?ref={quote(ref)}"
    git_url = f"{base}/git/{'trees' if kind == 'tree' else 'blobs'}/{sha}"
    html = f"{page}/{'tree' if kind == 'tree' else 'blob'}/{quote(ref)}/{quote(path)}"
    return {
        "type": _TYPES.get(kind, "file"),
        "size": size,
        "name": path.rpartition("/")[2],
        "path": path,
        "sha": sha,
        "url": url,
        "git_url": git_url,
        "html_url": html,
        "download_url": None if kind == "tree" else f"{page}/raw/{quote(ref)}/{quote(path)}",
        "_links": {"self": url, "git": git_url, "html": html},
    }


def encoded(data: bytes) -> str:
    """Write bytes in base64, in lines, as GitHub does."""
    return base64.encodebytes(data).decode()
