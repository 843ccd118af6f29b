"""A Notifier in memory."""

from __future__ import annotations

from dreamnet_actions.domain.alert import Alert
from dreamnet_actions.errors import DreamNetError
from dreamnet_actions.ports.notifier import Notifier


class MemoryNotifier(Notifier):
    """Keeps what it was told in ``told``; raises ``error`` instead where that is set."""

    def __init__(self) -> None:
        self.told: list[Alert] = []
        self.error: DreamNetError | None = None

    def notify(self, alert: Alert) -> None:
        if self.error is not None:
            raise self.error
        self.told.append(alert)
