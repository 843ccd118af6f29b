"""The examples: each is valid and named somewhere, and the seed's four requests work at both entrances."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from dreamnet_actions import bootstrap
from tests.docs.pages import ROOT
from tests.docs.sessions import Place, place, sessions

EXAMPLES = sorted(one.parent for one in (ROOT / "examples").glob("*/dreamnet.yml"))
ON_A_CLUSTER = {
    "gateway": "tests/kubernetes/test_gateway.py",
    "gke": "tests/gke/test_cluster.py",
    "kubernetes": "tests/kubernetes/test_story.py",
    "kubernetes-canary": "tests/kubernetes/test_canary_example.py",
    "secret-manager": "tests/actions/test_secret_manager.py",
    "secrets": "tests/kubernetes/test_secrets_example.py",
    "statefulset": "tests/kubernetes/test_statefulset.py",
}
"""Examples that need more than this machine's own processes, and the tests that run them."""
REQUESTS = ("dreamkeeper", "deploykeeper", "envkeeper", "relaybot")
SEED = {
    "dreamkeeper": {"agent": "dreamkeeper", "input": {"check": "dreamnet-health", "target": "self"}},
    "deploykeeper": {
        "agent": "deploykeeper",
        "input": {"action": "deploy", "target": "gke", "cluster": "autopilot-cluster-1"},
    },
    "envkeeper": {"agent": "envkeeper", "input": {"action": "sync", "source": "gcp-secret-manager"}},
    "relaybot": {
        "agent": "relaybot",
        "input": {
            "from": "dreamkeeper",
            "to": "deploykeeper",
            "message": "health-check-failed-needs-restart",
        },
    },
}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: one.name)
def test_an_example_is_valid_told_and_run(example: Path) -> None:
    loaded = bootstrap.check_config(example)
    assert loaded.config.services
    assert (example / "README.md").exists()
    if (story := ON_A_CLUSTER.get(example.name)) is not None:
        assert f'"examples" / "{example.name}"' in (ROOT / story).read_text("utf-8"), (
            "its test runs something else"
        )
        page = ROOT / "docs" / f"{example.name}.md"
        if page.exists():
            assert (example / "dreamnet.yml").read_text("utf-8") in page.read_text("utf-8"), (
                "its page shows another"
            )
        else:
            named = f"examples/{example.name})"
            assert any(named in one.read_text("utf-8") for one in (ROOT / "docs").glob("*.md")), (
                "no page names it"
            )
    else:
        assert example.name in {one.example for one in sessions()}, "no page runs it"


@pytest.mark.parametrize("name", REQUESTS)
def test_the_requests_are_the_seeds_word_for_word(name: str) -> None:
    assert json.loads((ROOT / f"examples/requests/{name}.json").read_text("utf-8")) == SEED[name]


@pytest.mark.slow
def test_the_seed_works_on_the_command_line() -> None:
    with place("seed") as there:
        for name in REQUESTS:
            done = _dreamnet(there, "call", f"../requests/{name}.json")
            result = json.loads(done.stdout)
            assert result["outcome"] in ("done", "unchanged"), result
            assert done.returncode == 0
        repeated = json.loads(_dreamnet(there, "call", "../requests/deploykeeper.json").stdout)
        assert repeated["outcome"] == "unchanged"


@pytest.mark.slow
def test_the_seed_works_over_http() -> None:
    with place("seed") as there:
        serve = subprocess.Popen(
            [sys.executable, "-m", "dreamnet_actions", "serve", "--port", "0"],
            cwd=there.cwd,
            env=there.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            assert serve.stdout is not None
            address = serve.stdout.readline().strip()
            for name in REQUESTS:
                body = (ROOT / f"examples/requests/{name}.json").read_bytes()
                with urllib.request.urlopen(_post(f"{address}/api/agent", body), timeout=60) as answer:
                    result = json.load(answer)
                assert answer.status == 200
                assert result["outcome"] in ("done", "unchanged"), result
        finally:
            serve.terminate()
            assert serve.wait(10) is not None


@pytest.mark.slow
def test_the_seeds_message_restarts_what_a_dream_asks_for() -> None:
    """With a fault, the relayed message is about the service whose open dream names that remedy."""
    with place("seed") as there:
        config = there.cwd / "dreamnet.yml"
        config.write_text(config.read_text().replace("    port:", "    restart-policy: never\n    port:"))
        assert _dreamnet(there, "-q", "deploy").returncode == 0
        before = _pid(there)
        subprocess.run(["kill", "-9", str(before)], check=True)
        end = time.monotonic() + 20
        while _web(there)["ready"]:
            assert time.monotonic() < end, "the platform did not notice"
        _dreamnet(there, "-q", "check", "web", "--no-deliver")
        relayed = json.loads(_dreamnet(there, "call", "../requests/relaybot.json").stdout)
        assert relayed["outcome"] == "done", relayed
        assert _pid(there) not in (None, before)


def _pid(there: Place) -> int | None:
    replicas = _web(there)["replicas"]
    return int(replicas[0]["pid"]) if replicas else None


def _web(there: Place) -> dict[str, Any]:
    """Answer how the service stands."""
    found: dict[str, Any] = json.loads(_dreamnet(there, "status", "--json").stdout)["result"]["findings"][0]
    return found


def _dreamnet(there: Place, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dreamnet_actions", *arguments],
        cwd=there.cwd,
        env=there.environment(),
        capture_output=True,
        text=True,
        timeout=90,
    )


def _post(address: str, body: bytes) -> urllib.request.Request:
    return urllib.request.Request(address, body, {"Content-Type": "application/json"})
