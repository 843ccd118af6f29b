"""Proof: each hostile text alone in each field that the action reads, both stages of it, and nothing is obeyed.

    scripts/prove hostile

It is ``tests/actions/test_hostile_fields.py`` with every pair of a text and a field instead of a fourth of them. Exits
with pytest's status.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1] / "actions" / "test_hostile_fields.py"


def main() -> None:
    """Run them, in two processes."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        str(TESTS),
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
