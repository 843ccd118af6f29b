"""In a workflow's step the command line shows mistakes at their lines, and its answer stays what it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFIG = """\
version: 1
env:
  app: {from: {dotenv: conf/app.env}, to: [{dotenv: out.env}], rules: {PORT: port, KEY: {min-length: 3}}}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "dreamnet.yml").write_text(CONFIG)
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "app.env").write_text("KEY=its-value\nPORT=http://::error::x\nNOTE=' two words'\n")
    return tmp_path


def run(root: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    base = {name: text for name, text in os.environ.items() if not name.startswith("GITHUB_")}
    return subprocess.run(
        [sys.executable, "-m", "dreamnet_actions", *arguments],
        cwd=root,
        env={**base, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def commands(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("::") and "add-mask" not in line]


def test_values_are_annotated_at_their_lines(root: Path) -> None:
    step = {"GITHUB_ACTIONS": "true", "GITHUB_WORKSPACE": str(root)}
    done = run(root, "-q", "envkeeper", "validate", "--json", **step)
    assert done.returncode == 3
    assert json.loads(done.stdout)["outcome"] == "refused"
    wrong, odd = commands(done.stderr)
    assert wrong.startswith("::error title=DreamNet%3A type,file=conf/app.env,line=2,col=")
    assert "PORT is no port" in wrong
    assert odd.startswith("::warning title=DreamNet%3A white-space,file=conf/app.env,line=3,col=")
    for value in ("its-value", "two words"):
        assert value not in "\n".join(commands(done.stderr))


def test_a_configuration_is_annotated_at_its_lines(root: Path) -> None:
    (root / "dreamnet.yml").write_text("version: 1\nservices: {web: {platfrom: x}}\nenv: 7\n")
    done = run(root, "validate", GITHUB_ACTIONS="true", GITHUB_WORKSPACE=str(root))
    assert done.returncode == 2
    told = commands(done.stderr)
    assert len(told) >= 2
    assert all(
        one.startswith("::error title=DreamNet%3A configuration,file=dreamnet.yml,line=") for one in told
    )


def test_elsewhere_there_is_none(root: Path) -> None:
    done = run(root, "envkeeper", "validate")
    assert done.returncode == 3
    assert commands(done.stdout + done.stderr) == []
