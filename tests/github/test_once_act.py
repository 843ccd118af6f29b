"""No value is an expression to act, as it is none to GitHub: what comes from outside arrives in steps to the letter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from dreamnet_actions.testing.github.actions.act import ActOptions
from dreamnet_actions.testing.github.actions.engine import Engine
from dreamnet_actions.testing.github.hosting import Event
from tests.github.toyhost import ToyHost

pytestmark = pytest.mark.slow
REPOSITORY, ACTIONS = "octo/demo", "octo/actions"
TEXTS = [
    "${{ github.token }}",
    "x ${{ 'y",
    "}}${{ 'x",
    "}} ${{ fromJSON('{') }} it's",
    "${{ '${{ github.actor }}' }}",
    "${{ env.FOLDER }} }}",
]
FOLDER = "FOLDER"
"""The variable that names the folder where each step writes down what it was given."""

INNER = """
name: inner
inputs: {a-text: {required: true}}
outputs: {same: {value: "${{ inputs.a-text }}"}}
runs:
  using: composite
  steps:
    - {shell: bash, env: {TEXT: "${{ inputs.a-text }}"}, run: 'printf %s "$TEXT" >"$FOLDER/$GITHUB_JOB-inner-input"'}
    - {shell: bash, run: 'printf %s "$AROUND" >"$FOLDER/$GITHUB_JOB-inner-around"'}
    - {shell: bash, run: 'printf %s "$JOB" >"$FOLDER/$GITHUB_JOB-inner-job"'}
    - {shell: bash, run: 'printf %s "$GITHUB_REF" >"$FOLDER/$GITHUB_JOB-inner-ref"'}
    - {shell: bash, run: 'printf %s "$GITHUB_REF_NAME" >"$FOLDER/$GITHUB_JOB-inner-name"'}
    - {shell: bash, if: "contains(inputs.a-text, '{')", run: 'printf yes >"$FOLDER/$GITHUB_JOB-inner-if"'}
"""
OUTER = """
name: outer
inputs: {a-text: {required: true}}
outputs: {same: {value: "${{ steps.inner.outputs.same }}"}}
runs:
  using: composite
  steps:
    - {id: inner, uses: octo/actions/inner@main, with: {a-text: "${{ inputs.a-text }}"}}
    - {shell: bash, run: 'printf %s "$JOB" >"$FOLDER/$GITHUB_JOB-outer-job"'}
"""
CALLED = """
on:
  workflow_call:
    inputs: {a-text: {type: string}}
    outputs: {same: {value: "${{ jobs.work.outputs.same }}"}}
jobs:
  work:
    runs-on: ubuntu-latest
    outputs: {same: "${{ steps.outer.outputs.same }}"}
    steps:
      - {env: {TEXT: "${{ inputs.a-text }}"}, run: 'printf %s "$TEXT" >"$FOLDER/$GITHUB_JOB-called-input"'}
      - {id: outer, uses: octo/actions/outer@main, with: {a-text: "${{ inputs.a-text }}"}}
"""
CALLER = """
on: {repository_dispatch: {}, push: {branches-ignore: [main]}}
env: {TOP: "${{ github.event.client_payload.text }}"}
jobs:
  first:
    runs-on: ubuntu-latest
    env: {JOB: "${{ github.event.client_payload.text }}"}
    outputs: {same: "${{ steps.one.outputs.same }}"}
    steps:
      - run: 'printf %s "$TOP" >"$FOLDER/$GITHUB_JOB-top"; printf %s "$JOB" >"$FOLDER/$GITHUB_JOB-job"'
      - {env: {AGAIN: "${{ env.JOB }}"}, run: 'printf %s "$AGAIN" >"$FOLDER/$GITHUB_JOB-again"'}
      - run: 'printf %s "$GITHUB_REF" >"$FOLDER/$GITHUB_JOB-ref"; printf %s "$REF" >"$FOLDER/$GITHUB_JOB-ref-context"'
        env: {REF: "${{ github.ref }}"}
      - run: printf %s "$GITHUB_WORKFLOW_REF" >"$FOLDER/$GITHUB_JOB-workflow-ref"
      - {uses: octo/actions/outer@main, with: {a-text: "${{ github.event.client_payload.text }}"}}
      - id: one
        uses: octo/actions/outer@main
        env: {AROUND: "${{ github.event.client_payload.text }}"}
        with: {a-text: "${{ github.event.client_payload.text || github.ref_name }}"}
      - {run: 'test -z "${AROUND+set}"'}
  second:
    needs: first
    uses: ./.github/workflows/called.yml
    with: {a-text: "${{ needs.first.outputs.same }}"}
  third:
    needs: second
    runs-on: ubuntu-latest
    steps:
      - {env: {TEXT: "${{ needs.second.outputs.same }}"}, run: 'printf %s "$TEXT" >"$FOLDER/$GITHUB_JOB-through"'}
