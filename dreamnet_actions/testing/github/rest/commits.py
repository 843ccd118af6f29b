"""Commits, comparisons, branches and tags, read from git."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from dreamnet_actions.testing.github.call import Answer, Call, Problem, not_found, rest
from dreamnet_actions.testing.github.gitstore import CommitRecord, GitRefused
from dreamnet_actions.testing.github.permissions import R
from dreamnet_actions.testing.github.records import Repository
from dreamnet_actions.testing.github.rest import gitshapes, shapes
from dreamnet_actions.testing.github.rest.fields import moment, paged, wrong_type
from dreamnet_actions.testing.github.rest.find import find_commit
from dreamnet_actions.testing.github.world import World

if TYPE_CHECKING:
    from starlette.routing import Route

MOST_COMPARED = 250


def routes() -> list[Route]:
    """Answer this module's routes; the paths below a commit (``…/status``) come before them."""
    return [
        rest("GET", R + "/commits", list_all),
        rest("GET", R + "/commits/{ref:path}", get),
        rest("GET", R + "/compare/{basehead:path}", compare),
        rest("GET", R + "/branches", branches),
        rest("GET", R + "/branches/{branch:path}", branch),
        rest("GET", R + "/tags", tags),
    ]


def list_all(call: Call) -> Answer:
    """List commits (https://docs.github.com/rest/commits/commits#list-commits)."""
    git, start = call.world.git(call.repository), call.query.get("sha") or call.repository.default_branch
    tip = git.resolve(start)
    if tip is None:
        if not git.refs("refs/heads/"):
            raise Problem(409, "Git Repository is empty.")
        raise not_found()
    path = call.query.get("path", "")
    if "\0" in path or path.startswith(":"):
        raise not_found()
    since, until = _time(call, "since"), _time(call, "until")
    author = call.query.get("author", "").lower()
    found = [
        one
        for one in git.log(tip, path=path.strip("/"))
        if (since is None or one.committer.when >= since)
        and (until is None or one.committer.when <= until)
        and author in {"", one.author.email.lower(), one.author.name.lower()}
    ]
    return paged(call, found, gitshapes.commit)


def get(call: Call) -> Answer:
    """Get a commit (https://docs.github.com/rest/commits/commits#get-a-commit)."""
    sha = find_commit(call, call.params["ref"])
    one = call.world.git(call.repository).commit(sha)
    return Answer(200, gitshapes.whole_commit(call.world, call.repository, one))


def compare(call: Call) -> Answer:
    """Compare two commits (https://docs.github.com/rest/commits/commits#compare-two-commits)."""
    git = call.world.git(call.repository)
    old, dots, new = call.params["basehead"].partition("...")
    base, head = git.resolve(old.rpartition(":")[2]), git.resolve(new.rpartition(":")[2])
    if not dots or base is None or head is None:
        raise not_found()
    try:
        root = git.text("merge-base", base, head)
    except GitRefused:
        raise Problem(404, f"No common ancestor between {old} and {new}.") from None
    ahead: list[CommitRecord] = git.log(head, f"^{base}")[::-1]
    behind = len(git.log(base, f"^{head}"))
    status = "diverged" if ahead and behind else "ahead" if ahead else "behind" if behind else "identical"
    url = f"{shapes.repository_url(call.world, call.repository)}/compare/{quote(old)}...{quote(new)}"
    page = f"{call.world.server_url}/{call.repository.full_name}/compare/{quote(old)}...{quote(new)}"
    shaped = {
        "url": url,
        "html_url": page,
        "permalink_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "base_commit": gitshapes.commit(call.world, call.repository, git.commit(base)),
        "merge_base_commit": gitshapes.commit(call.world, call.repository, git.commit(root)),
        "status": status,
        "ahead_by": len(ahead),
        "behind_by": behind,
        "total_commits": len(ahead),
        "commits": [gitshapes.commit(call.world, call.repository, one) for one in ahead[:MOST_COMPARED]],
        "files": gitshapes.files(call.world, call.repository, root, head),
    }
    return Answer(200, shaped)


def branches(call: Call) -> Answer:
    """List branches (https://docs.github.com/rest/branches/branches#list-branches)."""
    listed = sorted(call.world.git(call.repository).refs("refs/heads/").items())
    return paged(call, listed, _short_branch)


def branch(call: Call) -> Answer:
    """Get a branch (https://docs.github.com/rest/branches/branches#get-a-branch)."""
    name = call.params["branch"]
    git = call.world.git(call.repository)
    sha = git.ref(f"refs/heads/{name}") if git.valid_ref(f"refs/heads/{name}") else None
    if sha is None:
        raise Problem(404, "Branch not found")
    url = f"{shapes.repository_url(call.world, call.repository)}/branches/{quote(name)}"
    shaped = {
        "name": name,
        "commit": gitshapes.commit(call.world, call.repository, git.commit(sha)),
        "_links": {
            "self": url,
            "html": f"{call.world.server_url}/{call.repository.full_name}/tree/{quote(name)}",
        },
        "protected": False,
        "protection": {
            "enabled": False,
            "required_status_checks": {"enforcement_level": "off", "contexts": [], "checks": []},
        },
        "protection_url": f"{url}/protection",
    }
    return Answer(200, shaped)


def tags(call: Call) -> Answer:
    """List repository tags (https://docs.github.com/rest/repos/repos#list-repository-tags)."""
    git = call.world.git(call.repository)
    named = [name.removeprefix("refs/tags/") for name in git.refs("refs/tags/")]
    listed = [(name, sha) for name in sorted(named, reverse=True) if (sha := git.resolve(f"{name}"))]
    return paged(call, listed, _tag)


def _short_branch(world: World, repository: Repository, pair: tuple[str, str]) -> dict[str, Any]:
    name, sha = pair
    url = f"{shapes.repository_url(world, repository)}/commits/{sha}"
    return {"name": name.removeprefix("refs/heads/"), "commit": {"sha": sha, "url": url}, "protected": False}


def _tag(world: World, repository: Repository, pair: tuple[str, str]) -> dict[str, Any]:
    name, sha = pair
    base = shapes.repository_url(world, repository)
    return {
        "name": name,
        "commit": {"sha": sha, "url": f"{base}/commits/{sha}"},
        "zipball_url": f"{base}/zipball/refs/tags/{quote(name)}",
        "tarball_url": f"{base}/tarball/refs/tags/{quote(name)}",
        "node_id": shapes.node_id("Ref", f"{repository.id}:{name}"),
    }


def _time(call: Call, name: str) -> float | None:
    text = call.query.get(name)
    try:
        return moment(text) if text else None
    except (ValueError, OverflowError):
        raise wrong_type(name, text, "a valid date-time") from None
