"""``scripts/prove interrupt``: a step that is told to stop has ended within 5 s, whatever it was at.

The cases of ``tests/actions/test_interrupt.py``, each step a process of its own, with the time from the signal to its
end. The runner sends SIGTERM 7.5 s after SIGINT, and kills 2.5 s after that.
"""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.actions import test_interrupt as cases

BOUND = 5.0


def main() -> int:
    """Run every case, print its times; answers 1 where one is over the bound."""
    hangs = [f"*/{path}" for path in ("deployments", "statuses", "info/refs")]
    ready = [(signal.SIGINT,), (signal.SIGTERM,), (signal.SIGINT, signal.SIGTERM)]
    every: dict[str, Callable[[cases.Step, Path], None]] = {
        "while packages are installed": cases.test_while_packages_are_installed,
        "while the journal is pushed": lambda step, _: cases.test_while_the_journal_is_pushed(step),
        "at any moment": lambda step, _: cases.test_at_any_moment(step),
    }
    for path in hangs:
        every[f"while {path} hangs"] = lambda step, _, path=path: cases.test_while_github_hangs(step, path)  # type: ignore[misc]
    for numbers in ready:
        name = " and ".join(number.name for number in numbers)
        every[f"while a release gets ready ({name})"] = (
            lambda step, _, numbers=numbers: cases.test_while_a_release_gets_ready(step, numbers)  # type: ignore[misc]
        )
    worst = 0.0
    for name, case in every.items():
        cases.TOOK.clear()
        with tempfile.TemporaryDirectory(prefix="dreamnet-interrupt-") as folder:
            step = cases.Step(Path(folder))
            try:
                case(step, Path(folder))
            finally:
                step.close()
        worst = max(worst, *cases.TOOK)
        print(f"{name:<52} {len(cases.TOOK):>3} stopped, slowest {max(cases.TOOK):.2f} s", flush=True)
    print(f"slowest: {worst:.2f} s (at most {BOUND:g} s)")
    return 0 if worst <= BOUND else 1


if __name__ == "__main__":
    sys.exit(main())
