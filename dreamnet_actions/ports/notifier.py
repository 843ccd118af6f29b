"""Notifier: tells people outside of where dreams are kept that one of them waits for a person."""

from __future__ import annotations

from typing import ClassVar, Protocol

from dreamnet_actions.domain.alert import Alert


class Notifier(Protocol):
    """One place where it is told. Its address is a secret: no error of it shows the address or a part of it."""

    WRITES: ClassVar[frozenset[str]] = frozenset({"notify"})

    def notify(self, alert: Alert) -> None:
        """Tell it. The alert's id goes along, so that a receiver can know one that comes twice.

        Raises TemporaryError where it may work later, PermanentError or ConfigError where a person has to mend
        something first. An answer that says that it was taken is the only success.
        """
