"""What every DreamStore keeps to."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from dreamnet_actions.domain.dream import ENDED, STATES, Dream, DreamState, may_follow
from dreamnet_actions.domain.health import Report
from dreamnet_actions.errors import Conflict, NotFound
from dreamnet_actions.ports.stores import DreamStore
from dreamnet_actions.testing.contracts.together import together

FULL = Dream(
    key="production/web",
    state="open",
    health="degraded",
    cause="timeout",
    opened_at=1_700_000_000.25,
    changed_at=1_700_000_001.5,
    evidence=(
        Report(
            service="production/web",
            check="home",
            status="failed",
            cause="timeout",
            detail='no answer: "<b>`@octocat`</b>"\nfixes #1 — 日本 💤',
            phases={"resolve": 0.0012345, "connect": 0.1},
            value=0.3333333333333333,
        ),
        Report(service="production/web", check="pods", status="passed"),
    ),
    remedy="restart",
    attempt=2,
    flaps=1,
    until=1_700_000_600.0,
    because="restarted twice",
    pattern="every Monday",
    umbrella=7,
    data={"tried": ["restart"], "nested": {"deep": None}, "n": 3},
)


def brought_to(store: DreamStore, key: str, state: DreamState) -> Dream:
    """File a dream and lead it to ``state`` by allowed steps."""
    dream = store.open(Dream(key=key, state="suspected" if state == "suspected" else "open"))
    return dream if dream.state == state else store.update(replace(dream, state=state))


class DreamStoreContract:
    """Override ``store``; and ``another`` where a second run would have an adapter of its own."""

    THREADS = 4
    ROUNDS = 3

    @pytest.fixture
    def store(self) -> DreamStore:
        """An empty store."""
        raise NotImplementedError("override the fixture 'store'")

    @pytest.fixture
    def another(self, store: DreamStore) -> DreamStore:
        """A second adapter over the same data."""
        return store

    def test_open_answers_the_dream_with_its_number(self, store: DreamStore, another: DreamStore) -> None:
        filed = store.open(FULL)
        assert filed == replace(FULL, number=filed.number)
        assert filed.number > 0
        assert another.get(filed.number) == filed

    def test_numbers_count_up(self, store: DreamStore) -> None:
        numbers = [store.open(Dream(key=f"p/{name}")).number for name in "cab"]
        assert numbers == sorted(set(numbers))

    def test_open_answers_the_one_that_has_not_ended_unchanged(self, store: DreamStore) -> None:
        for state in (state for state in STATES if state not in ENDED):
            former = brought_to(store, f"p/{state}", state)
            assert store.open(Dream(key=f"p/{state}", health="degraded", because="again")) == former
            assert store.get(former.number) == former

    @pytest.mark.parametrize("state", sorted(ENDED))
    def test_open_files_a_new_one_where_the_former_has_ended(
        self, store: DreamStore, state: DreamState
    ) -> None:
        former = brought_to(store, "p/web", state)
        assert store.open(Dream(key="p/web")).number > former.number

    def test_of_many_that_open_one_key_all_get_the_same(self, store: DreamStore, another: DreamStore) -> None:
        for round_ in range(self.ROUNDS):
            key = f"p/web{round_}"
            stores = [store, another] * (self.THREADS // 2)
            filed = together([partial(one.open, Dream(key=key)) for one in stores])
            assert {dream.number for dream in filed} == {store.search(key=key)[0].number}
            assert len(store.search(key=key)) == 1

    def test_of_many_that_open_many_keys_each_gets_its_own(
        self, store: DreamStore, another: DreamStore
    ) -> None:
        stores = [store, another] * (self.THREADS // 2)
        filed = together([partial(one.open, Dream(key=f"p/{n}")) for n, one in enumerate(stores)])
        assert [dream.key for dream in filed] == [f"p/{n}" for n in range(len(stores))]
        assert len({dream.number for dream in filed}) == len(stores)

    def test_update_replaces_all_that_is_stored(self, store: DreamStore, another: DreamStore) -> None:
        number = store.open(Dream(key=FULL.key)).number
        full = replace(FULL, number=number, state="healing")
        assert store.update(full) == full
        assert another.get(number) == full
        bare = Dream(key=FULL.key, number=number, state="resolved", resolved_at=5.0)
        assert another.update(bare) == bare
        assert store.get(number) == bare

    def test_update_of_an_unknown_number_is_not_found(self, store: DreamStore) -> None:
        with pytest.raises(NotFound):
            store.update(Dream(key="p/web", number=4711))

    @pytest.mark.parametrize("before", STATES)
    def test_update_keeps_to_the_table_of_states(self, store: DreamStore, before: DreamState) -> None:
        for after in STATES:
            dream = brought_to(store, f"p/{before}-{after}", before)
            changed = replace(dream, state=after, because="changed")
            if may_follow(before, after):
                assert store.update(changed) == changed
            else:
                with pytest.raises(Conflict):
                    store.update(changed)
                assert store.get(dream.number) == dream

    def test_a_resolved_one_is_reopened_under_its_number(self, store: DreamStore) -> None:
        dream = brought_to(store, "p/web", "resolved")
        again = store.update(replace(dream, state="open", flaps=1))
        assert again.number == dream.number
        assert store.find("p/web") == again
        assert store.open(Dream(key="p/web")) == again

    def test_a_resolved_one_is_reopened_with_its_first_remedy_at_once_as_a_flap_only(
        self, store: DreamStore
    ) -> None:
        dream = brought_to(store, "p/web", "resolved")
        with pytest.raises(Conflict):
            store.update(replace(dream, state="healing", remedy="restart", attempt=1))
        again = store.update(replace(dream, state="healing", remedy="restart", attempt=1, flaps=1))
        assert store.find("p/web") == again == store.open(Dream(key="p/web"))

    def test_none_is_reopened_while_another_has_the_key(self, store: DreamStore) -> None:
        former = brought_to(store, "p/web", "resolved")
        other = store.open(Dream(key="p/web"))
        with pytest.raises(Conflict):
            store.update(replace(former, state="open"))
        assert store.get(former.number) == former
        assert store.get(other.number) == other
        # What has ended may still be written to.
        assert store.update(replace(former, because="seen")).because == "seen"

    def test_of_two_that_are_reopened_at_once_one_wins(self, store: DreamStore, another: DreamStore) -> None:
        for round_ in range(self.ROUNDS):
            key = f"p/web{round_}"
            ended = [brought_to(store, key, "resolved") for _ in range(2)]

            def reopen(one: DreamStore, dream: Dream) -> bool:
                try:
                    one.update(replace(dream, state="open"))
                except Conflict:
                    return False
                return True

            won = together(
                [partial(reopen, one, dream) for one, dream in zip((store, another), ended, strict=True)]
            )
            assert sorted(won) == [False, True]
            assert len(store.search(key=key, states={"open"})) == 1

    def test_comments_are_kept_in_order(self, store: DreamStore, another: DreamStore) -> None:
        dream = store.open(Dream(key="p/web"))
        other = store.open(Dream(key="p/db"))
        assert list(store.comments(dream.number)) == []
        told = [(1_700_000_000.5 + n, f"line {n}: “quoted” #{n}") for n in range(5)]
        for n, (at, text) in enumerate(told):
            (store, another)[n % 2].comment(dream.number, at, text)
        store.comment(dream.number, 1_700_000_010.0, "first", "second")
        told += [(1_700_000_010.0, "first"), (1_700_000_010.0, "second")]
        another.comment(dream.number, 1_700_000_010.0, "first", "second")  # told again by who was cut off
        store.update(replace(dream, state="resolved"))
        assert list(another.comments(dream.number)) == told
        assert list(store.comments(other.number)) == []

    def test_an_unknown_number_is_not_found(self, store: DreamStore) -> None:
        for call in (
            lambda: store.get(4711),
            lambda: store.comments(4711),
            lambda: store.comment(4711, 1.0, "lost"),
        ):
            with pytest.raises(NotFound):
                call()

    def test_find_answers_the_newest_of_the_key(self, store: DreamStore) -> None:
        assert store.find("p/web") is None
        former = brought_to(store, "p/web", "wont-fix")
        brought_to(store, "p/web2", "open")
        assert store.find("p/web") == former
        newer = brought_to(store, "p/web", "resolved")
        assert store.find("p/web") == newer
        store.update(replace(former, because="touched last"))
        assert store.find("p/web") == newer

    def test_search_answers_what_fits_newest_first(self, store: DreamStore) -> None:
        assert list(store.search()) == []
        first = brought_to(store, "p/web", "resolved")
        second = brought_to(store, "p/db", "healing")
        third = brought_to(store, "p/web", "open")
        assert list(store.search()) == [third, second, first]
        assert list(store.search(limit=2)) == [third, second]
        assert list(store.search(limit=0)) == []
        assert list(store.search(states={"resolved", "open"})) == [third, first]
        assert list(store.search(states=["healing"])) == [second]
        assert list(store.search(states={"snoozed"})) == []
        assert list(store.search(key="p/web")) == [third, first]
        assert list(store.search(key="p/web", states={"resolved"}, limit=1)) == [first]
        assert list(store.search(key="p")) == []

    def test_what_is_handed_over_is_a_copy(self, store: DreamStore) -> None:
        data = {"list": [1]}
        dream = store.open(Dream(key="p/web", data=data))
        data["list"].append(2)
        dream.data["list"].append(3)
        assert store.get(dream.number).data == {"list": [1]}
