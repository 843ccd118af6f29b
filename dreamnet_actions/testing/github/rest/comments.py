"""Comments on issues, and reactions to both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dreamnet_actions.testing.github.call import Answer, Call, Problem, not_found, rest
from dreamnet_actions.testing.github.permissions import R
from dreamnet_actions.testing.github.records import Comment, Issue, Reaction
from dreamnet_actions.testing.github.rest import shapes
from dreamnet_actions.testing.github.rest.fields import Fields, choice, moment, paged, wrong_type
from dreamnet_actions.testing.github.rest.find import find_comment, find_issue, own_or_writer

if TYPE_CHECKING:
    from starlette.routing import Route

LONGEST_BODY = 65_536


def routes() -> list[Route]:
    """Answer this module's routes."""
    on = R + "/issues/{issue_number}"
    one = R + "/issues/comments/{comment_id}"
    return [
        rest("GET", R + "/issues/comments", list_all),
        rest("GET", one, get),
        rest("PATCH", one, update),
        rest("DELETE", one, delete),
        rest("GET", one + "/reactions", comment_reactions),
        rest("POST", one + "/reactions", react_to_comment),
        rest("DELETE", one + "/reactions/{reaction_id}", unreact_to_comment),
        rest("GET", on + "/comments", list_on),
        rest("POST", on + "/comments", create),
        rest("GET", on + "/reactions", issue_reactions),
        rest("POST", on + "/reactions", react_to_issue),
        rest("DELETE", on + "/reactions/{reaction_id}", unreact_to_issue),
    ]


def create(call: Call) -> Answer:
    """Create an issue comment (https://docs.github.com/rest/issues/comments#create-an-issue-comment)."""
    issue = find_issue(call)
    body = Fields(call, "IssueComment").text("body", limit=LONGEST_BODY)
    if issue.locked and not call.may_write():
        raise Problem(403, "Unable to create comment because issue is locked.")
    made = Comment(call.world.fresh_id(), call.actor, call.now, call.now, body, issue.number)
    call.repository.comments[made.id] = made
    call.world.save(made, touch=False)
    issue.comments += 1
    call.world.save(issue)
    shaped = shapes.comment(call.world, call.repository, made)
    _announce(call, "created", issue, made)
    return Answer(201, shaped, {"Location": shaped["url"]})


def get(call: Call) -> Answer:
    """Get an issue comment (https://docs.github.com/rest/issues/comments#get-an-issue-comment)."""
    return Answer(200, shapes.comment(call.world, call.repository, find_comment(call)))


def list_on(call: Call) -> Answer:
    """List issue comments (https://docs.github.com/rest/issues/comments#list-issue-comments)."""
    number = find_issue(call).number
    return paged(call, [one for one in _shown(call) if one.number == number], shapes.comment)


def list_all(call: Call) -> Answer:
    """List issue comments for a repository (https://docs.github.com/rest/issues/comments#list-issue-comments-for-a-repository)."""
    sort = choice(call, "sort", "created", ("created", "updated"))
    direction = choice(call, "direction", "asc", ("asc", "desc"))
    listed = sorted(_shown(call), key=lambda one: (getattr(one, sort), one.id), reverse=direction == "desc")
    return paged(call, listed, shapes.comment)


def update(call: Call) -> Answer:
    """Update an issue comment (https://docs.github.com/rest/issues/comments#update-an-issue-comment)."""
    found = find_comment(call)
    own_or_writer(call, found.user)
    changes = {"body": {"from": found.body}}
    found.body = Fields(call, "IssueComment").text("body", limit=LONGEST_BODY)
    call.world.save(found)
    _announce(call, "edited", call.repository.issues[found.number], found, changes=changes)
    return Answer(200, shapes.comment(call.world, call.repository, found))


def delete(call: Call) -> Answer:
    """Delete an issue comment (https://docs.github.com/rest/issues/comments#delete-an-issue-comment)."""
    found = find_comment(call)
    own_or_writer(call, found.user)
    issue = call.repository.issues[found.number]
    del call.repository.comments[found.id]
    issue.comments -= 1
    call.world.save(issue)
    _announce(call, "deleted", issue, found)
    return Answer(204)


def comment_reactions(call: Call) -> Answer:
    """List reactions for an issue comment (https://docs.github.com/rest/reactions/reactions#list-reactions-for-an-issue-comment)."""
    return _reactions(call, find_comment(call))


def issue_reactions(call: Call) -> Answer:
    """List reactions for an issue (https://docs.github.com/rest/reactions/reactions#list-reactions-for-an-issue)."""
    return _reactions(call, find_issue(call))


def react_to_comment(call: Call) -> Answer:
    """Create reaction for an issue comment (https://docs.github.com/rest/reactions/reactions#create-reaction-for-an-issue-comment)."""
    return _react(call, find_comment(call))


def react_to_issue(call: Call) -> Answer:
    """Create reaction for an issue (https://docs.github.com/rest/reactions/reactions#create-reaction-for-an-issue)."""
    return _react(call, find_issue(call))


def unreact_to_comment(call: Call) -> Answer:
    """Delete an issue comment reaction (https://docs.github.com/rest/reactions/reactions#delete-an-issue-comment-reaction)."""
    return _unreact(call, find_comment(call))


def unreact_to_issue(call: Call) -> Answer:
    """Delete an issue reaction (https://docs.github.com/rest/reactions/reactions#delete-an-issue-reaction)."""
    return _unreact(call, find_issue(call))


def _shown(call: Call) -> list[Comment]:
    text = call.query.get("since")
    try:
        since = moment(text) if text else None
    except (ValueError, OverflowError):
        raise wrong_type("since", text, "a valid date-time") from None
    then = [state for one in call.repository.comments.values() if (state := one.as_of(call.as_of))]
    return [one for one in then if since is None or one.updated >= since]


def _reactions(call: Call, on: Issue | Comment) -> Answer:
    wanted = call.query.get("content")
    return paged(call, [one for one in on.reactions if wanted in {None, one.content}], shapes.reaction)


def _react(call: Call, on: Issue | Comment) -> Answer:
    content = Fields(call, "Reaction").text("content", choices=shapes.REACTIONS)
    for one in on.reactions:
        if one.user is call.actor and one.content == content:
            return Answer(200, shapes.reaction(call.world, call.repository, one))
    made = Reaction(call.world.fresh_id(), call.actor, content, call.now)
    on.reactions.append(made)
    call.world.save(on, touch=False)
    return Answer(201, shapes.reaction(call.world, call.repository, made))


def _unreact(call: Call, on: Issue | Comment) -> Answer:
    found = next((one for one in on.reactions if one.id == call.number("reaction_id")), None)
    if found is None:
        raise not_found()
    own_or_writer(call, found.user)
    on.reactions.remove(found)
    call.world.save(on, touch=False)
    return Answer(204)


def _announce(call: Call, action: str, issue: Issue, comment: Comment, **more: Any) -> None:
    call.announce(
        "issue_comment",
        action=action,
        issue=shapes.issue(call.world, call.repository, issue),
        comment=shapes.comment(call.world, call.repository, comment),
        **more,
    )
