"""Pull requests, as far as a revert needs them: create, read, list, close."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from dreamnet_actions.testing.github.call import Answer, Call, Problem, invalid, not_found, rest
from dreamnet_actions.testing.github.gitstore import GitRefused
from dreamnet_actions.testing.github.permissions import R
from dreamnet_actions.testing.github.proposals import merged, tip
from dreamnet_actions.testing.github.records import Issue, Pull, Repository
from dreamnet_actions.testing.github.rest import shapes
from dreamnet_actions.testing.github.rest.fields import Fields, choice, paged
from dreamnet_actions.testing.github.rest.find import own_or_writer
from dreamnet_actions.testing.github.rest.issues import LONGEST_BODY, LONGEST_TITLE, new_issue, set_state
from dreamnet_actions.testing.github.world import World

if TYPE_CHECKING:
    from starlette.routing import Route


def routes() -> list[Route]:
    """Answer this module's routes."""
    one = R + "/pulls/{pull_number}"
    return [
        rest("GET", R + "/pulls", list_all),
        rest("POST", R + "/pulls", create),
        rest("GET", one, get),
        rest("PATCH", one, update),
    ]


def shape(world: World, repository: Repository, one: Issue) -> dict[str, Any]:
    """A ``pull-request-simple``."""
    assert one.pull is not None
    base = shapes.repository_url(world, repository)
    issue = shapes.issue(world, repository, one)
    url, page = f"{base}/pulls/{one.number}", issue["html_url"]
    statuses = f"{base}/statuses/{one.pull.head_sha}"
    kept = (
        "id number node_id title user labels state locked assignee assignees milestone created_at updated_at closed_at "
        "author_association active_lock_reason body html_url comments_url"
    )
    links = {
        "self": url,
        "html": page,
        "issue": issue["url"],
        "comments": issue["comments_url"],
        "review_comments": f"{url}/comments",
        "review_comment": f"{base}/pulls/comments{{/number}}",
        "commits": f"{url}/commits",
        "statuses": statuses,
    }
    return {
        **{name: issue[name] for name in kept.split()},
        "url": url,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "issue_url": issue["url"],
        "commits_url": f"{url}/commits",
        "review_comments_url": f"{url}/comments",
        "review_comment_url": f"{base}/pulls/comments{{/number}}",
        "statuses_url": statuses,
        "draft": one.pull.draft,
        "merged_at": shapes.when_or_none(one.pull.merged),
        "merge_commit_sha": one.pull.merge_sha,
        "requested_reviewers": [],
        "requested_teams": [],
        "auto_merge": None,
        "head": _end(
            world,
            world.repositories.get((one.pull.fork or "").lower(), repository),
            one.pull.head,
            one.pull.head_sha,
        ),
        "base": _end(world, repository, one.pull.base, one.pull.base_sha),
        "_links": {name: {"href": address} for name, address in links.items()},
    }


def whole(world: World, repository: Repository, one: Issue) -> dict[str, Any]:
    """A ``pull-request``."""
    assert one.pull is not None
    git = world.git(repository)
    head, base = one.pull.head_sha, one.pull.base_sha
    root = git.text("merge-base", base, head)
    changes = git.changes(root, head)
    return {
        **shape(world, repository, one),
        "merged": one.pull.merged is not None,
        "mergeable": _mergeable(world, repository, one),
        "rebaseable": None,
        "mergeable_state": "unknown",
        "merged_by": None,
        "comments": one.comments,
        "review_comments": 0,
        "maintainer_can_modify": False,
        "commits": len(git.log(head, f"^{base}")),
        "additions": sum(row[3] for row in changes),
        "deletions": sum(row[4] for row in changes),
        "changed_files": len(changes),
    }


def list_all(call: Call) -> Answer:
    """List pull requests (https://docs.github.com/rest/pulls/pulls#list-pull-requests)."""
    state = choice(call, "state", "open", ("open", "closed", "all"))
    direction = choice(call, "direction", "desc", ("asc", "desc"))
    head, base = call.query.get("head", "").rpartition(":")[2], call.query.get("base", "")
    shown = [then for one in call.repository.issues.values() if (then := one.as_of(call.as_of))]
    found = [
        one
        for one in shown
        if one.pull is not None
        and state in {one.state, "all"}
        and head in {"", one.pull.head}
        and base in {"", one.pull.base}
    ]
    found.sort(key=lambda one: one.number, reverse=direction == "desc")
    return paged(call, found, shape)


