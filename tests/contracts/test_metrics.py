"""The suite of MetricSource over the stand-in."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dreamnet_actions.errors import TemporaryError
from dreamnet_actions.testing.contracts.metrics import MetricSourceContract
from dreamnet_actions.testing.memory.metrics import MemoryMetrics


class TestMemoryMetrics(MetricSourceContract):
    @pytest.fixture
    def source(self) -> MemoryMetrics:
        made = MemoryMetrics()
        made.tell("sum(up)", 42.5)
        made.tell("up", 1.0, 2.0)
        return made

    @pytest.fixture
    def number(self) -> str:
        return "sum(up)"

    @pytest.fixture
    def nothing(self) -> str:
        return "sum(absent)"

    @pytest.fixture
    def several(self) -> str:
        return "up"

    @pytest.fixture
    def wrong(self) -> str:
        return "sum(up"

    @pytest.fixture
    def cut_off(self, source: MemoryMetrics) -> Callable[[bool], None]:
        return lambda away: source.fail(TemporaryError("It does not answer.") if away else None)
