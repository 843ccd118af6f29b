"""The commands for people: one per action, and what there is to see."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from dreamnet_actions.bootstrap import System
from dreamnet_actions.domain.actions import ACTIONS
from dreamnet_actions.domain.dream import Dream
from dreamnet_actions.domain.health import Report
from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.domain.message import Message
from dreamnet_actions.entrances.cli.actions import POSITIONAL
from dreamnet_actions.entrances.cli.root import dreamnet
from dreamnet_actions.entrances.cli.table import COMMANDS, SHORT
from dreamnet_actions.entrances.cli.terminal import neutral, one_line, table
from tests.entrances.conftest import Run

EVERY_ACTION = [(agent, action) for agent, actions in ACTIONS.items() for action in actions]


@pytest.mark.parametrize(("agent", "action"), EVERY_ACTION)
def test_every_action_is_a_command_that_takes_its_keys(run: Run, agent: str, action: str) -> None:
    answered = run(agent, action, "--help")
    assert answered.exit_code == 0
    for key in ACTIONS[agent][action].keys:
        assert f"--{key} " in answered.stdout
    assert set(POSITIONAL.get((agent, action), ())) <= set(ACTIONS[agent][action].keys)


def test_a_short_command_belongs_to_one_keeper_only() -> None:
    """But for ``approve``: without a keeper's name it is about a dream."""
    for action, agent in SHORT.items():
        having = [one for one in ACTIONS if action in ACTIONS[one]]
        assert having == ([agent] if action != "approve" else ["dreamkeeper", "deploykeeper"])
    assert not set(SHORT) & set(COMMANDS)


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "demo"])
def test_every_command_of_the_table_is_there(run: Run, name: str) -> None:
    answered = run(name, "--help")
    assert answered.exit_code == 0
    assert " ".join(COMMANDS[name].summary.split()[:4]) in " ".join(answered.stdout.split())


def test_help_lists_everything(run: Run) -> None:
    listed = run("--help").stdout
    for name in [*COMMANDS, *SHORT, *ACTIONS]:
        assert re.search(rf"^  {name} ", listed, re.MULTILINE), name


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["scal"], "Did you mean 'scale'?"),
        (["verify"], "dreamnet dreamkeeper verify or dreamnet deploykeeper verify"),
        (["qqqq"], "There is no command 'qqqq'."),
        (["restart", "--tarpet", "gke"], "--target"),
        (["scale", "web", "many"], "expected a whole number"),
        (["scale", "web", "--service", "db", "2"], "given twice"),
        (["publish", "lunch", "--data", "{"], "line 1, column 2"),
        (["watch", "--for", "5"], "no duration"),
        ([], "Usage"),
    ],
)
def test_a_usage_error_says_what_to_write(run: Run, words: list[str], said: str) -> None:
    answered = run(*words)
    assert said in answered.output
    assert answered.exit_code == 3


def test_a_wrong_request_shows_error_hint_and_docs(run: Run) -> None:
    answered = run("restart", "wbe")
    assert answered.exit_code == 2
    assert answered.stdout == ""
    assert "error: The configuration has no service 'wbe'" in answered.stderr
    assert "hint: Add to the configuration:\nservices:" in answered.stderr
    assert "docs: docs/errors/config.lacks.md" in answered.stderr


def test_a_missing_key_is_the_pipes_to_refuse(run: Run) -> None:
    answered = run("snooze")
    assert answered.exit_code == 3
    assert "'input.dream' is missing" in answered.stderr


def test_a_result_is_shown_to_people_and_as_json(run: Run) -> None:
    people = run("deploy", "web", "--dry-run", "--reason", "a try")
    assert people.stdout.startswith("planned: Would deploy")
    assert "undo: dreamnet rollback web" in people.stdout
    result = json.loads(run("deploy", "web", "--dry-run", "--json").stdout)
    assert (result["agent"], result["action"], result["outcome"]) == ("deploykeeper", "deploy", "planned")


