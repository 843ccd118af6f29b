"""The message bus on the branch: the port's suite."""

from __future__ import annotations

import pytest

from dreamnet_actions.adapters.github.bus import GitHubMessageBus
from dreamnet_actions.testing.contracts.message_bus import MessageBusContract
from tests.github.homes import Make


@pytest.mark.slow
class TestGitHubBus(MessageBusContract):
    THREADS = 2
    MESSAGES = 8

    @pytest.fixture
    def bus(self, make: Make) -> GitHubMessageBus:
        return make("eager").bus

    @pytest.fixture
    def another(self, bus: GitHubMessageBus, make: Make) -> GitHubMessageBus:
        return make("eager").bus
