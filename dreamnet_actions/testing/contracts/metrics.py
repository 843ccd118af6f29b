"""What every MetricSource keeps to."""

from __future__ import annotations

from abc import ABC, abstractmethod

import pytest

from dreamnet_actions.errors import RequestInvalid, TemporaryError
from dreamnet_actions.errors.configuration import ConfigLacks
from dreamnet_actions.ports.metrics import MetricSource


class Measured(ABC):
    """A source with data, and expressions in its language."""

    source: MetricSource
    seven: str
    """Answers 7."""
    nothing: str
    """Is right, and has no data."""
    undefined: str
    """Divides nothing by nothing."""
    several: str
    """Answers several series."""
    broken: str
    """Is no expression."""

    @abstractmethod
    def unplug(self) -> None:
        """From now on the source cannot be reached."""


class MetricSourceContract:
    """Override ``measured``."""

    @pytest.fixture
    def measured(self) -> Measured:
        """A source that holds what ``Measured`` names."""
        raise NotImplementedError("override the fixture 'measured'")

    def test_one_number(self, measured: Measured) -> None:
        assert measured.source.value(measured.seven) == 7.0
        assert measured.source.value(measured.seven) == 7.0

    def test_no_data_is_none_and_never_zero(self, measured: Measured) -> None:
        assert measured.source.value(measured.nothing) is None
        assert measured.source.value(measured.undefined) is None

    def test_what_is_wrong_with_an_expression_is_said(self, measured: Measured) -> None:
        for expression in (measured.several, measured.broken):
            with pytest.raises((RequestInvalid, ConfigLacks)) as caught:
                measured.source.value(expression)
            assert expression in caught.value.message

    def test_a_source_that_is_away_is_a_temporary_error(self, measured: Measured) -> None:
        assert measured.source.value(measured.seven) == 7.0
        measured.unplug()
        with pytest.raises(TemporaryError):
            measured.source.value(measured.seven)
