"""The forms of text that configuration fields hold: names, addresses, paths. Each is a type with its rule.

A rule takes any value, answers the text, and raises ValueError in the words of the mistake: what was written, and
what to write instead. The patterns beside them are for editors; where the two differ, the rule decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated

from dreamnet_actions.domain.keynames import VALUE
from dreamnet_actions.domain.limited import why_no_pattern
from dreamnet_actions.domain.spec.values import Written, shown

RESERVED = "self"
"""The name of this system itself in requests; nothing in the file may take it."""

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_VARIABLE = r"[A-Za-z_][A-Za-z0-9_]*"
_MESSAGE = r"[A-Za-z0-9][A-Za-z0-9._/-]*"
_PATTERN = rf"{_MESSAGE}\*?|\*[A-Za-z0-9._/-]*"
_LOGIN = r"[A-Za-z0-9](?:[A-Za-z0-9]|-(?=[A-Za-z0-9])){0,38}(?:_[A-Za-z0-9]{1,8})?"
_HOST = r"(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?)"
_PORT = r":(?P<port>[0-9]{1,5})"


def matching(pattern: str, rule: str) -> Callable[[object], str]:
    """Make the rule that a text matches ``pattern`` as a whole; ``rule`` completes the sentence of the mistake."""

    def parse(value: object) -> str:
        if isinstance(value, str) and re.fullmatch(pattern, value):
            return value
        raise ValueError(f"{shown(value)} {rule}")

    return parse


_label = matching(_LABEL, "is no name; use a-z, 0-9 and '-', at most 63, a letter or digit at both ends")


def _pattern(value: object) -> str:
    if isinstance(value, str) and value:
        if not (why := why_no_pattern(value)):
            return value
    else:
        why = "it is empty" if value == "" else "it is no text"
    raise ValueError(f"{shown(value)} is no regular expression: {why}; write one as in '^app-'")


def _free_label(value: object) -> str:
    if value == RESERVED:
        raise ValueError(f"{RESERVED!r} is reserved: it names this system itself; choose another name")
    return _label(value)


def _http_address(value: object) -> str:
    """Read ``http://host[:port][/…]``; a password in it is refused, since secrets are never in the file."""
    form = rf"https?://(?P<user>[^\s/?#]*@)?{_HOST}(?:{_PORT})?(?:[/?#]\S*)?"
    found = re.fullmatch(form, value) if isinstance(value, str) else None
    if not found or not _port_is_real(found["port"]):
        raise ValueError(f"{shown(value)} is no address; write 'http://' or 'https://', a host and a path")
    if found["user"]:
        raise ValueError("The address holds a user name or password; secrets are never in this file")
    return found.string


def _host_and_port(value: object) -> str:
    found = re.fullmatch(f"{_HOST}{_PORT}", value) if isinstance(value, str) else None
    if not found or not _port_is_real(found["port"]):
        raise ValueError(f"{shown(value)} is no address; write 'host:port', as in 'localhost:5432'")
    return found.string


def _port_is_real(port: str | None) -> bool:
    return port is None or 1 <= int(port) <= 65535


def _directory_inside(value: object) -> str:
    """Read a path below the root: not absolute, never climbing above where it starts; ``.`` is the root."""
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise ValueError(
            f"{shown(value)} is no path; write one from the configuration's root, as in 'services/web'"
        )
    if value[0] in "/~\\" or re.match(r"[A-Za-z]:", value):
        raise ValueError(f"{shown(value)} is outside the configuration's root; write a path from the root")
    depth = 0
    for part in re.split(r"[/\\]", value):
        depth += {"": 0, ".": 0, "..": -1}.get(part, 1)
        if depth < 0:
            raise ValueError(f"{shown(value)} leaves the configuration's root; take the '..' out")
    return value


def _file_inside(value: object) -> str:
    path = _directory_inside(value)
    if re.split(r"[/\\]", path)[-1] in ("", ".", ".."):
        raise ValueError(f"{shown(value)} names a folder; write a file's path, as in 'config/app.env'")
    return path


Label = Annotated[str, Written(_label, f"^{_LABEL}$", "web")]
"""A name in the form of an RFC 1123 label, so that it also names a Kubernetes object or a host."""

FreeLabel = Annotated[str, Written(_free_label, rf"^(?!{RESERVED}$){_LABEL}$", "web")]
"""A label that is not ``self``: the name of a service or platform."""

Variable = Annotated[
    str,
    Written(
        matching(_VARIABLE, "is no variable's name; use letters, digits and '_', no digit first"),
        f"^{_VARIABLE}$",
        "DATABASE_URL",
    ),
]
"""The name of an environment variable (POSIX's form, small letters too)."""

ValueName = Annotated[
    str,
    Written(
        matching(VALUE.pattern, "is no value's name; use letters, digits, '_', '-' and '.', at most 253"),
        f"^{VALUE.pattern}$",
        "tls.crt",
    ),
]
"""The name that a value is written under: a variable's, or a key of a Kubernetes object (``tls.crt``)."""

Pattern = Annotated[str, Written(_pattern, "^.+$", "^app-")]
"""A regular expression of Python's."""

Login = Annotated[
    str,
    Written(
        matching(_LOGIN, "is no login of GitHub's; write it without the '@', as in 'octocat'"),
        f"^{_LOGIN}$",
        "octocat",
    ),
]
"""A person's login at GitHub (a managed account has ``_`` and a short code at its end)."""

MessageName = Annotated[
    str,
    Written(
        matching(_MESSAGE, "is no message's name; use letters, digits and '-', '_', '.', '/'"),
        f"^{_MESSAGE}$",
        "health-check-failed",
    ),
]
"""The name of a message: what happened, in words joined by hyphens."""

MessagePattern = Annotated[
    str,
    Written(
        matching(_PATTERN, "is no message's name; a '*' may stand at one end only"),
        f"^({_PATTERN})$",
        "health-*",
    ),
]
"""The name of a message; ``*`` at one end matches any rest."""

HttpAddress = Annotated[str, Written(_http_address, r"^https?://\S+$", "https://example.com/healthz")]
"""``http://`` or ``https://``, a host, and what may follow."""

HostPort = Annotated[str, Written(_host_and_port, r"^\S+:[0-9]{1,5}$", "localhost:5432")]
"""``host:port``; an IPv6 address stands in brackets."""

UrlPath = Annotated[
    str, Written(matching(r"/\S*", "is no path; write it from '/', as in '/healthz'"), r"^/\S*$", "/healthz")
]
"""The path of an address, from its ``/``."""

DirectoryInside = Annotated[str, Written(_directory_inside, r"^[^/~\\].*$", "services/web")]
"""A folder, as a path from the configuration's root that stays below it; ``.`` is the root."""

FileInside = Annotated[str, Written(_file_inside, r"^[^/~\\].*$", "config/app.env")]
"""A file, as a path from the configuration's root that stays below it."""

Branch = Annotated[
    str,
    Written(
        matching(
            r"(?![-/.])(?!.*(?:\.\.|//|@\{))[^\s~^:?*\[\\\x00-\x20\x7f]+(?<![/.])", "is no git branch's name"
        ),
        r"^[^-/.\s][^\s~^:?*\[\\]*$",
        "main",
    ),
]
"""The name of a git branch (git-check-ref-format's main rules); one that git could read as an option is refused."""
