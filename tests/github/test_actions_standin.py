"""The engine and the stand-in together: real act, REST, git and tokens, judged by GitHub's OpenAPI description."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest

from dreamnet_actions.testing.github.actions.act import ActOptions
from dreamnet_actions.testing.github.actions.routes import created
from dreamnet_actions.testing.github.actions.runs import Attempt
from dreamnet_actions.testing.github.actions.together import GitHubWithActions
from dreamnet_actions.testing.memory.clock import VirtualClock

pytestmark = pytest.mark.slow
DESCRIPTION = Path(__file__).parent / "node_modules/@octokit/openapi/generated/api.github.com.json"
SHOP, HOUSE = "octo/shop", "dreamnet/dreamnet"

ACTION = """
name: keeper
inputs: {say: {required: true}, token: {default: "${{ github.token }}"}}
outputs: {said: {value: "${{ steps.say.outputs.said }}"}}
runs:
  using: composite
  steps:
    - id: say
      shell: bash
      env: {SAY: "${{ inputs.say }}", TOKEN: "${{ inputs.token }}"}
      run: bash "$GITHUB_ACTION_PATH/say.sh"
"""
SAY = """
echo "said=$SAY" >> "$GITHUB_OUTPUT"
printf 'header = "Authorization: Bearer %s"\\n' "$TOKEN" > "$RUNNER_TEMP/curl"
for path in issues labels; do
  code=$(curl -s -K "$RUNNER_TEMP/curl" -o /dev/null -w '%{http_code}' \\
    "$GITHUB_API_URL/repos/$GITHUB_REPOSITORY/$path" \\
    -d '{"title": "x", "name": "x'"$RANDOM"'"}')
  echo "$path: $code"
done
"""
KEEPER = """
name: Keeper
on:
  workflow_call:
    inputs: {say: {type: string, required: true}}
    outputs: {said: {value: "${{ jobs.work.outputs.said }}"}}
permissions: {}
jobs:
  work:
    runs-on: ubuntu-latest
    permissions: {contents: read, issues: write}
    outputs: {said: "${{ steps.keeper.outputs.said }}"}
    steps:
      - {id: keeper, uses: $/, with: {say: "${{ inputs.say }}"}}
"""
CALLER = """
name: Caller
on: push
permissions: {}
jobs:
  call:
    permissions: {contents: read, issues: write}
    uses: dreamnet/dreamnet/.github/workflows/keeper.yml@v1
    with: {say: "$(touch canary) 'hi'"}
  bare:
    runs-on: ubuntu-latest
    steps: [{uses: "dreamnet/dreamnet@v1", with: {say: x}}]
  last:
    needs: call
    runs-on: ubuntu-latest
    steps: [{run: 'echo "it said: $SAID"', env: {SAID: "${{ needs.call.outputs.said }}"}}]
