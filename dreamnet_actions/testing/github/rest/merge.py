"""Merging one commit into a branch, with no work tree."""

from __future__ import annotations

from dreamnet_actions.testing.github.call import Call
from dreamnet_actions.testing.github.gitstore import Person
from dreamnet_actions.testing.github.rest.refs import move


def merge(call: Call, branch: str, other: str, message: str) -> str:
    """Merge the commit ``other`` into ``branch`` and answer the merge commit; raises GitRefused on a conflict."""
    git = call.world.git(call.repository)
    tip = git.head(branch)
    tree = git.text("merge-tree", "--write-tree", tip, other).splitlines()[0]
    sha = git.write_commit(tree, [tip, other], message, signature(call))
    move(call, f"refs/heads/{branch}", tip, sha)
    return sha


def signature(call: Call) -> Person:
    """Answer the caller as a commit's author, now."""
    login = call.actor.login
    return Person(login, f"{login}@users.noreply.github.com", call.now)
