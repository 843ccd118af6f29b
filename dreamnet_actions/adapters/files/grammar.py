r"""The grammar of dotenv files, read and written.

::

    file    = { blank | comment | entry }
    entry   = [ "export" blanks ] NAME [blanks] "=" [blanks] value [blanks comment]
    NAME    = letter or "_", then letters, digits, "_", "." or "-"
    value   = "'" text "'"          as it stands; \' and \\ are ' and \
            | '"' text '"'          \n \r \t \" \\ \$ mean what they say; may go over several lines
            | bare text             to the end of the line, or to a "#" after a blank; blanks around it are cut;
                                    begins with no quote and no "#"

Nothing is interpolated: ``$HOME`` is five characters. A name alone, without ``=``, is a mistake, and so is a
name written twice. What ``write_entry`` writes, this reader and python-dotenv read alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from dreamnet_actions.errors.configuration import Mistake

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]*")
_BLANKS = re.compile(r"[ \t\f\v]*")
_EXPORT = re.compile(r"export[ \t]+")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$", "'": "'"}
_COMMENT = re.compile(r"\s#")
_BLOCKS_END = re.compile(r"(?:-----BEGIN [^\n]*\n(?:(?!-----)[^\n]*\n)*-----END [^\n]*(?:\n|\Z))+")
"""The blocks of PEM that stand one after the other."""
_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,=\-]+")


class Reader:
    """Reads one text; ``entries`` and ``mistakes`` hold what was found."""

    def __init__(self, text: str, file: str) -> None:
        self._text = text.replace("\r\n", "\n").replace("\r", "\n")
        self._file = file
        self._at = 0
        self.entries: dict[str, str] = {}
        self.mistakes: list[Mistake] = []
        self.places: dict[str, tuple[str, int, int]] = {}
        """File, line and column of each entry."""
        self._lost = -1
        """Where the line begins that follows one that is no entry."""
        while self._at < len(self._text):
            self._read_line()

    def _read_line(self) -> None:
        self._skip(_BLANKS)
        if self._peek() in ("\n", "#", ""):
            self._to_next_line()
            return
        self._skip(_EXPORT)
        start = self._at
        found = NAME.match(self._text, start)
        if found is None:
            what = "a name is missing before '='" if self._peek() == "=" else "here no name of a value begins"
            self._mistake(start, f"{what}; write NAME=value")
            self._to_next_line()
            self._lost = self._at
            return
        name = found[0]
        self._at = found.end()
        self._skip(_BLANKS)
        # Behind a line without one, "abc==" is base64's last line rather than a name.
        rest = self._text[self._at : self._line_end()].rstrip()
        if self._peek() != "=" or (self._lost == start and rest in ("=", "==")):
            # What stands there is not said: it may be a line of a value that lacks its quotes.
            told = "this line has no '='; write NAME=value, and quotes around a value of several lines"
            self._mistake(self._at, told)
            self._to_next_line()
            self._lost = self._at
            return
        self._at += 1
        self._skip(_BLANKS)
        value = self._read_value(name)
        if name in self.entries:
            first = self.places[name][1]
            self._mistake(start, f"{name} was already given in line {first}; keep one of the two", name)
        elif value is not None:
            self.entries[name] = value
            self.places[name] = (self._file, *self._place(start))

    def _read_value(self, name: str) -> str | None:
        quote = self._peek()
        if quote not in ("'", '"'):
            start, end = self._at, self._line_end()
            bare = self._text[start:end]
            self._at = end + 1
            if bare.startswith("-----BEGIN ") and "-----END" not in bare:
                # Else its lines would be read as names, and names are shown.
                self._mistake(start, f"the value of {name} has several lines; put quotes around it", name)
                over = _BLOCKS_END.match(self._text, start)
                self._at = over.end() if over else len(self._text)
                return None
            if quote == "#":
                # Readers differ: to some it is a comment, to others the value.
                self._mistake(start, f"the value of {name} begins with '#'; put quotes around it", name)
                return None
            comment = _COMMENT.search(bare)
            return (bare[: comment.start()] if comment else bare).strip()
        start = self._at
        value = self._read_quoted(quote, name)
        if value is None:
            self._mistake(start, f"the value of {name} begins with {quote} and never ends with one", name)
            self._at = start
            self._to_next_line()
            return None
        self._skip(_BLANKS)
        if self._peek() not in ("\n", "#", ""):
            self._mistake(self._at, f"after the value of {name} only a comment may follow", name)
            value = None
        self._to_next_line()
        return value

    def _read_quoted(self, quote: str, name: str) -> str | None:
        """Read from the quote at the current place to its end; None where it has none."""
        known = _ESCAPES if quote == '"' else {"'": "'", "\\": "\\"}
        parts: list[str] = []
        at = self._at + 1
        wrong: list[int] = []
        while at < len(self._text):
            one = self._text[at]
            if one == quote:
                self._at = at + 1
                for place in wrong:
                    self._mistake(place, f"the value of {name} has an unknown escape here", name)
                return "".join(parts)
            if one == "\\" and at + 1 < len(self._text):
                following = self._text[at + 1]
                if following in known:
                    parts.append(known[following])
                elif quote == "'":
                    parts.append("\\" + following)
                else:
                    wrong.append(at)
                at += 2
                continue
            parts.append(one)
            at += 1
        return None

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _skip(self, pattern: re.Pattern[str]) -> None:
        found = pattern.match(self._text, self._at)
        if found:
            self._at = found.end()

    def _line_end(self) -> int:
        end = self._text.find("\n", self._at)
        return len(self._text) if end < 0 else end

    def _to_next_line(self) -> None:
        self._at = self._line_end() + 1

    def _place(self, at: int) -> tuple[int, int]:
        return self._text.count("\n", 0, at) + 1, at - self._text.rfind("\n", 0, at)

    def _mistake(self, at: int, message: str, path: str = "") -> None:
        line, column = self._place(at)
        self.mistakes.append(Mistake(self._file, line, column, path, message))


def fits(name: str, value: str) -> str:
    """Answer why a file cannot hold this entry (for the end of a sentence), or "" when it can."""
    if not NAME.fullmatch(name):
        return "its name is none that a dotenv file can hold (letters, digits, '_', '.' and '-')"
    if "\0" in value:
        return "it holds a NUL character"
    if value.endswith("\\") and not _bare(value):
        # Behind a backslash python-dotenv takes the closing quote for a part of the value.
        return "it ends with a backslash and needs quotes"
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return "it is no text that UTF-8 can hold"
    return ""


def _bare(value: str) -> bool:
    """Tell whether the value reads back as itself without quotes."""
    return not re.search(r"[\n\r]|\s#|^['\"#]", value) and value == value.strip()


def write_entry(name: str, value: str) -> str:
    """Write one entry (without a line end) that this grammar and python-dotenv both read as exactly ``value``."""
    if not value or _PLAIN.fullmatch(value) or value.endswith("\\"):
        return f"{name}={value}"
    if not re.search(r"[\n\r]", value):
        return f"{name}='" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'{name}="{escaped}"'


def write_entries(entries: Iterable[tuple[str, str]]) -> str:
    """Write entries, one a line."""
    return "".join(write_entry(name, value) + "\n" for name, value in entries)
