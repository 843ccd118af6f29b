"""The protocol of GitHub's runner, written: annotations, outputs, the job's summary. Masks are the Reporter's.

Owns the escapes and the limits of the runner. It prints nothing: ``annotation`` answers the line that is to be printed,
``output`` and ``summary`` append to the file that the runner named. Where the text came from is not its business: no
text given to it can start another command, end an output early, or write another output.

The protocol: docs.github.com/actions, "Workflow commands"; exactly, ``src/Runner.Common/ActionCommand.cs`` and
``src/Runner.Worker/FileCommandManager.cs`` of github.com/actions/runner.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from dreamnet_actions.ports.runner import Level

SUMMARY_LIMIT = 1024 * 1024
"""Bytes of one step's summary; of a larger one the runner shows nothing."""

CUT = "\n\n> [!NOTE]\n> Cut here: GitHub shows one MiB of summary. The whole result is in the output `result`.\n"
"""What ends a summary that was too long."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")


def annotation(
    level: Level,
    message: str,
    *,
    file: str | None = None,
    line: int | None = None,
    col: int | None = None,
    title: str | None = None,
) -> str:
    """Answer the command that shows ``message`` on the run's page, and at ``file``, ``line``, ``col`` (from 1).

    ``file`` is a path below the workspace. The runner knows no escape for blanks around a title and for ``=`` in front
    of one, so it loses these. A column without a line is left out, as the runner would drop it.
    """
    given = {"title": title, "file": file, "line": line, "col": col if line else None}
    properties = ",".join(
        f"{name}={_property(text)}"
        for name, value in given.items()
        if value is not None and (text := str(value).strip().lstrip("=").strip())
    )
    return f"::{level}{' ' + properties if properties else ''}::{_data(message)}"


def output(path: str | Path, name: str, value: str, *, delimiter: str) -> None:
    """Append one output to the file at ``path`` (GITHUB_OUTPUT): any text of any number of lines.

    ``delimiter`` is the line that ends the value: fresh chance for each output, so that nobody can put it into one.

    Raises:
        ValueError: ``name`` is no output's name; ``delimiter`` is no plain word, or stands in ``value`` or ``name``.
    """
    pairs(path, [(name, value)], delimiter=delimiter)


def pairs(path: str | Path, entries: Sequence[tuple[str, str]], *, delimiter: str) -> None:
    """Append names with their values to the file at ``path`` (GITHUB_OUTPUT, GITHUB_ENV), all of them in one write.

    Raises:
        ValueError: as ``output``; nothing is written then.
    """
    for name, value in entries:
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"{name!r} is no name of an output: a letter or _, then letters, digits, _ and -"
            )
        if not _NAME.fullmatch(delimiter) or delimiter in value or delimiter in name:
            raise ValueError(
                f"the delimiter of the output {name!r} stands in it or is no plain word; choose another by chance"
            )
    _append(Path(path), "".join(f"{name}<<{delimiter}\n{value}\n{delimiter}\n" for name, value in entries))


def summary(path: str | Path, text: str) -> bool:
    """Append Markdown to the file at ``path`` (GITHUB_STEP_SUMMARY); answers False where it had to be cut.

    All that is in the file counts towards the limit of 1 MiB. A cut closes an open fence or ``<details>`` before it
    says that there was more; where not even that fits, nothing is written.
    """
    path = Path(path)
    room = SUMMARY_LIMIT - (path.stat().st_size if path.exists() else 0) - 1  # 1: a line end may come first
    encoded = _encode(text)
    if len(encoded) <= room:
        _append(path, text)
        return True
    closing = 64  # a fence of our own choice below, and a few </details>
    kept = encoded[: max(0, room - len(_encode(CUT)) - closing)].decode("utf-8", "ignore")
    kept = kept[: kept.rfind("\n") + 1]
    ending = _closed(kept) + CUT
    if kept and len(_encode(kept + ending)) <= room:
        _append(path, kept + ending)
    return False


def _closed(text: str) -> str:
    """Answer what closes the fence and the ``<details>`` that are open at the end of ``text``."""
    fence, details = "", 0
    for line in text.split("\n"):
        found = _FENCE.match(line)
        if fence:
            if found and found[1].startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
        elif found:
            fence = found[1]
        else:
            details += line.count("<details") - line.count("</details>")
    return (f"\n{fence}\n" if fence else "") + "\n</details>\n" * max(0, details)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _encode(text: str) -> bytes:
    """UTF-8; a lone half of a surrogate pair, which has none, as its escape."""
    return text.encode("utf-8", "backslashreplace")


def _append(path: Path, text: str) -> None:
    """Append on a line of its own, in one write: another step's half line in front cannot swallow it."""
    with path.open("ab+") as file:
        if file.seek(0, 2):
            file.seek(-1, 2)
            if file.read(1) != b"\n":
                text = "\n" + text
        file.write(_encode(text))
