"""Text that is no command to a workflow's runner, wherever it is printed.

GitHub's runner reads every line of a step's output for commands (``src/Runner.Common/ActionCommand.cs`` of
github.com/actions/runner). Text from outside that is printed in a line of its own must not be one.
"""

from __future__ import annotations

import re

_WEIGHTLESS = (
    "\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160"
    "\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""Characters that count for nothing where text is compared by culture, as the runner searches its marks."""
_COMMAND = re.compile(rf"^([\s{_WEIGHTLESS}]*):(?=[{_WEIGHTLESS}]*:)")
"""The runner takes a line that begins with ``::``, after any blanks, for a command to itself."""
_OLD_COMMAND = re.compile(rf"#(?=[{_WEIGHTLESS}]*#[{_WEIGHTLESS}]*\[)")
"""The older form of such a command counts anywhere in a line."""


def no_command(line: str) -> str:
    """Answer ``line`` with a blank within each mark that begins a command; any other line as it is.

    It expects one line. What prints it writes the controls among its characters as escapes first.
    """
    return _OLD_COMMAND.sub("# ", _COMMAND.sub(r"\1: ", line))
