"""Canaries that wait for a word: what they wait for, what the word does, and that all of it survives the run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from dreamnet_actions.domain.result import AgentResult
from dreamnet_actions.domain.spec.models import Config
from dreamnet_actions.domain.spec.strategies import CanaryMetric
from dreamnet_actions.errors import TemporaryError
from dreamnet_actions.testing.memory.system import MemorySystem
from tests.keepers.homes import cuts, facts
from tests.keepers.test_canaries import blind
from tests.keepers.test_deploys import commit, deploy, first, runs, version


def say(system: MemorySystem, word: str, **more: Any) -> AgentResult:
    return system.ask("deploykeeper", word, service="web", **more)


def waits(*shares: float) -> MemorySystem:
    """A system whose second release had too little evidence in its first step, and is in the hands of a next run."""
    system = first(*shares)
    blind(system)
    assert deploy(system).outcome == "deferred"
    system.again()
    return system


def share(system: MemorySystem) -> float | None:
    state = system.state("web")
    return state.canary.weight if state and state.canary else None


def test_a_canary_that_waits_goes_on_once_it_is_approved() -> None:
    system = waits(0.1, 0.5)
    assert share(system) == 0.1
    assert [one.state for one in system.releases.reports][-1] == "pending"
    assert len(facts(system, "release-waits")) == 1
    again = deploy(system)
    assert (again.outcome, share(system)) == ("deferred", 0.1)  # nothing is begun anew
    assert "approve" in str((again.error or {})["hint"])
    second = say(system, "approve")
    assert (second.outcome, share(system)) == ("deferred", 0.5)
    assert say(system, "approve").verdict == "deployed"
    assert runs(system, 2)
    assert say(system, "approve").outcome == "unchanged"


def test_a_word_that_comes_too_late_is_refused_and_the_next_deploy_begins_anew() -> None:
    system = waits(0.5)
    system.clock.advance(86_401)
    result = say(system, "approve")
    assert (result.outcome, "over" in result.summary) == ("refused", True)
    system.probe.forget("canary")
    system.probe.forget("stable")
    assert deploy(system).verdict == "deployed"


@pytest.mark.parametrize("approved", [False, True])
def test_a_canary_that_waits_is_promoted_or_ended_when_somebody_says_so(approved: bool) -> None:
    system = waits(0.1, 0.5)
    if approved:
        say(system, "approve")
    planned = system.submit({"agent": "deploykeeper", "input": {"action": "promote"}, "dry_run": True})
    assert (planned.outcome, share(system)) == ("planned", 0.5 if approved else 0.1)
    assert say(system, "promote").verdict == "deployed"
    assert runs(system, 2)
    assert say(system, "promote").outcome == "refused"


def test_an_ended_canary_is_held() -> None:
    system = waits(0.5)
    planned = system.submit({"agent": "deploykeeper", "input": {"action": "abort"}, "dry_run": True})
    assert (planned.outcome, share(system)) == ("planned", 0.5)
    result = say(system, "abort", reason="the colour is wrong")
    assert (result.outcome, result.exit_status) == ("done", 0)
    assert "the colour is wrong" in result.summary
    assert runs(system, 1)
    assert deploy(system).outcome == "refused"
    assert say(system, "abort").outcome == "unchanged"


@pytest.mark.parametrize(
    ("word", "verdict", "number"), [("promote", "deployed", 2), ("abort", "rolled-back", 1)]
)
def test_a_word_reaches_the_run_that_watches(word: str, verdict: str, number: int) -> None:
    system = first(0.1, 0.5)
    blind(system)
    told: list[AgentResult] = []
    system.clock.after(2.0, lambda: told.append(say(system, word, reason="we know better")))
    began = system.clock.now()
    assert deploy(system).verdict == verdict
    assert system.clock.now() - began < 5
    assert [(one.outcome, "told" in one.summary) for one in told] == [("done", True)]
    assert runs(system, number)
    assert system.journal.state("word/local/web")[0] is None


def test_a_word_for_a_rollout_that_is_over_is_none_for_the_next() -> None:
    system = first(0.5)
    system.journal.set_state("word/local/web", {"word": "abort", "why": "late", "token": "of another"})
    assert deploy(system).verdict == "deployed"


def test_a_newer_commit_takes_the_place_of_one_that_waits() -> None:
    system = waits(0.5)
    commit(system)
    assert deploy(system).outcome == "deferred"
    state = system.state("web")
    assert state is not None
    assert state.canary is not None
    assert state.canary.release.version == version(system, 3)


def test_the_status_tells_what_waits() -> None:
    system = waits(0.5)
    found = system.ask("deploykeeper", "status").findings[0]
    assert "waits" in found["text"]
    assert found["canary"]["share"] == 0.5
    assert found["canary"]["waits"]


@pytest.mark.slow
def test_an_approval_that_is_cut_off_anywhere_ends_with_one_version() -> None:
    approve = {"agent": "deploykeeper", "input": {"action": "approve", "service": "web"}, "id": "word-1"}

    def act(system: MemorySystem) -> object:
        return system.submit(approve)

    def make() -> MemorySystem:
        return waits(0.5)

    for place, system in cuts(make, act):
        result = system.submit(approve)
        if not runs(system, 2):
            assert say(system, "promote").verdict == "deployed", (place, result)
        assert runs(system, 2), place


# ── numbers ──────────────────────────────────────────────────────────────────────────────────────────────


def judged(*shares: float, **metric: Any) -> MemorySystem:
    """A system whose canaries are judged by one metric."""
    system = first(*shares)
    web = system.config.services["web"]
    assert web.release is not None
    strategy = replace(web.release.strategy, metrics={"load": CanaryMetric(**metric)})
    services = {"web": replace(web, release=replace(web.release, strategy=strategy))}
    system.config = Config(version=1, services=services, platforms=system.config.platforms)
    return system.again()


@pytest.mark.parametrize(
    ("bound", "canary", "stable", "words"),
    [
        ({"max": 0.5}, 0.9, 0.1, "'load' is 0.9, more than 0.5"),
        ({"min": 0.5}, 0.1, 0.9, "'load' is 0.1, less than 0.5"),
        ({"worse_than_stable": 0.2}, 0.9, 0.5, "more than 20% worse"),
    ],
)
def test_a_canary_is_taken_back_for_a_number_out_of_its_bounds(
    bound: dict[str, float], canary: float, stable: float, words: str
) -> None:
    system = judged(0.5, query='p99{track="{track}"}', **bound)
    system.metrics.tell('p99{track="canary"}', canary)
    system.metrics.tell('p99{track="stable"}', stable)
    result = deploy(system)
    assert (result.verdict, words in result.summary) == ("rolled-back", True), result.summary
    system.metrics.tell('p99{track="canary"}', 0.5)
    assert deploy(system, version=version(system).removeprefix("git:")).verdict == "deployed"
    assert runs(system, 2)


def test_clients_that_only_the_metric_source_counts_are_evidence() -> None:
    system = judged(0.5, requests='all{track="{track}"}', errors='bad{track="{track}"}')
    blind(system)
    began = system.clock.now()

    def grows(rate: float) -> Callable[[], float]:
        return lambda: rate * (system.clock.now() - began)

    for track, errors in (("canary", 20.0), ("stable", 0.0)):
        system.metrics.tell(f'all{{track="{track}"}}', grows(40.0))
        system.metrics.tell(f'bad{{track="{track}"}}', grows(errors))
    result = deploy(system)
    assert (result.verdict, "requests at 50%" in result.summary) == ("rolled-back", True)


def test_a_number_without_data_waits_for_a_person() -> None:
    system = judged(0.5, query="p99", max=1.0)
    result = deploy(system)
    assert (result.outcome, "has no data" in result.summary) == ("deferred", True)
    assert say(system, "approve").verdict == "deployed"


def test_numbers_alone_are_evidence_where_nothing_can_be_asked() -> None:
    system = judged(0.5, query="p99", max=1.0)
    blind(system)
    system.metrics.tell("p99", 0.2)
    assert deploy(system).verdict == "deployed"


def test_a_metric_source_that_is_away_pauses_the_canary() -> None:
    system = judged(0.5, query="p99", max=1.0)
    system.metrics.tell("p99", 0.2)
    system.metrics.fail(TemporaryError("Prometheus does not answer."))
    system.clock.after(30.0, lambda: system.metrics.fail(None))
    began = system.clock.now()
    assert deploy(system).verdict == "deployed"
    assert system.clock.now() - began >= 30
    said = [one.text for one in system.journal.read(kinds=("release-step",))]
    assert sum("Prometheus does not answer" in one for one in said) == 1
    assert sum("is back" in one for one in said) == 1


@pytest.mark.slow
def test_one_that_stays_away_defers_and_the_next_run_goes_on() -> None:
    system = judged(0.1, 0.5, query="p99", max=1.0)
    system.metrics.tell("p99", 0.2)
    system.metrics.fail(TemporaryError("Prometheus does not answer."))
    result = deploy(system)
    assert (result.outcome, share(system)) == ("deferred", 0.1)
    assert say(system, "approve").outcome == "unchanged"
    system.metrics.fail(None)
    assert deploy(system).verdict == "deployed"
    shares = [
        one["share"] for one in facts(system, "release-step") if "share" in one and "requests" not in one
    ]
    assert shares == [0.1, 0.1, 0.5]


def test_metrics_without_a_source_are_said_before_anything_runs() -> None:
    system = judged(0.5, query="p99", max=1.0)
    keeper = system.keepers["deploykeeper"]
    system.keepers["deploykeeper"] = replace(keeper, metrics=lambda: None)  # type: ignore[type-var]
    result = deploy(system)
    assert (result.exit_status, "metric source" in result.summary) == (2, True)
    assert share(system) is None
