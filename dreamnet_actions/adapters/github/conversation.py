"""People's comments on issues: reactions as receipts, one answer each, and what their writers may do."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeVar

from dreamnet_actions.adapters.github.certain import certain
from dreamnet_actions.adapters.github.client import GitHubRepository
from dreamnet_actions.adapters.github.hidden import decode, encode
from dreamnet_actions.adapters.github.issues import Comment, Issues
from dreamnet_actions.adapters.github.people import permission_of
from dreamnet_actions.domain.command import Permission
from dreamnet_actions.ports.conversation import Conversation, Receipt

T = TypeVar("T")

KIND = "answer"
"""What is hidden in an answer: ``{"to": the comment's id}``, by which it is found again."""


class GitHubConversation(Conversation):
    """Talks under the issues of one repository. Needs ``issues: write``; the question for a permission needs no more
    than every token has (``metadata: read``).

    ``logins`` are further accounts whose answers are ours (the one that the token writes as always is one).
    """

    def __init__(self, repository: GitHubRepository, *, logins: Collection[str] = ()) -> None:
        self._repository, self._issues = repository, Issues(repository)
        self._more_logins = tuple(logins)

    def permission_of(self, user: str) -> Permission:
        return permission_of(self._repository, user)

    def react(self, comment: int, receipt: Receipt) -> None:
        # GitHub answers the one that is there to the same reaction of the same account, so that it may be repeated.
        self._certain(lambda: self._react(comment, receipt), lambda: None)

    def answered(self, issue: int, comment: int) -> bool:
        return self._found(issue, comment) is not None

    def answer(self, issue: int, comment: int, text: str) -> None:
        if self._found(issue, comment) is not None:
            return
        body = f"{text}\n\n{encode(KIND, {'to': comment})}"
        self._certain(lambda: self._issues.add_comment(issue, body), lambda: self._found(issue, comment))

    def _react(self, comment: int, receipt: Receipt) -> bool:
        self._repository.call("POST", f"/issues/comments/{comment}/reactions", body={"content": receipt})
        return True

    def _found(self, issue: int, comment: int) -> Comment | None:
        """Find our answer to a comment: a marker that somebody else wrote is nothing to us."""
        ours = {one.lower() for one in (self._repository.login(), *self._more_logins)}
        for one in self._issues.comments(issue):
            if one.author.lower() in ours and (decode(KIND, one.body) or {}).get("to") == comment:
                return one
        return None

    def _certain(self, do: Callable[[], T], look: Callable[[], T | None]) -> T:
        return certain(do, look, clock=self._repository.clock, patience=self._repository.patience)