"""


@pytest.fixture
def github(tmp_path: Path) -> Iterator[GitHubWithActions]:
    with GitHubWithActions(
        clock=VirtualClock(), root=tmp_path, check=DESCRIPTION, options=ActOptions()
    ) as made:
        yield made
        assert made.violations == []


@pytest.fixture
def client(github: GitHubWithActions) -> Iterator[httpx2.Client]:
    headers = {"Authorization": f"Bearer {github.person('octo', 'admin')}"}
    with httpx2.Client(base_url=f"{github.api_url}/repos/{SHOP}", headers=headers, timeout=30) as made:
        yield made


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def test_a_called_workflow_and_its_action_have_the_jobs_own_permissions(github: GitHubWithActions) -> None:
    files: dict[str, str | bytes] = {
        "action.yml": ACTION,
        "say.sh": SAY,
        ".github/workflows/keeper.yml": KEEPER,
    }
    github.create_repository(HOUSE, files=files)
    github.commit(HOUSE, {"v": "1"}, "release", branch="v1")
    github.create_repository(SHOP, files={"README.md": "x"})
    github.commit(SHOP, {".github/workflows/caller.yml": CALLER}, "call")
    github.engine.wait_idle(60)
    (run,) = github.engine.runs(SHOP)
    assert run.conclusion == "success", run.log
    called, bare = "\n".join(run.job("call", "work").log), "\n".join(run.job("bare").log)
    assert "issues: 201" in called
    assert "labels: 201" in called
    assert "issues: 403" in bare
    assert "labels: 403" in bare
    assert "it said: $(touch canary) 'hi'" in run.log
    assert run.job("call", "work").name == "call / work"
    assert github.tokens.used("caller.yml/call/work") == {"issues": "write"}
    assert github.tokens.unused("caller.yml/call/work") == {"contents": "read"}


CHECKOUT = """
on: push
permissions: {contents: write}
jobs:
  push:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - run: |
          git config user.name bot; git config user.email bot@example.com
          git checkout -q --orphan other; git rm -rqf .; git commit -q --allow-empty -m x; git push -q origin other
  look:
    runs-on: ubuntu-latest
    needs: push
    permissions: {contents: read}
    steps:
      - {uses: actions/checkout@v4, with: {fetch-depth: 0, persist-credentials: false}}
      - run: |
          git branch -r; git log --oneline origin/other
          if git config --get-regexp extraheader; then exit 1; fi
          if git push -q origin HEAD:third; then exit 1; fi
      - {uses: actions/checkout@v4, with: {ref: other, path: sub, persist-credentials: true}}
      - run: cd sub && git status -sb && if git push -q origin HEAD:third; then exit 1; fi
"""


def test_checkout_pushes_with_the_jobs_token_only_where_it_may(github: GitHubWithActions) -> None:
    github.create_repository(SHOP, files={"README.md": "x"})
    github.commit(SHOP, {".github/workflows/c.yml": CHECKOUT}, "one")
    github.engine.wait_idle(60)
    runs = github.engine.runs(SHOP)
    assert [run.conclusion for run in runs] == ["success"], runs[0].log
    refs = github.world.git(github.world.repository(SHOP)).refs()
    assert set(refs) == {"refs/heads/main", "refs/heads/other"}


RELAY = """
name: Relay
run-name: relay ${{ github.event.client_payload.n }} of ${{ github.event.action }}
on: {repository_dispatch: {types: [ping]}}
permissions: {contents: write}
concurrency: {group: relay, queue: max}
jobs:
  again:
    if: github.event.client_payload.n < 3
    runs-on: ubuntu-latest
    steps:
      - env: {TOKEN: "${{ github.token }}", N: "${{ github.event.client_payload.n }}"}
        run: |
          printf 'header = "Authorization: Bearer %s"\\n' "$TOKEN" > "$RUNNER_TEMP/curl"
          curl -sf -K "$RUNNER_TEMP/curl" "$GITHUB_API_URL/repos/$GITHUB_REPOSITORY/dispatches" \\
            -d '{"event_type": "ping", "client_payload": {"n": '$((N + 1))'}}'
"""
ISSUES = """
on: issues
permissions: {issues: write}
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - env: {TOKEN: "${{ github.token }}"}
        run: |
          printf 'header = "Authorization: Bearer %s"\\n' "$TOKEN" > "$RUNNER_TEMP/curl"
          curl -sf -K "$RUNNER_TEMP/curl" "$GITHUB_API_URL/repos/$GITHUB_REPOSITORY/issues" -d '{"title": "second"}'
"""


def test_a_workflow_token_starts_dispatches_and_nothing_else(
    github: GitHubWithActions, client: httpx2.Client
) -> None:
    files: dict[str, str | bytes] = {
        ".github/workflows/relay.yml": RELAY,
        ".github/workflows/issues.yml": ISSUES,
    }
    github.create_repository(SHOP, files=files)
    assert (
        client.post("/dispatches", json={"event_type": "ping", "client_payload": {"n": 1}}).status_code == 204
    )
    assert (
        client.post("/dispatches", json={"event_type": "pong", "client_payload": {"n": 1}}).status_code == 204
    )
    assert client.post("/issues", json={"title": "first"}).status_code == 201
    github.engine.wait_idle(60)
    titles = sorted(run.title for run in github.engine.runs(SHOP))
    assert titles == ["first", "relay 1 of ping", "relay 2 of ping", "relay 3 of ping"]
    ends = {run.title: run.conclusion for run in github.engine.runs(SHOP)}
    assert ends == {**dict.fromkeys(titles, "success"), "relay 3 of ping": "skipped"}
    assert len(client.get("/issues").json()) == 2


BUTTON = """
name: Button
on:
  workflow_dispatch:
    inputs: {service: {type: choice, options: [web, api], default: web}, wait: {type: boolean, default: false}}
  schedule: [{cron: '0 * * * *'}]