def create(call: Call) -> Answer:
    """Create a pull request (https://docs.github.com/rest/pulls/pulls#create-a-pull-request)."""
    fields = Fields(call, "PullRequest")
    title, body = fields.text("title", limit=LONGEST_TITLE), fields.optional("body", limit=LONGEST_BODY)
    owner, _, head = fields.text("head").rpartition(":")
    base = fields.text("base")
    git = call.world.git(call.repository)
    head_sha, fork = tip(call.world, call.repository, owner, head)
    base_sha, _ = tip(call.world, call.repository, "", base)
    if head_sha is None:
        raise invalid("PullRequest", "head")
    if base_sha is None:
        raise invalid("PullRequest", "base")
    if git.is_ancestor(head_sha, base_sha):
        raise _refused(f"No commits between {base} and {head}")
    for one in call.repository.issues.values():
        if (
            one.pull
            and one.state == "open"
            and (one.pull.fork, one.pull.head, one.pull.base) == (fork, head, base)
        ):
            raise _refused(f"A pull request already exists for {call.repository.owner.login}:{head}.")
    made = new_issue(call, title, body)
    made.pull = Pull(head, base, head_sha, base_sha, fields.flag("draft", default=False), fork=fork)
    call.world.save(made, touch=False)
    shaped = whole(call.world, call.repository, made)
    _announce(call, made, "opened", shaped)
    return Answer(201, shaped, {"Location": shaped["url"]})


def get(call: Call) -> Answer:
    """Get a pull request (https://docs.github.com/rest/pulls/pulls#get-a-pull-request)."""
    return Answer(200, whole(call.world, call.repository, _find(call)))


def update(call: Call) -> Answer:
    """Update a pull request (https://docs.github.com/rest/pulls/pulls#update-a-pull-request)."""
    found = _find(call)
    own_or_writer(call, found.user)
    fields = Fields(call, "PullRequest")
    title = fields.text("title", limit=LONGEST_TITLE) if "title" in fields else found.title
    body = fields.optional("body", limit=LONGEST_BODY) if "body" in fields else found.body
    turned = set_state(call, found, fields.optional("state", choices=("open", "closed")), None)
    found.title, found.body = title, body
    call.world.save(found)
    shaped = whole(call.world, call.repository, found)
    _announce(call, found, turned or "edited", shaped)
    return Answer(200, shaped)


def _announce(call: Call, one: Issue, action: str, shaped: dict[str, Any]) -> None:
    """Tell of it where a run could be for it: what has conflicts starts none."""
    if (sha := merged(call.world, call.repository, one)) is not None:
        ref = f"refs/pull/{one.number}/merge"
        call.announce("pull_request", action=action, number=one.number, at=sha, ref=ref, pull_request=shaped)


def _find(call: Call) -> Issue:
    found = call.repository.issues.get(call.number("pull_number"))
    if found is None or found.pull is None:
        raise not_found()
    owner = (found.pull.fork or "").partition("/")[0]
    if found.state == "open" and (at := tip(call.world, call.repository, owner, found.pull.head)[0]):
        found.pull.head_sha = at  # an open pull request follows its branch
    return found


def _refused(message: str) -> Problem:
    return Problem(
        422, "Validation Failed", errors=[{"resource": "PullRequest", "code": "custom", "message": message}]
    )


def _end(world: World, repository: Repository, name: str, sha: str) -> dict[str, Any]:
    owner = repository.owner
    return {
        "label": f"{owner.login}:{quote(name)}",
        "ref": name,
        "sha": sha,
        "user": shapes.user(world, owner),
        "repo": shapes.repository(world, repository),
    }


def _mergeable(world: World, repository: Repository, one: Issue) -> bool | None:
    assert one.pull is not None
    if one.state != "open":
        return None
    try:
        world.git(repository).run("merge-tree", "--write-tree", one.pull.base_sha, one.pull.head_sha)
    except GitRefused:
        return False
    return True
