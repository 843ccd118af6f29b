"""The scripts answer a wrong word at once, and name what there is."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("script", ["test", "prove", "bench", "generate", "release", "cluster"])
@pytest.mark.parametrize("word", ["no-such-thing", "../errors", "a b"])
def test_a_wrong_word_is_a_request_error(script: str, word: str) -> None:
    run = _run(f"scripts/{script}", word)
    assert run.returncode == 3, run.stderr
    assert f"'{word}'" in run.stderr
    assert "there are" in run.stderr


@pytest.mark.parametrize("script", ["prove", "bench"])
def test_without_a_name_the_names_are_listed(script: str) -> None:
    run = _run(f"scripts/{script}")
    assert run.returncode == 3
    folder = ROOT / {"prove": "tests/proofs", "bench": "benchmarks"}[script]
    for module in folder.glob("[a-z]*.py"):
        assert module.stem.replace("_", "-") in run.stderr


def test_every_script_can_be_run_as_it_is() -> None:
    for name in ("demo", "test", "prove", "bench", "generate", "release", "changelog", "cluster"):
        assert os.access(ROOT / "scripts" / name, os.X_OK), name


@pytest.mark.parametrize("tier", ["runtime", "extras", "dev"])
def test_a_set_up_that_is_done_says_nothing(tier: str) -> None:
    """The tests run in the largest one, which holds the others."""
    run = _run("scripts/setup.sh", tier)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_a_wrong_set_up_names_those_there_are() -> None:
    run = _run("scripts/setup.sh", "extra")
    assert run.returncode == 3
    assert "runtime, extras and dev" in run.stderr
