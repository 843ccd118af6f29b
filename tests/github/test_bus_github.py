"""The message bus on the branch: the port's suite, announcements, events, large bodies, size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dreamnet_actions.adapters.github.bus import GitHubMessageBus
from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.domain.message import Message
from dreamnet_actions.errors import Leased, RefusedError, StateDamaged, TemporaryError
from dreamnet_actions.testing.contracts.message_bus import MessageBusContract, message
from dreamnet_actions.testing.memory.clock import VirtualClock
from tests.github.homes import Dispatches, Make, files, git

pytestmark = pytest.mark.slow


class TestGitHubBus(MessageBusContract):
    THREADS = 4
    MESSAGES = 8

    @pytest.fixture
    def bus(self, make: Make) -> GitHubMessageBus:
        return make("eager").bus

    @pytest.fixture
    def another(self, bus: GitHubMessageBus, make: Make) -> GitHubMessageBus:
        return make("eager").bus


def large(number: int, size: int) -> Message:
    return message(number, data={"service": "p/web", "text": "“ü”💤" * (size // 20)})


# ── announcing ───────────────────────────────────────────────────────────────────────────────────────────


def test_the_row_is_durable_before_it_is_announced(make: Make, dispatches: Dispatches) -> None:
    run = make(dispatch=dispatches)
    assert list(run.bus.publish(message(1), message(2, to=None), message(1))) == [True, True, False]
    run.journal.barrier()
    assert dispatches.sent == []
    run.journal.finish()
    assert dispatches.sent == [message(1).to_json()]
    assert dispatches.commits == [1]
    rerun = make(dispatch=dispatches)
    assert list(rerun.bus.publish(message(1))) == [False]
    rerun.journal.finish()
    eager = make("eager", dispatch=dispatches)
    eager.bus.publish(message(3), message(1))
    assert dispatches.ids == ["m1", "m3"]
    assert dispatches.commits == [1, 2]


def test_what_could_not_be_announced_waits_and_is_announced_again(
    make: Make, dispatches: Dispatches, clock: VirtualClock
) -> None:
    run = make(dispatch=dispatches)
    dispatches.fault = TemporaryError("rate limit")
    run.bus.publish(message(1), message(2))
    run.journal.finish()
    assert [one.state for one in make().bus.list()] == ["waiting", "waiting"]
    dispatches.fault = None
    clock.advance(599.0)
    schedule = make(dispatch=dispatches)
    assert schedule.bus.redrive(600.0) == 0
    schedule.bus.retry(schedule.bus.receive(limit=1)[0], error="later", after=3600.0)
    clock.advance(1.0)
    assert schedule.bus.redrive(600.0) == 1
    assert dispatches.sent == []
    schedule.journal.finish()
    assert dispatches.ids == ["m2"]
    clock.advance(599.0)
    assert make(dispatch=dispatches).bus.redrive(600.0) == 0


def test_what_two_threads_announce_at_once_is_announced(
    make: Make, dispatches: Dispatches, clock: VirtualClock
) -> None:
    lasting = make("eager", dispatch=dispatches)
    dispatches.fault = TemporaryError("rate limit")
    lasting.bus.publish(message(1))
    dispatches.fault = None
    clock.advance(600.0)
    marked = lasting.branch.change

    def and_another(*arguments: Any, **more: Any) -> Any:
        """Between the moment when the redrive began and its push another thread announces what is left."""
        lasting.bus._announce()
        return marked(*arguments, **more)

    lasting.branch.change = and_another
    assert lasting.bus.redrive(600.0) == 1
    assert dispatches.ids == ["m1", "m1"]


def test_a_refused_announcement_is_told_after_all_were_tried(make: Make, dispatches: Dispatches) -> None:
    run = make(dispatch=dispatches)
    run.bus.publish(message(1))
    dispatches.fault = RefusedError("no permission 'contents: write'")
    with pytest.raises(RefusedError, match="contents: write"):
        run.journal.finish()
    assert [one.state for one in make().bus.list()] == ["waiting"]
    dispatches.fault = None
    run.bus.publish(message(2))
    run.journal.finish()
    assert dispatches.ids == ["m2"]


def test_what_somebody_else_published_first_is_one_row(make: Make, dispatches: Dispatches) -> None:
    runs = [make(dispatch=dispatches) for _ in range(2)]
    for run in runs:
        run.bus.publish(message(1))
    for run in runs:
        run.journal.finish()
    assert make().bus.last() == 1


# ── receiving by an event ────────────────────────────────────────────────────────────────────────────────


def test_a_run_takes_only_the_message_that_it_was_started_for(make: Make) -> None:
    first = make()
    first.bus.publish(message(1), message(2), message(2, sender="envkeeper"))
    first.journal.finish()
    run = make()
    assert [one.message for one in run.bus.receive(only={("dreamkeeper", "m2")})] == [message(2)]
    assert list(run.bus.receive(only={("dreamkeeper", "m2")})) == []
    assert list(run.bus.receive(only=set())) == []
    assert [one.message.sender for one in run.bus.receive()] == ["dreamkeeper", "envkeeper"]


@pytest.mark.parametrize("mode", ["write-behind", "eager"])
def test_a_message_without_a_row_is_stored_first_and_is_in_effect_once(
    make: Make, remote: Path, dispatches: Dispatches, mode: str
) -> None:
    for _ in range(2):
        run = make(mode, dispatch=dispatches)
        arrived = Message.from_json(message(1).to_json())
        assert run.bus.accept(arrived) == arrived
        for delivery in run.bus.receive(only={(arrived.sender, arrived.id)}):
            run.journal.append(Fact(kind="message-routed", at=1.0, text="routed"))
            run.bus.ack(delivery)
        run.journal.finish()
    after = make()
    assert [one.state for one in after.bus.list()] == ["done"]
    assert len(after.journal.read()) == 1
    assert dispatches.sent == []


def test_of_two_runs_for_one_message_one_has_it(make: Make) -> None:
    first = make()
    first.bus.publish(message(1))
    first.journal.finish()
    one, two = make(), make()
    (mine,), (theirs,) = one.bus.receive(), two.bus.receive()
    one.journal.barrier()
    with pytest.raises(Leased, match="m1"):
        two.journal.barrier()
    two.bus.retry(theirs, error="lost", after=0.0)
    two.bus.dead_letter(theirs, error="lost")
    two.bus.ack(theirs)
    two.journal.finish()
    assert [each.state for each in make().bus.list()] == ["leased"]
    one.bus.ack(mine)
    one.journal.finish()
    assert [each.state for each in make().bus.list()] == ["done"]


def test_an_acknowledgement_of_what_another_run_took_is_dropped_with_its_lease(make: Make) -> None:
    first = make()
    first.bus.publish(message(1))
    first.journal.finish()
    one, two = make(), make()
    one.bus.receive()
    two.bus.ack(two.bus.receive()[0])
    one.journal.flush()
    with pytest.raises(Leased):
        two.journal.finish()
    assert [each.state for each in make().bus.list()] == ["leased"]


def test_a_rerun_takes_over_at_once_what_its_earlier_attempt_held(make: Make) -> None:
    run = "https://github.com/o/r/actions/runs/7"
    first = make(holder=f"{run}/attempts/1#relay")
    first.bus.publish(message(1))
    first.bus.receive(lease=900.0)
    first.journal.flush()
    assert list(make(holder=f"{run}0/attempts/2#relay").bus.receive()) == []
    assert list(make(holder=f"{run}/attempts/1#other").bus.receive()) == []
    assert len(make(holder=f"{run}/attempts/2#relay").bus.receive()) == 1


# ── large bodies ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("size", [20_000, 100_000])
def test_a_large_body_is_a_file_and_comes_back_whole(
    make: Make, remote: Path, dispatches: Dispatches, size: int
) -> None:
    run = make(dispatch=dispatches)
    run.bus.publish(large(1, size))
    run.journal.finish()
    assert len([one for one in files(remote) if one.startswith("messages/")]) == 1
    assert len(git(remote, "show", "dreamnet:state.json")) < 2_000
    (event,) = dispatches.sent
    assert ("dreamnet-body" in event["data"]) == (size > 60_000)
    receiver = make()
    assert receiver.bus.accept(Message.from_json(event)).data == large(1, size).data
    assert receiver.bus.receive()[0].message == large(1, size)
    assert receiver.bus.replay("m1") == large(1, size)


def lose_bodies(remote: Path, place: Path) -> None:
    """Take the bodies of large messages off the branch, as somebody does by hand."""
    git(place.parent, "clone", "--quiet", "-b", "dreamnet", str(remote), str(place))
    git(place, "rm", "--quiet", "-r", "messages")
    git(place, "-c", "user.name=m", "-c", "user.email=m@x.org", "commit", "--quiet", "-m", "x")
    git(place, "push", "--quiet")


def test_a_body_that_is_lost_holds_up_no_other_message(
    make: Make, remote: Path, dispatches: Dispatches, clock: VirtualClock, tmp_path: Path
) -> None:
    run = make()
    run.bus.publish(large(1, 20_000), message(2))
    run.journal.finish()
    lose_bodies(remote, tmp_path / "work")
    clock.advance(600.0)
    schedule = make(dispatch=dispatches)
    assert schedule.bus.redrive(600.0) == 2
    with pytest.raises(StateDamaged, match="is not on the branch"):
        schedule.journal.finish()
    assert dispatches.ids == ["m2"]


@pytest.mark.parametrize("mode", ["eager", "write-behind"])
def test_who_takes_what_waits_gets_the_others_too(
    make: Make, remote: Path, tmp_path: Path, mode: str
) -> None:
    """A loop that lives on would else do nothing more until a person repairs the branch."""
    run = make(mode=mode)
    run.bus.publish(large(1, 20_000), message(2), message(3))
    run.journal.finish()
    lose_bodies(remote, tmp_path / "work")
    another = make(mode=mode)
    assert [one.message.id for one in another.bus.receive()] == ["m2", "m3"]
    with pytest.raises(StateDamaged, match="is not on the branch"):
        another.bus.receive()  # nothing else waits: now it is told


def test_a_pointer_to_what_is_not_there_or_another_is_refused(
    make: Make, remote: Path, dispatches: Dispatches, tmp_path: Path
) -> None:
    run = make(dispatch=dispatches)
    run.bus.publish(large(1, 100_000))
    run.journal.finish()
    event = dispatches.sent[0]
    pointer = event["data"]["dreamnet-body"]

    def arrives(**changed: object) -> Message:
        return make().bus.accept(
            Message.from_json(event | {"id": "other", "data": {"dreamnet-body": pointer | changed}})
        )

    absent = "0" * 64
    with pytest.raises(TemporaryError, match="not on the branch"):
        arrives(path=f"messages/{absent}.json", sha256=absent)
    for path in ("state.json", "messages/../state.json", f"messages/{absent}.json"):
        with pytest.raises(StateDamaged, match="names no body"):
            arrives(path=path)
    work = tmp_path / "work"
    git(tmp_path, "clone", "--quiet", "-b", "dreamnet", str(remote), str(work))
    (work / pointer["path"]).write_text("{}")
    git(work, "-c", "user.name=x", "-c", "user.email=x@y", "commit", "-qam", "tamper")
    git(work, "push", "--quiet")
    with pytest.raises(StateDamaged, match="hash is another"):
        arrives()


# ── size ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_done_messages_become_a_hash_after_a_while_and_stay_known(
    make: Make, remote: Path, clock: VirtualClock
) -> None:
    run = make()
    run.bus.publish(*(message(n) for n in range(300)), large(1000, 20_000))
    for delivery in run.bus.receive(limit=301):
        run.bus.ack(delivery)
    run.bus.publish(message(2000))
    run.journal.finish()
    assert len(make().bus.list(limit=1000)) == 201
    assert any(one.startswith("messages/") for one in files(remote))
    clock.advance(2 * 86_400.0)
    later = make()
    assert list(later.bus.publish(message(0), message(299), message(3000))) == [False, False, True]
    later.journal.finish()
    assert [one.message.id for one in make().bus.list(limit=1000)] == ["m2000", "m3000"]
    assert not any(one.startswith("messages/") for one in files(remote))
    assert list(make().bus.publish(large(1000, 20_000), message(5))) == [False, False]
    clock.advance(91 * 86_400.0)
    assert list(make().bus.publish(message(5), message(0), message(4))) == [False, False, False]
    latest = make()
    latest.bus.publish(message(4000))
    assert list(latest.bus.publish(message(0))) == [True]
