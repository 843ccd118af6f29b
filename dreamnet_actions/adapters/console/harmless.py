"""Text that cannot harm where it is shown: no terminal control, no command to a workflow's runner."""

from __future__ import annotations

import re

from dreamnet_actions.domain.plain import no_command


def harmless(line: str) -> str:
    """Answer one line in which nothing controls a terminal or a runner; what does not print is shown as its escape."""
    if not line.isprintable():
        line = "".join(
            one if one.isprintable() else " " if one == "\t" else _escape(one) for one in line.rstrip("\r\n")
        )
    return no_command(line)


def _escape(one: str) -> str:
    return one.encode("unicode_escape", "surrogatepass").decode("ascii")


def lines_of(text: str) -> list[str]:
    """Split at line ends that a terminal or runner knows, and make each line harmless."""
    return [harmless(line) for line in re.split(r"\r\n|\n|\r", text)]
