"""Confirming what does not answer at all: within one run, all of it together, however many there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest

from dreamnet_actions.adapters.probes.options import HttpCheck
from dreamnet_actions.domain.health import Report
from dreamnet_actions.domain.spec.models import Thresholds
from dreamnet_actions.keepers.context import Context
from dreamnet_actions.keepers.examination import IN_RUN, Examination
from dreamnet_actions.ports.probe import Look
from dreamnet_actions.testing.memory.clock import VirtualClock
from dreamnet_actions.testing.memory.probe import ScriptedProbe
from dreamnet_actions.testing.memory.system import memory_system
from tests.keepers.homes import config, service


class Slow(ScriptedProbe):
    """A probe in which time passes: a round takes as long as the longest look that gets no answer."""

    clock: VirtualClock

    def probe(self, looks: Iterable[Look], deadline: float) -> Iterator[Report]:
        reports = list(super().probe(looks, deadline))
        self.clock.advance(max(one.phases["total"] for one in reports))
        yield from reports


def confirmed(count: int, timeout: float, **thresholds: float) -> tuple[float, dict[str, int], Slow]:
    """Confirm that many services that do not answer; answers the seconds it took, the failures of each, the probe."""
    spec = replace(
        service(),
        checks={"home": HttpCheck(http="http://127.0.0.1:1/", timeout=timeout)},
        thresholds=Thresholds(**thresholds),  # type: ignore[arg-type]
    )
    system = memory_system(config({f"s{number}": spec for number in range(count)}))
    probe = Slow()
    probe.clock = system.clock
    for name in system.config.services:
        probe.hang(name)
    context: Context = system.keepers["dreamkeeper"].context  # type: ignore[attr-defined]
    before = system.clock.monotonic()
    found = Examination(context=context, probe=probe).confirm(system.config.services, {})
    return system.clock.monotonic() - before, {name: one.failures for name, one in found.items()}, probe


@pytest.mark.parametrize("count", [1, 200])
@pytest.mark.parametrize("timeout", [0.2, 1.0, 4.0, 10.0, 12.0])
def test_what_does_not_answer_is_confirmed_within_one_run(count: int, timeout: float) -> None:
    took, failures, probe = confirmed(count, timeout)
    assert took <= IN_RUN
    assert set(failures.values()) == {Thresholds().failures}
    assert len(probe.looks) == 3 * count


def test_the_first_look_is_never_shortened_and_its_report_is_kept() -> None:
    spec_timeout = 10.0
    _, _, probe = confirmed(1, spec_timeout)
    first, *others = [look.check.timeout for look in probe.looks]
    assert first == spec_timeout
    assert others == pytest.approx([1.5, 1.5])


def test_what_waits_longer_than_a_run_has_goes_on_with_the_next() -> None:
    took, failures, probe = confirmed(1, 30.0)
    assert (round(took), failures, len(probe.looks)) == (30, {"s0": 1}, 1)


def test_the_report_of_the_whole_look_stays_where_a_shorter_one_was_cut() -> None:
    system = memory_system(config({"web": replace(service(), thresholds=Thresholds())}))
    spec = replace(
        system.config.services["web"], checks={"home": HttpCheck(http="http://127.0.0.1:1/", timeout=10.0)}
    )
    probe = Slow()
    probe.clock = system.clock
    probe.hang("web")
    context: Context = system.keepers["dreamkeeper"].context  # type: ignore[attr-defined]
    found = Examination(context=context, probe=probe).confirm({"web": spec}, {})["web"]
    assert found.reports[0].phases["total"] == 10.0
