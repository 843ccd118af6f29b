"""The contract of SecretSource over Secret Manager."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from dreamnet_actions.ports.secrets import SecretSource
from dreamnet_actions.testing.contracts.secrets import SecretSourceContract
from dreamnet_actions.testing.google.secretmanager.server import SecretManagerServer
from tests.secretmanager.conftest import Make


class TestSecretManagerSource(SecretSourceContract):
    holds_empty = False

    @pytest.fixture
    def make(self, server: SecretManagerServer, make: Make) -> Callable[[Mapping[str, str]], SecretSource]:
        held: dict[str, str] = {}

        def change(values: Mapping[str, str]) -> SecretSource:
            for name, value in values.items():
                if held.get(name) != value:
                    server.put(name, value)
            held.update(values)
            return make()

        return change