run-name: button ${{ inputs.service }}
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - run: echo "service=${{ inputs.service }}"; mkdir out; echo x > out/x.txt
      - {uses: actions/upload-artifact@v4, with: {name: made, path: out}}
      - {if: inputs.wait, run: sleep 1000}
"""


def test_rest_of_workflows_and_runs(github: GitHubWithActions, client: httpx2.Client) -> None:
    github.create_repository(SHOP, files={".github/workflows/button.yml": BUTTON})
    listed = client.get("/actions/workflows").json()
    assert [one["path"] for one in listed["workflows"]] == [".github/workflows/button.yml"]
    path = f"/actions/workflows/{listed['workflows'][0]['id']}"
    assert client.get("/actions/workflows/button.yml").json()["name"] == "Button"
    assert client.get("/actions/workflows/none.yml").status_code == 404

    _dispatches(client, path)
    made = client.post(
        f"{path}/dispatches", json={"ref": "main", "inputs": {"service": "api"}, "return_run_details": True}
    )
    assert made.status_code == 200
    id_ = made.json()["workflow_run_id"]
    github.engine.wait_idle(60)
    run = client.get(f"/actions/runs/{id_}").json()
    assert (run["status"], run["conclusion"], run["display_title"]) == ("completed", "success", "button api")
    assert [
        one["id"]
        for one in client.get("/actions/runs", params={"event": "workflow_dispatch"}).json()["workflow_runs"]
    ] == [id_]
    _filters(client, path, run)
    _jobs_logs_artifacts(client, id_)
    assert client.post(f"/actions/runs/{id_}/cancel").status_code == 409
    assert client.post(f"/actions/runs/{id_}/rerun-failed-jobs").status_code == 403
    assert client.post(f"/actions/runs/{id_}/rerun").status_code == 201
    github.engine.wait_idle(60)
    assert client.get(f"/actions/runs/{id_}").json()["run_attempt"] == 2
    assert client.get(f"/actions/runs/{id_}/attempts/1").json()["run_attempt"] == 1
    assert client.get(f"/actions/runs/{id_}/attempts/3").status_code == 404
    assert client.get(f"/actions/runs/{id_}/jobs", params={"filter": "all"}).json()["total_count"] == 2
    assert client.get("/actions/permissions").json()["enabled"] is True


def _dispatches(client: httpx2.Client, path: str) -> None:
    assert client.post(f"{path}/dispatches", json={"ref": "nowhere"}).status_code == 422
    wrong = client.post(f"{path}/dispatches", json={"ref": "main", "inputs": {"servce": "x"}})
    assert wrong.status_code == 422
    assert wrong.json()["message"] == 'Unexpected inputs provided: ["servce"]'
    assert client.put(f"{path}/disable").status_code == 204
    assert client.get(path).json()["state"] == "disabled_manually"
    assert client.post(f"{path}/dispatches", json={"ref": "main"}).status_code == 422
    assert client.put(f"{path}/enable").status_code == 204


def _filters(client: httpx2.Client, path: str, run: dict[str, Any]) -> None:
    def count(**query: str) -> int:
        return int(client.get(f"{path}/runs", params=query).json()["total_count"])

    assert count() == 1
    assert (count(status="success"), count(status="failure"), count(status="completed")) == (1, 0, 1)
    assert (count(branch="main"), count(branch="x"), count(event="push")) == (1, 0, 0)
    assert (count(head_sha=run["head_sha"]), count(head_sha="0" * 40)) == (1, 0)


def _jobs_logs_artifacts(client: httpx2.Client, id_: int) -> None:
    (job,) = client.get(f"/actions/runs/{id_}/jobs").json()["jobs"]
    assert (job["name"], job["conclusion"], job["labels"]) == ("a", "success", ["ubuntu-latest"])
    assert [step["conclusion"] for step in job["steps"]] == ["success", "success", "skipped"]
    assert client.get(f"/actions/jobs/{job['id']}").json() == job
    text = client.get(f"/actions/jobs/{job['id']}/logs", follow_redirects=True).text
    assert "service=api" in text
    packed = client.get(f"/actions/runs/{id_}/logs", follow_redirects=True).content
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.namelist() == ["0_a.txt"]
        assert b"service=api" in archive.read("0_a.txt")
    (made,) = client.get(f"/actions/runs/{id_}/artifacts").json()["artifacts"]
    assert (made["name"], made["size_in_bytes"]) == ("made", 2)
    assert client.get("/actions/artifacts", params={"name": "made"}).json()["total_count"] == 1


def test_a_run_is_cancelled_by_rest(github: GitHubWithActions, client: httpx2.Client) -> None:
    github.create_repository(SHOP, files={".github/workflows/button.yml": BUTTON})
    made = client.post(
        "/actions/workflows/button.yml/dispatches",
        json={"ref": "main", "inputs": {"wait": True}, "return_run_details": True},
    )
    id_ = made.json()["workflow_run_id"]
    until(lambda: "sleep 1000" in github.engine.run(id_).log)
    assert client.get(f"/actions/runs/{id_}").json()["status"] == "in_progress"
    assert client.post(f"/actions/runs/{id_}/cancel").status_code == 202
    github.engine.wait_idle(30)
    assert client.get(f"/actions/runs/{id_}").json()["conclusion"] == "cancelled"


def test_schedules_tick_on_the_stand_ins_clock(github: GitHubWithActions, client: httpx2.Client) -> None:
    github.create_repository(SHOP, files={".github/workflows/button.yml": BUTTON})
    github.schedules.watch(SHOP)
    github.clock.sleep(2 * 3600)
    assert len(github.schedules.tick()) == 2
    github.engine.wait_idle(60)
    assert client.get("/actions/runs", params={"event": "schedule"}).json()["total_count"] == 2


def test_a_call_that_asks_for_more_is_a_startup_failure(
    github: GitHubWithActions, client: httpx2.Client
) -> None:
    github.create_repository(HOUSE, files={".github/workflows/keeper.yml": KEEPER, "action.yml": ACTION})
    github.commit(HOUSE, {"v": "1"}, "release", branch="v1")
    github.create_repository(SHOP, files={"README.md": "x"})
    github.commit(
        SHOP,
        {".github/workflows/c.yml": CALLER.replace("issues: write}\n    uses", "issues: read}\n    uses")},
        "call",
    )
    github.engine.wait_idle(60)
    (run,) = client.get("/actions/runs").json()["workflow_runs"]
    assert run["conclusion"] == "startup_failure"
    told = github.engine.run(run["id"]).annotations[0].message
    assert "The nested job 'work' is requesting 'issues: write', but is only allowed 'issues: read'." in told


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2023-11-14", True),
        ("2023-11-15", False),
        (">2023-11-14", False),
        (">=2023-11-14", True),
        ("<2023-11-14", False),
        ("<=2023-11-14", True),
        ("2023-11-01..2023-11-14", True),
        ("*..2023-11-13", False),
        (">=2023-11-14T22:13:20Z", True),
        (">2023-11-14T22:13:20Z", False),
        ("2023-11-14T22:13:20Z", True),
    ],
)
def test_runs_by_when_they_were_made(text: str, expected: bool) -> None:
    run = SimpleNamespace(attempts=[Attempt(number=1, created_at=1_700_000_000.0)])
    assert created(run, text) is expected  # type: ignore[arg-type]
