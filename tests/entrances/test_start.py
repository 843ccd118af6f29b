"""A quick start: what a command does not need, it does not import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.entrances.conftest import REQUESTS

HEAVY = {
    "pydantic",
    "yaml",
    "rich",
    "asyncio",
    "sqlite3",
    "fastapi",
    "uvicorn",
    "standardwebhooks",
    "httpx2",
    "pycurl",
}
SHOW = (
    "import sys; from dreamnet_actions.entrances.cli import main; main({!r}); print('MODULES', *sys.modules)"
)


def imported(home: Path, *words: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", SHOW.format(words)], cwd=home, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.rpartition("MODULES")[2].split())


@pytest.mark.parametrize("words", [("--help",), ("--version",), ("restart", "--help"), ("serve", "--help")])
def test_help_imports_nothing_heavy(home: Path, words: tuple[str, ...]) -> None:
    assert imported(home, *words) & HEAVY == set()


def test_a_dry_run_imports_neither_models_nor_servers(home: Path) -> None:
    words = ("call", "--dry-run", str(REQUESTS / "deploykeeper.json"))
    imported(home, *words)
    assert imported(home, *words) & (HEAVY - {"sqlite3"}) == set()
