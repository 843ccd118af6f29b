"""The formats of files of values, each by its reader: what it can hold, how it is written, how that is read back.

================  ======================================================================================================
``dotenv``        our own grammar (``grammar``): nothing is interpolated
``python-dotenv``  the same as ``load_dotenv()`` reads it, which puts variables for ``${NAME}`` whatever quotes stand
                  around it, and knows no way to say that it should not
``shell``         what ``.`` of a POSIX shell reads, exported: single quotes, in which everything but ``'`` stands for
                  itself (https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_02)
``docker``        what ``docker run --env-file`` reads: a line each, the value as it stands behind the first ``=``, no
                  quotes and no escapes (https://docs.docker.com/reference/cli/docker/container/run/#env)
================  ======================================================================================================
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from dreamnet_actions.adapters.files import grammar

SHELL_OWN = frozenset({
    "_", "BASHOPTS", "BASHPID", "DIRSTACK", "EPOCHREALTIME", "EPOCHSECONDS", "EUID", "FUNCNAME",
    "GROUPS", "HISTCMD", "LINENO", "OPTIND", "PIPESTATUS", "PPID", "RANDOM", "SECONDS", "SHELLOPTS", "SRANDOM", "UID",
})  # fmt: skip
"""Names that some shell sets itself, or stops at; those that begin with ``BASH_`` beside."""
DOCKER_LINE = 65_535
"""Bytes of the longest line that Docker's program takes (Go's bufio.MaxScanTokenSize, less the line end)."""
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_INTERPOLATED = re.compile(r"\$\{[^}:]*(:-[^}]*)?\}")
_SHELL = re.compile(
    r"(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)=((?:'[^']*'|\\.|[^\s'\"\\$`;&|<>()])*)[ \t]*(?:#.*)?$", re.M
)
_SHELL_PART = re.compile(r"'([^']*)'|\\(.)|([^'\\]+)")


@dataclass(frozen=True, kw_only=True)
class Format:
    """One format. ``fits`` answers why it cannot hold an entry (for the end of a sentence), or nothing."""

    name: str
    fits: Callable[[str, str], str]
    write: Callable[[Iterable[tuple[str, str]]], str]
    read: Callable[[str], Mapping[str, str]]


def _common(value: str) -> str:
    if "\0" in value:
        return "it holds a NUL character"
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return "it is no text that UTF-8 can hold"
    return ""


def _read_dotenv(text: str) -> Mapping[str, str]:
    return grammar.Reader(text, "").entries


def _fits_python_dotenv(name: str, value: str) -> str:
    if found := _INTERPOLATED.search(value):
        return (
            f"it holds '{'${'}…{'}'}' at character {found.start() + 1}, where python-dotenv puts a variable"
        )
    return grammar.fits(name, value)


def _fits_shell(name: str, value: str) -> str:
    if not _VARIABLE.fullmatch(name):
        return "its name is none that a shell has (letters, digits and '_', no digit first)"
    if name in SHELL_OWN or name.startswith("BASH_"):
        return "its name is one that shells keep for themselves"
    return _common(value)


def _write_shell(entries: Iterable[tuple[str, str]]) -> str:
    quoted = ((name, value.replace("'", "'\\''")) for name, value in entries)
    return "".join(f"export {name}='{value}'\n" for name, value in quoted)


def _read_shell(text: str) -> Mapping[str, str]:
    """Read plain assignments; what a shell would have to run is passed over."""
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        match = _SHELL.match(text, at)
        if match is None:
            end = text.find("\n", at)
            at = len(text) if end < 0 else end + 1
            continue
        parts = _SHELL_PART.findall(match[2])
        found[match[1]] = "".join("".join(part) for part in parts)
        at = match.end() + 1
    return found


def _fits_docker(name: str, value: str) -> str:
    if not grammar.NAME.fullmatch(name):
        return "its name is none that such a file can hold (letters, digits, '_', '.' and '-')"
    if "\n" in value:
        return "it has more than one line"
    if value.endswith("\r"):
        return "it ends with a carriage return, which is read as a part of the line's end"
    if len(f"{name}={value}".encode("utf-8", "surrogatepass")) > DOCKER_LINE:
        return f"its line would be longer than {DOCKER_LINE} bytes"
    return _common(value)


def _write_docker(entries: Iterable[tuple[str, str]]) -> str:
    return "".join(f"{name}={value}\n" for name, value in entries)


def _read_docker(text: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for line in text.split("\n"):
        name, equals, value = line.removesuffix("\r").lstrip().partition("=")
        if equals and grammar.NAME.fullmatch(name):
            found[name] = value
    return found


FORMATS: Mapping[str, Format] = {
    one.name: one
    for one in (
        Format(name="dotenv", fits=grammar.fits, write=grammar.write_entries, read=_read_dotenv),
        Format(
            name="python-dotenv", fits=_fits_python_dotenv, write=grammar.write_entries, read=_read_dotenv
        ),
        Format(name="shell", fits=_fits_shell, write=_write_shell, read=_read_shell),
        Format(name="docker", fits=_fits_docker, write=_write_docker, read=_read_docker),
    )
}
"""Every format by its name in the configuration."""
