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


def test_git_passes_over_our_own_folder(tmp_path: Path) -> None:
    (tmp_path / "dreamnet.yml").write_text("version: 1\n")
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    done = subprocess.run(
        [sys.executable, "-m", "dreamnet_actions", "status"], cwd=tmp_path, capture_output=True, check=False
    )
    assert (tmp_path / ".dreamnet").is_dir(), done.stderr
    listed = subprocess.run(
        ["git", "-C", str(tmp_path), "status", "--porcelain", "--untracked-files=all"],
        capture_output=True, check=True, text=True,
    ).stdout  # fmt: skip
    assert listed == "?? dreamnet.yml\n"
