"""The command line. Importing this costs nothing: what a command needs is imported when it runs."""

from __future__ import annotations

import gc
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``dreamnet`` with the given arguments (the process' own when left out); answers the exit status."""
    # Most commands end before there is garbage worth looking for: rarer collections, and none of what lives to the
    # end, make a start a tenth quicker (benchmarks/start.py). What runs for long still collects.
    gc.set_threshold(50_000, 20, 20)
    from dreamnet_actions.entrances.cli.root import dreamnet

    answer = dreamnet.main(arguments, prog_name="dreamnet", standalone_mode=False)
    gc.freeze()
    return answer if isinstance(answer, int) else 0
