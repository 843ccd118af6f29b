"""Ticks in the home ``github``: each scheduled run is known, and none makes a commit of its own but one an hour."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dreamnet_actions.bootstrap import Options, System, assemble
from dreamnet_actions.domain.schedule import STATE, Schedule, Tick
from dreamnet_actions.entrances.action.ticks import record, tell_of_silence
from dreamnet_actions.testing.github import StandIn

pytestmark = pytest.mark.slow

REPOSITORY = "octo/shop"
WORKFLOW = ".github/workflows/dream.yml"


@pytest.fixture
def run(github: StandIn, tmp_path: Path) -> Iterator[Callable[..., System]]:
    """Live through the begin and the end of one scheduled run; ``environ`` changes what it is told."""
    (tmp_path / "dreamnet.yml").write_text("version: 1\n", encoding="utf-8")
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"schedule": "*/5 * * * *", "workflow": WORKFLOW}), encoding="utf-8")
    made: list[System] = []

    def make(**environ: str) -> System:
        number = str(len(made) + 1)
        found = {
            "GITHUB_EVENT_NAME": "schedule",
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_WORKFLOW_REF": f"{REPOSITORY}/{WORKFLOW}@refs/heads/main",
            "GITHUB_WORKSPACE": str(tmp_path),
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_API_URL": github.api_url,
            "GITHUB_SERVER_URL": github.server_url,
            "GITHUB_RUN_ID": f"10{number}",
            "GITHUB_RUN_NUMBER": number,
            "GITHUB_TOKEN": github.workflow_token(
                REPOSITORY, {"contents": "write", "issues": "write"}, job=f"job-{number}"
            ),
            "RUNNER_TEMP": str(tmp_path / number),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
        } | environ
        made.append(assemble(Options(root=tmp_path, environ=found, home="github")))
        record(made[-1], found)
        made[-1].finish()
        return made[-1]

    yield make
    for one in made:
        one.close()


def written(system: System) -> list[Any]:
    return [state["ticks"] for state in system.journal.states(STATE).values()]


def test_a_tick_is_on_the_branch_with_its_planned_and_real_time(
    run: Callable[..., System], github: StandIn
) -> None:
    run()
    later = run(GITHUB_EVENT_NAME="push")
    (fact,) = later.journal.read(kinds={"tick"})
    assert fact.data["workflow"] == WORKFLOW
    assert fact.data["planned"] % 300 == 0
    assert 0 <= fact.data["real"] - fact.data["planned"] < 300
    assert fact.data["run"] == 1
    assert [len(one) for one in written(later)] == [1]


def test_the_next_within_the_hour_makes_no_commit(run: Callable[..., System]) -> None:
    run()
    run()
    run()
    assert [[tick[2] for tick in one] for one in written(run(GITHUB_EVENT_NAME="push"))] == [[1]]


def test_the_first_of_the_next_hour_makes_one(
    run: Callable[..., System], monkeypatch: pytest.MonkeyPatch
) -> None:
    run()
    monkeypatch.setattr("dreamnet_actions.adapters.github.weights.next_hour", lambda at: at)
    run()
    assert [[tick[2] for tick in one] for one in written(run(GITHUB_EVENT_NAME="push"))] == [[1, 2]]


def test_a_silence_is_told_once_by_whoever_finds_it(run: Callable[..., System], github: StandIn) -> None:
    first = run()
    tell_of_silence(first)
    assert first.bus.list() == []  # it ticked just now
    long_ago = first.clock.now() - 86400.0
    silent = Schedule(WORKFLOW, "*/5 * * * *").after(Tick(long_ago // 300 * 300, long_ago, 1))
    first.journal.set_state(silent.key, silent.to_json())
    tell_of_silence(first)
    tell_of_silence(first)
    first.finish()
    later = run(GITHUB_EVENT_NAME="push")
    tell_of_silence(later)
    assert [(one.message.name, one.message.to) for one in later.bus.list()] == [
        ("schedule-fell-silent", "dreamkeeper")
    ]
    assert github.calls.count("POST", "/repos/{owner}/{repo}/dispatches") == 1


def test_a_pause_keeps_nobody_from_their_work(run: Callable[..., System]) -> None:
    first = run()
    first.pause("alice", "she looks into it")
    long_ago = first.clock.now() - 86400.0
    silent = Schedule(WORKFLOW, "*/5 * * * *").after(Tick(long_ago // 300 * 300, long_ago, 1))
    first.journal.set_state(silent.key, silent.to_json())
    tell_of_silence(first)
    assert first.bus.list() == []


@pytest.mark.parametrize(
    "environ",
    [
        {"GITHUB_EVENT_NAME": "workflow_dispatch"},
        {"GITHUB_RUN_ATTEMPT": "2"},
        {"GITHUB_WORKFLOW_REF": ""},
        {"GITHUB_EVENT_PATH": "/nowhere"},
    ],
)
def test_what_is_no_tick_is_not_one(run: Callable[..., System], environ: dict[str, str]) -> None:
    assert written(run(**environ)) == []


def test_a_schedule_in_a_time_zone_is_not_judged(run: Callable[..., System], tmp_path: Path) -> None:
    file = tmp_path / WORKFLOW
    file.parent.mkdir(parents=True)
    file.write_text("on: {schedule: [{cron: '*/5 * * * *', timezone: Europe/Berlin}]}\n", encoding="utf-8")
    assert written(run()) == []