@pytest.mark.slow
def test_a_fault_that_was_found_fails_only_when_told_so(run: Run) -> None:
    assert run("check", "web", "--dry-run").exit_code == 0
    assert run("check", "web", "--dry-run", "--fail-on", "failing").exit_code == 5
    assert (
        run(
            "check", "--check", "dreamnet-health", "--target", "self", "--dry-run", "--fail-on", "failing"
        ).exit_code
        == 0
    )


def test_a_dream_is_listed_and_told(run: Run, system: System) -> None:
    evidence = Report(service="web", check="home", status="failed", cause="refused", detail="no \x1b[31mred\x1b[0m",
                      phases={"connect": 0.0012})  # fmt: skip
    dream = system.dreams.open(
        Dream(
            key="gke/web",
            cause="refused",
            opened_at=system.clock.now() - 90,
            evidence=(evidence,),
            because="it is the first",
            pattern="Seen twice.",
        )
    )
    system.dreams.comment(dream.number, system.clock.now(), "opened: nobody answers")
    fact = Fact(
        kind="remedy-started", at=system.clock.now(), text="try restart", correlation_id=dream.correlation_id
    )
    system.journal.append(fact)
    listed = run("dreams").stdout
    assert re.search(r"1 +gke/web +open +failing +1m3\ds ago +refused", listed)
    for name in ("1", "gke/web"):
        told = run("dreams", "show", name).stdout
        assert "Dream 1: gke/web is open, failing" in told
        assert "✗ home failed (refused): no \\x1b[31mred\\x1b[0m [connect 1.2 ms]" in told
        assert "pattern   Seen twice." in told
        assert told.index("opened: nobody answers") < told.index("try restart")
    data = json.loads(run("dreams", "show", "1", "--json").stdout)
    assert [one["text"] for one in data["story"]] == ["opened: nobody answers", "try restart"]
    assert json.loads(run("dreams", "--json").stdout)[0]["key"] == "gke/web"
    run("wont-fix", "gke/web", "--reason", "by design")
    assert run("dreams").stdout.startswith("No open dreams.\n\nEnded last")
    assert "wont-fix" in run("dreams", "--all").stdout


@pytest.mark.parametrize("name", ["7", "gke/wbe", "nothing"])
def test_an_unknown_dream_is_named(run: Run, name: str) -> None:
    answered = run("dreams", "show", name)
    assert answered.exit_code == 3
    assert "error: Unknown dream" in answered.stderr


def test_messages_and_follow_show_what_is_on_the_bus(run: Run, system: System) -> None:
    run("publish", "lunch", "--data", '{"dish": "soup\\u001b"}')
    text = Message(id="m1", sender="x", name="odd", to="deploykeeper", time="2026-11-23T00:00:00.000Z")
    system.bus.publish(text)
    system.bus.dead_letter(next(iter(system.bus.receive())), error="no\x07 route")
    listed = run("messages").stdout
    assert re.search(r"user +- +lunch", listed)
    assert re.search(r"x +deploykeeper +odd +dead +m1 +no\\x07 route", listed)
    assert "lunch" not in run("messages", "--dead").stdout
    data = json.loads(run("messages", "--json").stdout)
    assert [one["message"]["subject"] for one in data] == ["lunch", "odd"]
    lines = run("follow", "--after", "0", "--for", "1ms").stdout.splitlines()
    assert [json.loads(line)["subject"] for line in lines] == ["lunch", "odd"]
    assert "\x1b" not in lines[0]
    assert run("replay", "m1", "--no-deliver").exit_code == 0
    assert "m1" not in run("messages", "--dead").stdout


def test_releases_are_folded_from_the_journal(run: Run, system: System) -> None:
    def fact(kind: str, at: float, **data: object) -> Fact:
        return Fact(kind=kind, at=at, text=f"gke/web: {kind}", service="gke/web", data=data)

    system.journal.append(
        fact("release-started", 100.0, version="git:" + "a" * 40),
        fact("release-step", 110.0, share=0.1),
        fact("release-ended", 130.0, version="git:" + "a" * 40, verdict="rolled-back"),
        fact("release-started", 200.0, version="git:" + "b" * 40),
    )
    lines = run("releases").stdout.splitlines()
    assert re.search(r"gke/web +a{12} +rolled-back +30s +1 ", lines[1])
    assert re.search(r"gke/web +b{12} +under way +- +0 ", lines[2])
    assert [len(one["steps"]) for one in json.loads(run("releases", "--json").stdout)] == [1, 0]


