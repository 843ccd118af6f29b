"""The command line. Importing this costs nothing: what a command needs is imported when it runs."""

from __future__ import annotations

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``dreamnet`` with the given arguments (the process' own when left out); answers the exit status."""
    from dreamnet_actions.entrances.cli.root import dreamnet

    answer = dreamnet.main(arguments, prog_name="dreamnet", standalone_mode=False)
    return answer if isinstance(answer, int) else 0
