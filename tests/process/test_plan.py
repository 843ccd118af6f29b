"""The pure parts: what to start and retire, who gets the next connection, how often."""

from __future__ import annotations

from collections import Counter as Tally
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamnet_actions.adapters.process import changes
from dreamnet_actions.adapters.process.loopback import free_port
from dreamnet_actions.adapters.process.plan import Seen, plan_track
from dreamnet_actions.adapters.process.state import PlatformState, Workload, fresh, load, save
from dreamnet_actions.adapters.process.traffic import Counter, Shares
from dreamnet_actions.domain.release import Release, ReplicaState
from dreamnet_actions.errors import StateDamaged

OLD, NEW = (1, 0), (2, 0)
STATES: tuple[ReplicaState, ...] = ("ready", "unready", "starting", "back-off", "exited")


def seen(*states: ReplicaState, key: tuple[int, int] = OLD, start: int = 0) -> list[Seen]:
    return [Seen(f"{key[0]}-{start + n}", key, state, start + n) for n, state in enumerate(states)]


def test_nothing_old_starts_all_at_once() -> None:
    assert plan_track(NEW, 5, []).start == 5
    assert plan_track(NEW, 5, seen("exited", "back-off")).start == 5


def test_beside_old_ones_a_few_start_and_each_ready_one_takes_a_place() -> None:
    old = seen("ready", "ready", "ready")
    assert plan_track(NEW, 3, old) == replace(plan_track(NEW, 3, old), start=2, retire=())
    steps = plan_track(NEW, 3, [*old, *seen("ready", "starting", key=NEW)])
    assert (steps.start, steps.retire) == (1, ("1-2",))


def test_the_worst_go_first_and_the_ready_ones_last() -> None:
    old = seen("ready", "unready", "starting")
    assert plan_track(NEW, 3, [*old, *seen("ready", key=NEW)]).retire == ("1-2",)
    assert plan_track(NEW, 3, [*old, *seen("ready", "ready", key=NEW)]).retire == ("1-2", "1-1")


def test_scaling_down_keeps_the_ready_and_the_oldest() -> None:
    assert plan_track(OLD, 1, seen("starting", "ready", "ready")).retire == ("1-0", "1-2")


@given(
    st.integers(0, 6),
    st.lists(st.sampled_from(STATES), max_size=8),
    st.lists(st.sampled_from(STATES), max_size=8),
)
def test_never_fewer_ready_than_wanted_or_before(
    replicas: int, old: list[ReplicaState], new: list[ReplicaState]
) -> None:
    replicas_seen = [*seen(*old), *seen(*new, key=NEW)]
    steps = plan_track(NEW, replicas, replicas_seen)
    ready = sum(one.state == "ready" for one in replicas_seen)
    left = sum(one.state == "ready" and one.id not in steps.retire for one in replicas_seen)
    assert left >= min(ready, replicas)
    assert len(new) + steps.start <= max(replicas, len(new))


@given(st.lists(st.sampled_from(STATES), max_size=6), st.integers(0, 5))
def test_it_ends_with_exactly_what_is_wanted(old: list[ReplicaState], replicas: int) -> None:
    now, count = seen(*old), 100
    for _ in range(50):
        steps = plan_track(NEW, replicas, now)
        if not steps.start and not steps.retire and all(one.state == "ready" for one in now):
            break
        now = [replace(one, state="ready") if one.key == NEW else one for one in now]
        now = [one for one in now if one.id not in steps.retire]
        now += seen(*["starting"] * steps.start, key=NEW, start=count)
        count += steps.start
    assert [one.key for one in now] == [NEW] * replicas


@given(st.integers(0, 100))
def test_shares_are_exact_in_every_hundred(percent: int) -> None:
    shares = Shares()
    shares.set({"stable": 1 - percent / 100, "canary": percent / 100})
    for _ in range(2):
        tally = Tally(shares.next() for _ in range(100))
        assert tally["canary"] == percent
    shares.set({"stable": 0.0, "canary": 0.0})
    assert shares.next() is None


def test_a_small_share_is_spread_and_the_same_weights_again_keep_the_turn() -> None:
    shares = Shares()
    chosen = []
    for _ in range(100):
        shares.set({"stable": 0.9, "canary": 0.1})
        chosen.append(shares.next())
    gaps = [number for number, one in enumerate(chosen) if one == "canary"]
    assert {after - before for before, after in pairwise(gaps)} == {10}


def test_the_rate_is_that_of_the_last_five_seconds() -> None:
    counter = Counter()
    for tenth in range(100):
        counter.connected(1000 + tenth / 10)
    assert counter.per_second(1009.9) == pytest.approx(10, abs=0.5)
    assert counter.per_second(1012.5) == pytest.approx(5, abs=1)
    assert counter.per_second(1030) == 0
    assert counter.connections == 100


def test_ports_are_free_and_not_given_twice() -> None:
    taken: set[int] = set()
    for _ in range(50):
        port = free_port(taken)
        assert port not in taken
        taken.add(port)


def applied(
    state: PlatformState, name: str, *, canary: bool = False, environment: str | None = None
) -> PlatformState:
    release = Release(service="web", version=name)
    workload = Workload(command=("serve", name), directory="/")
    return changes.apply(
        state, "web", release, workload, canary=canary, replicas=0, configured=1, environment=environment
    )


def test_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    state = applied(applied(applied(fresh(), "one"), "two", environment="e"), "three", canary=True)
    state = changes.shift(changes.restart(state, "web", "t", environment="f"), "web", 0.5)
    state, _ = changes.undo(state, "web", "u")
    save(tmp_path / "state.json", state)
    assert load(tmp_path / "state.json") == state
    assert load(tmp_path / "none.json") is None


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"version": 2}', '{"version": 1}', '{"version": 1, "instance": "x"}']
)
def test_anything_else_is_damage(tmp_path: Path, text: str) -> None:
    (tmp_path / "state.json").write_text(text)
    with pytest.raises(StateDamaged):
        load(tmp_path / "state.json")


def test_a_stable_apply_of_the_canarys_release_promotes_it() -> None:
    state = applied(applied(applied(fresh(), "one"), "two", canary=True), "two")
    wanted = state.services["web"]
    assert wanted.canary is None
    assert (wanted.stable.generation, [run.release.version for run in wanted.former]) == (2, ["one"])


def test_settings_that_need_no_other_process_change_in_place() -> None:
    state = applied(fresh(), "one")
    release, workload = state.services["web"].stable.release, state.services["web"].stable.workload
    again = {"canary": False, "replicas": 0, "configured": 1, "environment": None}
    same = changes.apply(state, "web", release, replace(workload, port=81, stop_grace=9.0), **again)
    assert same.services["web"].stable.key == state.services["web"].stable.key
    assert same.services["web"].stable.workload.stop_grace == 9.0
    other = changes.apply(state, "web", release, replace(workload, environment={"A": "b"}), **again)
    assert other.services["web"].stable.generation == 2
    assert len(other.services["web"].former) == 1
