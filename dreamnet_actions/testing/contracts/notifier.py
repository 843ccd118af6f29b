"""What every Notifier keeps to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace

import pytest

from dreamnet_actions.domain.alert import Alert
from dreamnet_actions.errors import DreamNetError, PermanentError, TemporaryError
from dreamnet_actions.ports.notifier import Notifier

ALERT = Alert(
    id="dream-7-1-call-2",
    key="production/web",
    number=7,
    health="failing",
    cause="refused",
    because="no remedy is left to try",
    seen="connection refused",
    since=1_700_000_000.0,
    page="https://example.com/octo/shop/issues/7",
)


class Receiver(ABC):
    """What is at the other end of the notifier that is tested."""

    notifier: Notifier

    @abstractmethod
    def received(self) -> list[str]:
        """Answer all that came, each as one text that holds the alert's id and key."""

    @abstractmethod
    def refuse(self, *, for_good: bool) -> None:
        """From now on take nothing: for now, or until a person mends something."""


class NotifierContract:
    """Override ``receiver``."""

    @pytest.fixture
    def receiver(self) -> Receiver:
        """A receiver that takes what comes, and a notifier that tells it."""
        raise NotImplementedError("override the fixture 'receiver'")

    def test_it_tells_with_the_id(self, receiver: Receiver) -> None:
        receiver.notifier.notify(ALERT)
        receiver.notifier.notify(replace(ALERT, id="dream-7-1-call-3", page="", seen="", cause=""))
        first, second = receiver.received()
        assert "dream-7-1-call-2" in first
        assert "dream-7-1-call-3" in second
        assert "web" in first

    @pytest.mark.parametrize(("for_good", "kind"), [(False, TemporaryError), (True, PermanentError)])
    def test_what_was_not_taken_is_an_error(
        self, receiver: Receiver, for_good: bool, kind: type[DreamNetError]
    ) -> None:
        receiver.refuse(for_good=for_good)
        with pytest.raises(kind):
            receiver.notifier.notify(ALERT)
