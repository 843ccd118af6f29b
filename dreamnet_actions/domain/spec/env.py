"""What the configuration says of values that are kept in step: where from, which, under which names, where to.

The meanings are those of External Secrets Operator where it has the same
(https://external-secrets.io/latest/api/externalsecret/).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from dreamnet_actions.domain.decoding import mistakes_in, variables_of
from dreamnet_actions.domain.spec.forms import Label, Pattern, ValueName
from dreamnet_actions.domain.spec.validation import Accept, Rule
from dreamnet_actions.domain.spec.values import STRICT, Len, Written, shown

_REFERENCE = r"[^@#\s][^@#]*(@[A-Za-z0-9_-]+)?(#.+)?"


def _reference(value: object) -> str:
    if isinstance(value, str) and re.fullmatch(_REFERENCE, value):
        return value
    raise ValueError(
        f"{shown(value)} names no value; write NAME, NAME@VERSION, and #PATH behind it for a part of a JSON value"
    )


def _template(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{shown(value)} is no template; write a text with {{{{ NAME }}}} in it")
    if wrong := mistakes_in(value):
        raise ValueError(f"{shown(value)} is no template: {', and '.join(wrong)}")
    if not variables_of(value):
        raise ValueError(f"{shown(value)} uses no value; write {{{{ NAME }}}} where one goes")
    return value


Reference = Annotated[str, Written(_reference, f"^{_REFERENCE}$", "db-url@latest")]
"""A value of a source: ``NAME``, ``NAME@VERSION``, and ``#PATH`` behind it for a part of a JSON value."""
Template = Annotated[
    str, Written(_template, r"^[\s\S]*\{\{[\s\S]*$", "postgres://app:{{ PASSWORD | urlencode }}@db/app")
]
"""A text with the values of other names in it."""


@dataclass(frozen=True)
class Chosen:
    """One adapter that the file chose: its ``kind`` (the key) and that kind's options (a model of its family)."""

    kind: str
    options: Any


@dataclass(frozen=True, kw_only=True)
class Find:
    """Which values of a source are taken by what they are called; both keys given: those that fit both."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    name: Pattern | None = None
    """A regular expression that is found anywhere in the name."""
    labels: dict[str, str] = field(default_factory=dict)
    """Labels that they carry at the source, each with its value."""


@dataclass(frozen=True, kw_only=True)
class Rename:
    """One rule for names that are found or extracted."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    match: Pattern
    """What is replaced in a name, wherever it is found."""
    to: Annotated[str, Len(0, 256)]
    r"""What stands there instead; ``\1`` is the first group of ``match``."""


@dataclass(frozen=True, kw_only=True)
class EnvEntry:
    """One set of values that is kept in step, from a source to where services read it."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    from_: Chosen
    """The source: one key, its kind (``dotenv``), with that kind's options."""
    to: Annotated[tuple[Chosen, ...], Len(1, 50)]
    """The sinks: each one key, its kind (``process``, ``dotenv``), with that kind's options."""
    keys: dict[ValueName, Reference] = field(default_factory=dict)
    """Names to write, each with what to read: ``NAME``, ``NAME@VERSION``, and ``#PATH`` behind it for a part of a value
    that is JSON (``db@3#users.0.password``; a key that holds dots itself goes first). With no ``keys``, ``extract``
    and ``find`` every name of the source is written. A name has to be one that every sink of the entry can hold:
    ``tls.crt`` goes to Kubernetes only, GitHub takes capitals."""
    extract: tuple[Reference, ...] = ()
    """Values that are JSON objects, of which each key becomes a name of its own."""
    find: Find | None = None
    """Values that are taken by what they are called."""
    rename: Annotated[tuple[Rename, ...], Len(0, 20)] = ()
    """Rules for the names that are found or extracted (or of the whole source), one after the other."""
    names: Literal["keep", "convert", "upper"] = "keep"
    """What such names are made of. ``convert``: each character other than a letter, digit or ``_`` becomes ``_``, and a
    digit in front gets one before it. ``upper``: that, in capitals. Two that become one are an error."""
    decode: dict[ValueName, Literal["base64", "base64url", "auto"]] = field(default_factory=dict)
    """Names whose values are decoded before they are written; ``auto`` leaves alone what is not encoded."""
    templates: dict[ValueName, Template] = field(default_factory=dict)
    """Names whose values are made of others of this entry: ``postgres://{{ USER | urlencode }}@db/app``. Behind ``|``:
    ``urlencode``, ``base64``, ``json``, ``trim``, ``upper``, ``lower``."""
    only_for_templates: tuple[ValueName, ...] = ()
    """Names that templates use and that are not written themselves."""
    nul: Literal["refuse", "keep"] = "refuse"
    """Whether a value may hold a NUL, where its sink can hold one."""
    drift: Literal["repair", "report"] = "repair"
    """What becomes of a value that somebody changed by hand where it was written. ``repair``: it is written again.
    ``report``: it is told of and stays, until something else is written there, which brings all in step."""
    deletion: Literal["retain", "delete", "merge"] = "retain"
    """What becomes of what was written once the source has none of it any more. ``retain``: it stays. ``delete``: the
    sink's object is deleted. ``merge``: our names are taken out of it. A name that is missing among others is always
    taken out."""
    require: tuple[ValueName, ...] = ()
    """Names that must be present and not empty, or nothing is written."""
    rules: dict[ValueName, Rule] = field(default_factory=dict)
    """What values must be like, by name, or nothing is written: what they are (``PORT: integer``), or a mapping."""
    one_of: Annotated[tuple[Annotated[tuple[ValueName, ...], Len(2, 20)], ...], Len(0, 50)] = ()
    """Groups of names of which exactly one must be there and not be empty."""
    strict: bool = False
    """Whether names are refused that stand in none of ``keys``, ``templates``, ``rules``, ``require``, ``one-of``."""
    environment: Label | None = None
    """The environment that the values are for (``production``). A secret that two environments share is told of. Left
    out: what the entry's own name says (``app-staging``)."""
    probe: dict[ValueName, Literal["connect", "answers"]] = field(default_factory=dict)
    """Names whose values are addresses that are tried before they are written, from where DreamNet runs. ``connect``:
    what it points to accepts a connection (TLS where the scheme says so). ``answers``: a GET is answered with a status
    of 200 to 399. User and password are not sent."""
    accept: Annotated[tuple[Accept, ...], Len(0, 100)] = ()
    """Lints that are passed over, each with its reason."""
