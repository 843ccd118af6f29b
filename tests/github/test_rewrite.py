"""The copies that act reads: tokens in their places, actions by folder, permissions of called workflows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dreamnet_actions.testing.github.actions import listening, permissions, tokens, workflow
from dreamnet_actions.testing.github.actions.plan import JobPlan, Origin, Plan, WorkflowRefused
from dreamnet_actions.testing.github.actions.rewrite import Rewriter
from dreamnet_actions.testing.github.actions.sources import RunSources, Trees, small_actions
from tests.github.toyhost import ToyHost

pytestmark = pytest.mark.slow

HERE, THERE = "octo/demo", "dreamnet/dreamnet"
ACTION = """
name: keeper
inputs: {token: {default: "${{ github.token }}"}}
runs:
  using: composite
  steps:
    - {run: 'echo ${{ github.action_ref }}', shell: bash}
    - {uses: actions/cache@v4, with: {path: x, key: y}}
"""
CALLED = """
on:
  workflow_call:
    inputs: {who: {type: string, required: true}}
    secrets: {key: {required: false}}
permissions: {}
jobs:
  work:
    permissions: {contents: read, issues: write}
    runs-on: ubuntu-latest
    steps: [{uses: $/}, {uses: "dreamnet/dreamnet@v1"}]
"""


@pytest.fixture
def host(tmp_path: Path) -> ToyHost:
    made = ToyHost(tmp_path)
    made.commit(
        THERE, {"action.yml": ACTION, ".github/workflows/keeper.yml": CALLED, "README.md": "x"}, branch="main"
    )
    made.commit(THERE, {}, branch="v1")
    return made


def rewritten(
    host: ToyHost, text: str, files: dict[str, str] | None = None, **more: Any
) -> tuple[Plan, dict[str, Any]]:
    _, sha = host.commit(HERE, {".github/workflows/w.yml": text, **(files or {})})
    trees = Trees(host, host.folder / "trees")
    sources = RunSources(trees, lambda job: host.workflow_token(HERE, job.permissions, job=job.key))
    folder = host.folder / f"run-{sha[:8]}"
    read = workflow.read(".github/workflows/w.yml", text.encode())
    assert not read.mistakes, read.mistakes
    plan = Rewriter(sources, folder, Origin(HERE, sha, sha), **more).run(read, "push")
    return plan, json.loads(plan.workflow.read_text())


def refused(host: ToyHost, text: str, files: dict[str, str] | None = None) -> str:
    with pytest.raises(WorkflowRefused) as caught:
        rewritten(host, text, files)
    return str(caught.value)


def test_what_act_does_not_know_is_taken_out(host: ToyHost) -> None:
    _, data = rewritten(
        host,
        """
name: W
on: {push: {branches: [main]}, schedule: [{cron: '0 0 * * *'}]}
run-name: x
permissions: {contents: write}
concurrency: {group: g, queue: max}
env: {A: b}
jobs:
  one:
    {runs-on: [self-hosted, x], permissions: {}, concurrency: c, environment: prod, steps: [{run: a}]}
""",
    )
    assert set(data) == {"name", "on", "env", "jobs"}
    assert data["on"] == {"push": {}}
    assert data["jobs"]["one"]["runs-on"] == "ubuntu-latest"
    assert not {"permissions", "concurrency", "environment"} & set(data["jobs"]["one"])


def test_only_a_job_with_the_permission_can_ask_for_a_token_of_its_own(host: ToyHost) -> None:
    text = """
on: push
permissions: {id-token: write}
jobs:
  one: {runs-on: x, steps: [{run: a}]}
  two: {runs-on: x, permissions: {contents: read}, steps: [{run: a}]}
"""
    _, data = rewritten(host, text, identity={"ACTIONS_ID_TOKEN_REQUEST_URL": "http://x"})
    assert data["jobs"]["one"]["env"]["ACTIONS_ID_TOKEN_REQUEST_URL"] == "http://x"
    assert "ACTIONS_ID_TOKEN_REQUEST_URL" not in data["jobs"]["two"]["env"]


def test_each_job_has_its_own_token_in_all_its_places(host: ToyHost) -> None:
    plan, data = rewritten(
        host,
        """
