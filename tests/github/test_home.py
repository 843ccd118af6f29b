"""The home ``github`` as bootstrap joins it: what a run leaves at GitHub, and what the next one finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dreamnet_actions.adapters.github.client import GitHubRepository
from dreamnet_actions.bootstrap import Options, System, assemble, github
from dreamnet_actions.domain.dream import Dream
from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.domain.message import Message
from dreamnet_actions.entrances.trace import traced
from dreamnet_actions.errors import ConfigError, Paused, RequestInvalid, StateDamaged
from dreamnet_actions.ports.gate import Gate
from dreamnet_actions.testing.github import StandIn
from tests.github.homes import git

pytestmark = pytest.mark.slow

REPOSITORY = "octo/shop"
DISPATCHES = "/repos/{owner}/{repo}/dispatches"
Make = Callable[..., System]


@pytest.fixture
def run(github: StandIn, tmp_path: Path) -> Iterator[Make]:
    """Assemble the system of one workflow's run; ``event`` is what started it."""
    (tmp_path / "dreamnet.yml").write_text("version: 1\n", encoding="utf-8")
    made: list[System] = []

    def make(event: str = "push", **environ: str) -> System:
        number = str(len(made) + 1)
        token = github.workflow_token(
            REPOSITORY, {"contents": "write", "issues": "write"}, job=f"job-{number}"
        )
        found = {
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": event,
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_API_URL": github.api_url,
            "GITHUB_SERVER_URL": github.server_url,
            "GITHUB_RUN_ID": number,
            "GITHUB_TOKEN": token,
            "RUNNER_TEMP": str(tmp_path / number),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
        }
        options = Options(root=tmp_path, environ=found | environ, home="github")
        made.append(assemble(options))
        return made[-1]

    yield make
    for one in made:
        one.close()


def message(**fields: Any) -> Message:
    whole: dict[str, Any] = {
        "id": "m-1",
        "sender": "dreamkeeper",
        "name": "health-check-failed-needs-restart",
        "to": "deploykeeper",
        "time": "2026-11-26T00:00:00Z",
    }
    return Message(**whole | fields)


def test_a_message_is_on_the_branch_first_and_told_at_the_end_of_the_run(run: Make, github: StandIn) -> None:
    first = run()
    first.bus.publish(message())
    assert github.calls.count("POST", DISPATCHES) == 0
    first.finish()
    assert github.calls.count("POST", DISPATCHES) == 1
    assert [one.state for one in run().bus.list()] == ["waiting"]