"""


@pytest.fixture
def host(tmp_path: Path) -> ToyHost:
    made = ToyHost(tmp_path)
    made.commit(ACTIONS, {"inner/action.yml": INNER, "outer/action.yml": OUTER})
    return made


@pytest.fixture
def engine(host: ToyHost, tmp_path: Path) -> Iterator[Engine]:
    (tmp_path / "given").mkdir()
    made = Engine(
        host, tmp_path / "engine", options=ActOptions(environment={FOLDER: str(tmp_path / "given")})
    )
    yield made
    made.close()


def given(host: ToyHost) -> Mapping[str, str]:
    """Answer what the steps wrote down, and forget it."""
    files = sorted((host.folder / "given").iterdir())
    found = {one.name: one.read_text(encoding="utf-8") for one in files}
    for one in files:
        one.unlink()
    return found


def test_a_payloads_text_stays_itself_on_every_way_to_a_step(host: ToyHost, engine: Engine) -> None:
    """Variables of the workflow, the job and the step, inputs and outputs of actions and of called workflows."""
    workflows = {".github/workflows/caller.yml": CALLER, ".github/workflows/called.yml": CALLED}
    sha = host.commit(REPOSITORY, workflows)[1]
    ways = {
        f"first-{one}"
        for one in ("top", "job", "again", "inner-input", "outer-job", "inner-job", "inner-around")
    }
    ways |= {"work-called-input", "work-inner-input", "third-through"}
    for text in TEXTS:
        payload = {
            **host.payload(REPOSITORY, "mona"),
            "repository": {"full_name": REPOSITORY, "default_branch": "main"},
            "client_payload": {"text": text},
        }
        host.emit(
            Event(name="repository_dispatch", repository=REPOSITORY, ref="refs/heads/main", sha=sha,
                  action="x", payload=payload, actor="mona")
        )  # fmt: skip
        engine.wait_idle(60)
        run = engine.runs(REPOSITORY)[0]
        assert run.conclusion == "success", (text, run.log)
        found = given(host)
        assert {name: found.get(name) for name in ways} == dict.fromkeys(ways, text)
        assert found["first-inner-if"] == found["work-inner-if"] == "yes"
        assert "Unable to interpolate" not in run.log


def test_a_branchs_name_stays_itself(host: ToyHost, engine: Engine) -> None:
    """In ``GITHUB_REF`` and its like, in the ``github`` context, and as an action's input."""
    host.commit(REPOSITORY, {".github/workflows/caller.yml": CALLER, ".github/workflows/called.yml": CALLED})
    for name in ("a-${{github.token}}", "}}-${{'x\uffff", "x'${{'}}-y", "\ufffe\uffff"):
        host.push(REPOSITORY, {"note": name}, branch=name)
        engine.wait_idle(60)
        run = engine.runs(REPOSITORY)[0]
        assert run.conclusion == "success", (name, run.log)
        found = given(host)
        ref = f"refs/heads/{name}"
        for way in ("first-ref", "first-ref-context", "first-inner-ref", "work-inner-ref"):
            assert found[way] == ref
        assert found["first-workflow-ref"] == f"{REPOSITORY}/.github/workflows/caller.yml@{ref}"
        for way in ("first-inner-name", "first-inner-input", "work-called-input", "third-through"):
            assert found[way] == name
        assert "Unable to interpolate" not in run.log
