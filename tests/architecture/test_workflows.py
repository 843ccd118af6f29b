"""Workflows and the action keep the rules of ``workflow_rules.py``. Each rule is shown a document that breaks it: so
none can hold because it looks at nothing. What linters see is in ``test_linters.py``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.architecture.workflow_rules import (
    DOCUMENTS,
    EVERYWHERE,
    FEDERATED,
    KEEPERS,
    KEEPERS_RULES,
    KEEPERS_WORKFLOWS,
    PINS,
    ROOT,
    STARTERS,
    WORKFLOWS,
    Document,
    bounded,
    concurrency,
    least_permissions,
    load,
    no_expression_in_run,
    nothing_handed_over_whole,
    pinned,
    run_name,
    safe_comments,
    safe_triggers,
    steps,
)


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
