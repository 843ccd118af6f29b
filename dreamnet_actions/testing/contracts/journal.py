"""What every Journal keeps to."""

from __future__ import annotations

import threading
from functools import partial
from itertools import chain
from types import MappingProxyType
from typing import Any

import pytest

from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.errors import Conflict
from dreamnet_actions.ports.stores import Journal
from dreamnet_actions.testing.contracts.together import together


def tick(at: float, text: str = "a round", **fields: Any) -> Fact:
    """Make a fact of kind ``tick``."""
    return Fact(**{"kind": "tick", "at": at, "text": text, **fields})


class JournalContract:
    """Override ``journal``; and ``another`` where a second run would have an adapter of its own."""

    THREADS = 4
    EACH = 8

    @pytest.fixture
    def journal(self) -> Journal:
        """An empty journal."""
        raise NotImplementedError("override the fixture 'journal'")

    @pytest.fixture
    def another(self, journal: Journal) -> Journal:
        """A second adapter over the same data."""
        return journal

    def test_append_answers_the_facts_with_a_seq_that_grows(self, journal: Journal, another: Journal) -> None:
        full = Fact(
            kind="remedy-ended",
            at=1_700_000_000.125,
            text="restart helped — “200”, 日本 💤",
            service="production/web",
            dream="7",
            correlation_id="dream-7-0",
            data={"worked": True, "seconds": 1.5, "steps": ["restart", None]},
        )
        stored = [*journal.append(full, tick(1.0)), *another.append(tick(0.5))]
        seqs = [fact.seq for fact in stored]
        assert seqs == sorted(set(seqs))
        assert seqs[0] > 0
        assert list(another.read()) == stored
        assert stored[0].to_json() == full.to_json() | {"seq": seqs[0]}

    def test_append_of_nothing_is_nothing(self, journal: Journal) -> None:
        assert list(journal.append()) == []
        assert list(journal.read()) == []

    def test_append_stores_all_or_none(self, journal: Journal) -> None:
        with pytest.raises(TypeError):
            journal.append(tick(1.0), tick(2.0, data={"no plain data": object()}), tick(3.0))
        assert list(journal.read()) == []

    def test_any_mapping_is_plain_data(self, journal: Journal) -> None:
        journal.append(tick(1.0, data=MappingProxyType({"inner": MappingProxyType({"a": (1, 2)})})))
        assert journal.read()[0].data == {"inner": {"a": [1, 2]}}

    def test_who_reads_on_from_a_seq_misses_nothing(self, journal: Journal, another: Journal) -> None:
        wanted = self.THREADS * self.EACH * 2
        done = threading.Event()

        def write(writer: int, one: Journal) -> list[int]:
            return [
                fact.seq
                for n in range(self.EACH)
                for fact in one.append(tick(n, f"{writer}:{n}:a"), tick(n, f"{writer}:{n}:b"))
            ]

        def follow() -> list[int]:
            seen: list[int] = []
            while True:
                last_look = done.is_set()
                seen += [fact.seq for fact in another.read(after=seen[-1] if seen else 0)]
                if last_look:
                    return seen

        def write_all() -> list[int]:
            try:
                writers = [(journal, another)[n % 2] for n in range(self.THREADS)]
                parts = together([partial(write, n, one) for n, one in enumerate(writers)])
                return list(chain.from_iterable(parts))
            finally:
                done.set()

        written, seen = together([write_all, follow])
        assert len(written) == wanted
        assert seen == sorted(written)
        assert [fact.seq for fact in journal.read()] == seen

    def test_read_answers_what_fits(self, journal: Journal) -> None:
        a, b, c, d = journal.append(
            tick(10.0, service="p/web", dream="1", correlation_id="x"),
            Fact(kind="error", at=20.0, text="b", service="p/web", dream="2", correlation_id="x"),
            tick(20.0, service="p/db", dream="1", correlation_id="y"),
            Fact(kind="webhook", at=15.0, text="d"),
        )
        assert list(journal.read()) == [a, b, c, d]
        assert list(journal.read(kinds={"tick"})) == [a, c]
        assert list(journal.read(kinds=["error", "webhook"])) == [b, d]
        assert list(journal.read(service="p/web")) == [a, b]
        assert list(journal.read(service="p")) == []
        assert list(journal.read(service="")) == [d]
        assert list(journal.read(dream="1")) == [a, c]
        assert list(journal.read(correlation_id="x")) == [a, b]
        assert list(journal.read(since=15.0)) == [b, c, d]
        assert list(journal.read(after=b.seq)) == [c, d]
        assert list(journal.read(after=d.seq)) == []
        assert list(journal.read(kinds={"tick"}, service="p/web", correlation_id="x", dream="1")) == [a]

    def test_read_answers_the_newest_oldest_first(self, journal: Journal) -> None:
        stored = list(journal.append(*(tick(n) for n in range(5))))
        assert list(journal.read(limit=2)) == stored[-2:]
        assert list(journal.read(limit=2, since=1.0, after=stored[0].seq)) == stored[-2:]
        assert list(journal.read(limit=0)) == []

    def test_compact_drops_what_is_older_and_of_the_kinds(self, journal: Journal, another: Journal) -> None:
        old, _, kept, new = journal.append(
            tick(1.0), tick(1.5), Fact(kind="error", at=1.0, text="kept"), tick(2.0)
        )
        assert another.compact(before=2.0, kinds={"tick"}) == 2
        assert list(journal.read()) == [kept, new]
        assert journal.compact(before=2.0, kinds={"tick"}) == 0
        assert journal.compact(before=9.0, kinds=()) == 0
        assert old not in journal.read()

    def test_a_seq_is_never_given_again(self, journal: Journal) -> None:
        last = journal.append(tick(1.0), tick(2.0))[-1].seq
        assert journal.compact(before=9.0, kinds={"tick"}) == 2
        assert journal.append(tick(3.0))[0].seq > last

    def test_state_that_was_never_stored(self, journal: Journal) -> None:
        assert journal.state("nobody") == (None, 0)
        assert journal.states("") == {}

    @pytest.mark.parametrize("value", [{"a": [1, 2.5, None, "“ü”"]}, [], "", 0, False, {"": {}}])
    def test_state_comes_back_as_it_was(self, journal: Journal, another: Journal, value: Any) -> None:
        assert journal.set_state("claims/1", value) == 1
        assert another.state("claims/1") == (value, 1)
        assert another.set_state("claims/1", "next") == 2
        assert journal.state("claims/1") == ("next", 2)

    def test_states_answers_by_prefix(self, journal: Journal) -> None:
        for key in ("claims/b", "claims/a", "claim", "CLAIMS/x", "claims%", "claims_", "tick", "claims/日本"):
            journal.set_state(key, key)
        assert set(journal.states("claims/")) == {"claims/a", "claims/b", "claims/日本"}
        assert set(journal.states("claims%")) == {"claims%"}
        assert set(journal.states("claims_")) == {"claims_"}
        assert set(journal.states("claims/日")) == {"claims/日本"}
        assert journal.states("t") == {"tick": "tick"}
        assert len(journal.states("")) == 8

    def test_none_forgets_and_the_version_grows(self, journal: Journal) -> None:
        journal.set_state("ledger", {"a": 1})
        assert journal.set_state("ledger", None) == 2
        assert journal.state("ledger") == (None, 2)
        assert journal.states("") == {}
        with pytest.raises(Conflict):
            journal.set_state("ledger", 1, version=1)
        assert journal.set_state("ledger", 1, version=2) == 3

    def test_compare_and_set(self, journal: Journal, another: Journal) -> None:
        assert journal.set_state("lease", "a", version=0) == 1
        for wrong in (0, 2):
            with pytest.raises(Conflict):
                another.set_state("lease", "b", version=wrong)
        with pytest.raises(Conflict):
            journal.set_state("nothing yet", "b", version=1)
        assert journal.state("lease") == ("a", 1)
        assert journal.state("nothing yet") == (None, 0)
        assert another.set_state("lease", "b", version=1) == 2

    def test_no_change_is_lost_between_runs(self, journal: Journal, another: Journal) -> None:
        def count(one: Journal) -> None:
            left = self.EACH
            while left:
                value, version = one.state("counter")
                try:
                    one.set_state("counter", (value or 0) + 1, version=version)
                except Conflict:
                    continue
                left -= 1

        together([partial(count, (journal, another)[n % 2]) for n in range(self.THREADS)])
        assert journal.state("counter") == (self.THREADS * self.EACH, self.THREADS * self.EACH)

    def test_what_is_handed_over_is_a_copy(self, journal: Journal) -> None:
        value = {"list": [1]}
        journal.set_state("k", value)
        (fact,) = journal.append(tick(1.0, data=value))
        value["list"].append(2)
        fact.data["list"].append(3)
        journal.state("k")[0]["list"].append(4)
        assert journal.state("k")[0] == {"list": [1]}
        assert journal.read()[0].data == {"list": [1]}
