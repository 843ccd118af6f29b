"""Proof: each hostile text alone in each field that the action reads, both stages of it, and nothing is obeyed.

Also each under act, in each input, request, message and branch.

    scripts/prove hostile

It is the tests of ``tests/actions`` that try one text after the other, with all texts instead of a fourth. Exits
with pytest's status.
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
    f"{ACTIONS / 'test_hostile_places.py'}::test_in_the_names_of_branches",
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
