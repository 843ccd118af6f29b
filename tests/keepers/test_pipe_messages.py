"""What keepers have to say: sent once, however often the request is run."""

from __future__ import annotations

import pytest

from dreamnet_actions.domain.result import Outgoing, Report
from tests.keepers.homes import Cut, Knife, free
from tests.keepers.test_pipe import RAW, told


def test_messages_have_the_same_ids_however_often_a_request_is_run() -> None:
    report = Report(
        outcome="done",
        summary="s",
        messages=[
            Outgoing(name="config-changed-needs-restart", to="deploykeeper", data={"service": "a"}),
            Outgoing(name="config-changed-needs-restart", to="deploykeeper", id="own", hops=0),
        ],
    )
    whole = Knife()
    system, _ = told(report)
    system.pipe._bus, system.pipe._journal = whole.around(system.bus), whole.around(system.journal)
    assert system.submit({**RAW, "hops": 2, "correlation_id": "story"}).messages == ["r-1/0", "own"]
    for at in range(len(whole.calls)):
        system, _ = told(report)
        knife = Knife(at)
        bus, journal = system.pipe._bus, system.pipe._journal
        system.pipe._bus, system.pipe._journal = knife.around(bus), knife.around(journal)
        with pytest.raises(Cut):
            system.submit(RAW)
        free(system)
        system.pipe._bus, system.pipe._journal = bus, journal
        assert system.submit({**RAW, "hops": 2, "correlation_id": "story"}).messages == ["r-1/0", "own"]
        assert [one.message.id for one in system.bus.list()] == ["r-1/0", "own"]
    first, second = (one.message for one in system.bus.list())
    assert (first.sender, first.causation_id, second.hops) == ("deploykeeper", "r-1", 0)


def test_a_report_is_told_when_its_messages_are_out_and_never_in_a_dry_run() -> None:
    seen: list[int] = []
    report = Report(
        outcome="done",
        summary="s",
        messages=[Outgoing(name="x", to="envkeeper")],
        then=lambda: seen.append(len(system.bus.list())),
    )
    system, _ = told(report)
    system.submit({**RAW, "dry_run": True})
    assert seen == []
    assert system.bus.list() == []
    system.submit(RAW)
    assert seen == [1]


def test_a_message_too_large_for_the_wire_is_refused() -> None:
    system, _ = told(
        Report(outcome="done", summary="s", messages=[Outgoing(name="x", to=None, data={"a": "y" * 70_000})])
    )
    assert system.submit(RAW).http_status == 413
    assert system.bus.list() == []
