"""EnvKeeper and Actions secrets: what cannot be read back is read at its source again, at the versions that it had."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from dreamnet_actions.adapters.github.secretsink import GitHubSecretsSink
from dreamnet_actions.adapters.github.shelf import Shelf
from dreamnet_actions.bootstrap.assembly import JournalKeep
from dreamnet_actions.errors import ConfigError
from dreamnet_actions.keepers.envkeeper.entries import Entry, see_that_none_share
from dreamnet_actions.testing.github.standin import StandIn
from dreamnet_actions.testing.memory.clock import VirtualClock
from dreamnet_actions.testing.memory.secrets import MemorySecretSink, MemorySecretSource
from dreamnet_actions.testing.memory.system import MemorySystem, memory_system
from tests.github.homes import commits, memories
from tests.github.test_setting_sinks import Bed
from tests.keepers.homes import Cut, config, free, service

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


@pytest.mark.parametrize("strange", [False, True], ids=["only-ours", "somebody-else"])
def test_a_plan_that_ended_half_way_within_a_sink_goes_on(
    system: MemorySystem, bed: Bed, monkeypatch: pytest.MonkeyPatch, strange: bool
) -> None:
    system.ask("envkeeper", "sync")
    system.values["app"].put("PASSWORD", "p2")
    bed.clock.advance(1)
    plan = next(one["plan"] for one in system.ask("envkeeper", "plan").findings if "plan" in one)
    call = Shelf.call
    puts: list[str] = []

    def cut(shelf: Shelf, verb: str, path: str = "", **more: Any) -> Any:
        puts.extend([path] if verb == "PUT" else [])
        if len(puts) == 2:
            raise Cut
        return call(shelf, verb, path, **more)

    with monkeypatch.context() as patched:
        patched.setattr(Shelf, "call", cut)
        with pytest.raises(Cut):
            system.ask("envkeeper", "sync", plan=plan)
    free(system)
    assert bed.held() not in (FIRST, SECOND), "one of the two is written"
    if strange:
        bed.tamper("OTHER", "somebody's")
    result = system.ask("envkeeper", "sync", plan=plan)
    if strange:
        assert result.error is not None
        assert result.error["code"] == "env.plan-changed"
        assert "OTHER in github-secrets/octo/shop: updated" in result.error["message"]
        assert "(shown: nothing)" in result.error["message"]
    else:
        assert (result.outcome, bed.held()) == ("done", SECOND)


def test_a_plan_needs_no_permission_to_write(github: StandIn) -> None:
    token = github.workflow_token("octo/shop", {"contents": "read"}, job="plan")
    with memories(f"{github.server_url}/octo/shop.git", github.clock, token=token) as make:
        plan = config({"web": service()}, env={"app": ("web",)})
        system = memory_system(plan, values={"app": {"A": "1"}})
        system = replace(system, journal=make("eager").journal).again()  # type: ignore[type-var]
        result = system.ask("envkeeper", "plan")
        assert result.outcome == "planned"
        assert any("plan" in one for one in result.findings)
        assert system.ask("envkeeper", "sync").outcome == "refused", "a write with this token is seen"
    assert commits(github.git_dir("octo/shop")) == 0


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
