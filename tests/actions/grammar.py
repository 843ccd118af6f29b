"""What the runner of GitHub Actions takes for a command: a port of its grammar, to test our output against.

Facts read from actions/runner at 258d6c857db3519913f7deb6004b60172f8043ae (August 2026); no code of it is here:

- ``src/Runner.Common/ActionCommand.cs``: the two forms of a command and their escapes,
- ``src/Runner.Worker/ActionCommandManager.cs``: which names are registered, ``stop-commands``, what is masked,
- ``src/Runner.Worker/Handlers/OutputManager.cs``: when a line is looked at,
- ``src/Runner.Sdk/ProcessInvoker.cs``: how output is cut into lines (``StreamReader.ReadLine``),
- ``src/Runner.Worker/FileCommandManager.cs``: the files behind GITHUB_OUTPUT, GITHUB_ENV, GITHUB_STEP_SUMMARY.

What the runner leaves to .NET is from its reference: ``Char.IsWhiteSpace`` (what ``TrimStart`` takes away),
``StreamReader.ReadLine`` (a line ends at CR, LF or CRLF, and nowhere else), ``String.Split`` without empty entries,
``StringComparer.OrdinalIgnoreCase``.

One thing depends on the machine: the runner searches ``::`` and ``##[`` by the rules of the current culture, where
characters without weight (soft hyphen, zero-width space, NUL) count for nothing. ``parse`` is the plain reading;
``may_be_command`` answers True where any reading could see a command, and is what our output must never meet. (The
runner takes the name from a fixed number of characters behind what it found, so that in truth only a closing ``::`` can
hold such characters.)
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

BLANKS = "\t\n\v\f\r\x20\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
BLANKS += "\u2028\u2029\u202f\u205f\u3000"
"""``Char.IsWhiteSpace``. Not in it: U+200B, U+FEFF, U+180E, and U+001C to U+001F, which Python does call blank."""

COMMANDS = frozenset(
    {"add-mask", "add-matcher", "add-path", "debug", "echo", "endgroup", "error", "group", "notice"}
    | {"remove-matcher", "save-state", "set-env", "set-output", "stop-commands", "warning"}
)
"""The names that are registered while a step runs; the runner's own checkout has ``internal-set-repo-path`` too."""

SUMMARY_LIMIT = 1024 * 1024
"""Bytes of GITHUB_STEP_SUMMARY; a larger file is an error, and nothing of it is shown (CreateStepSummaryCommand)."""

