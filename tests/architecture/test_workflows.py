"""Workflows and the action: what no linter asks, and that the linters' ignores are still needed.

Every rule is a function from a document to sentences about what is wrong, and is shown a document that breaks it: so no
rule can hold because it looks at nothing. zizmor, actionlint and the schemas run as gates in ``scripts/test``.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
KEEPERS = ("dreamkeeper", "deploykeeper", "envkeeper", "relaybot")
FEDERATED = [file for file in WORKFLOWS if file.stem.endswith("-oidc")]
KEEPERS_WORKFLOWS = [file for file in WORKFLOWS if file.stem.removesuffix("-oidc") in KEEPERS]
DOCUMENTS = [*WORKFLOWS, ROOT / "action.yml"]
STARTERS = sorted((ROOT / "workflow-templates").glob("*.yml"))
PIN = re.compile(r"^\| `([^`]+)` \| `([0-9a-f]{40})` \| (v[0-9.]+) \|", re.M)
PINS = {
    name: (sha, tag)
    for name, sha, tag in PIN.findall((ROOT / ".github" / "pins.md").read_text(encoding="utf-8"))
}
SHA = re.compile(r"[0-9a-f]{40}")
Document = dict[str, Any]


class _Loader(yaml.SafeLoader):
    """YAML with GitHub's `on` as a word: the resolver of YAML 1.1 makes it True."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in pairs if tag != "tag:yaml.org,2002:bool"]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load(text: str) -> Document:
    return yaml.load(text, _Loader)


def texts(value: Any) -> Iterator[str]:
    """Every text in a document, keys too."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield str(key)
            yield from texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from texts(one)
    elif isinstance(value, str):
        yield value


def steps(document: Document) -> Iterator[tuple[str, Document]]:
    """(place, step) of every job and of a composite action."""
    for name, job in document.get("jobs", {}).items():
        for number, step in enumerate(job.get("steps", [])):
            yield f"jobs.{name}.steps[{number}]", step
    for number, step in enumerate(document.get("runs", {}).get("steps", [])):
        yield f"runs.steps[{number}]", step


def uses(document: Document) -> Iterator[tuple[str, str]]:
    yield from ((place, step["uses"]) for place, step in steps(document) if "uses" in step)
    yield from (
        (f"jobs.{name}", job["uses"]) for name, job in document.get("jobs", {}).items() if "uses" in job
    )


# --- the rules ----------------------------------------------------------------------------------------------


def no_expression_in_run(document: Document) -> Iterator[str]:
    for place, step in steps(document):
        if "${{" in step.get("run", ""):
            yield f'{place}: an expression in `run` is pasted into the script; hand it over by `env` and write "$NAME"'
        if "${{" in str(step.get("with", {}).get("script", "")):
            yield f"{place}: an expression in `script` is pasted into it; hand it over by `env`"


def pinned(document: Document) -> Iterator[str]:
    for place, one in uses(document):
        if one.startswith(("./", "$/")):
            continue
        action, _, ref = one.partition("@")
        if not SHA.fullmatch(ref):
            yield f"{place}: {one} can be moved by its owner; write the full commit, and its version as a comment"
        elif action not in PINS or PINS[action][0] != ref:
            yield f"{place}: {one} is not the commit in .github/pins.md, where each is checked once"


def least_permissions(document: Document) -> Iterator[str]:
    if "jobs" not in document:
        return
    if document.get("permissions") != {}:
        yield "the top needs `permissions: {}`: what a job may is said at that job"
    for name, job in document["jobs"].items():
        granted = job.get("permissions")
        if granted is None:
            yield f"jobs.{name}: says no `permissions`; without any, write `permissions: {{}}`"
        elif not isinstance(granted, dict):
            yield f"jobs.{name}: `permissions: {granted}` is all of them; name each"


def bounded(document: Document) -> Iterator[str]:
    for name, job in document.get("jobs", {}).items():
        minutes = job.get("timeout-minutes")
        if "uses" not in job and not (isinstance(minutes, int) and 0 < minutes <= 120):
            yield f"jobs.{name}: needs `timeout-minutes` of at most 120; GitHub's own limit is six hours"


def safe_triggers(document: Document) -> Iterator[str]:
    triggers = document.get("on", {})
    names = [triggers] if isinstance(triggers, str) else list(triggers)
    for name in ("pull_request_target", "workflow_run"):
        if name in names:
            yield f"on.{name} runs with write permissions on what a stranger sent; this project does not use it"


def safe_comments(document: Document) -> Iterator[str]:
    """For what anybody's comment starts: it is read as data, by the code of the default branch."""
    triggers = document.get("on", {})
    if "issue_comment" not in triggers:
        return
    if not isinstance(triggers, dict) or triggers["issue_comment"] != {"types": ["created"]}:
        yield "on.issue_comment needs `types: [created]`: what was done must not change by an edit"
    for place, step in steps(document):
        if "checkout" in step.get("uses", "") and {"ref", "repository"} & set(step.get("with", {})):
            yield f"{place}: checks out what the event names; leave `ref` and `repository` out"
    for name, job in document["jobs"].items():
        if "steps" in job and "startsWith(github.event.comment.body, '/')" not in job.get("if", ""):
            yield f"jobs.{name}: starts a runner for every comment; say in `if` which ones it is for"
        if any("github.event." in one for one in texts({key: job[key] for key in job if key != "if"})):
            yield f"jobs.{name}: takes a text of the event; the action reads it from the event's file"


