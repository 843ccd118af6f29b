"""People's comments in memory: issues, what was written under them, and who may do what."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from dreamnet_actions.domain.command import Permission
from dreamnet_actions.errors import DreamNetError, NotFound
from dreamnet_actions.ports.conversation import Conversation, Receipt


@dataclass(kw_only=True)
class Remark:
    """A comment on an issue with its receipts; ``to`` is the comment that it answers, ``about`` the topic and version
    for which it is kept, if it is ours."""

    issue: int
    text: str
    to: int | None = None
    about: tuple[str, int] | None = None
    receipts: list[Receipt] = field(default_factory=list)


@dataclass(kw_only=True)
class MemoryConversation(Conversation):
    """Everything is a field that a test may set: ``people`` by login, ``issues`` that there are, ``remarks`` by id.
    Set ``error`` to make every call raise it: an outage.
    """

    WRITES: ClassVar[frozenset[str]] = Conversation.WRITES

    people: dict[str, Permission] = field(default_factory=dict)
    issues: set[int] = field(default_factory=set)
    remarks: dict[int, Remark] = field(default_factory=dict)
    error: DreamNetError | None = None

    def write(self, issue: int, text: str, *, to: int | None = None) -> int:
        """Write a comment, as a person does (or as ours, to another one); answers its id."""
        self.issues.add(issue)
        number = len(self.remarks) + 1
        self.remarks[number] = Remark(issue=issue, text=text, to=to)
        return number

    def answers(self, issue: int) -> list[str]:
        """Answer what was answered under an issue, oldest first."""
        return [one.text for one in self.remarks.values() if one.issue == issue and one.to is not None]

    def permission_of(self, user: str) -> Permission:
        self._check()
        return self.people.get(user.lower(), "none")

    def react(self, comment: int, receipt: Receipt) -> None:
        self._check()
        if comment not in self.remarks:
            raise NotFound("comment", str(comment))
        if receipt not in self.remarks[comment].receipts:
            self.remarks[comment].receipts.append(receipt)

    def answered(self, issue: int, comment: int) -> bool:
        self._check()
        if issue not in self.issues:
            raise NotFound("issue", str(issue))
        return any(one.issue == issue and one.to == comment for one in self.remarks.values())

    def answer(self, issue: int, comment: int, text: str) -> None:
        if not self.answered(issue, comment):
            self.write(issue, text, to=comment)

    def keep(self, issue: int, topic: str, text: str, *, version: int, begin: bool = True) -> bool:
        self._check()
        if issue not in self.issues:
            raise NotFound("issue", str(issue))
        for one in self.remarks.values():
            if one.issue == issue and one.about is not None and one.about[0] == topic:
                if one.about[1] > version:
                    return False
                one.text, one.about = text, (topic, version)
                return True
        if begin:
            self.remarks[self.write(issue, text)].about = (topic, version)
        return begin

    def _check(self) -> None:
        if self.error is not None:
            raise self.error