def test_the_timeline_leaves_out_what_every_round_writes(run: Run, system: System) -> None:
    now = system.clock.now()
    system.journal.append(
        Fact(kind="tick", at=now, text="round 1"),
        Fact(kind="scaled", at=now, text="gke/web: 1 → 2", service="gke/web"),
        Fact(kind="scaled", at=now - 4000, text="long ago"),
    )
    assert "round 1" not in run("timeline").stdout
    assert "round 1" in run("timeline", "--kind", "tick").stdout
    recent = run("timeline", "--since", "1h").stdout
    assert "gke/web: 1 → 2" in recent
    assert "long ago" not in recent
    facts = [json.loads(line) for line in run("timeline", "--json").stdout.splitlines()]
    assert [one["kind"] for one in facts] == ["scaled", "scaled"]


def test_status_joins_services_dreams_and_pause(run: Run, system: System) -> None:
    system.dreams.open(Dream(key="gke/web", opened_at=system.clock.now()))
    run("pause", "--reason", "moving")
    shown = run("status").stdout
    assert "Paused by" in shown
    assert "web: not running" in shown
    assert "gke/web" in shown
    data = json.loads(run("status", "--json").stdout)
    assert data["paused"]["reason"] == "moving"
    assert [one["key"] for one in data["dreams"]] == ["gke/web"]
    assert "Resumed" in run("resume").stdout
    assert run("resume").stdout == "Was not paused.\n"


def test_the_configuration_is_checked_and_explained(run: Run, home: Path) -> None:
    assert run("validate").stdout.startswith("ok: ")
    assert f"version = 1  ({home}/dreamnet.yml:1:10)" in run("config").stdout
    data = json.loads(run("config", "--json").stdout)
    assert data["services.web.replicas"] == {"value": 1, "where": "default"}
    assert "$defs" in json.loads(run("config", "--schema").stdout)
    (home / "dreamnet.yml").write_text("version: 1\nservces: {}\nplatfroms: {}\n")
    answered = run("validate")
    assert answered.exit_code == 2
    assert "dreamnet.yml:2:1" in answered.stderr
    assert "dreamnet.yml:3:1" in answered.stderr
    assert run("validate", str(home / "none.yml")).exit_code == 2


def test_the_configuration_is_found_from_below(home: Path) -> None:
    below = home / "a" / "b"
    below.mkdir(parents=True)
    done = subprocess.run(
        [sys.executable, "-m", "dreamnet_actions", "validate"], cwd=below, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout.split()[0]) == (0, "ok:")


def test_a_bug_shows_its_traceback_and_ends_with_70(
    run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("dreamnet_actions.entrances.cli.pausing.user", lambda: 1 / 0)
    assert run("pause").exit_code == 70
    assert "ZeroDivisionError" in caplog.text


def test_a_reader_that_goes_away_is_no_error(home: Path) -> None:
    script = f"{sys.executable} -m dreamnet_actions config --schema | head -c 1 >/dev/null; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], cwd=home, capture_output=True, text=True)
    assert done.stderr == ""
    assert done.returncode in (0, 141)


def test_untrusted_text_is_harmless_and_aligned() -> None:
    assert neutral("a\x1b[2Jb\x9b\u202e\r\nc\td\ud800") == "a\\x1b[2Jb\\x9b\\u202e\\x0d\nc\td\\ud800".replace(
        "\\x0d", "\\r"
    )
    assert one_line("a\nb\x00  c", 6) == "a b\\x…"
    assert table(("A", "B"), [("xx", "1\n2"), ("y", "")]) == "A   B\nxx  1 2\ny"


def test_the_group_is_a_click_group() -> None:
    assert isinstance(dreamnet, click.Group)