def nothing_handed_over_whole(document: Document) -> Iterator[str]:
    for name, job in document.get("jobs", {}).items():
        if job.get("secrets") == "inherit":
            yield f"jobs.{name}: `secrets: inherit` hands over every secret; name those that are needed"
    for text in texts(document):
        found = re.search(r"toJSON\(\s*(inputs|secrets|github|env|vars|steps)\s*\)", text, re.IGNORECASE)
        if found:
            yield f"{found[0]} holds a token or secret; name the one value that is needed"


def concurrency(document: Document) -> Iterator[str]:
    """For workflows that messages start: a run that waits or works must not be lost."""
    group = document.get("concurrency")
    if not isinstance(group, dict) or "group" not in group:
        yield "needs a `concurrency` group"
        return
    if str(group.get("cancel-in-progress", "false")).lower() != "false":
        yield "`cancel-in-progress` must be false: a cancelled run may have done half of its work"
    rest = re.sub(r"-\$\{\{ github\.run_id \}\}$", "", group["group"])
    if "${{" in rest:
        yield "the group must be a plain name: in a called workflow github.workflow is its caller's, which deadlocks"
    if rest == group["group"] and group.get("queue") != "max":
        yield "needs `queue: max`: the default keeps one waiting run and cancels the ones before it"


def run_name(document: Document) -> Iterator[str]:
    name = document.get("run-name", "")
    if "repository_dispatch" in document.get("on", {}) and "correlationid" not in name:
        yield "`run-name` needs the message's correlationid: a dispatch answers no run id to find it by"
    only_called = list(document.get("on", {})) == ["workflow_call"]  # its caller names the run
    if not only_called and not re.search(r"correlation|github\.run_id", name):
        yield "`run-name` needs what the run's messages carry: the correlation id, or the run id it is made of"


EVERYWHERE: list[Callable[[Document], Iterator[str]]] = [
    no_expression_in_run,
    pinned,
    least_permissions,
    bounded,
    safe_triggers,
    safe_comments,
    nothing_handed_over_whole,
]
KEEPERS_RULES: list[Callable[[Document], Iterator[str]]] = [concurrency, run_name]