on: push
permissions: {contents: read}
env: {TOP: "${{ github.token }}"}
jobs:
  one: {runs-on: x, permissions: {issues: write}, steps: [{run: a, env: {T: "${{ secrets.GITHUB_TOKEN }}"}}]}
  two: {runs-on: x, steps: [{uses: dreamnet/dreamnet@v1, with: {token: "a ${{ github['token'] }} b"}}]}
""",
    )
    one, two = plan.jobs
    assert one.token != two.token
    assert host.tokens[one.token][1] == {"issues": "write"}
    assert host.tokens[two.token][1] == {"contents": "read"}
    assert data["jobs"]["one"]["env"]["TOP"] == f"${{{{ '{one.token}' }}}}"
    assert data["jobs"]["one"]["steps"][0]["env"]["T"] == f"${{{{ '{one.token}' }}}}"
    assert data["jobs"]["two"]["env"]["TOP"] == f"${{{{ '{two.token}' }}}}"
    assert data["jobs"]["two"]["steps"][0]["with"]["token"] == f"a ${{{{ '{two.token}' }}}} b"
    assert one.token not in repr(plan)


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("${{ github.token }}", "${{ 'T' }}"),
        ("x${{github.token}}y${{ github.actor }}", "x${{'T'}}y${{ github.actor }}"),
        ("${{ secrets.github_token || 'no github.token' }}", "${{ 'T' || 'no github.token' }}"),
        ("${{ format('{0}', github [ 'TOKEN' ]) }}", "${{ format('{0}', 'T') }}"),
        ("${{ github.token_type }}", "${{ github.token_type }}"),
        ("${{ inputs.github.token }}", "${{ inputs.github.token }}"),
        ("${{ secrets.GITHUB_TOKEN_2 }}", "${{ secrets.GITHUB_TOKEN_2 }}"),
        ("github.token", "github.token"),
        ("${{ not closed", "${{ not closed"),
    ],
)
def test_only_the_token_itself_is_replaced(text: str, changed: str) -> None:
    assert tokens.with_token({"a": [text]}, "T") == {"a": [changed]}
    assert tokens.mentions([text]) is (text != changed)


def test_a_called_workflow_gets_a_copy_for_each_call(host: ToyHost) -> None:
    plan, data = rewritten(
        host,
        """
on: push
jobs:
  a:
    uses: dreamnet/dreamnet/.github/workflows/keeper.yml@v1
    permissions: {contents: read, issues: write}
    with: {who: a}
  b: {uses: dreamnet/dreamnet/.github/workflows/keeper.yml@main, permissions: write-all, with: {who: b}}
""",
    )
    assert [one.path for one in plan.jobs] == [("a",), ("a", "work"), ("b",), ("b", "work")]
    files = [data["jobs"][name]["uses"] for name in ("a", "b")]
    assert files == [f"sandbox/calls/.github/workflows/{key}-keeper.yml@run" for key in ("j1", "j3")]
    calls = plan.repositories["sandbox/calls@run"] / ".github/workflows"
    steps = json.loads((calls / "j1-keeper.yml").read_text())["jobs"]["work"]["steps"]
    # $/ is the called workflow's own repository at the ref by which it was called.
    assert [one["uses"] for one in steps] == ["dreamnet/dreamnet@v1", "dreamnet/dreamnet@v1"]
    action = json.loads((plan.repositories["dreamnet/dreamnet@v1"] / "action.yml").read_text())
    assert action["inputs"]["token"]["default"] == f"${{{{ '{plan.jobs[1].token}' }}}}"
    assert action["runs"]["steps"][0]["run"] == "echo ${{ 'v1' }}"
    other = json.loads((calls / "j3-keeper.yml").read_text())["jobs"]["work"]["steps"]
    assert [one["uses"] for one in other] == ["dreamnet/dreamnet@main", "dreamnet/dreamnet@v1.j4"]
    second = json.loads((plan.repositories["dreamnet/dreamnet@v1.j4"] / "action.yml").read_text())
    assert second["inputs"]["token"]["default"] == f"${{{{ '{plan.jobs[3].token}' }}}}"
    assert second["runs"]["steps"][0]["run"] == "echo ${{ 'v1' }}"
    # The commit's own files stay as they are: the copies are links, an action's file is written anew.
    assert (
        "github.token" in (host.folder / "trees/dreamnet+dreamnet").rglob("action.yml").__next__().read_text()
    )


CALL = "on: push\njobs: {{call: {{uses: dreamnet/dreamnet/.github/workflows/{file}@v1, {more}}}}}"


def test_a_call_that_asks_for_too_much_is_told_whole(host: ToyHost) -> None:
    """GitHub compares all files before anything runs: every job that asks for too much, whatever its `if` says."""
    deep = """
