"""What every Probe must do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from time import monotonic

import pytest

from dreamnet_actions.ports.probe import Look, Probe

Make = Callable[[str], Look]


class ProbeContract:
    """Override ``probe`` and the three kinds of look (each makes one of a given name, for service ``web``)."""

    @pytest.fixture
    def probe(self) -> Probe:
        """Answer the probe."""
        raise NotImplementedError

    @pytest.fixture
    def well(self) -> Make:
        """Answer a function that makes a look that passes."""
        raise NotImplementedError

    @pytest.fixture
    def ill(self) -> Make:
        """Answer a function that makes a look that fails."""
        raise NotImplementedError

    @pytest.fixture
    def hanging(self) -> Make:
        """Answer a function that makes a look whose target never answers; its own timeout is over 5 s."""
        raise NotImplementedError

    def test_nothing_asked_nothing_said(self, probe: Probe) -> None:
        assert list(probe.probe([], 1.0)) == []

    def test_every_look_yields_exactly_one_report(self, probe: Probe, well: Make, ill: Make) -> None:
        looks = [well(f"well-{number}") for number in range(20)] + [
            ill(f"ill-{number}") for number in range(20)
        ]
        reports = list(probe.probe(iter(looks), 30.0))
        assert Counter((one.service, one.check) for one in reports) == Counter(
            (look.service, look.name) for look in looks
        )
        for report in reports:
            assert report.status == ("passed" if report.check.startswith("well") else "failed")
            assert (report.cause is None) == (report.status == "passed")

    def test_reports_have_phases_in_seconds(self, probe: Probe, well: Make) -> None:
        (report,) = probe.probe([well("home")], 30.0)
        assert 0 <= report.phases["total"] < 30
        assert list(report.phases)[-1] == "total"

    def test_the_rest_is_out_of_time_at_the_deadline(
        self, probe: Probe, well: Make, ill: Make, hanging: Make
    ) -> None:
        began = monotonic()
        looks = [hanging("late"), well("home"), ill("bad"), hanging("later")]
        reports = {one.check: one for one in probe.probe(looks, 1.0)}
        assert monotonic() - began < 4.0
        assert reports.keys() == {"late", "home", "bad", "later"}
        assert (reports["late"].status, reports["late"].cause) == ("failed", "timeout")
        assert (reports["later"].status, reports["later"].cause) == ("failed", "timeout")
        assert reports["home"].status == "passed"

    def test_reports_come_as_they_are_done(self, probe: Probe, well: Make, hanging: Make) -> None:
        first = next(iter(probe.probe([hanging("late"), well("home")], 2.0)))
        assert first.check == "home"

    def test_a_reader_may_go_away(self, probe: Probe, well: Make, hanging: Make) -> None:
        began = monotonic()
        reports = probe.probe([hanging(f"late-{number}") for number in range(5)] + [well("home")], 30.0)
        next(iter(reports))
        del reports
        assert monotonic() - began < 5.0