@pytest.mark.parametrize("rule", EVERYWHERE, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: file.name)
def test_every_workflow_keeps(file: Path, rule: Callable[[Document], Iterator[str]]) -> None:
    assert list(rule(load(file.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize(
    "rule", [rule for rule in EVERYWHERE if rule is not pinned], ids=lambda rule: rule.__name__
)
@pytest.mark.parametrize("file", STARTERS, ids=lambda file: file.name)
def test_every_starter_keeps(file: Path, rule: Callable[[Document], Iterator[str]]) -> None:
    """Whom they call is held against the release by tests/docs/test_pins.py."""
    assert list(rule(load(file.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize("rule", KEEPERS_RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("file", KEEPERS_WORKFLOWS, ids=lambda file: file.name)
def test_every_keeper_keeps(file: Path, rule: Callable[[Document], Iterator[str]]) -> None:
    assert list(rule(load(file.read_text(encoding="utf-8")))) == []


def test_the_four_keepers_are_there() -> None:
    assert {file.stem for file in KEEPERS_WORKFLOWS if file not in FEDERATED} == set(KEEPERS)


def test_groups_are_distinct() -> None:
    """But for a keeper's two: whoever calls either waits for the other."""
    groups = {file.stem: load(file.read_text(encoding="utf-8"))["concurrency"]["group"] for file in WORKFLOWS}
    for file in FEDERATED:
        assert groups.pop(file.stem) == groups[file.stem.removesuffix("-oidc")]
    assert len(set(groups.values())) == len(groups)


def test_each_version_beside_a_pin_is_the_one_of_the_table() -> None:
    for file in DOCUMENTS:
        for action, ref, comment in re.findall(
            r"uses: ([\w./-]+)@([0-9a-f]{40})([^\n]*)", file.read_text(encoding="utf-8")
        ):
            assert comment.strip() == f"# {PINS[action][1]}", f"{file.name}: {action}@{ref}{comment}"


@pytest.mark.parametrize("name", ["relaybot", "relaybot-oidc"])
def test_a_called_keeper_gets_the_permissions_that_it_says(name: str) -> None:
    """A called workflow has at most what the calling job has: less there would fail at its first write."""
    relay = load((ROOT / f".github/workflows/{name}.yml").read_text(encoding="utf-8"))
    for name, job in relay["jobs"].items():
        if "uses" in job:
            called = load((ROOT / job["uses"].removeprefix("$/")).read_text(encoding="utf-8"))
            assert job["permissions"] == called["jobs"][name]["permissions"], name


def test_the_action_has_one_run_line() -> None:
    found = [step for _, step in steps(load((ROOT / "action.yml").read_text(encoding="utf-8")))]
    lines = [step["run"] for step in found if "run" in step]
    assert len(lines) == 1
    assert lines[0].strip().startswith("exec "), (
        "a cancelled job's SIGINT goes to this process: it must become ours"
    )
    assert "\n" not in lines[0].strip()


# --- the rules see what they are for -------------------------------------------------------------------------

GOOD = """
on: {repository_dispatch: {types: [x]}}
run-name: x ${{ github.event.client_payload.dreamnet.correlationid }}
permissions: {}
concurrency: {group: x, queue: max, cancel-in-progress: false}
jobs:
  a:
    timeout-minutes: 5
    permissions: {contents: read}
    steps: [{uses: actions/checkout@SHA}, {run: echo "$X", env: {X: "${{ inputs.x }}"}}, {uses: $/}]
  b:
    permissions: {}
    uses: $/.github/workflows/b.yml
""".replace("SHA", PINS["actions/checkout"][0])


@pytest.mark.parametrize("rule", [*EVERYWHERE, *KEEPERS_RULES], ids=lambda rule: rule.__name__)
def test_a_good_workflow_passes(rule: Callable[[Document], Iterator[str]]) -> None:
    assert list(rule(load(GOOD))) == []


@pytest.mark.parametrize(
    ("rule", "old", "new"),
    [
        (no_expression_in_run, 'echo "$X"', '"echo ${{ inputs.x }}"'),
        (no_expression_in_run, 'run: echo "$X"', 'with: {script: "x(${{ inputs.x }})"}'),
        (pinned, PINS["actions/checkout"][0], "v7"),
        (pinned, PINS["actions/checkout"][0], "0" * 40),
        (pinned, "actions/checkout", "some/action"),
        (pinned, "$/.github/workflows/b.yml", "other/place/.github/workflows/b.yml@main"),
        (least_permissions, "permissions: {}\nconcurrency", "concurrency"),
        (least_permissions, "permissions: {}\nconcurrency", "permissions: read-all\nconcurrency"),
        (least_permissions, "permissions: {contents: read}", "permissions: write-all"),
        (least_permissions, "    permissions: {}\n    uses", "    uses"),
        (bounded, "    timeout-minutes: 5\n", ""),
        (bounded, "timeout-minutes: 5", "timeout-minutes: 360"),
        (safe_triggers, "repository_dispatch: {types: [x]}", "pull_request_target: {}"),
        (safe_triggers, "{repository_dispatch: {types: [x]}}", "workflow_run"),
        (nothing_handed_over_whole, "    uses: $/", "    secrets: inherit\n    uses: $/"),
        (nothing_handed_over_whole, "${{ inputs.x }}", "${{ tojson( secrets ) }}"),
        (concurrency, "concurrency: {group: x, queue: max, cancel-in-progress: false}\n", ""),
        (concurrency, "queue: max, ", ""),
        (concurrency, "group: x", 'group: "${{ github.workflow }}"'),
        (concurrency, "cancel-in-progress: false", "cancel-in-progress: true"),
        (concurrency, "cancel-in-progress: false", 'cancel-in-progress: "${{ inputs.x }}"'),
        (run_name, "correlationid", "subject"),
        (run_name, "run-name", "name"),
    ],
)  # fmt: skip
def test_a_bad_workflow_is_seen(rule: Callable[[Document], Iterator[str]], old: str, new: str) -> None:
    assert old in GOOD
    assert list(rule(load(GOOD.replace(old, new)))) != []


COMMENTED = """
on: {issue_comment: {types: [created]}}
permissions: {}
jobs:
  a:
    if: startsWith(github.event.comment.body, '/')
    steps: [{uses: actions/checkout@SHA, with: {persist-credentials: false}}, {uses: $/, with: {agent: dreamkeeper}}]
"""


def test_what_comments_start_is_held_short() -> None:
    assert list(safe_comments(load(COMMENTED))) == []
    for old, new in (
        ("types: [created]", "types: [created, edited]"),
        ("startsWith(github.event.comment.body, '/')", "github.actor != 'x'"),
        ("persist-credentials: false", 'ref: "refs/pull/1/head"'),
        ("persist-credentials: false", "repository: some/fork"),
        ("agent: dreamkeeper", 'input: "${{ github.event.comment.body }}"'),
    ):
        assert list(safe_comments(load(COMMENTED.replace(old, new)))) != [], new


# --- the linters -------------------------------------------------------------------------------------------


def _lint(*command: str | Path, where: Path = ROOT) -> subprocess.CompletedProcess[str]:
    program, *rest = command
    return subprocess.run(
        [Path(sys.executable).with_name(str(program)), *rest], cwd=where, capture_output=True, text=True, check=False
    )  # fmt: skip


def test_every_ignore_of_actionlint_is_needed(tmp_path: Path) -> None:
    """Once actionlint knows `queue` and `$/`, the ignore goes; until then it is as narrow as its message."""
    settings = load((ROOT / ".github" / "actionlint.yaml").read_text(encoding="utf-8"))
    ignores = [one for place in settings["paths"].values() for one in place["ignore"]]
    bare = tmp_path / "actionlint.yaml"
    bare.write_text("{}\n")
    messages = "{{range $ := .}}{{$.Message}}\n{{end}}"
    run = _lint(
        "actionlint", "-config-file", bare, "-shellcheck=", "-pyflakes=", "-format", messages, *WORKFLOWS
    )
    said = run.stdout.splitlines()
    assert said
    for ignore in ignores:
        assert any(re.search(ignore, message) for message in said), f"needed no more: {ignore}"
    assert [message for message in said if not any(re.search(one, message) for one in ignores)] == []


def test_every_ignore_of_zizmor_is_needed(tmp_path: Path) -> None:
    settings = load((ROOT / ".github" / "zizmor.yml").read_text(encoding="utf-8"))
    ignored = set(settings["rules"].pop("dangerous-triggers")["ignore"])
    bare = tmp_path / "zizmor.yml"
    bare.write_text(yaml.safe_dump(settings), encoding="utf-8")
    run = _lint(*ZIZMOR, "--config", bare, *WORKFLOWS, *STARTERS)
    found = set(re.findall(r"error\[dangerous-triggers\].*\n\s*--> \S*?([\w-]+\.yml):", run.stdout))
    assert found == ignored
    assert set(re.findall(r"^(?:error|warning)\[([\w-]+)\]", run.stdout, re.M)) == {"dangerous-triggers"}


def test_nothing_is_ignored_within_a_workflow() -> None:
    for file in DOCUMENTS:
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"zizmor:\s*ignore|shellcheck disable", text), (
            f"{file.name}: the place is .github/zizmor.yml"
        )


ZIZMOR = ("zizmor", "--offline", "--persona=auditor", "--no-progress", "--color=never")


@pytest.mark.parametrize(
    ("program", "fault", "word"),
    [
        ([*ZIZMOR], 'run: "echo ${{ github.event.issue.title }}"', "template-injection"),
        ([*ZIZMOR], "uses: actions/checkout@v4", "unpinned-uses"),
        (["actionlint", "-shellcheck=", "-pyflakes="], 'run: "echo ${{ github.no_such }}"', "no_such"),
        (["check-jsonschema", "--builtin-schema", "vendor.github-workflows"], "runs: x", "jobs.a"),
    ],
)  # fmt: skip
def test_the_linters_see_a_planted_fault(program: list[str], fault: str, word: str, tmp_path: Path) -> None:
    file = tmp_path / ".github" / "workflows" / "x.yml"
    file.parent.mkdir(parents=True)
    file.write_text(
        "on: issues\npermissions: {}\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n"
        f"      - {fault}\n"
    )
    run = _lint(*program, file, where=tmp_path)
    assert run.returncode != 0
    assert word in run.stdout + run.stderr
