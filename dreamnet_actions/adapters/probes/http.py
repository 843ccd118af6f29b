"""HTTP/1.1 without input or output: where an address points, the bytes of a request, and a reader of answers.

Strict in what it takes for an answer, tolerant of how a server breaks lines; whatever bytes come, the one error is
``Malformed``. Redirects are not followed and nothing compressed is asked for: a check sees what the server says.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

HEAD_LIMIT = 64 * 1024
"""The most bytes that status line and headers may have."""
BODY_LIMIT = 64 * 1024
"""The most bytes of a body that are looked at."""
_INTERIM_LIMIT = 16
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})(?: ([^\r\n]*))?")
_CHUNK_SIZE = re.compile(rb"([0-9a-fA-F]{1,15})[ \t]*(?:;.*)?")
_DIGITS = re.compile(r"[0-9]{1,18}")
_CHARSETS = {
    "utf-8": "utf-8", "utf8": "utf-8", "us-ascii": "utf-8", "ascii": "utf-8", "iso-8859-1": "latin-1",
    "latin1": "latin-1", "windows-1252": "cp1252", "utf-16": "utf-16", "utf-16le": "utf-16-le", "utf-16be": "utf-16-be",
}  # fmt: skip
"""The character sets that are known; a server may not choose among all of Python's codecs."""


class Malformed(ValueError):
    """What came is no HTTP answer; the text says why, for the end of a sentence."""


class Broken(Malformed):
    """The answer ended before it was complete."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a URL points: ``host`` (ASCII, no brackets) and ``port`` to connect to, and the request's own parts."""

    secure: bool
    host: str
    port: int
    authority: str
    path: str
    authorization: str | None

    @classmethod
    def parse(cls, url: str) -> Target:
        """Read an ``http://`` or ``https://`` address. Raises ValueError that says what is wrong with it."""
        parts = urlsplit(url)
        if parts.scheme.lower() not in ("http", "https"):
            raise ValueError("it begins with neither http:// nor https://")
        secure = parts.scheme.lower() == "https"
        host = ascii_host(parts.hostname or "")
        port = parts.port if parts.port is not None else (443 if secure else 80)
        shown = f"[{host.partition('%')[0]}]" if ":" in host else host
        path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=-._~")
        if parts.query:
            path += "?" + quote(parts.query, safe="/?%:@!$&'()*+,;=-._~")
        authorization = None
        if "@" in parts.netloc:
            user, _, password = parts.netloc.rpartition("@")[0].partition(":")
            pair = f"{unquote(user)}:{unquote(password)}".encode()
            authorization = "Basic " + base64.b64encode(pair).decode("ascii")
        usual = port == (443 if secure else 80)
        return cls(secure, host, port, shown if usual else f"{shown}:{port}", path, authorization)


def ascii_host(host: str) -> str:
    """Answer a host's name as it goes over the wire (IDNA). Raises ValueError for what cannot be one."""
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError as error:
            raise ValueError("its host is no valid name") from error
    if not re.fullmatch(r"[A-Za-z0-9_:%.\-]+", host) or host.startswith("."):
        raise ValueError("its host is no valid name")
    return host


def place_of(text: str) -> tuple[str, int]:
    """Read ``host:port`` (``[::1]:443`` for IPv6). Raises ValueError that says what is wrong with it."""
    host, colon, port = text.strip().rpartition(":")
    if not colon or not _DIGITS.fullmatch(port) or not 0 < int(port) < 65536:
        raise ValueError("it has no port between 1 and 65535 at its end, as in 'db.example:5432'")
    return ascii_host(host.removeprefix("[").removesuffix("]")), int(port)


def request_for(target: Target, method: str) -> bytes:
    """Answer the bytes that ask for ``target``."""
    lines = [
        f"{method} {target.path} HTTP/1.1",
        f"Host: {target.authority}",
        "User-Agent: dreamnet-probe/1",
        "Accept: */*",
        "Accept-Encoding: identity",
        "Connection: close",
    ]
    if target.authorization:
        lines.append(f"Authorization: {target.authorization}")
    return "\r\n".join([*lines, "", ""]).encode("ascii")


