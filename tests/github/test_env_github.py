"""EnvKeeper and Actions secrets: what cannot be read back is read at its source again, at the versions that it had."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from dreamnet_actions.adapters.github.secretsink import GitHubSecretsSink
from dreamnet_actions.bootstrap.assembly import JournalKeep
from dreamnet_actions.errors import ConfigError
from dreamnet_actions.keepers.envkeeper.entries import Entry, see_that_none_share
from dreamnet_actions.testing.github.standin import StandIn
from dreamnet_actions.testing.memory.clock import VirtualClock
from dreamnet_actions.testing.memory.secrets import MemorySecretSink, MemorySecretSource
from dreamnet_actions.testing.memory.system import MemorySystem, memory_system
from tests.github.test_setting_sinks import Bed
from tests.keepers.homes import config, service

pytestmark = pytest.mark.slow
TEMPLATES = {"URL": "postgres://{{ USER }}:{{ PASSWORD | urlencode }}@db/app"}


@pytest.fixture
def bed(github: StandIn, clock: VirtualClock) -> Bed:
    return Bed(github, clock, "secrets", None)


@pytest.fixture
def system(bed: Bed) -> MemorySystem:
    """One entry with a template, from a source in memory that keeps its versions, to the repository's secrets."""
    plan = config({"web": service()}, env={"app": ("web",)})
    plan.env["app"] = replace(plan.env["app"], templates=TEMPLATES, only_for_templates=("USER",))
    made = memory_system(plan, values={"app": {"USER": "u", "PASSWORD": "p/1", "OTHER": "o"}})
    keep = JournalKeep(made.journal, lambda: None)
    made.sinks["app"] = [GitHubSecretsSink(bed.at, keep)]  # type: ignore[list-item]
    return made.again()


FIRST = {"URL": "postgres://u:p%2F1@db/app", "PASSWORD": "p/1", "OTHER": "o"}
SECOND = {"URL": "postgres://u:p2@db/app", "PASSWORD": "p2", "OTHER": "o"}


def test_only_what_changed_is_read_and_written(system: MemorySystem, bed: Bed) -> None:
    assert system.ask("envkeeper", "sync").outcome == "done"
    assert bed.held() == FIRST
    source = system.values["app"]
    source.accessed.clear()
    writes = bed.at.repository.calls.writes if bed.at.repository else 0
    assert system.ask("envkeeper", "sync").outcome == "unchanged"
    assert (source.accessed, bed.at.repository and bed.at.repository.calls.writes) == ([], writes)
    source.put("PASSWORD", "p2")
    bed.clock.advance(1)
    assert system.ask("envkeeper", "sync").outcome == "done"
    assert bed.held() == SECOND
    assert "OTHER" not in source.accessed
    bed.tamper("OTHER", "somebody's")
    plan = system.ask("envkeeper", "plan")
    assert plan.findings[0]["drifted"] == ["OTHER"]
    assert system.ask("envkeeper", "sync").outcome == "done"
    assert bed.held() == SECOND


def test_a_restore_reads_the_former_versions_at_the_source(system: MemorySystem, bed: Bed) -> None:
    system.ask("envkeeper", "sync")
    system.values["app"].put("PASSWORD", "p2")
    bed.clock.advance(1)
    system.ask("envkeeper", "sync")
    result = system.ask("envkeeper", "restore", entry="app")
    assert (result.outcome, bed.held()) == ("done", FIRST)
    held = system.ask("envkeeper", "sync")
    assert (held.outcome, bed.held()) == ("refused", FIRST), "what was put back is not written again"


def test_a_restore_whose_rules_changed_meanwhile_writes_nothing(system: MemorySystem, bed: Bed) -> None:
    system.ask("envkeeper", "sync")
    system.values["app"].put("PASSWORD", "p2")
    system.ask("envkeeper", "sync")
    entry = system.config.env["app"]
    system.config.env["app"] = replace(entry, templates={"URL": "mysql://{{ USER }}:{{ PASSWORD }}@db/app"})
    result = system.again().ask("envkeeper", "restore", entry="app")
    assert result.outcome == "failed"
    assert result.error is not None
    assert "no longer make the former URL" in result.error["message"]
    assert bed.held() == SECOND


@pytest.mark.parametrize("back", [True, False], ids=["put-back", "left-and-told"])
def test_a_write_that_fails_half_way(system: MemorySystem, bed: Bed, github: StandIn, back: bool) -> None:
    system.ask("envkeeper", "sync")
    system.values["app"].put("PASSWORD", "p2")
    bed.clock.advance(1)
    path = "*/actions/secrets/URL" if back else "*/actions/secrets/*"
    # PASSWORD is written, then URL fails for good; where all else fails with it, nothing can be put back either.
    github.faults.add("403", method="PUT", path=path, nth=1 if back else 2, times=1 if back else None)
    result = system.ask("envkeeper", "sync")
    assert result.outcome == "refused"
    assert result.error is not None
    github.faults.clear()
    if back:
        assert "The former values were put back." in result.error["message"]
        assert bed.held() == FIRST
    else:
        assert "may hold the new value of PASSWORD, URL already" in result.error["message"]
    assert system.ask("envkeeper", "sync").outcome == "done"
    assert bed.held() == SECOND


def test_two_entries_do_not_write_the_same_place() -> None:
    plan = config({"web": service()}, env={"app": ("web",), "more": ("web",)})

    def entry(name: str, make: Callable[[], MemorySecretSink]) -> Entry:
        spec = replace(plan.env[name], to=(replace(plan.env[name].to[0], kind="process"),))
        return Entry(name=name, spec=spec, source=MemorySecretSource(), sinks=[make()])

    see_that_none_share(
        [entry("app", lambda: MemorySecretSink("a")), entry("more", lambda: MemorySecretSink("b"))]
    )
    with pytest.raises(ConfigError, match="'app' and 'more' both write a"):
        see_that_none_share([entry(one, lambda: MemorySecretSink("a")) for one in ("app", "more")])
