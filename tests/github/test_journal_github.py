"""The journal on the branch: the port's suite, and the unit of work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dreamnet_actions.adapters.github.journal import GitHubJournal
from dreamnet_actions.adapters.github.memory import GitHubMemory
from dreamnet_actions.adapters.github.remote import RemoteBranch
from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.errors import (
    Conflict,
    JournalDamaged,
    Leased,
    PermanentError,
    TemporaryError,
    Unauthenticated,
)
from dreamnet_actions.testing.contracts.journal import JournalContract
from dreamnet_actions.testing.contracts.message_bus import message
from dreamnet_actions.testing.memory.clock import VirtualClock
from tests.github.homes import Make, commits, git, memories

pytestmark = pytest.mark.slow


class TestGitHubJournal(JournalContract):
    THREADS = 4
    EACH = 4

    @pytest.fixture
    def journal(self, make: Make) -> GitHubJournal:
        return make("eager").journal

    @pytest.fixture
    def another(self, journal: GitHubJournal, make: Make) -> GitHubJournal:
        return make("eager").journal


def fact(kind: str = "dream-changed", at: float = 1_700_000_000.0, text: str = "x", **more: Any) -> Fact:
    return Fact(kind=kind, at=at, text=text, **more)


def held(one: GitHubMemory) -> object:
    lease = one.lock.lease("service/p/web", 60.0)
    lease.__enter__()
    return lease


# ── the unit of work ─────────────────────────────────────────────────────────────────────────────────────


def test_nothing_is_asked_of_the_remote_before_the_first_question(tmp_path: Path) -> None:
    with memories(tmp_path / "not there") as make:
        make("eager")
        make()


def test_a_run_that_writes_makes_two_commits(make: Make, remote: Path) -> None:
    run = make()
    with run.lock.lease("request/r1", 900.0):
        run.journal.set_state("request/r1", {"digest": "d", "at": 1.0})
        run.journal.append(fact("check-ended"), fact("remedy-started"))
        assert commits(remote) == 0
        run.journal.barrier()
        assert commits(remote) == 1
        other = make()
        assert other.journal.state("request/r1") == ({"digest": "d", "at": 1.0}, 1)
        assert [one.kind for one in other.journal.read()] == ["check-ended", "remedy-started"]
        with pytest.raises(Leased), other.lock.lease("request/r1", 1.0):
            pass
        run.journal.append(fact("restarted"), fact("remedy-ended"))
        run.journal.barrier()  # nothing that must be known before
        run.journal.set_state("request/r1", {"digest": "d", "at": 1.0, "result": {}})
        run.journal.barrier()
        assert commits(remote) == 1
    run.journal.finish()
    run.journal.finish()
    assert commits(remote) == 2
    after = make()
    assert [one.kind for one in after.journal.read()][-2:] == ["restarted", "remedy-ended"]
    assert after.journal.state("request/r1")[0]["result"] == {}
    with after.lock.lease("request/r1", 1.0):
        pass


def test_a_quiet_run_makes_no_commit_but_once_an_hour(make: Make, remote: Path, clock: VirtualClock) -> None:
    def quiet_run() -> None:
        run = make()
        request = f"request/{clock.now()}"
        with run.lock.lease(request, 900.0):
            run.journal.set_state(request, {"digest": "d", "at": clock.now()})
            run.journal.set_state("self/heartbeat", clock.now())
            value, _ = run.journal.state("verdict/p/web")
            run.journal.set_state("verdict/p/web", value)
            run.journal.append(fact("check-ended", clock.now()), fact("tick", clock.now()))
            run.journal.set_state(request, {"digest": "d", "at": clock.now(), "result": {}})
        run.journal.finish()

    first = make()
    first.journal.set_state("verdict/p/web", "healthy")
    first.journal.finish()
    assert commits(remote) == 1
    for _ in range(3):
        clock.advance(1199.0)
        quiet_run()
        assert commits(remote) == 1
    clock.advance(3.0)
    quiet_run()
    assert commits(remote) == 2
    assert len(make().journal.read()) == 2
    clock.advance(60.0)
    quiet_run()
    assert commits(remote) == 2


@pytest.mark.parametrize(
    ("do", "before", "end"),
    [
        (lambda one: one.journal.append(fact("check-ended")), 0, 0),
        (lambda one: one.journal.append(fact("tick")), 0, 0),
        (lambda one: one.journal.set_state("self/heartbeat", 2.0), 0, 0),
        (lambda one: one.journal.set_state("same", 1), 0, 0),
        (lambda one: one.journal.set_state("health/p/web", {"failures": 0, "successes": 2}), 0, 0),
        (lambda one: one.journal.set_state("request/new", {}), 1, 0),
        (held, 1, 0),
        (lambda one: one.journal.set_state("request/old", {}), 0, 1),
        (lambda one: one.journal.append(fact("remedy-ended")), 0, 1),
        (lambda one: one.bus.publish(message(1)), 0, 1),
        (lambda one: one.journal.set_state("health/p/web", {"failures": 1, "successes": 0}), 1, 1),
        (lambda one: one.journal.set_state("rollout/p/web", {"phase": "out"}), 1, 1),
        (lambda one: one.journal.set_state("same", 2, version=1), 1, 1),
        (lambda one: one.journal.append(fact("tick"), fact("release-started")), 1, 1),
        (lambda one: one.bus.receive(), 1, 1),
    ],
)
@pytest.mark.parametrize("when", ["before a write", "at the end"])
def test_what_each_change_costs(
    make: Make, remote: Path, do: Callable[[GitHubMemory], object], before: int, end: int, when: str
) -> None:
    first = make()
    first.journal.set_state("same", 1)
    first.journal.set_state("request/old", {"at": 1.0})
    first.journal.set_state("health/p/web", {"failures": 0, "successes": 2})
    first.bus.publish(message(0))
    first.journal.finish()
    run = make()
    kept = do(run)  # noqa: F841  # a lease is held until nobody knows it any more
    if when == "before a write":
        run.journal.barrier()
        assert commits(remote) == 1 + before
    else:
        run.journal.finish()
        assert commits(remote) == 1 + end


def test_one_run_fetches_once(make: Make, remote: Path) -> None:
    first = make()
    first.journal.set_state("k", "old")
    first.journal.finish()
    run = make()
    assert run.journal.state("k") == ("old", 1)
    other = make()
    other.journal.set_state("k", "new")
    other.journal.finish()
    assert run.journal.state("k") == ("old", 1)
    run.journal.refresh()
    assert run.journal.state("k") == ("new", 2)


def test_a_pause_reaches_a_long_run_at_its_next_barrier(make: Make, clock: VirtualClock) -> None:
    run, person = make(), make()
    assert run.journal.state("paused") == (None, 0)
    person.journal.set_state("paused", {"by": "octocat"})
    person.journal.finish()
    run.journal.barrier()
    assert run.journal.state("paused") == (None, 0)
    clock.advance(61.0)
    run.journal.barrier()
    assert run.journal.state("paused") == ({"by": "octocat"}, 1)


@pytest.mark.parametrize(
    "trouble", [TemporaryError("GitHub is down"), Unauthenticated("The token ran out.", hint="")], ids=str
)
def test_a_rollback_waits_neither_for_github_nor_for_a_token(
    make: Make, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    asked = []

    def down(self: RemoteBranch) -> str | None:
        asked.append(self)
        raise trouble

    run = make()
    run.journal.append(fact("restarted"))
    monkeypatch.setattr(RemoteBranch, "fetch", down)
    for seconds, times in (
        (61.0, 1),
        (30.0, 1),
        (31.0, 2),
    ):  # each write of it asks, and may wait for git's time-out
        clock.advance(seconds)
        run.journal.barrier()
        assert len(asked) == times


def test_a_write_waits_where_the_branch_was_forced_elsewhere(
    make: Make, clock: VirtualClock, remote: Path
) -> None:
    run = make()
    run.journal.append(fact())
    run.journal.flush()
    git(remote, "update-ref", "-d", "refs/heads/dreamnet")
    clock.advance(61.0)
    with pytest.raises(JournalDamaged, match="deleted"):
        run.journal.barrier()


# ── when others were faster ──────────────────────────────────────────────────────────────────────────────


def test_what_rests_on_nothing_is_put_upon_what_others_pushed(make: Make, remote: Path) -> None:
    one, two = make(), make()
    for who, run in (("one", one), ("two", two)):
        assert run.journal.append(fact(text=who))[0].seq == 1
        assert run.journal.set_state("last", who) == 1
    one.journal.finish()
    two.journal.finish()
    assert commits(remote) == 2
    after = make()
    assert [(each.seq, each.text) for each in after.journal.read()] == [(1, "one"), (2, "two")]
    assert after.journal.state("last") == ("two", 2)
    assert [each.seq for each in two.journal.read()] == [1, 2]


def test_a_lost_compare_and_set_is_raised_by_the_flush_and_loses_nothing_else(
    make: Make, remote: Path
) -> None:
    one, two = make(), make()
    one.journal.set_state("k", "one", version=0)
    assert two.journal.set_state("k", "two", version=0) == 1
    assert two.journal.set_state("k", "two again", version=1) == 2
    two.journal.set_state("free", "two")
    two.journal.append(fact(text="two was here"))
    one.journal.finish()
    with pytest.raises(Conflict, match="'k'"):
        two.journal.flush()
    assert two.journal.state("k") == ("one", 1)
    after = make()
    assert after.journal.state("k") == ("one", 1)
    assert after.journal.state("free") == ("two", 1)
    assert [each.text for each in after.journal.read()] == ["two was here"]
    two.journal.finish()
    assert commits(remote) == 2


def test_a_compare_and_set_upon_ones_own_change_holds_wherever_that_one_lands(make: Make) -> None:
    one, two = make(), make()
    one.journal.set_state("k", "one")
    one.journal.finish()
    assert two.journal.set_state("k", "two") == 2
    one.journal.set_state("k", "one again")
    one.journal.finish()
    assert two.journal.set_state("k", "two again", version=2) == 3
    two.journal.finish()
    assert make().journal.state("k") == ("two again", 4)


def test_what_was_done_under_a_lost_lease_never_was(make: Make, remote: Path) -> None:
    one, two = make(), make()
    with one.lock.lease("request/r", 900.0):
        one.journal.set_state("request/r", {"at": 1.0, "result": "one's"})
        one.journal.append(fact("remedy-started", text="one"))
        two.journal.append(fact(text="two, before"))
        with two.lock.lease("request/r", 900.0):
            two.journal.set_state("request/r", {"at": 2.0})
            two.journal.append(fact("remedy-started", text="two"))
            two.bus.publish(message(1))
            one.journal.barrier()
            with pytest.raises(Leased, match="process-"):
                two.journal.barrier()
            for late in (
                lambda: two.journal.append(fact("error")),
                lambda: two.journal.set_state("request/r", {"at": 3.0}),
                lambda: two.bus.publish(message(2)),
            ):
                with pytest.raises(Leased):
                    late()
        two.journal.append(fact(text="two, after"))
        two.journal.finish()
    one.journal.finish()
    after = make()
    assert after.journal.state("request/r")[0] == {"at": 1.0, "result": "one's"}
    assert [each.text for each in after.journal.read()] == ["one", "two, before", "two, after"]
    assert after.bus.last() == 0
    with after.lock.lease("request/r", 1.0):
        pass


def test_an_outage_keeps_the_unit_for_the_next_try(make: Make, remote: Path) -> None:
    run = make()
    run.journal.append(fact(text="kept"))
    away = remote.with_name("away.git")
    remote.rename(away)
    with pytest.raises(PermanentError):
        run.journal.flush()
    assert [one.text for one in run.journal.read()] == ["kept"]
    away.rename(remote)
    run.journal.finish()
    assert [one.text for one in make().journal.read()] == ["kept"]


def test_others_that_are_always_faster_defer_the_run(make: Make, remote: Path, clock: VirtualClock) -> None:
    run = make()
    run.journal.append(fact(text="slow"))
    busy = remote / "refs" / "heads" / "dreamnet.lock"
    busy.touch()
    before = clock.now()
    with pytest.raises(TemporaryError, match="faster than this run, 30 times"):
        run.journal.flush()
    assert 0 < clock.now() - before < 30
    busy.unlink()
    run.journal.flush()
    assert commits(remote) == 1


def test_a_push_without_an_answer_is_not_repeated(
    make: Make, remote: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make(dispatch=lambda *_: None)
    run.journal.append(fact(text="once"))
    real = RemoteBranch.push

    def cut(self: RemoteBranch, commit: str) -> bool:
        real(self, commit)
        raise TemporaryError("the connection was cut")

    with monkeypatch.context() as patched:
        patched.setattr(RemoteBranch, "push", cut)
        with pytest.raises(TemporaryError, match="was cut"):
            run.journal.flush()
        eager = make("eager")
        assert eager.journal.append(fact(text="eager"))[0].seq == 2
    run.journal.append(fact(text="later"))
    run.journal.finish()
    assert [one.text for one in make().journal.read()] == ["once", "eager", "later"]
    assert commits(remote) == 3
