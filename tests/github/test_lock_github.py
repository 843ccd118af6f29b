"""Leases on the branch: the port's suite, races, and who is dead."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dreamnet_actions.adapters.github.locks import GitHubLock, earlier_attempt
from dreamnet_actions.adapters.github.remote import RemoteBranch
from dreamnet_actions.errors import Leased, TemporaryError, Unauthenticated
from dreamnet_actions.testing.contracts.lock import LockContract, is_free
from dreamnet_actions.testing.memory.clock import VirtualClock
from tests.github.homes import Make, commits, git

pytestmark = pytest.mark.slow


class TestGitHubLock(LockContract):
    ROUNDS = 2

    @pytest.fixture
    def lock(self, make: Make) -> GitHubLock:
        return make("eager").lock

    @pytest.fixture
    def another(self, lock: GitHubLock, make: Make) -> GitHubLock:
        return make("eager").lock


RUN = "https://github.com/octo/shop/actions/runs/7"


def test_a_lost_race_is_leased_at_the_barrier(make: Make, remote: Path) -> None:
    one, two = make(), make()
    with one.lock.lease("p/web", 60.0), two.lock.lease("p/web", 60.0):
        two.journal.barrier()
        with pytest.raises(Leased, match=r"p/web is being worked on by process-\d+"):
            one.journal.barrier()
        one.journal.barrier()
    one.journal.finish()
    assert commits(remote) == 1
    two.journal.finish()
    assert commits(remote) == 2
    assert is_free(make().lock, "p/web")


@pytest.mark.parametrize(
    "trouble", [TemporaryError("no network"), Unauthenticated("The token ran out.", hint="")], ids=str
)
def test_a_lease_that_cannot_be_given_back_ends_by_time_and_undoes_nothing(
    make: Make, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    def refused(self: RemoteBranch, commit: str) -> bool:
        raise trouble

    lasting = make("eager")
    with lasting.lock.lease("p/web", 60.0):
        lasting.journal.set_state("k", 1)
        monkeypatch.setattr(RemoteBranch, "push", refused)
    monkeypatch.undo()
    assert make().journal.state("k") == (1, 1)
    assert not is_free(make().lock, "p/web")
    clock.advance(61.0)
    assert is_free(make().lock, "p/web")


def test_a_race_is_lost_also_where_the_winner_has_left_already(make: Make) -> None:
    one, two = make(), make()
    assert two.journal.state("request/r") == (None, 0)
    with one.lock.lease("request/r", 60.0):
        one.journal.set_state("request/r", {"result": "one's"})
    one.journal.flush()
    with two.lock.lease("request/r", 60.0):
        assert two.journal.state("request/r") == (None, 0)
        two.journal.set_state("request/r", {"result": "two's"})
        with pytest.raises(Leased, match="or was just now"):
            two.journal.barrier()
    two.journal.finish()
    assert make().journal.state("request/r") == ({"result": "one's"}, 1)
    with two.lock.lease("request/r", 60.0):
        assert two.journal.state("request/r")[0] == {"result": "one's"}
    with two.lock.lease("request/r", 60.0):
        two.journal.set_state("request/r", None)
    two.journal.flush()  # that one is forgotten is worth no commit of its own
    assert make().journal.state("request/r") == (None, 2)


def test_leases_that_ended_are_forgotten_after_a_day(make: Make, remote: Path, clock: VirtualClock) -> None:
    run = make("eager")
    for number in range(3):
        with run.lock.lease(f"request/{number}", 60.0):
            pass
    clock.advance(86_400.0)
    with run.lock.lease("request/new", 60.0):
        pass
    assert set(json.loads(git(remote, "show", "dreamnet:state.json"))["leases"]) == {"request/new"}


def test_a_lease_that_nobody_saw_costs_nothing(make: Make, remote: Path) -> None:
    run = make()
    with run.lock.lease("p/web", 60.0):
        assert not is_free(run.lock, "p/web")
    run.journal.finish()
    assert commits(remote) == 0


def test_a_lease_ends_in_an_outage_by_its_time(
    make: Make, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(self: RemoteBranch) -> str | None:
        raise TemporaryError("GitHub is down")

    one, two = make("eager"), make("eager")
    with monkeypatch.context() as patched, one.lock.lease("p/web", 60.0):
        patched.setattr(RemoteBranch, "fetch", down)
    assert not is_free(two.lock, "p/web")
    clock.advance(60.0)
    assert is_free(two.lock, "p/web")


@pytest.mark.parametrize(
    ("holder", "me", "dead"),
    [
        (f"{RUN}/attempts/1", f"{RUN}/attempts/2", True),
        (f"{RUN}/attempts/1#deploy", f"{RUN}/attempts/2#dream", True),
        (f"{RUN}/attempts/9", f"{RUN}/attempts/10", True),
        (f"{RUN}/attempts/2", f"{RUN}/attempts/2#dream", False),
        (f"{RUN}/attempts/3", f"{RUN}/attempts/2", False),
        (f"{RUN}0/attempts/1", f"{RUN}/attempts/2", False),
        (RUN.replace("shop", "other") + "/attempts/1", f"{RUN}/attempts/2", False),
        ("host|17", "host|18", False),
        ("", f"{RUN}/attempts/2", False),
    ],
)
def test_an_earlier_attempt_of_the_same_run_is_dead(holder: str, me: str, dead: bool) -> None:
    assert earlier_attempt(holder, me) is dead


def test_the_lease_of_a_dead_holder_is_free_at_once(make: Make) -> None:
    killed = make(holder=f"{RUN}/attempts/1")
    lease = killed.lock.lease("p/web", 900.0)
    lease.__enter__()
    killed.journal.barrier()
    assert not is_free(make(holder=f"{RUN}1/attempts/2").lock, "p/web")
    assert is_free(make(holder=f"{RUN}/attempts/2").lock, "p/web")
    assert is_free(make(holder="host|2", is_dead=lambda one: one.startswith(RUN)).lock, "p/web")