def test_what_could_not_be_told_is_told_again_by_the_next_schedule(
    run: Make, github: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dreamnet_actions.bootstrap.github.REDRIVE_AFTER", -1.0)
    github.faults.add("502", path="*/dispatches")
    first = run()
    first.bus.publish(message())
    first.finish()  # the message is safe, so the run is no failure
    told = [one for one in github.calls.all() if one.template == DISPATCHES and one.status == 204]
    assert told == []
    github.faults.clear()
    run("push").finish()
    run("schedule").finish()
    told = [one for one in github.calls.all() if one.template == DISPATCHES and one.status == 204]
    assert len(told) == 1


def test_what_no_run_takes_becomes_a_dream_with_its_cause_and_a_story_with_addresses(
    run: Make, github: StandIn, person: GitHubRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dreamnet_actions.bootstrap.github.REDRIVE_AFTER", -1.0)
    monkeypatch.setattr("dreamnet_actions.bootstrap.github.ANNOUNCEMENTS", 2)
    first = run()
    first.bus.publish(message())
    first.finish()
    for _ in range(2):
        run("schedule").finish()
    (dead,) = run().bus.list(states={"dead"})
    assert "no run took it, announced 2 times" in dead.error
    assert [one.data["message"] for one in run().journal.read(kinds={"message-dead"})] == ["m-1"]
    last = run("schedule")
    last.pipe.submit(
        {"agent": "dreamkeeper", "input": {"action": "check", "check": "messages", "target": "self"}}
    )
    last.finish()
    dream = last.dreams.find("self/messages")
    assert dream is not None
    body = person.call("GET", f"/issues/{dream.number}")["body"]
    assert "dreamnet replay m-1" in body
    assert "there is no .github/workflows/dreamnet-relay.yml on the default branch 'main'" in body
    assert "with the action replay" in body
    told = traced(run(), dream.key)
    assert told.dreams == ((dream, f"{github.server_url}/{REPOSITORY}/issues/{dream.number}"),)
    (sent, buried) = traced(run(), "m-1").steps
    assert (sent.state, sent.data["announcements"], buried.name) == ("dead", 2, "message-dead")
    taker = run("repository_dispatch", GITHUB_RUN_ATTEMPT="3", GITHUB_JOB="relay")
    taker.bus.replay("m-1")
    taker.receive_only(message())
    assert len(taker.bus.receive()) == 1
    taker.finish()
    number = taker.environ["GITHUB_RUN_ID"]
    assert (
        traced(run(), "m-1").steps[0].link
        == f"{github.server_url}/{REPOSITORY}/actions/runs/{number}/attempts/3"
    )


def test_a_run_is_handed_the_message_that_it_was_started_by_and_no_other(run: Make) -> None:
    first = run()
    first.bus.publish(message(), message(id="m-2"))
    first.finish()
    second = run("repository_dispatch")
    assert second.bus.receive() == []
    second.receive_only(message(id="m-2"))
    assert [one.message.id for one in second.bus.receive()] == ["m-2"]
    third = run("repository_dispatch")
    third.receive_only(message(id="m-3", name="from-elsewhere"))  # dispatched by somebody: it has no row yet
    assert [one.message.id for one in third.bus.receive()] == ["m-3"]


def test_what_must_be_known_is_on_the_branch_before_the_outside_is_touched(run: Make) -> None:
    first = run()
    seen: list[Any] = []

    class Outside:
        WRITES = frozenset({"touch"})

        def touch(self) -> None:
            seen.append(run().journal.state("rollout/here/web")[0])

    guarded = first.gate.before(Outside(), outside=True)
    first.journal.set_state("rollout/here/web", {"phase": "out"})
    guarded.touch()
    assert seen == [{"phase": "out"}]


def test_a_pause_by_one_run_stops_the_writes_of_another(run: Make) -> None:
    first = run()
    first.pause("alice", "she looks into it")
    first.finish()
    second = run()
    assert isinstance(second.gate, Gate)
    with pytest.raises(Paused, match="alice"):
        second.bus.publish(message())


def test_dreams_of_one_run_are_issues_to_the_next(run: Make, github: StandIn) -> None:
    from dreamnet_actions.domain.dream import Dream

    filed = run().dreams.open(Dream(key="here/web", because="it was seen"))
    assert run().dreams.find("here/web") == filed
    assert github.calls.count("POST", "/repos/{owner}/{repo}/issues") == 1


def test_a_person_sees_the_dreams_that_workflows_filed(run: Make, github: StandIn) -> None:
    from dreamnet_actions.domain.dream import Dream

    filed = run().dreams.open(Dream(key="here/web", because="it was seen"))
    assert run(GITHUB_TOKEN=github.person("alice")).dreams.search() == [filed]


def test_what_is_missing_is_told_at_once(run: Make) -> None:
    with pytest.raises(ConfigError) as refused:
        run(GITHUB_TOKEN="", GITHUB_REPOSITORY="")
    assert "GITHUB_REPOSITORY" in refused.value.message
    assert "GITHUB_TOKEN" in refused.value.message


def test_an_unknown_home_names_those_there_are(tmp_path: Path) -> None:
    (tmp_path / "dreamnet.yml").write_text("version: 1\n", encoding="utf-8")
    with pytest.raises(RequestInvalid, match="Did you mean 'github'"):
        assemble(Options(root=tmp_path, home="githup"))


def test_the_token_is_masked_and_in_no_name_of_the_run(run: Make) -> None:
    token = "ghs_" + "x" * 36
    environ = {"GITHUB_TOKEN": token, "GITHUB_REPOSITORY": REPOSITORY, "GITHUB_RUN_ID": "9"}
    made = github.repository_of(environ, run().clock)
    assert token not in repr(made)
    assert token not in github.holder(environ)


def test_a_run_on_a_damaged_journal_ends_with_what_to_do_and_one_dream_tells_of_it(
    run: Make, github: StandIn
) -> None:
    first = run()
    first.journal.append(Fact(kind="dream-changed", at=1_700_000_000.0, text="it was there"))
    first.finish()
    made = first.journal.read()
    git(github.git_dir(REPOSITORY), "update-ref", "-d", "refs/heads/dreamnet")
    for _ in range(2):
        result = run().pipe.submit({"agent": "dreamkeeper", "input": {"action": "check"}}, id="r-1")
        assert (result.outcome, result.exit_status) == ("failed", 5)
        assert "it was deleted" in result.summary
        assert "journal repair" in str(result.error)
    [told] = run().dreams.search()
    assert told.key == "self/journal"
    assert run().memory.keeping.repair(dry_run=False).commit
    assert list(run().journal.read())[: len(made)] == list(made)
    result = run().pipe.submit({"agent": "dreamkeeper", "input": {"check": "journal", "target": "self"}})
    assert result.error is None
    assert run().dreams.get(told.number).state == "resolved"


def lose_bodies(github: StandIn, place: Path) -> None:
    """Take the bodies of large messages off the branch, as somebody does by hand."""
    git(place.parent, "clone", "--quiet", "-b", "dreamnet", str(github.git_dir(REPOSITORY)), str(place))
    git(place, "rm", "-rq", "messages")
    git(place, "-c", "user.name=x", "-c", "user.email=x@y", "commit", "-qm", "by hand")
    git(place, "push", "--quiet")


def test_damage_that_stops_no_run_is_found_by_the_check_of_this_system(
    run: Make, github: StandIn, tmp_path: Path
) -> None:
    first = run()
    first.bus.publish(message(to=None, data={"text": "x" * 9_000}))
    first.finish()
    lose_bodies(github, tmp_path / "work")
    second = run()
    result = second.pipe.submit({"agent": "dreamkeeper", "input": {"check": "journal", "target": "self"}})
    assert result.error is None
    second.finish()
    [told] = run().dreams.search()
    assert told.key == "self/journal"
    assert "is not there" in told.evidence[0].detail


def test_an_apps_token_knows_its_own_issues_by_the_login_that_is_given(run: Make, github: StandIn) -> None:
    """It looks like a job's token and cannot ask whose it is."""
    app = github.world.user("my-app[bot]", type="Bot")
    token = github.tokens.workflow(app, REPOSITORY, {"contents": "write", "issues": "write"}, "app").value
    mine = {"GITHUB_TOKEN": token, "DREAMNET_LOGIN": "my-app[bot]"}
    filed = run(**mine).dreams.open(Dream(key="here/web"))
    assert run(**mine).dreams.find("here/web") == filed
    assert run(GITHUB_TOKEN=token).dreams.find("here/web") is None


def test_a_message_that_cannot_be_read_keeps_nothing_back_of_what_a_run_did(
    run: Make, github: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dreamnet_actions.bootstrap.github.REDRIVE_AFTER", -1.0)
    monkeypatch.setattr("dreamnet_actions.bootstrap.github.ANNOUNCEMENTS", 1)
    first = run()
    first.bus.publish(message(data={"text": "x" * 9_000}))
    first.finish()
    lose_bodies(github, tmp_path / "work")
    second = run("schedule")
    second.journal.append(Fact(kind="restarted", at=1_700_000_000.0, text="it was done"))
    with pytest.raises(StateDamaged, match="is not on the branch"):
        second.finish()
    assert [one.text for one in run().journal.read(kinds={"restarted"})] == ["it was done"]
