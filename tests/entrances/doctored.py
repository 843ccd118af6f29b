"""Repositories that `dreamnet init` has set up and `dreamnet doctor` looks at, and a way to run both."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from dreamnet_actions.entrances.cli.root import dreamnet
from tests.entrances.repositories import FLASK, repository

PIN = "0123456789abcdef0123456789abcdef01234567"
WORKFLOWS = ".github/workflows"


def run(root: Path, *arguments: str) -> Result:
    """Run the command line on a repository."""
    return CliRunner().invoke(dreamnet, ["--root", str(root), *arguments], prog_name="dreamnet")


def with_entry(folder: Path, entry: str) -> Path:
    """Make a repository as `init` leaves it, to whose configuration this was added since."""
    made = repository(folder, {"app.py": FLASK, "app.env": "A=1\n"})
    assert run(made, "init", "--yes", "--ref", PIN).exit_code == 0
    config = made / ".github" / "dreamnet.yml"
    config.write_text(config.read_text("utf-8") + entry, "utf-8")
    return made


def written_anew(root: Path) -> None:
    """Let `init` write every workflow once more."""
    for one in (root / WORKFLOWS).glob("dreamnet-*.yml"):
        one.unlink()
    assert run(root, "init", "--yes", "--ref", PIN).exit_code == 0
