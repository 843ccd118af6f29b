"""Releases, and the tags that they make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from dreamnet_actions.testing.github.call import Answer, Call, Problem, invalid, not_found, rest
from dreamnet_actions.testing.github.gitstore import ZERO, GitRefused
from dreamnet_actions.testing.github.permissions import R
from dreamnet_actions.testing.github.records import Release, Repository
from dreamnet_actions.testing.github.rest import shapes
from dreamnet_actions.testing.github.rest.fields import Fields, paged
from dreamnet_actions.testing.github.rest.refs import move
from dreamnet_actions.testing.github.world import World

if TYPE_CHECKING:
    from starlette.routing import Route


def routes() -> list[Route]:
    """Answer this module's routes."""
    one = R + "/releases/{release_id}"
    return [
        rest("GET", R + "/releases", list_all),
        rest("POST", R + "/releases", create),
        rest("GET", R + "/releases/latest", latest),
        rest("GET", R + "/releases/tags/{tag:path}", by_tag),
        rest("GET", one, get),
        rest("PATCH", one, update),
        rest("DELETE", one, delete),
    ]


def shape(world: World, repository: Repository, one: Release) -> dict[str, Any]:
    """A ``release``."""
    base, page = shapes.repository_url(world, repository), f"{world.server_url}/{repository.full_name}"
    url = f"{base}/releases/{one.id}"
    return {
        "url": url,
        "assets_url": f"{url}/assets",
        "upload_url": f"{url}/assets{{?name,label}}",
        "html_url": f"{page}/releases/tag/{quote(one.tag)}",
        "id": one.id,
        "author": shapes.user(world, one.user),
        "node_id": shapes.node_id("Release", one.id),
        "tag_name": one.tag,
        "target_commitish": one.target,
        "name": one.name,
        "draft": one.draft,
        "immutable": False,
        "prerelease": one.prerelease,
        "created_at": shapes.when(one.created),
        "updated_at": shapes.when(one.updated),
        "published_at": shapes.when_or_none(one.published),
        "assets": [],
        "tarball_url": None if one.draft else f"{base}/tarball/{quote(one.tag)}",
        "zipball_url": None if one.draft else f"{base}/zipball/{quote(one.tag)}",
        "body": one.body,
    }


def list_all(call: Call) -> Answer:
    """List releases (https://docs.github.com/rest/releases/releases#list-releases)."""
    shown = [state for one in call.repository.releases.values() if (state := one.as_of(call.as_of))]
    # Who may not push sees no drafts.
    return paged(call, [one for one in shown[::-1] if not one.draft or call.may_write()], shape)


def create(call: Call) -> Answer:
    """Create a release (https://docs.github.com/rest/releases/releases#create-a-release)."""
    fields = Fields(call, "Release")
    draft = fields.flag("draft", default=False)
    made = Release(
        call.world.fresh_id(),
        call.actor,
        call.now,
        call.now,
        tag=_tag(call, fields.text("tag_name"), None),
        target=fields.optional("target_commitish") or call.repository.default_branch,
        name=fields.optional("name"),
        body=fields.optional("body"),
        draft=draft,
        prerelease=fields.flag("prerelease", default=False),
        published=None,
    )
    if not draft:
        _publish(call, made)
    call.repository.releases[made.id] = made
    call.world.save(made, touch=False)
    shaped = shape(call.world, call.repository, made)
    _announce(call, ["created"] if draft else ["created", "published", "released"], shaped, made)
    return Answer(201, shaped, {"Location": shaped["url"]})


def get(call: Call) -> Answer:
    """Get a release (https://docs.github.com/rest/releases/releases#get-a-release)."""
    return Answer(200, shape(call.world, call.repository, _find(call)))


def latest(call: Call) -> Answer:
    """Get the latest release (https://docs.github.com/rest/releases/releases#get-the-latest-release)."""
    able = [one for one in call.repository.releases.values() if not one.draft and not one.prerelease]
    if not able:
        raise not_found()
    return Answer(200, shape(call.world, call.repository, max(able, key=lambda one: (one.created, one.id))))


def by_tag(call: Call) -> Answer:
    """Get a release by tag name (https://docs.github.com/rest/releases/releases#get-a-release-by-tag-name)."""
    for one in call.repository.releases.values():
        if one.tag == call.params["tag"] and not one.draft:
            return Answer(200, shape(call.world, call.repository, one))
    raise not_found()


def update(call: Call) -> Answer:
    """Update a release (https://docs.github.com/rest/releases/releases#update-a-release)."""
    found = _find(call)
    fields = Fields(call, "Release")
    trial = found.frozen()
    trial.tag = _tag(call, fields.text("tag_name"), found) if "tag_name" in fields else found.tag
    trial.target = fields.optional("target_commitish") or found.target
    trial.name = fields.optional("name") if "name" in fields else found.name
    trial.body = fields.optional("body") if "body" in fields else found.body
    trial.prerelease = fields.flag("prerelease", found.prerelease)
    trial.draft = fields.flag("draft", found.draft)
    published = found.draft and not trial.draft
    if published:
        _publish(call, trial)
    vars(found).update({name: value for name, value in vars(trial).items() if name != "history"})
    call.world.save(found)
    shaped = shape(call.world, call.repository, found)
    _announce(call, ["published", "released"] if published else ["edited"], shaped, found)
    return Answer(200, shaped)


def delete(call: Call) -> Answer:
    """Delete a release (https://docs.github.com/rest/releases/releases#delete-a-release)."""
    found = _find(call)
    del call.repository.releases[found.id]
    _announce(call, ["deleted"], shape(call.world, call.repository, found), found)
    return Answer(204)


def _find(call: Call) -> Release:
    found = call.repository.releases.get(call.number("release_id"))
    if found is None or (found.draft and not call.may_write()):
        raise not_found()
    return found


def _tag(call: Call, name: str, own: Release | None) -> str:
    if not call.world.git(call.repository).valid_ref(f"refs/tags/{name}"):
        raise invalid("Release", "tag_name")
    others = [one for one in call.repository.releases.values() if one is not own and not one.draft]
    if name in {one.tag for one in others}:
        raise invalid("Release", "tag_name", "already_exists")
    return name


def _publish(call: Call, release: Release) -> None:
    """Make the tag where there is none yet."""
    git = call.world.git(call.repository)
    ref = f"refs/tags/{release.tag}"
    if git.ref(ref) is None:
        target = git.resolve(release.target)
        if target is None:
            raise invalid("Release", "target_commitish")
        try:
            move(call, ref, ZERO, target)
        except GitRefused as refused:
            raise Problem(422, f"The tag cannot be made: {refused}") from None
    release.published = call.now


def _announce(call: Call, actions: list[str], shaped: dict[str, Any], release: Release) -> None:
    for action in actions:
        kept = not (action == "released" and release.prerelease)
        if kept:
            call.announce("release", action=action, ref=f"refs/tags/{release.tag}", release=shaped)
