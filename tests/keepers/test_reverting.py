"""After a commit was taken back: a pull request that reverts it, where the configuration asks for one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dreamnet_actions.domain.result import warnings
from dreamnet_actions.domain.revert import Proposed
from dreamnet_actions.domain.spec.models import OnFailure
from dreamnet_actions.errors import PermissionMissing
from dreamnet_actions.testing.memory.system import MemorySystem, memory_system
from tests.keepers.homes import config, released
from tests.keepers.test_deploys import commit, deploy, runs, version

PAGE = "https://github.example/octo/shop/pull/7"


def shop(*shares: float, asked: bool = True) -> MemorySystem:
    """A system whose ``web`` runs its first commit; the second is bad."""
    spec = released(*shares)
    assert spec.release is not None
    rules = replace(spec.release, on_failure=OnFailure(revert="pull-request" if asked else None))
    system = memory_system(config({"web": replace(spec, release=rules)}))
    commit(system)
    assert deploy(system).verdict == "deployed"
    commit(system)
    system.sick[version(system)] = "HTTP 500"
    system.releases.proposed = Proposed(text="a pull request reverts it: #7", url=PAGE, new=True)
    return system


@pytest.mark.parametrize("shares", [(), (0.5,)])
def test_what_was_taken_back_is_to_be_reverted_once(shares: tuple[float, ...]) -> None:
    system = shop(*shares)
    result = deploy(system)
    assert result.verdict == "rolled-back"
    (wanted,) = system.releases.reverts
    assert f"git:{wanted.bad}" == version(system)
    assert f"git:{wanted.former}" == version(system, 1)
    assert (wanted.service, wanted.platform, wanted.branch) == ("web", "local", "main")
    assert "HTTP 500" in wanted.why
    assert [one["url"] for one in result.findings if "url" in one] == [PAGE]
    held = deploy(system)
    assert (held.outcome, len(system.releases.reverts)) == ("refused", 1), "the commit stays held"
    insisted = deploy(system, version=version(system).removeprefix("git:"))
    assert insisted.verdict == "rolled-back"
    assert len(system.releases.reverts) == 1, "twice is once"
    assert [one["url"] for one in insisted.findings if "url" in one] == [PAGE]


def test_nothing_is_reverted_that_nobody_asked_for() -> None:
    system = shop(asked=False)
    assert deploy(system).verdict == "rolled-back"
    assert system.releases.reverts == []
    system = shop()
    system.sick.clear()
    assert deploy(system).verdict == "deployed"
    assert system.ask("deploykeeper", "rollback").outcome == "done"
    assert system.releases.reverts == [], "a person who goes back has their own reasons"


def test_that_it_cannot_be_proposed_is_told_and_tried_again() -> None:
    system = shop()

    def refused(_: object) -> Proposed:
        raise PermissionMissing("The token lacks it.", hint="Give it 'pull-requests: write'.")

    system.releases.revert = refused  # type: ignore[method-assign]
    result = deploy(system)
    assert result.verdict == "rolled-back"
    assert runs(system, 1)
    (told,) = warnings(result)
    assert "no pull request reverts" in str(told)
    assert "pull-requests: write" in str(told)
    del system.releases.revert  # type: ignore[method-assign]
    deploy(system, version=version(system).removeprefix("git:"))
    assert len(system.releases.reverts) == 1


def test_a_home_without_github_says_so() -> None:
    system = shop()
    system.releases.proposed = None
    result = deploy(system)
    assert any("this home has no GitHub" in str(one.get("text")) for one in result.findings)
