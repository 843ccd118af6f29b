"""Finding what a path names, or raising GitHub's 404; and who may change it."""

from __future__ import annotations

from dreamnet_actions.testing.github.call import Call, Problem, not_found
from dreamnet_actions.testing.github.records import Comment, Issue, User


def find_issue(call: Call) -> Issue:
    """Answer the issue (or pull request) that the path names."""
    found = call.repository.issues.get(call.number("issue_number"))
    if found is None:
        raise not_found()
    return found


def find_comment(call: Call) -> Comment:
    """Answer the comment that the path names."""
    found = call.repository.comments.get(call.number("comment_id"))
    if found is None:
        raise not_found()
    return found


def own_or_writer(call: Call, owner: User) -> None:
    """Raise a 403 unless the caller made it or has push access."""
    if owner is not call.actor and not call.may_write():
        raise Problem(403, "Must have push access to repository")


def find_commit(call: Call, ref: str) -> str:
    """Answer the commit that a branch, tag or SHA names; raises GitHub's 422."""
    sha = call.world.git(call.repository).resolve(ref.removeprefix("heads/").removeprefix("tags/"))
    if sha is None:
        raise Problem(422, f"No commit found for SHA: {ref}")
    return sha
