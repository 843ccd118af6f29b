"""What the configuration says of how values must be: the rule of one name, and the lints that are passed over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from dreamnet_actions.domain.spec.forms import Pattern, ValueName, matching
from dreamnet_actions.domain.spec.values import STRICT, Ge, Le, Len, Seconds, Written

Form = Literal[
    "text", "integer", "number", "boolean", "url", "json", "email", "uuid", "duration", "timestamp",
    "host", "host-port", "port", "ip", "hex", "base64", "base64url", "certificate", "private-key", "jwt",
]  # fmt: skip
"""What a value can be."""
LintName = Literal[
    "placeholder", "private-key-in-public", "secret-in-public", "shared-secret", "white-space", "line-end", "quotes",
    "base64", "empty", "crlf", "bom",
]  # fmt: skip
"""What is looked at in every value without being asked for."""

Scheme = Annotated[
    str,
    Written(
        matching(r"[a-z][a-z0-9+.-]*", "is no URL's scheme; write it in small letters, as in 'postgres'"),
        r"^[a-z][a-z0-9+.\-]*$",
        "postgres",
    ),
]
"""What stands before ``:`` in a URL."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What one name's value must be like. ``PORT: integer`` is short for ``PORT: {type: integer}``."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    type_: Form = "text"
    """What it is. ``boolean`` is ``true`` or ``false``; ``duration`` a number with a unit (``1m30s``); ``certificate``
    one or more X.509 certificates in PEM, ``private-key`` one key in PEM, ``jwt`` a JSON Web Token (its signature is
    not looked at)."""
    schemes: tuple[Scheme, ...] = ()
    """With ``type: url``: the schemes that it may have. None given: any."""
    min: float | None = None
    """With ``integer``, ``number`` or ``port``: the least that it may be."""
    max: float | None = None
    """With ``integer``, ``number`` or ``port``: the most that it may be."""
    min_length: Annotated[int, Ge(0), Le(1_048_576)] | None = None
    """The fewest characters that it may have."""
    max_length: Annotated[int, Ge(0), Le(1_048_576)] | None = None
    """The most characters that it may have."""
    pattern: Pattern | None = None
    """A regular expression that the whole value must match."""
    allowed: Annotated[tuple[str, ...], Len(0, 1000)] = ()
    """The values that it may have. None given: any. They are in this file for all to read: no secrets."""
    required: bool = False
    """Whether it must be there and not be empty, as with ``require`` of the entry."""
    optional: bool = False
    """Whether it may be missing. Else a rule for a name that is not there is a mistake."""
    requires: tuple[ValueName, ...] = ()
    """Names that must be there and not be empty where this one is."""
    equal: ValueName | None = None
    """A name whose value must be the same."""
    different: ValueName | None = None
    """A name whose value must be another one."""
    expires_after: Seconds | None = None
    """With ``certificate`` or ``jwt``: how long it must still be valid. One that has expired is always refused."""


@dataclass(frozen=True, kw_only=True)
class Accept:
    """One lint that an entry's values may set off, and why."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    lint: LintName
    """The lint, as it is called where it complains."""
    names: tuple[ValueName, ...] = ()
    """The names that it is passed over for. None given: all of the entry."""
    why: Annotated[str, Len(1, 500)]
    """The reason, for whoever reads this file next."""