class AnswerReader:
    """Takes an answer's bytes as they come.

    With ``want_body`` it is done when the body is complete or ``BODY_LIMIT`` bytes of it are there, else at the end
    of the headers. ``feed`` raises Malformed.
    """

    def __init__(self, *, method: str = "GET", want_body: bool = False) -> None:
        self._want_body = want_body and method != "HEAD"
        self._raw = bytearray()
        self._searched = 0
        self._interim = 0
        self._left: int | None = None
        self._chunked = False
        self._in_body = False
        self._until_closed = False
        self.done = False
        self.status = 0
        self.reason = ""
        self.headers: dict[str, str] = {}
        self.body = bytearray()

    def feed(self, data: bytes) -> bool:
        """Take more bytes; answers whether the answer is complete as far as it is wanted."""
        self._raw += data
        while not self.done and not self._in_body and self._take_head():
            pass
        if self._in_body and not self.done:
            self._take_body()
        return self.done

    def end(self) -> None:
        """Take note that the server closed. Raises Malformed where that came too soon."""
        if self.done:
            return
        if self._in_body and self._until_closed:
            self.done = True
        elif self._in_body:
            raise Broken(f"broke off after {len(self.body)} bytes of its body")
        elif self._raw or self._interim:
            raise Broken("broke off within its headers")
        else:
            raise Broken("ended without a byte")

    @property
    def text(self) -> str:
        """The body as text, in the character set that the headers tell, else UTF-8."""
        found = re.search(r"charset=\"?([\w\-]+)", self.headers.get("content-type", ""), re.IGNORECASE)
        name = _CHARSETS.get(found[1].lower(), "utf-8") if found else "utf-8"
        return self.body.decode(name, "replace")

    # ── inside ──────────────────────────────────────────────────────────────────────────────────────────

    def _take_head(self) -> bool:
        """Take one head if it is there; answers whether another may follow it (after an interim answer)."""
        if len(self._raw) >= 5 and not self._raw.startswith(b"HTTP/"):
            raise Malformed("is no HTTP")
        found = _HEAD_END.search(self._raw, max(0, self._searched - 3))
        if found is None or found.start() > HEAD_LIMIT:
            if len(self._raw) > HEAD_LIMIT:
                raise Malformed(f"has more than {HEAD_LIMIT // 1024} KiB of headers")
            self._searched = len(self._raw)
            return False
        head = bytes(self._raw[: found.start()])
        del self._raw[: found.end()]
        self._searched = 0
        first, *rest = re.split(rb"\r?\n", head)
        line = _STATUS_LINE.fullmatch(first)
        if line is None:
            raise Malformed("is no HTTP")
        status = int(line[1])
        if 100 <= status < 200 and status != 101:
            self._interim += 1
            if self._interim > _INTERIM_LIMIT:
                raise Malformed(f"has more than {_INTERIM_LIMIT} interim answers")
            return True
        self.status, self.reason = status, (line[2] or b"").decode("latin-1")
        for one in rest:
            name, colon, value = one.partition(b":")
            if colon and name and not name[:1].isspace():  # else folded or hostile: not worth a failure
                key = name.decode("latin-1").lower()
                text = value.strip().decode("latin-1")
                self.headers[key] = f"{self.headers[key]}, {text}" if key in self.headers else text
        self._begin_body()
        return False

    def _begin_body(self) -> None:
        if not self._want_body or self.status in (101, 204, 304):
            self.done = True
            return
        self._in_body = True
        coding = self.headers.get("transfer-encoding", "").lower()
        length = self.headers.get("content-length")
        if coding:
            self._chunked = coding.rpartition(",")[2].strip() == "chunked"
            self._until_closed = not self._chunked
        elif length is not None:
            lengths = {one.strip() for one in length.split(",")}
            if len(lengths) != 1 or not _DIGITS.fullmatch(one := lengths.pop()):
                raise Malformed("has no plain Content-Length")
            self._left = int(one)
        else:
            self._until_closed = True

    def _take_body(self) -> None:
        if self._chunked:
            while not self.done and self._take_chunk():
                pass
        else:
            take = len(self._raw) if self._left is None else min(self._left, len(self._raw))
            self.body += self._raw[:take]
            del self._raw[:take]
            if self._left is not None:
                self._left -= take
                self.done = self._left == 0
        if len(self.body) >= BODY_LIMIT:
            del self.body[BODY_LIMIT:]
            self.done = True

    def _take_chunk(self) -> bool:
        """Take a chunk's size line or some of its bytes; answers whether there may be more to take."""
        if self._left is None:
            end = self._raw.find(b"\n", 0, 4096)
            if end < 0:
                if len(self._raw) >= 4096:
                    raise Malformed("has a chunk without a plain size")
                return False
            line = bytes(self._raw[:end]).rstrip(b"\r")
            found = _CHUNK_SIZE.fullmatch(line)
            if found is None:
                raise Malformed("has a chunk without a plain size")
            del self._raw[: end + 1]
            self._left = int(found[1], 16)
            if self._left == 0:
                self.done = True  # trailers tell a check nothing
            return True
        take = min(self._left, len(self._raw), BODY_LIMIT - len(self.body))
        self.body += self._raw[:take]
        del self._raw[:take]
        self._left -= take
        if len(self.body) >= BODY_LIMIT:
            self.done = True
            return False
        if self._left:
            return False
        # The line end behind the chunk's bytes.
        if self._raw[:2] == b"\r\n":
            del self._raw[:2]
        elif self._raw[:1] == b"\n":
            del self._raw[:1]
        elif len(self._raw) < 2 and bytes(self._raw) in (b"", b"\r"):
            return False
        else:
            raise Malformed("has a chunk longer than its size")
        self._left = None
        return True
