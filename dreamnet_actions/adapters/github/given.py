"""The bus of one workflow's run: it hands out the message that the run was started by, and no other."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from dreamnet_actions.domain.message import Message
from dreamnet_actions.ports.stores import Delivery, MessageBus

if TYPE_CHECKING:
    from dreamnet_actions.adapters.github.bus import GitHubMessageBus


class GivenMessages:
    """Everything of ``bus`` but ``receive``. In a run (``everything=False``) each other message has a run of its own,
    with the permissions of its own keeper; a process that lives on takes whatever waits, until it is given one."""

    WRITES: ClassVar[frozenset[str]] = MessageBus.WRITES

    def __init__(self, bus: GitHubMessageBus, *, everything: bool) -> None:
        self._bus = bus
        self._only: Collection[tuple[str, str]] | None = None if everything else frozenset()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bus, name)

    def give(self, message: Message) -> None:
        """Take the message that the run was started by; from now on it is the only one. Raises TemporaryError or
        StateDamaged where its body is not there."""
        whole = self._bus.accept(message)
        self._only = frozenset({(whole.sender, whole.id)})

    def receive(self, *, limit: int = 10, lease: float = 60.0) -> Sequence[Delivery]:
        """Hand out the given message, while it waits."""
        return self._bus.receive(limit=limit, lease=lease, only=self._only)
