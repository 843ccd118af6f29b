"""The engine with the real act, and a host that is only git: what starts, what runs, what is cancelled."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dreamnet_actions.testing.github.actions.act import ActOptions
from dreamnet_actions.testing.github.actions.engine import Engine
from tests.github.toyhost import ToyHost

pytestmark = pytest.mark.slow
REPOSITORY = "octo/demo"


@pytest.fixture
def host(tmp_path: Path) -> ToyHost:
    return ToyHost(tmp_path)


@pytest.fixture
def engine(host: ToyHost, tmp_path: Path) -> Iterator[Engine]:
    made = Engine(host, tmp_path / "engine", options=ActOptions(interrupt_seconds=2, terminate_seconds=1))
    yield made
    made.close()


PUSH = """
name: Push
run-name: pushed by ${{ github.actor }}
on: push
permissions: {contents: read}
jobs:
  first:
    runs-on: ubuntu-24.04
    outputs: {answer: "${{ steps.think.outputs.answer }}"}
    steps:
      - uses: actions/checkout@v4
      - id: think
        run: |
          echo "answer=$((6 * 7))" >> "$GITHUB_OUTPUT"
          echo "# Thought" >> "$GITHUB_STEP_SUMMARY"
          echo "::warning file=README.md,line=3,title=Hm, yes::so %25 it%0Ais"
          cat README.md; git remote get-url origin; git log --oneline
  second:
    needs: first
    runs-on: [self-hosted, linux]
    steps:
      - run: echo "the answer is ${{ needs.first.outputs.answer }} on ${{ github.ref_name }} at ${{ github.sha }}"
"""


def test_a_push_runs_jobs_in_order_with_outputs_summary_and_annotations(
    host: ToyHost, engine: Engine
) -> None:
    sha = host.push(REPOSITORY, {".github/workflows/push.yml": PUSH, "README.md": "hello from git\n"})
    engine.wait_idle(60)
    (run,) = engine.runs(REPOSITORY)
    assert run.conclusion == "success", run.log
    assert run.title == "pushed by mona"
    assert run.job("first").outputs == {"answer": "42"}
    assert run.summary == "# Thought\n"
    assert f"the answer is 42 on main at {sha}" in "\n".join(run.job("second").log)
    first = "\n".join(run.job("first").log)
    assert "hello from git" in first
    assert f"{host.server_url}/{REPOSITORY}" in first
    (note,) = run.annotations
    assert (note.level, note.file, note.line, note.message) == ("warning", "README.md", 3, "so % it\nis")
    assert [step.conclusion for step in run.job("first").steps] == ["success", "success"]
