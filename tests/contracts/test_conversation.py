"""The contract of Conversation, in memory."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from dreamnet_actions.domain.command import Permission
from dreamnet_actions.ports.conversation import Conversation
from dreamnet_actions.testing.contracts.conversation import ConversationContract, Place
from dreamnet_actions.testing.memory.conversation import MemoryConversation


class InMemory:
    issue = 7

    def __init__(self) -> None:
        self.made = MemoryConversation(issues={self.issue})

    def person(self, login: str, permission: Permission) -> None:
        self.made.people[login] = permission

    def write(self, text: str) -> int:
        return self.made.write(self.issue, text)

    def delete(self, comment: int) -> None:
        del self.made.remarks[comment]

    def receipts(self, comment: int) -> Sequence[str]:
        return list(self.made.remarks[comment].receipts)

    def texts(self) -> Sequence[str]:
        return [one.text for one in self.made.remarks.values()]

    def conversation(self) -> Conversation:
        return self.made


class TestMemoryConversation(ConversationContract):
    @pytest.fixture
    def place(self) -> Place:
        return InMemory()