_DATA = (("%0D", "\r"), ("%0A", "\n"), ("%25", "%"))
_PROPERTY = (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%"))
_OLD = (("%3B", ";"), ("%0D", "\r"), ("%0A", "\n"), ("%5D", "]"), ("%25", "%"))
_UPPER = str.maketrans("abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")


@dataclass(frozen=True)
class Command:
    """One command as the runner understood it; ``properties`` has its keys in upper case, as they ignore case."""

    name: str
    properties: dict[str, str] = field(default_factory=dict)
    data: str = ""


def _fold(name: str) -> str:
    """OrdinalIgnoreCase for what is compared with ASCII names: .NET folds U+0131 and U+017F with nothing."""
    return name.translate(_UPPER)


def _registered(name: str, names: Iterable[str]) -> bool:
    return _fold(name) in {_fold(one) for one in names}


def _unescape(text: str, table: tuple[tuple[str, str], ...]) -> str:
    for escape, char in table:
        text = text.replace(escape, char)
    return text


def _pair(text: str) -> list[str]:
    """``Split('=', 2, RemoveEmptyEntries)``: separators before the first and before the second part are dropped."""
    name, equals, value = text.lstrip("=").partition("=")
    value = value.lstrip("=")
    return [name, value] if equals and value else [name]


def _properties(text: str, separator: str, table: tuple[tuple[str, str], ...]) -> dict[str, str]:
    found = {}
    for one in text.split(separator):
        pair = _pair(one)
        if len(pair) == 2:
            found[_fold(pair[0])] = _unescape(pair[1], table)
    return found


def _info(text: str) -> tuple[str, str]:
    """Cut ``name properties`` at the first space. A space in front leaves an empty name, which is no command."""
    name, space, rest = text.partition(" ")
    return name, rest if space else ""


def parse_new(line: str, names: Iterable[str] = COMMANDS) -> Command | None:
    """``::name key=value,key=value::data`` at the start of a line, after blanks (TryParseV2)."""
    line = line.lstrip(BLANKS)
    end = line.find("::", 2)
    if not line.startswith("::") or end < 0:
        return None
    name, rest = _info(line[2:end])
    if not _registered(name, names):
        return None
    return Command(name, _properties(rest.strip(BLANKS), ",", _PROPERTY), _unescape(line[end + 2 :], _DATA))


def parse_old(line: str, names: Iterable[str] = COMMANDS) -> Command | None:
    """``##[name key=value;key=value]data`` anywhere in a line; only the first ``##[`` counts (TryParse)."""
    start = line.find("##[")
    end = line.find("]", start)
    if start < 0 or end < 0:
        return None
    name, rest = _info(line[start + 3 : end])
    if not _registered(name, names):
        return None
    return Command(name, _properties(rest, ";", _OLD), _unescape(line[end + 1 :], _OLD))


def parse(line: str, names: Iterable[str] = COMMANDS) -> Command | None:
    """Answer the command in one line of output, or None: the new form first, then the old (TryProcessCommand)."""
    return parse_new(line, names) or parse_old(line, names)


def weightless(char: str) -> bool:
    """Nothing to a comparison by culture: formats, controls that are not blank, joiners and variation selectors."""
    if char in BLANKS:
        return False
    code = ord(char)
    return (
        unicodedata.category(char) in ("Cf", "Cc")
        or code == 0x034F
        or code in (0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0)
        or 0x180B <= code <= 0x180F
        or 0xFE00 <= code <= 0xFE0F
        or 0xE0000 <= code <= 0xE0FFF
    )


def may_be_command(line: str, names: Iterable[str] = COMMANDS) -> bool:
    """Answer whether some reading of ``line`` finds a command: more than the runner takes, never less.

    Every ``##[`` counts, not only the first; weightless characters count for nothing; case is folded as Unicode folds
    it; anything that Python or .NET calls blank is trimmed; a line ends at every break that Unicode knows. Fullwidth
    ``：`` and ``＃`` are other characters than ``:`` and ``#`` in either reading (they differ in weight).
    """
    bare = "".join(char for char in line if not weightless(char))
    known = "|".join(sorted((re.escape(one) for one in names), key=len, reverse=True))
    return any(
        re.search(
            rf"\A\s*::(?:{known})(?: .*?)?::|##\[(?:{known})(?: [^\]]*)?\]",
            reading,
            re.IGNORECASE | re.DOTALL,
        )
        for text in (line, bare)
        for reading in (text, *text.splitlines())
    )


def lines(output: bytes) -> list[str]:
    """Cut what a process wrote into lines as the runner does: at CR, LF, CRLF; a byte order mark in front is dropped.

    Bytes that are no UTF-8 become U+FFFD. VT, FF, U+0085, U+2028 and U+2029 end no line.
    """
    text = output.removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace")
    found = re.split(r"\r\n|\r|\n", text)
    return found[:-1] if found[-1] == "" else found


class Runner:
    """The state that spans lines: reads a step's output, and keeps what a runner would do with it.

    ``commands`` are those in effect, ``log`` the lines that are only shown (commands that came while commands were
    stopped among them), ``masks`` what is hidden from then on, ``errors`` what makes the step fail.
    """

    def __init__(self) -> None:
        self.names = set(COMMANDS)
        self.token: str | None = None
        self.commands: list[Command] = []
        self.log: list[str] = []
        self.masks: list[str] = []
        self.errors: list[str] = []

    def feed(self, output: bytes) -> None:
        """Read the whole output of one process."""
        for line in lines(output):
            self.line(line)

    def line(self, line: str) -> bool:
        """Read one line; answers whether it was taken as a command."""
        command = parse(line, self.names)
        if command is None:
            self.log.append(line)
            return False
        if self.token is not None:
            if _fold(command.name) != _fold(self.token):
                self.log.append(line)
                return False
            self.names.discard(self.token)
            self.token = None
            return True
        self.commands.append(command)
        if _fold(command.name) == "STOP-COMMANDS":
            self._stop(command.data)
        elif _fold(command.name) == "ADD-MASK":
            self._mask(command.data)
        elif _fold(command.name) in ("SET-ENV", "ADD-PATH"):
            self.errors.append(f"{command.name} is disabled")
        return True

    def _stop(self, token: str) -> None:
        if not token or _registered(token, self.names) or _fold(token) == "PAUSE-LOGGING":
            self.errors.append(f"no token to stop with: {token!r}")
            return
        self.token = token
        self.names.add(token)
        if len(token) > 6:
            self.masks.append(token)

    def _mask(self, value: str) -> None:
        if value.strip(BLANKS):
            self.masks.append(value)
            self.masks += [one.strip(BLANKS) for one in re.split(r"[\r\n]", value) if one.strip(BLANKS)]


class FileInvalid(ValueError):
    """The runner fails the step over this file of commands."""


def pairs(content: bytes) -> list[tuple[str, str]]:
    """Read a file behind GITHUB_OUTPUT or GITHUB_ENV on Linux and macOS (EnvFileKeyValuePairs).

    ``NAME=VALUE``, or ``NAME<<MARK``, lines and ``MARK``: whichever of ``=`` and ``<<`` comes first. Only LF ends a
    line (CR stays in the value; on Windows CRLF ends one too), empty lines between are passed over, nothing is trimmed.

    Raises:
        FileInvalid: neither form, an empty name or mark before ``<<``, or no line that is the mark.
    """
    text = content.removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace")
    return list(_pairs(iter(text.split("\n")), text.endswith("\n")))


def _pairs(rows: Iterator[str], whole: bool) -> Iterator[tuple[str, str]]:
    for row in rows:
        if not row:
            continue
        equals, heredoc = row.find("="), row.find("<<")
        if equals >= 0 and (heredoc < 0 or equals < heredoc):
            name, _, value = row.partition("=")
            yield name, value
        elif heredoc >= 0:
            name, _, mark = row.partition("<<")
            if not name or not mark:
                raise FileInvalid(f"{row!r}: neither name nor mark may be empty")
            yield name, _until(mark, rows, whole)
        else:
            raise FileInvalid(f"{row!r} is neither NAME=VALUE nor NAME<<MARK")


def _until(mark: str, rows: Iterator[str], whole: bool) -> str:
    value = []
    for row in rows:
        if row == mark:
            return "\n".join(value)
        value.append(row)
    raise FileInvalid(f"no line is {mark!r}" if whole else f"no line is {mark!r}; the last has no line end")


def summary(content: bytes) -> str | None:
    """Answer what of a GITHUB_STEP_SUMMARY file is shown; None where it is empty.

    Raises:
        FileInvalid: it is larger than the limit; then nothing is shown.
    """
    if len(content) > SUMMARY_LIMIT:
        raise FileInvalid(f"{len(content)} bytes; at most {SUMMARY_LIMIT}")
    return content.removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace") or None
