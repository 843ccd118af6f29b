"""The README's first command: the demo ends well, and its record says so."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

SCENARIOS = {"auto-healing", "auto-scaling", "auto-deployment"}


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_the_demo_proves_every_scenario(tmp_path: Path) -> None:
    record = tmp_path / "out.json"
    command = [sys.executable, "-m", "dreamnet_actions", "demo", "--plain", "--json", str(record)]
    done = subprocess.run(
        [*command, "--directory", str(tmp_path / "demo")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    scenarios = json.loads(record.read_text("utf-8"))["scenarios"]
    assert {one["name"] for one in scenarios} >= SCENARIOS
    assert {one["outcome"] for one in scenarios} == {"done"}
    assert all(one["timeline"] for one in scenarios)
