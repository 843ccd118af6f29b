"""Refs through REST: read, create, move and delete, each a compare-and-set in git."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from dreamnet_actions.testing.github.call import Answer, Call, Problem, not_found, rest
from dreamnet_actions.testing.github.gitstore import ZERO, GitRefused, GitStore
from dreamnet_actions.testing.github.permissions import R, reaches
from dreamnet_actions.testing.github.pushes import moved
from dreamnet_actions.testing.github.records import Repository
from dreamnet_actions.testing.github.rest import shapes
from dreamnet_actions.testing.github.rest.fields import Fields, paged
from dreamnet_actions.testing.github.world import World

if TYPE_CHECKING:
    from starlette.routing import Route

WORKFLOWS = ".github/workflows/"


def routes() -> list[Route]:
    """Answer this module's routes."""
    return [
        rest("GET", R + "/git/ref/{ref:path}", get),
        rest("GET", R + "/git/matching-refs/{ref:path}", matching),
        rest("GET", R + "/git/refs", matching),
        rest("POST", R + "/git/refs", create),
        rest("PATCH", R + "/git/refs/{ref:path}", update),
        rest("DELETE", R + "/git/refs/{ref:path}", delete),
    ]


def shape(world: World, repository: Repository, pair: tuple[str, str]) -> dict[str, Any]:
    """A ``git-ref`` of (name, sha)."""
    name, sha = pair
    base = shapes.repository_url(world, repository)
    kind = world.git(repository).kind(sha) or "commit"
    return {
        "ref": name,
        "node_id": shapes.node_id("Ref", f"{repository.id}:{name}"),
        "url": f"{base}/git/{quote(name)}",
        "object": {"sha": sha, "type": kind, "url": f"{base}/git/{kind}s/{sha}"},
    }


def move(call: Call, ref: str, old: str, new: str) -> None:
    """Set ``ref`` and tell of it; raises GitRefused where it is not at ``old`` any more, and the 403 for a workflow
    file that the token may not change."""
    git = call.world.git(call.repository)
    if new != ZERO:
        refuse_workflow_files(call, git, old, new)
    git.set_ref(ref, new, old)
    by_workflow = call.token.kind == "workflow"
    call.events += moved(call.world, call.repository, ref, old, new, call.actor, by_workflow=by_workflow)


def refuse_workflow_files(call: Call, git: GitStore, old: str, new: str) -> None:
    """Raise the 403 where new commits change a workflow file and the token has no ``workflows: write``.

    https://docs.github.com/rest/authentication/permissions-required-for-github-apps (workflows)
    """
    if call.token.kind == "classic" or reaches(call.token, "workflows", "write"):
        return
    known = [f"^{one}" for one in set(git.refs().values()) | ({old} if old != ZERO else set())]
    if git.resolve(new) and git.log(new, *known, limit=1, path=WORKFLOWS):
        raise Problem(
            403,
            "Resource not accessible by integration",
            headers={"X-Accepted-GitHub-Permissions": "contents=write,workflows=write"},
        )


def get(call: Call) -> Answer:
    """Get a reference (https://docs.github.com/rest/git/refs#get-a-reference)."""
    name = f"refs/{call.params['ref']}"
    git = call.world.git(call.repository)
    sha = git.ref(name) if git.valid_ref(name) else None
    if sha is None:
        raise not_found()
    return Answer(200, shape(call.world, call.repository, (name, sha)))


def matching(call: Call) -> Answer:
    """List matching references (https://docs.github.com/rest/git/refs#list-matching-references)."""
    start = f"refs/{call.params.get('ref', '')}"
    found = [
        pair for pair in sorted(call.world.git(call.repository).refs().items()) if pair[0].startswith(start)
    ]
    return paged(call, found, shape)


def create(call: Call) -> Answer:
    """Create a reference (https://docs.github.com/rest/git/refs#create-a-reference)."""
    fields = Fields(call, "Reference")
    name, sha = fields.text("ref"), fields.text("sha")
    git = call.world.git(call.repository)
    if not name.startswith("refs/") or name.count("/") < 2 or not git.valid_ref(name):
        raise Problem(422, f"{name} is not a valid ref name.")
    kind = git.kind(sha)
    if kind is None or (name.startswith("refs/heads/") and kind != "commit"):
        raise Problem(422, "Object does not exist")
    if git.ref(name) is not None:
        raise Problem(422, "Reference already exists")
    try:
        move(call, name, ZERO, sha)
    except GitRefused:
        raise Problem(422, "Reference already exists") from None
    shaped = shape(call.world, call.repository, (name, sha))
    return Answer(201, shaped, {"Location": shaped["url"]})


def update(call: Call) -> Answer:
    """Update a reference (https://docs.github.com/rest/git/refs#update-a-reference)."""
    fields = Fields(call, "Reference")
    sha, force = fields.text("sha"), fields.flag("force", default=False)
    name = f"refs/{call.params['ref']}"
    git = call.world.git(call.repository)
    old = git.ref(name) if git.valid_ref(name) else None
    if old is None:
        raise Problem(422, "Reference does not exist")
    kind = git.kind(sha)
    if kind is None or (name.startswith("refs/heads/") and kind != "commit"):
        raise Problem(422, "Object does not exist")
    if not force and not git.is_ancestor(old, sha):
        raise Problem(422, "Update is not a fast forward")
    try:
        move(call, name, old, sha)
    except GitRefused:
        raise Problem(422, "Update is not a fast forward") from None
    return Answer(200, shape(call.world, call.repository, (name, sha)))


def delete(call: Call) -> Answer:
    """Delete a reference (https://docs.github.com/rest/git/refs#delete-a-reference)."""
    name = f"refs/{call.params['ref']}"
    git = call.world.git(call.repository)
    old = git.ref(name) if git.valid_ref(name) else None
    if old is None:
        raise Problem(422, "Reference does not exist")
    if name == f"refs/heads/{call.repository.default_branch}":
        raise Problem(422, "Cannot delete the default branch")
    try:
        move(call, name, old, ZERO)
    except GitRefused:
        raise Problem(422, "Reference does not exist") from None
    return Answer(204)
