"""People's comments on issues: reactions as receipts, one answer each, and what their writers may do; and the one
comment that is kept under a pull request, whose comments are an issue's
(https://docs.github.com/en/rest/issues/comments)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection
from functools import partial
from typing import TypeVar

from dreamnet_actions.adapters.github.certain import certain
from dreamnet_actions.adapters.github.client import GitHubRepository
from dreamnet_actions.adapters.github.hidden import decode, encode
from dreamnet_actions.adapters.github.issues import Comment, Issues
from dreamnet_actions.adapters.github.people import permission_of
from dreamnet_actions.domain.command import Permission
from dreamnet_actions.errors import NotFound
from dreamnet_actions.ports.conversation import Conversation, Receipt

T = TypeVar("T")

KIND = "answer"
"""What is hidden in an answer: ``{"to": the comment's id}``, by which it is found again."""
KEPT = "kept"
"""What is hidden in a comment that is kept: ``{"topic", "version"}``; it stands at its very end."""


class GitHubConversation(Conversation):
    """Talks under the issues of one repository. Needs ``issues: write`` (under a pull request ``pull-requests: write``
    is enough); the question for a permission needs no more than every token has (``metadata: read``).

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

    def keep(self, issue: int, topic: str, text: str, *, version: int, begin: bool = True) -> bool:
        kept = self._kept(issue, topic)
        if not kept and not begin:
            return False
        body = f"{text}\n\n{encode(KEPT, {'topic': topic, 'version': version})}"
        if not kept:
            made = self._certain(
                lambda: self._issues.add_comment(issue, body), lambda: self._says(issue, topic, body)
            )
            # Another run may have made one meanwhile: the first one stays. Ours may not be listed yet.
            kept = self._kept(issue, topic) or [(made, version)]
        first, *others = kept
        if max(at for _, at in kept) > version:
            return False
        if first[0].body != body:
            self._certain(
                lambda: self._issues.edit_comment(first[0].id, body), lambda: self._says(issue, topic, body)
            )
        for one, _ in others:
            self._certain(partial(self._gone, one.id), lambda: None)
        return True

    def _kept(self, issue: int, topic: str) -> list[tuple[Comment, int]]:
        """Find our comments about a topic with their versions, oldest first."""
        found = []
        for one in self._issues.comments(issue):
            data = decode(KEPT, one.body) or {}
            version = data.get("version")
            ours = one.author.lower() in self._ours() and one.body.rstrip().endswith(encode(KEPT, data))
            if ours and data.get("topic") == topic and isinstance(version, int):
                found.append((one, version))
        return found

    def _says(self, issue: int, topic: str, body: str) -> Comment | None:
        return next((one for one, _ in self._kept(issue, topic) if one.body == body), None)

    def _gone(self, comment: int) -> bool:
        with contextlib.suppress(NotFound):
            self._repository.call("DELETE", f"/issues/comments/{comment}")
        return True

    def _react(self, comment: int, receipt: Receipt) -> bool:
        self._repository.call("POST", f"/issues/comments/{comment}/reactions", body={"content": receipt})
        return True

    def _found(self, issue: int, comment: int) -> Comment | None:
        """Find our answer to a comment: a marker that somebody else wrote is nothing to us."""
        for one in self._issues.comments(issue):
            if one.author.lower() in self._ours() and (decode(KIND, one.body) or {}).get("to") == comment:
                return one
        return None

    def _ours(self) -> set[str]:
        return {one.lower() for one in (self._repository.login(), *self._more_logins)}

    def _certain(self, do: Callable[[], T], look: Callable[[], T | None]) -> T:
        return certain(do, look, clock=self._repository.clock, patience=self._repository.patience)
