"""``scripts/prove coverage``: which lines and branches of the package the whole suite goes through, file by file.

    scripts/prove coverage [PYTEST-ARGUMENTS…]

Counting costs processor time in every line, so the suite itself goes without. What other processes do (the command
line, the action's steps, the supervisor) is not counted. Exits with pytest's status; 1 where less than ``LEAST``
percent is gone through. With arguments of its own it is only these tests, and nothing is held.
"""

from __future__ import annotations

import os
import subprocess
import sys

LEAST = 88
"""Percent of lines and branches; a whole run of 2026-11-27 had 90."""


def main() -> None:
    """Run the suite in as many processes as ``scripts/test``."""
    given = sys.argv[1:]
    workers = os.environ.get("DREAMNET_TEST_WORKERS", "4")
    command = [sys.executable, "-m", "pytest", "-q", "-n", workers, "--dist", "worksteal", "--timeout", "600"]
    command += ["--cov", "--cov-branch", "--cov-report=term"]
    command += given or [f"--cov-fail-under={LEAST}"]
    sys.exit(subprocess.call(command))


if __name__ == "__main__":
    main()
