"""Receipts of messages on the branch: announced, taken, ended; and what becomes of those that nobody comes for."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from dreamnet_actions.ports.stores import Receipt
from dreamnet_actions.testing.contracts.message_bus import message
from dreamnet_actions.testing.memory.clock import VirtualClock
from tests.github.homes import Dispatches, Make, git

pytestmark = pytest.mark.slow


def test_a_message_tells_when_it_was_announced_taken_and_ended(make: Make, clock: VirtualClock) -> None:
    def receipt() -> Receipt:
        return make().bus.list()[-1].receipt

    began = clock.now()
    run = make(holder="https://github.com/o/r/actions/runs/7/attempts/1#relay")
    run.bus.publish(message(1))
    run.journal.finish()
    assert receipt() == Receipt(announced=began, announcements=1)
    clock.advance(700.0)
    assert run.bus.redrive(600.0) == 1
    run.journal.finish()
    assert receipt() == Receipt(announced=began + 700.0, announcements=2)
    clock.advance(1.0)
    (delivery,) = run.bus.receive()
    run.journal.flush()
    taken = Receipt(
        announced=began + 700.0,
        taken=began + 701.0,
        holder="https://github.com/o/r/actions/runs/7/attempts/1#relay",
    )
    assert receipt() == taken
    clock.advance(1.0)
    run.bus.ack(delivery)
    run.journal.finish()
    assert receipt() == replace(taken, ended=began + 702.0)
    run.bus.publish(message(2, to=None))
    run.journal.finish()
    assert receipt() == Receipt()


def test_a_message_whose_run_was_killed_is_announced_again_when_its_lease_is_over(
    make: Make, dispatches: Dispatches, clock: VirtualClock
) -> None:
    first = make(dispatch=dispatches)
    first.bus.publish(message(1))
    first.journal.finish()
    killed = make(dispatch=dispatches)
    assert len(killed.bus.receive(lease=900.0)) == 1
    killed.journal.flush()
    clock.advance(899.0)
    assert make(dispatch=dispatches).bus.redrive(600.0) == 0
    clock.advance(1.0)
    schedule = make(dispatch=dispatches)
    assert schedule.bus.redrive(600.0) == 1
    schedule.journal.finish()
    assert dispatches.ids == ["m1", "m1"]


@pytest.mark.parametrize("mode", ["write-behind", "eager"])
def test_what_no_run_takes_is_put_aside_after_so_many_announcements(
    make: Make, dispatches: Dispatches, clock: VirtualClock, mode: str
) -> None:
    first = make(mode, dispatch=dispatches)
    first.bus.publish(message(1), message(2))
    first.journal.finish()
    for _ in range(2):
        clock.advance(600.0)
        schedule = make(mode, dispatch=dispatches)
        assert list(schedule.bus.give_up(600.0, after=3)) == []
        assert schedule.bus.redrive(600.0) == 2
        schedule.journal.finish()
    taker = make(mode, dispatch=dispatches)
    (one,) = taker.bus.receive(limit=1)
    taker.bus.retry(one, error="its keeper waits", after=0.0)  # somebody came: it counts anew
    taker.journal.finish()
    assert list(make(mode).bus.give_up(600.0, after=3)) == []  # the last announcement has its time, too
    clock.advance(600.0)
    schedule = make(mode, dispatch=dispatches)
    assert list(schedule.bus.give_up(600.0, after=3)) == [message(2)]
    assert schedule.bus.redrive(600.0) == 1
    schedule.journal.finish()
    assert dispatches.ids == ["m1", "m2", "m1", "m2", "m1", "m2", "m1"]
    assert [fact.data["message"] for fact in make().journal.read(kinds={"message-dead"})] == ["m2"]
    (dead,) = make().bus.list(states={"dead"})
    assert dead.message == message(2)
    assert "no run took it, announced 3 times: is the workflow dreamnet-relay.yml" in dead.error
    assert dead.receipt.ended == clock.now()
    again = make(mode, dispatch=dispatches)
    assert again.bus.replay("m2") == message(2)
    again.journal.finish()
    clock.advance(600.0)
    assert list(make(mode).bus.give_up(600.0, after=3)) == []


def test_a_run_that_comes_at_the_last_moment_has_the_message_and_nobody_calls_it_dead(
    make: Make, clock: VirtualClock
) -> None:
    first = make()
    first.bus.publish(message(1))
    first.journal.finish()
    clock.advance(600.0)
    schedule, late = make(), make()
    assert list(schedule.bus.give_up(600.0, after=1)) == [message(1)]
    (delivery,) = late.bus.receive()
    late.journal.barrier()
    schedule.journal.finish()
    late.bus.ack(delivery)
    late.journal.finish()
    after = make()
    assert [one.state for one in after.bus.list()] == ["done"]
    assert list(after.journal.read()) == []


def test_rows_of_an_earlier_dreamnet_have_no_receipts_and_are_carried_all_the_same(
    make: Make, remote: Path, tmp_path: Path, clock: VirtualClock
) -> None:
    run = make()
    run.bus.publish(message(1))
    run.journal.finish()
    work = tmp_path / "work"
    git(tmp_path, "clone", "--quiet", "-b", "dreamnet", str(remote), str(work))
    state = json.loads((work / "state.json").read_text())
    for row in state["messages"].values():
        del row["announcements"]
    (work / "state.json").write_text(json.dumps(state))
    git(work, "-c", "user.name=x", "-c", "user.email=x@y", "commit", "-qam", "as it was")
    git(work, "push", "--quiet")
    clock.advance(600.0)
    later = make()
    assert later.bus.list()[0].receipt.announcements == 1
    assert later.bus.redrive(600.0) == 1
    (delivery,) = later.bus.receive()
    later.bus.ack(delivery)
    later.journal.finish()
    assert [one.state for one in make().bus.list()] == ["done"]
