"""What every MessageBus keeps to."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any

import pytest

from dreamnet_actions.domain.message import Message
from dreamnet_actions.errors import NotFound
from dreamnet_actions.ports.stores import MessageBus, MessageState
from dreamnet_actions.testing.contracts.together import together
from dreamnet_actions.testing.memory.clock import VirtualClock


def message(number: int | str, **fields: Any) -> Message:
    """Make an addressed message; ``to=None`` makes it an event."""
    whole = {
        "sender": "dreamkeeper",
        "name": "health-check-failed",
        "to": "relaybot",
        "time": "2026-01-01T00:00:00Z",
    }
    return Message(**{"id": f"m{number}", **whole, **fields})


def ids(bus: MessageBus, **wanted: Any) -> list[str]:
    """Hand out messages and answer their ids."""
    return [delivery.message.id for delivery in bus.receive(**wanted)]


def standing(bus: MessageBus, message_id: str) -> MessageState:
    """Answer where the message of that id stands."""
    return next(one for one in bus.list() if one.message.id == message_id)


class MessageBusContract:
    """Override ``bus`` (running by ``clock``); and ``another`` where a second run would have an adapter of its own."""

    THREADS = 4
    MESSAGES = 24

    @pytest.fixture
    def clock(self) -> VirtualClock:
        """The time that leases and waits run by."""
        return VirtualClock()

    @pytest.fixture
    def bus(self, clock: VirtualClock) -> MessageBus:
        """An empty bus."""
        raise NotImplementedError("override the fixture 'bus'")

    @pytest.fixture
    def another(self, bus: MessageBus) -> MessageBus:
        """A second adapter over the same data."""
        return bus

    # ── publish ──────────────────────────────────────────────────────────────────────────────────────────

    def test_a_message_comes_as_it_was_sent(self, bus: MessageBus, another: MessageBus) -> None:
        full = message(
            1,
            data={"service": "p/web", "text": "“ü” 日本 💤 @octocat", "n": [1, 2.5, None]},
            correlation_id="dream-7-0",
            causation_id="m0",
            hops=3,
        )
        assert list(bus.publish(full)) == [True]
        (delivery,) = another.receive()
        assert delivery.message == full
        assert delivery.attempt == 1
        assert delivery.seq == bus.last()

    def test_publish_says_which_were_new(self, bus: MessageBus, another: MessageBus) -> None:
        assert list(bus.publish()) == []
        assert list(bus.publish(message(1), message(2), message(1))) == [True, True, False]
        assert list(another.publish(message(2, name="other"), message(3))) == [False, True]
        assert ids(bus) == ["m1", "m2", "m3"]
        assert standing(bus, "m2").message.name == "health-check-failed"

    def test_an_id_is_unique_within_its_sender(self, bus: MessageBus) -> None:
        assert list(bus.publish(message(1), message(1, sender="envkeeper"))) == [True, True]
        assert len(bus.receive()) == 2

    def test_what_was_handled_stays_known(self, bus: MessageBus) -> None:
        bus.publish(message(1))
        bus.ack(bus.receive()[0])
        assert list(bus.publish(message(1))) == [False]
        assert ids(bus) == []

    def test_publish_stores_all_or_none(self, bus: MessageBus) -> None:
        with pytest.raises(TypeError):
            bus.publish(message(1), message(2, data={"no plain data": object()}))
        assert bus.last() == 0
        assert ids(bus) == []

    def test_of_many_that_publish_the_same_one_is_new(self, bus: MessageBus, another: MessageBus) -> None:
        buses = [bus, another] * (self.THREADS // 2)
        new = together([partial(one.publish, message(1), message(2)) for one in buses])
        assert [sum(each) for each in zip(*new, strict=True)] == [1, 1]
        assert len(bus.list()) == 2

    # ── receive ──────────────────────────────────────────────────────────────────────────────────────────

    def test_messages_are_handed_out_oldest_first(self, bus: MessageBus) -> None:
        bus.publish(*(message(n) for n in range(5)))
        assert ids(bus, limit=2) == ["m0", "m1"]
        assert ids(bus, limit=0) == []
        assert ids(bus) == ["m2", "m3", "m4"]

    def test_nobody_else_gets_them_for_the_lease(
        self, bus: MessageBus, another: MessageBus, clock: VirtualClock
    ) -> None:
        bus.publish(message(1), message(2))
        assert ids(bus, limit=1, lease=30.0) == ["m1"]
        clock.sleep(29.0)
        assert ids(another, lease=60.0) == ["m2"]
        assert ids(bus) == []
        clock.sleep(1.0)
        assert [(one.message.id, one.attempt) for one in another.receive()] == [("m1", 2)]

    def test_what_comes_again_comes_in_its_old_place(self, bus: MessageBus) -> None:
        bus.publish(message(1), message(2))
        bus.retry(bus.receive(limit=1)[0], error="busy", after=0.0)
        bus.publish(message(3))
        assert ids(bus) == ["m1", "m2", "m3"]

    def test_each_message_goes_to_one_receiver(self, bus: MessageBus, another: MessageBus) -> None:
        bus.publish(*(message(n) for n in range(self.MESSAGES)))

        def drain(one: MessageBus) -> list[str]:
            got: list[str] = []
            while deliveries := one.receive(limit=2):
                for delivery in deliveries:
                    got.append(delivery.message.id)
                    one.ack(delivery)
            return got

        parts = together([partial(drain, (bus, another)[n % 2]) for n in range(self.THREADS)])
        assert sorted(chain.from_iterable(parts)) == sorted(f"m{n}" for n in range(self.MESSAGES))
        assert {one.state for one in bus.list()} == {"done"}

    def test_events_are_not_handed_out(self, bus: MessageBus) -> None:
        bus.publish(message(1, to=None), message(2))
        assert ids(bus) == ["m2"]
        assert standing(bus, "m1").state == "done"
        bus.replay("m1")
        assert ids(bus) == []

    # ── ack, retry, dead_letter ──────────────────────────────────────────────────────────────────────────

    def test_an_acknowledged_one_never_comes_again(self, bus: MessageBus, clock: VirtualClock) -> None:
        bus.publish(message(1))
        delivery = bus.receive(lease=10.0)[0]
        bus.ack(delivery)
        bus.ack(delivery)
        clock.sleep(1000.0)
        assert ids(bus) == []
        assert standing(bus, "m1").state == "done"

    def test_a_late_acknowledgement_counts(
        self, bus: MessageBus, another: MessageBus, clock: VirtualClock
    ) -> None:
        bus.publish(message(1))
        late = bus.receive(lease=10.0)[0]
        clock.sleep(11.0)
        second = another.receive(lease=10.0)[0]
        bus.ack(late)  # the effect was had, whoever holds it now
        another.retry(second, error="too late", after=0.0)
        clock.sleep(100.0)
        assert ids(bus) == []

    def test_retry_hands_it_out_later(self, bus: MessageBus, clock: VirtualClock) -> None:
        bus.publish(message(1))
        bus.retry(bus.receive()[0], error="not ready", after=30.0)
        assert standing(bus, "m1").state == "waiting"
        clock.sleep(29.0)
        assert ids(bus) == []
        clock.sleep(1.0)
        assert bus.receive()[0].attempt == 2

    def test_a_dead_letter_waits_for_a_person(self, bus: MessageBus, clock: VirtualClock) -> None:
        bus.publish(message(1), message(2))
        bus.dead_letter(bus.receive(limit=1)[0], error="no route: “x”")
        clock.sleep(1000.0)
        assert ids(bus) == ["m2"]
        dead = standing(bus, "m1")
        assert (dead.state, dead.error, dead.attempts) == ("dead", "no route: “x”", 1)

    def test_who_lost_the_lease_decides_nothing(
        self, bus: MessageBus, another: MessageBus, clock: VirtualClock
    ) -> None:
        bus.publish(message(1))
        late = bus.receive(lease=10.0)[0]
        clock.sleep(11.0)
        second = another.receive(lease=60.0)[0]
        bus.dead_letter(late, error="mine failed")
        bus.retry(late, error="mine failed", after=0.0)
        assert standing(bus, "m1").state == "leased"
        assert ids(bus) == []
        another.ack(second)
        assert standing(bus, "m1").state == "done"

    # ── replay ───────────────────────────────────────────────────────────────────────────────────────────

    @pytest.mark.parametrize("end", ["ack", "dead_letter"])
    def test_replay_hands_it_out_again(self, bus: MessageBus, another: MessageBus, end: str) -> None:
        sent = message(1, data={"a": 1})
        bus.publish(sent)
        delivery = bus.receive()[0]
        if end == "ack":
            bus.ack(delivery)
        else:
            bus.dead_letter(delivery, error="no")
        assert another.replay("m1") == sent
        again = bus.receive()
        assert [(one.message, one.attempt) for one in again] == [(sent, 1)]
        assert standing(bus, "m1").error == ""

    def test_an_old_acknowledgement_does_not_end_a_replay(self, bus: MessageBus) -> None:
        bus.publish(message(1))
        old = bus.receive()[0]
        bus.dead_letter(old, error="no")
        bus.replay("m1")
        bus.ack(old)
        assert ids(bus) == ["m1"]

    def test_replay_leaves_alone_what_is_under_way(self, bus: MessageBus) -> None:
        bus.publish(message(1))
        delivery = bus.receive()[0]
        assert bus.replay("m1") == message(1)
        assert ids(bus) == []
        bus.ack(delivery)
        assert standing(bus, "m1").state == "done"

    def test_replay_of_one_id_from_two_senders_means_the_dead_one(self, bus: MessageBus) -> None:
        bus.publish(message(1), message(1, sender="envkeeper"))
        first, second = bus.receive()
        bus.dead_letter(first, error="no")
        bus.ack(second)
        assert bus.replay("m1").sender == "dreamkeeper"

    def test_replay_of_an_unknown_id_is_not_found(self, bus: MessageBus) -> None:
        with pytest.raises(NotFound):
            bus.replay("m1")

    # ── list, follow, last ───────────────────────────────────────────────────────────────────────────────

    def test_list_answers_where_the_newest_stand(self, bus: MessageBus, clock: VirtualClock) -> None:
        assert list(bus.list()) == []
        bus.publish(*(message(n) for n in range(4)))
        done, dead, leased = bus.receive(limit=3, lease=10.0)
        bus.ack(done)
        bus.dead_letter(dead, error="no")
        listed = bus.list()
        assert [(one.message.id, one.state) for one in listed] == [
            ("m0", "done"),
            ("m1", "dead"),
            ("m2", "leased"),
            ("m3", "waiting"),
        ]
        assert [one.seq for one in listed] == sorted({one.seq for one in listed})
        assert [one.attempts for one in listed] == [1, 1, 1, 0]
        assert [one.message.id for one in bus.list(limit=2)] == ["m2", "m3"]
        assert [one.message.id for one in bus.list(states={"done", "waiting"})] == ["m0", "m3"]
        assert [one.message.id for one in bus.list(states=["dead", "done"], limit=1)] == ["m1"]
        clock.sleep(10.0)
        assert standing(bus, leased.message.id).state == "waiting"

    def test_follow_tells_all_after_a_seq_and_ends(self, bus: MessageBus, another: MessageBus) -> None:
        assert bus.last() == 0
        assert list(bus.follow(0)) == []
        bus.publish(message(1), message(2, to=None))
        told = list(another.follow(0))
        assert [one for _, one in told] == [message(1), message(2, to=None)]
        assert told[-1][0] == bus.last()
        assert [one.id for _, one in bus.follow(told[0][0])] == ["m2"]
        bus.publish(message(3))
        assert [one.id for _, one in bus.follow(told[-1][0])] == ["m3"]
        assert list(bus.follow(bus.last())) == []

    def test_follow_does_not_touch_handing_out(self, bus: MessageBus) -> None:
        bus.publish(message(1))
        assert len(list(bus.follow(0))) == 1
        bus.ack(bus.receive()[0])
        assert len(list(bus.follow(0))) == 1

    def test_what_is_handed_over_is_a_copy(self, bus: MessageBus) -> None:
        data = {"list": [1]}
        bus.publish(message(1, data=data))
        data["list"].append(2)
        delivery = bus.receive()[0]
        delivery.message.data["list"].append(3)
        assert next(iter(bus.follow(0)))[1] == replace(message(1), data={"list": [1]})
