"""Who may import whom, and what a first look at the command line may cost."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINTER = Path(sys.executable).parent / "lint-imports"

# Each of these costs tens of milliseconds or more: only the code that uses one loads it.
HEAVY = frozenset(
    {
        "asyncio",
        "fastapi",
        "github",
        "google",
        "httpx2",
        "kubernetes",
        "psutil",
        "pycurl",
        "pydantic",
        "rich",
        "sqlite3",
        "uvicorn",
        "yaml",
    }
)
LOADED = "import json, sys; json.dump(sorted({name.partition('.')[0] for name in sys.modules}), sys.stderr)"


def test_import_contracts_hold() -> None:
    run = subprocess.run(
        [LINTER, "--no-logo", "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]], ids=["help", "version"])
def test_first_look_loads_no_heavy_client(arguments: list[str]) -> None:
    code = f"""
import atexit, runpy, sys
def tell():
    {LOADED}
atexit.register(tell)
sys.argv = ["dreamnet", *{arguments!r}]
runpy.run_module("dreamnet_actions", run_name="__main__", alter_sys=True)
"""
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "dreamnet" in run.stdout.lower()
    assert sorted(HEAVY & set(json.loads(run.stderr))) == []


def test_the_library_parts_load_no_client() -> None:
    code = f"""
import dreamnet_actions, dreamnet_actions.errors, dreamnet_actions.domain, dreamnet_actions.ports
{LOADED}
"""
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    clients = HEAVY - {"pydantic", "asyncio"}
    assert sorted(clients & set(json.loads(run.stderr))) == []
