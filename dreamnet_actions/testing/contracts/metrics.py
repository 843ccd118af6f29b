"""What every MetricSource must do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dreamnet_actions.errors import ConfigLacks, RequestInvalid, TemporaryError
from dreamnet_actions.ports.metrics import MetricSource


class MetricSourceContract:
    """Override ``source``, the expressions and ``cut_off``."""

    @pytest.fixture
    def source(self) -> MetricSource:
        """Answer the source; ``number`` is 42.5 in it."""
        raise NotImplementedError

    @pytest.fixture
    def number(self) -> str:
        """Answer an expression that answers 42.5."""
        raise NotImplementedError

    @pytest.fixture
    def nothing(self) -> str:
        """Answer a right expression that there is no data for."""
        raise NotImplementedError

    @pytest.fixture
    def several(self) -> str:
        """Answer an expression that answers two series."""
        raise NotImplementedError

    @pytest.fixture
    def wrong(self) -> str:
        """Answer what is no expression."""
        raise NotImplementedError

    @pytest.fixture
    def cut_off(self) -> Callable[[bool], None]:
        """Answer a function that makes the source unreachable (True), and reachable again (False)."""
        raise NotImplementedError

    def test_one_number(self, source: MetricSource, number: str) -> None:
        assert source.value(number) == 42.5

    def test_no_data_is_no_number(self, source: MetricSource, nothing: str) -> None:
        assert source.value(nothing) is None

    def test_what_is_wrong_or_several_numbers_is_refused(
        self, source: MetricSource, several: str, wrong: str
    ) -> None:
        for expression in (several, wrong):
            with pytest.raises((RequestInvalid, ConfigLacks)) as raised:
                source.value(expression)
            assert raised.value.message

    def test_one_that_is_away_may_come_back(
        self, source: MetricSource, number: str, cut_off: Callable[[bool], None]
    ) -> None:
        cut_off(True)
        with pytest.raises(TemporaryError):
            source.value(number)
        cut_off(False)
        assert source.value(number) == 42.5

    def test_asking_writes_nothing(self, source: MetricSource) -> None:
        assert not type(source).WRITES
