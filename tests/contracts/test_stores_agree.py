"""The adapters in memory and in SQLite answer the same to any story (Hypothesis, stateful)."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from dreamnet_actions.adapters.sqlite.bus import SqliteMessageBus
from dreamnet_actions.adapters.sqlite.database import open_database
from dreamnet_actions.adapters.sqlite.dreams import SqliteDreamStore
from dreamnet_actions.adapters.sqlite.journal import SqliteJournal
from dreamnet_actions.adapters.sqlite.locks import SqliteLock
from dreamnet_actions.domain.dream import STATES, Dream, DreamState
from dreamnet_actions.domain.health import Report
from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.domain.message import Message
from dreamnet_actions.errors import DreamNetError
from dreamnet_actions.ports.stores import Delivery
from dreamnet_actions.testing.memory.clock import VirtualClock
from dreamnet_actions.testing.memory.stores import (
    MemoryDreamStore,
    MemoryJournal,
    MemoryLock,
    MemoryMessageBus,
)

names = st.sampled_from(["p/a", "p/b", "", "%", "P/a", "ü"])
times = st.integers(0, 5).map(float)
words = st.text(max_size=5)
limits = st.integers(-1, 4)
seconds = st.sampled_from([0.0, 1.0, 5.0, 10.0])
kinds = st.sampled_from(["tick", "error", "webhook"])
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | words,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=2),
    max_leaves=4,
)
data = st.dictionaries(words, plain, max_size=2)
dreams = st.builds(
    Dream,
    key=names,
    state=st.sampled_from(["suspected", "open"]),
    because=words,
    opened_at=times,
    evidence=st.lists(
        st.builds(
            Report,
            service=names,
            check=words,
            status=st.just("failed"),
            detail=words,
            phases=st.dictionaries(words, st.floats(0, 9), max_size=1),
        ),
        max_size=1,
    ).map(tuple),
    data=data,
)
facts = st.builds(
    Fact, kind=kinds, at=times, text=words, service=names, dream=words, correlation_id=names, data=data
)
messages = st.builds(
    Message,
    id=st.sampled_from(["1", "2", "3", "4"]),
    sender=st.sampled_from(["a", "b"]),
    name=words,
    to=st.sampled_from(["relaybot", "envkeeper", None]),
    time=st.just("t"),
    data=data,
)

pytestmark = pytest.mark.slow
message_states = st.sets(st.sampled_from(["waiting", "leased", "done", "dead"]))


class Agreement(RuleBasedStateMachine):
    """Each rule tells both the same, and compares the answers, errors included."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.database = open_database(Path(self.folder.name) / "dreamnet.db")
        self.clock = VirtualClock()
        self.dreams = (MemoryDreamStore(), SqliteDreamStore(self.database))
        self.journals = (MemoryJournal(), SqliteJournal(self.database))
        self.buses = (MemoryMessageBus(self.clock), SqliteMessageBus(self.database, self.clock))
        self.locks = (MemoryLock(self.clock), SqliteLock(self.database, self.clock))
        self.deliveries: list[Delivery] = []
        self.held: list[tuple[Any, Any]] = []

    def teardown(self) -> None:
        self.database.close()
        self.folder.cleanup()

    def same(self, of: tuple[Any, Any], ask: Callable[[Any], Any]) -> Any:
        answers = []
        for one in of:
            try:
                answer = ask(one)
            except DreamNetError as error:
                answer = (type(error), error.message)
            answers.append(list(answer) if isinstance(answer, list) else answer)
        assert answers[0] == answers[1]
        return answers[0]

    @rule(dream=dreams)
    def open(self, dream: Dream) -> None:
        self.same(self.dreams, lambda store: store.open(dream))

    @rule(number=st.integers(0, 4), state=st.sampled_from(STATES), dream=dreams, keeps_key=st.booleans())
    def update(self, number: int, state: DreamState, dream: Dream, keeps_key: bool) -> None:
        found = self.same(self.dreams, lambda store: store.get(number))
        key = found.key if keeps_key and isinstance(found, Dream) else dream.key
        changed = replace(dream, number=number, state=state, key=key)
        self.same(self.dreams, lambda store: store.update(changed))

    @rule(number=st.integers(0, 4), at=times, text=words)
    def comment(self, number: int, at: float, text: str) -> None:
        self.same(self.dreams, lambda store: store.comment(number, at, text))
        self.same(self.dreams, lambda store: store.comments(number))

    @rule(states=st.sets(st.sampled_from(STATES)), key=st.none() | names, limit=limits)
    def search(self, states: set[DreamState], key: str | None, limit: int) -> None:
        self.same(self.dreams, lambda store: store.search(states=states, key=key, limit=limit))
        self.same(self.dreams, lambda store: store.find(key or ""))

    @rule(some=st.lists(facts, max_size=3))
    def append(self, some: list[Fact]) -> None:
        self.same(self.journals, lambda journal: journal.append(*some))

    @rule(
        kinds=st.sets(kinds),
        service=st.none() | names,
        story=st.none() | names,
        since=times,
        after=st.integers(0, 4),
        limit=limits,
    )
    def read(
        self, kinds: set[str], service: str | None, story: str | None, since: float, after: int, limit: int
    ) -> None:
        self.same(
            self.journals,
            lambda journal: journal.read(
                kinds=kinds, service=service, correlation_id=story, since=since, after=after, limit=limit
            ),
        )

    @rule(before=times, kinds=st.sets(kinds))
    def compact(self, before: float, kinds: set[str]) -> None:
        self.same(self.journals, lambda journal: journal.compact(before=before, kinds=kinds))

    @rule(key=names, value=plain, version=st.none() | st.integers(0, 3))
    def set_state(self, key: str, value: Any, version: int | None) -> None:
        self.same(self.journals, lambda journal: journal.set_state(key, value, version=version))
        self.same(self.journals, lambda journal: journal.state(key))
        self.same(self.journals, lambda journal: journal.states(key[:2]))

    @rule(some=st.lists(messages, max_size=3))
    def publish(self, some: list[Message]) -> None:
        self.same(self.buses, lambda bus: bus.publish(*some))

    @rule(limit=limits, lease=seconds)
    def receive(self, limit: int, lease: float) -> None:
        self.deliveries += self.same(self.buses, lambda bus: bus.receive(limit=limit, lease=lease))

    @rule(
        choice=st.integers(0, 99), what=st.sampled_from(["ack", "retry", "dead"]), after=seconds, error=words
    )
    def handle(self, choice: int, what: str, after: float, error: str) -> None:
        if not self.deliveries:
            return
        # Not taken off the list: a delivery may be answered late, or twice.
        delivery = self.deliveries[choice % len(self.deliveries)]
        if what == "ack":
            self.same(self.buses, lambda bus: bus.ack(delivery))
        elif what == "retry":
            self.same(self.buses, lambda bus: bus.retry(delivery, error=error, after=after))
        else:
            self.same(self.buses, lambda bus: bus.dead_letter(delivery, error=error))

    @rule(message_id=st.sampled_from(["1", "2", "3", "4", "5"]))
    def replay(self, message_id: str) -> None:
        answers = []
        for bus in self.buses:
            try:
                answers.append(bus.replay(message_id))
            except DreamNetError as error:
                answers.append(type(error))
        assert answers[0] == answers[1]

    @rule(states=message_states, limit=limits, after=st.integers(0, 4))
    def look(self, states: set[str], limit: int, after: int) -> None:
        self.same(self.buses, lambda bus: bus.list(states=states, limit=limit))
        self.same(self.buses, lambda bus: list(bus.follow(after)))
        self.same(self.buses, lambda bus: bus.last())

    @rule(name=names, lease=seconds)
    def lease(self, name: str, lease: float) -> None:
        blocks = (self.locks[0].lease(name, lease), self.locks[1].lease(name, lease))
        taken = []
        for block in blocks:
            try:
                block.__enter__()
                taken.append(True)
            except DreamNetError as error:
                taken.append(type(error))
        assert taken[0] == taken[1]
        if taken[0] is True:
            self.held.append(blocks)

    @rule(choice=st.integers(0, 99))
    def give_back(self, choice: int) -> None:
        if self.held:
            for block in self.held.pop(choice % len(self.held)):
                block.__exit__(None, None, None)

    @rule(passed=seconds)
    def wait(self, passed: float) -> None:
        self.clock.sleep(passed)

    @invariant()
    def at_most_one_has_not_ended(self) -> None:
        keys = [dream.key for dream in self.dreams[0].search() if not dream.ended]
        assert len(keys) == len(set(keys))


TestAgreement = Agreement.TestCase
TestAgreement.settings = settings(max_examples=60, stateful_step_count=40)
