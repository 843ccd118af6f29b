"""Conversation: people's comments on dreams and what DreamNet says to them, and what it says to a pull request."""

from __future__ import annotations

from typing import ClassVar, Literal, Protocol

from dreamnet_actions.domain.command import Permission

Receipt = Literal["eyes", "rocket", "+1", "confused", "-1"]
"""What DreamNet puts on a comment: taken, done, answered, not understood, refused. GitHub's own names:
https://docs.github.com/en/rest/reactions/reactions#create-reaction-for-an-issue-comment"""


class Conversation(Protocol):
    """One repository's people. Each write may be repeated: it is in effect once."""

    WRITES: ClassVar[frozenset[str]] = frozenset({"react", "answer", "keep"})

    def permission_of(self, user: str) -> Permission:
        """Answer what a person may do there at this moment; ``none`` for somebody who is not known."""

    def react(self, comment: int, receipt: Receipt) -> None:
        """Put a receipt on a comment. Raises NotFound where the comment is gone."""

    def answered(self, issue: int, comment: int) -> bool:
        """Say whether DreamNet has answered that comment. Raises NotFound where the issue is gone."""

    def answer(self, issue: int, comment: int, text: str) -> None:
        """Answer a comment, once: a comment that has its answer gets no other. ``text`` is Markdown that is safe to be
        shown. Raises NotFound where the issue is gone."""

    def keep(self, issue: int, topic: str, text: str, *, version: int, begin: bool = True) -> bool:
        """Keep the one comment of ours about a topic under an issue or pull request at ``text`` (Markdown that is safe
        to be shown); answers whether it says that now.

        What a greater ``version`` wrote is left as it is. ``begin``: where there is none yet, one is made. Comments
        that somebody else wrote are never taken for ours. Raises NotFound where the issue is gone.
        """