on: workflow_call
permissions: {contents: write}
jobs:
  no: {if: false, permissions: {issues: read}, runs-on: x, steps: [{run: a}]}
  more: {permissions: {contents: write}, uses: ./.github/workflows/deeper.yml}
"""
    deeper = "on: workflow_call\njobs: {last: {permissions: {actions: read}, runs-on: x, steps: [{run: a}]}}"
    text = """
on: push
jobs:
  call:
    permissions: {contents: read}
    uses: ./.github/workflows/deep.yml
"""
    said = refused(host, text, {".github/workflows/deep.yml": deep, ".github/workflows/deeper.yml": deeper})
    call = ".github/workflows/w.yml (Line: 4, Col: 3): Error calling workflow './.github/workflows/deep.yml'."
    nested = ".github/workflows/deep.yml (Line: 6, Col: 3): Error calling workflow './.github/workflows/deeper.yml'."
    assert said == (
        f"The workflow is not valid. "
        f"{call} The workflow is requesting 'contents: write', but is only allowed 'contents: read'. "
        f"{call} The nested job 'no' is requesting 'issues: read', but is only allowed 'issues: none'. "
        f"{call} The nested job 'more' is requesting 'contents: write', but is only allowed 'contents: read'. "
        f"{nested} The nested job 'last' is requesting 'actions: read', but is only allowed 'actions: none'."
    )


@pytest.mark.parametrize(
    ("file", "more", "told"),
    [
        (
            "keeper.yml",
            "with: {who: x}",
            "The nested job 'work' is requesting 'issues: write', but is only allowed 'issues: none'.",
        ),
        (
            "keeper.yml",
            "permissions: {}, with: {who: x}",
            (
                "The nested job 'work' is requesting 'contents: read, issues: write', but is only allowed "
                "'contents: none, issues: none'."
            ),
        ),
        ("keeper.yml", "permissions: write-all", "Input who is required, but not provided while calling."),
        ("keeper.yml", "permissions: write-all, with: {who: x, how: y}", "Invalid input, how is not defined"),
        (
            "keeper.yml",
            "permissions: write-all, with: {who: x}, secrets: {other: y}",
            "Invalid secret, other is not defined",
        ),
        ("other.yml", "with: {who: x}", "workflow was not found."),
    ],
)
def test_calls_that_github_refuses(host: ToyHost, file: str, more: str, told: str) -> None:
    text = refused(host, CALL.format(file=file, more=more))
    assert told in text
    column = 8 if "requesting" in told else 15  # the job's name, else its `uses`
    assert text.startswith(
        f"The workflow is not valid. .github/workflows/w.yml (Line: 2, Col: {column}): Error calling workflow "
        f"'dreamnet/dreamnet/.github/workflows/{file}@v1'."
    )


def test_local_calls_and_too_deep_ones(host: ToyHost) -> None:
    again = "on: {push: , workflow_call: }\njobs: {a: {uses: ./.github/workflows/w.yml}}"
    assert "levels deep" in refused(host, again)
    assert "missing a `on.workflow_call` trigger" in refused(
        host,
        "on: push\njobs: {a: {uses: $/.github/workflows/x.yml}}",
        {".github/workflows/x.yml": "on: push\njobs: {a: {runs-on: x, steps: [{run: a}]}}"},
    )


STEP = "on: push\njobs: {{one: {{runs-on: x, steps: [{first}{{uses: '{uses}'}}]}}}}"


@pytest.mark.parametrize(
    ("uses", "told"),
    [
        ("docker/build-push-action@v6", "Unable to resolve action `docker/build-push-action@v6`"),
        ("dreamnet/dreamnet@v9", "that ref is not there"),
        ("docker://alpine", "The sandbox has no containers: it cannot run 'docker://alpine'."),
        ("no-slash", "Expected format"),
        ("dreamnet/dreamnet/sub@v1", "Can't find 'action.yml'"),
        ("$/missing", "Can't find 'action.yml'"),
    ],
)
def test_actions_that_cannot_be_served_are_named(host: ToyHost, uses: str, told: str) -> None:
    assert told in refused(host, STEP.format(first="", uses=uses))


def test_a_local_action_is_served_after_a_checkout_only(host: ToyHost) -> None:
    files = {"tools/x/action.yml": ACTION}
    _, data = rewritten(host, STEP.format(first="", uses="./tools/x"), files)
    assert data["jobs"]["one"]["steps"][0]["uses"] == "./tools/x"
    plan, data = rewritten(host, STEP.format(first="{uses: actions/checkout@v4}, ", uses="./tools/x"), files)
    served = data["jobs"]["one"]["steps"][1]["uses"]
    assert served.startswith(f"{HERE}/tools/x@")
    assert served.partition("@")[2]
    assert f"{HERE}@{served.partition('@')[2]}" in plan.repositories


def test_containers_are_refused(host: ToyHost) -> None:
    text = "on: push\njobs: {one: {runs-on: x, container: alpine, steps: [{run: a}]}}"
    assert "The sandbox has no containers: job 'one' has 'container'." in refused(host, text)


def test_jobs_that_are_kept_answer_what_they_answered(host: ToyHost) -> None:
    text = "on: push\njobs: {one: {runs-on: x, needs: [], outputs: {a: b}, steps: [{run: rm -rf x}]}}"
    _, data = rewritten(host, text, kept={("one",): {"a": "it's"}})
    one = data["jobs"]["one"]
    assert one["outputs"] == {"a": "${{ 'it''s' }}"}
    assert one["steps"] == [{"run": "true"}]


def test_every_small_action_can_be_read(host: ToyHost) -> None:
    assert "actions/checkout" in small_actions()
    for name in small_actions():
        rewritten(host, STEP.format(first="", uses=f"{name}@v9"))


def test_permissions() -> None:
    assert permissions.understand(None) is None
    assert permissions.understand({}) == {}
    assert permissions.understand({"issues": "none", "contents": "read"}) == {"contents": "read"}
    everything = permissions.understand("write-all")
    assert everything is not None
    assert everything["id-token"] == "write"
    assert everything["models"] == "read"
    reading = permissions.understand("read-all")
    assert reading is not None
    assert "id-token" not in reading
    assert permissions.of_job({"contents": "read"}, None) == {"contents": "read"}
    assert permissions.of_job({"contents": "read"}, {}) == {}
    assert permissions.of_job(None, None) == dict(permissions.RESTRICTED)
    assert permissions.exceeding({"a": "write", "b": "read"}, {"a": "read", "b": "write"}) == [
        ("a", "write", "read")
    ]


@pytest.mark.parametrize(
    ("raw", "level", "message", "place"),
    [
        ("::error file=a.py,line=3,endLine=4,col=5,title=T::m", "error", "m", ("a.py", 3, 4, 5, "T")),
        ("::warning::%25 and %0A", "warning", "% and \n", ("", None, None, None, "")),
        ("::notice title=a%2Cb%3A %3D,file=x=y::z", "notice", "z", ("x=y", None, None, None, "a,b: %3D")),
        ("  ::error::blanks in front", "error", "blanks in front", ("", None, None, None, "")),
        ("::error line=two::%250A", "error", "%0A", ("", None, None, None, "")),
    ],
)
def test_annotations(raw: str, level: str, message: str, place: tuple[Any, ...]) -> None:
    note = listening.annotation(raw + "\n")
    assert note is not None
    assert (note.level, note.message) == (level, message)
    assert (note.file, note.line, note.end_line, note.column, note.title) == place
    assert listening.annotation("said ::error::x") is None


def test_job_plan_never_shows_its_token() -> None:
    job = JobPlan(number=1, path=("a",), title="a", data={}, permissions={}, token="ghs_secret")
    assert "ghs_secret" not in repr(job)
