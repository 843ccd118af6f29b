"""Compaction of the branch ``dreamnet``: what is too old goes, history begins anew, and who writes meanwhile loses
nothing."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from dreamnet_actions.adapters.github.keeping import GitHubKeeping
from dreamnet_actions.adapters.github.memory import GitHubMemory
from dreamnet_actions.adapters.system.clock import SystemClock
from dreamnet_actions.adapters.system.ids import UuidIds
from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.errors import Conflict, PermanentError
from dreamnet_actions.testing.contracts.message_bus import message
from dreamnet_actions.testing.contracts.together import together
from dreamnet_actions.testing.memory.clock import VirtualClock
from dreamnet_actions.testing.memory.stores import MemoryDreamStore
from tests.github.homes import Make, commits, files, git, memories

pytestmark = pytest.mark.slow

NOON = 1_700_049_600.0  # 2023-11-15T12:00:00Z
WRITERS, TURNS = 3, 8
Keep = Callable[[GitHubMemory], GitHubKeeping]


@pytest.fixture
def keep(clock: VirtualClock) -> Keep:
    dreams = MemoryDreamStore()
    return lambda memory: GitHubKeeping(memory.branch, memory.remote, clock, dreams)


def fact(text: str, at: float = NOON) -> Fact:
    return Fact(kind="dream-changed", at=at, text=text)


def filled(make: Make, runs: int = 3) -> None:
    for number in range(runs):
        run = make()
        run.journal.append(fact(f"run {number}", NOON + number * 86_400.0))
        run.journal.set_state(f"request/{number}", {"at": NOON})
        run.bus.publish(message(f"{number}", data={"text": f"{number}" * 9000}))
        run.journal.finish()


def test_a_checkpoint_holds_exactly_what_the_newest_commit_did(make: Make, keep: Keep, remote: Path) -> None:
    filled(make)
    former, tree = git(remote, "rev-parse", "dreamnet"), git(remote, "rev-parse", "dreamnet^{tree}")
    assert commits(remote) == 3
    assert "begins anew" in keep(make()).compact()
    assert commits(remote) == 1
    assert git(remote, "rev-parse", "dreamnet^{tree}") == tree
    assert (
        git(remote, "log", "-1", "--format=%s %cn", "dreamnet")
        == f"checkpoint: what was before is {former} dreamnet[bot]"
    )
    assert git(remote, "rev-parse", "refs/dreamnet/seen/dreamnet") == git(remote, "rev-parse", "dreamnet")
    assert [one.text for one in make().journal.read()] == ["run 0", "run 1", "run 2"]
    assert keep(make()).verify().flaws == []
    assert keep(make()).compact() == "Its history stays."


def test_who_pushes_upon_the_former_history_puts_it_upon_the_new(
    make: Make, keep: Keep, remote: Path
) -> None:
    filled(make)
    slow = make()
    slow.journal.append(fact("written meanwhile"))
    slow.journal.set_state("of/slow", 1, version=0)
    keep(make()).compact()
    slow.journal.finish()
    assert commits(remote) == 2
    assert [one.text for one in make().journal.read()][-1] == "written meanwhile"
    assert make().journal.state("of/slow") == (1, 1)
    assert keep(make()).verify().flaws == []


def test_a_checkpoint_that_comes_too_late_takes_nothing_along(make: Make, keep: Keep, remote: Path) -> None:
    filled(make)
    late = make()
    late.journal.read()  # it has the branch as it is now
    push, pushed = late.remote.push, []

    def between(commit: str, *, over: str | None = None) -> bool:
        if not pushed:
            quick = make()
            quick.journal.append(fact("just in time"))
            quick.journal.finish()
        pushed.append(push(commit, over=over))
        return pushed[-1]

    late.remote.push = between  # type: ignore[method-assign]
    assert late.branch.checkpoint() is not None
    assert pushed == [False, True]
    assert commits(remote) == 1
    assert [one.text for one in make().journal.read()][-1] == "just in time"


def test_where_force_is_forbidden_the_history_stays(make: Make, keep: Keep, remote: Path) -> None:
    filled(make)
    git(remote, "config", "receive.denyNonFastForwards", "true")
    assert "Its history stays" in keep(make()).compact()
    assert commits(remote) == 3
    make().journal.append(fact("it goes on"))


def test_what_is_damaged_keeps_its_history(make: Make, keep: Keep, remote: Path, tmp_path: Path) -> None:
    filled(make)
    place = tmp_path / "work"
    git(tmp_path, "clone", "--quiet", "-b", "dreamnet", str(remote), str(place))
    git(place, "rm", "-rq", "messages")
    git(place, "-c", "user.name=x", "-c", "user.email=x@y", "commit", "-qm", "by hand")
    git(place, "push", "--quiet")
    assert "journal repair" in keep(make()).compact()
    assert commits(remote) == 4


def test_rows_of_what_was_forgotten_go_and_no_version_comes_twice(make: Make, keep: Keep) -> None:
    run = make()
    for _ in range(3):
        run.journal.set_state("gone", {"x": 1})
    run.journal.set_state("gone", None)
    run.journal.finish()
    keep(make()).compact()
    later = make()
    assert later.journal.state("gone") == (None, 0)
    with pytest.raises(Conflict):
        later.journal.set_state("gone", {"x": 2}, version=4)
    assert later.journal.set_state("gone", {"x": 2}) == 5


def test_a_branch_that_is_deleted_after_a_checkpoint_is_found_and_repaired(
    make: Make, keep: Keep, remote: Path
) -> None:
    filled(make)
    keep(make()).compact()
    held = files(remote)
    git(remote, "update-ref", "-d", "refs/heads/dreamnet")
    assert [str(one) for one in keep(make()).verify().flaws if "deleted" in str(one)]
    assert keep(make()).repair(dry_run=False).commit
    assert files(remote) >= held
    assert len(make().journal.read()) == 3


@pytest.mark.parametrize("mode", ["write-behind", "eager"])
def test_of_many_writers_beside_compactions_none_loses_anything(remote: Path, mode: str) -> None:
    with memories(remote, SystemClock(), ids=UuidIds()) as real:
        chance = random.Random(mode)
        seeds = [chance.random() for _ in range(WRITERS)]
        made: list[str | None] = []
        ended: list[int] = []

        def write(number: int, run: GitHubMemory) -> None:
            mine = random.Random(seeds[number])
            for turn in range(TURNS):
                run.journal.append(fact(f"{number}-{turn}"))
                run.bus.publish(message(f"{number}-{turn}"), message(f"all-{turn}"))
                run.journal.set_state(f"of/{number}", turn)
                run.journal.set_state("of/all", turn)
                if mine.random() < 0.7:
                    run.journal.flush()
            run.journal.finish()
            ended.append(number)

        def compact(run: GitHubMemory) -> None:
            while len(ended) < WRITERS:
                made.append(run.branch.checkpoint())

        work = [partial(write, number, real(mode)) for number in range(WRITERS)]
        together([*work, partial(compact, real())], seconds=100.0)
        after = real()
        wanted = {f"{number}-{turn}" for number in range(WRITERS) for turn in range(TURNS)}
        facts = after.journal.read()
        assert Counter(one.text for one in facts) == Counter(wanted)
        assert [one.seq for one in facts] == list(range(1, len(wanted) + 1))
        assert after.journal.state("of/all") == (TURNS - 1, TURNS * WRITERS)
        sent = {f"{number}-{turn}" for number in (*range(WRITERS), "all") for turn in range(TURNS)}
        assert Counter(one.message.id for one in after.bus.list(limit=1000)) == Counter(
            f"m{one}" for one in sent
        )
        assert any(made), "nothing was compacted"
        git(remote, "fsck", "--strict")


def test_a_remote_that_forbids_it_says_so(make: Make, remote: Path) -> None:
    filled(make)
    git(remote, "config", "receive.denyNonFastForwards", "true")
    with pytest.raises(PermanentError):
        make().branch.checkpoint()
