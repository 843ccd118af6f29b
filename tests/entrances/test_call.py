"""``dreamnet call``: the contract on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dreamnet_actions.entrances.openapi import agent_result
from tests.entrances.conftest import REQUESTS, SEEDS, Run, seed
from tests.entrances.test_wire import HOSTILE

KEYS = set(agent_result()["required"])


@pytest.mark.parametrize("agent", SEEDS)
def test_the_seed_is_kept_word_for_word(agent: str) -> None:
    mission = {
        "dreamkeeper": {"check": "dreamnet-health", "target": "self"},
        "deploykeeper": {"action": "deploy", "target": "gke", "cluster": "autopilot-cluster-1"},
        "envkeeper": {"action": "sync", "source": "gcp-secret-manager"},
        "relaybot": {
            "from": "dreamkeeper",
            "to": "deploykeeper",
            "message": "health-check-failed-needs-restart",
        },
    }
    assert seed(agent) == {"agent": agent, "input": mission[agent]}


def test_a_file_and_standard_input_say_the_same(run: Run) -> None:
    file = REQUESTS / "deploykeeper.json"
    by_file = run("call", "--dry-run", str(file))
    by_stdin = run("call", "--dry-run", "-", stdin=file.read_bytes())
    assert (by_file.exit_code, by_stdin.exit_code) == (0, 0)
    results = [json.loads(one.stdout) for one in (by_file, by_stdin)]
    assert [one["outcome"] for one in results] == ["planned", "planned"]
    assert results[0]["changes"] == results[1]["changes"]
    assert set(results[0]) == KEYS


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_body_is_answered_by_a_result(run: Run, name: str) -> None:
    answered = run("call", "-", stdin=HOSTILE[name][0])
    assert answered.exit_code == 3
    result = json.loads(answered.stdout)
    assert set(result) == KEYS
    assert (result["outcome"], result["error"]["code"]) == ("refused", "request.invalid")
    assert HOSTILE[name][1] in result["error"]["message"]
    assert "Traceback" not in answered.output


@pytest.mark.slow
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=100)
    | st.recursive(
        st.none() | st.text(),
        lambda one: (
            st.lists(one) | st.dictionaries(st.sampled_from(["agent", "input", "action", "id", "hops"]), one)
        ),
    ).map(lambda one: json.dumps(one).encode())
)
def test_any_body_is_answered_by_a_result(run: Run, body: bytes) -> None:
    answered = run("call", "--dry-run", "-", stdin=body)
    assert set(json.loads(answered.stdout)) == KEYS
    assert answered.exit_code == 3
    assert "Traceback" not in answered.output


def test_a_body_that_is_too_large_is_refused(run: Run) -> None:
    answered = run("call", "-", stdin=b" " * (256 * 1024 + 1))
    assert answered.exit_code == 3
    assert json.loads(answered.stdout)["error"]["code"] == "request.too-large"


def test_a_missing_file_is_answered_by_a_result(run: Run, tmp_path: Path) -> None:
    answered = run("call", str(tmp_path / "none.json"))
    assert answered.exit_code == 3
    assert "cannot be read: No such file" in json.loads(answered.stdout)["error"]["message"]


def test_a_broken_configuration_is_answered_by_a_result(run: Run, home: Path) -> None:
    (home / "dreamnet.yml").write_text("version: 1\nservcies: {}\n")
    answered = run("call", str(REQUESTS / "dreamkeeper.json"))
    assert answered.exit_code == 2
    result = json.loads(answered.stdout)
    assert (result["outcome"], result["error"]["code"]) == ("refused", "config.invalid")
    assert "dreamnet.yml:2:1" in result["error"]["message"]


def test_the_same_id_is_done_once_and_another_body_is_refused(run: Run) -> None:
    request = {"agent": "relaybot", "input": {"action": "publish", "event": "lunch"}}
    first = run("call", "--id", "one", "-", stdin=json.dumps(request))
    again = run("call", "--id", "one", "-", stdin=json.dumps(request))
    assert first.exit_code == 0
    assert first.stdout == again.stdout
    request["input"]["event"] = "dinner"
    other = run("call", "--id", "one", "-", stdin=json.dumps(request))
    assert other.exit_code == 4
    assert json.loads(other.stdout)["error"]["code"] == "refused.id-reused"


def test_an_id_that_contradicts_the_request_is_refused(run: Run) -> None:
    answered = run("call", "--id", "a", "-", stdin='{"agent": "relaybot", "id": "b"}')
    assert answered.exit_code == 3
    assert "--id says 'a'" in json.loads(answered.stdout)["error"]["message"]


def test_paused_is_deferred(run: Run) -> None:
    run("pause", "--reason", "moving house")
    answered = run(
        "call", "-", stdin='{"agent": "relaybot", "input": {"action": "publish", "event": "lunch"}}'
    )
    assert answered.exit_code == 75
    assert json.loads(answered.stdout)["outcome"] == "deferred"
