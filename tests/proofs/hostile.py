"""Proof: each hostile text alone in each field that the action reads, both stages of it, and nothing is obeyed.

Also each under act: in each input, request, message, branch, button, commit and release.

    scripts/prove hostile

It is the tests of ``tests/actions`` that the suite runs with a sample (``hostile.WHOLE``), with all texts. Exits with
pytest's status.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ACTIONS = Path(__file__).parents[1] / "actions"
TESTS = [
    ACTIONS / "test_hostile_fields.py",
    ACTIONS / "test_hostile_act.py",
    ACTIONS / "test_hostile_places.py",
]


def main() -> None:
    """Run them, in two processes."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        *map(str, TESTS),
        "-n",
        "2",
        "--timeout",
        "1200",
        "-p",
        "no:cacheprovider",
    ]
    environ = {**os.environ, "EVERY_HOSTILE_PAIR": "1"}
    sys.exit(subprocess.call([*command, "-q", "--durations=3"], env=environ))


if __name__ == "__main__":
    main()
