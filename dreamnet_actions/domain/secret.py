"""Secret values and the plan of a sync: which names change, never what they hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from dreamnet_actions.errors import Conflict

MASK = "***"
SHORTEST = 4
"""Characters of the shortest form that is masked: shorter ones would blot out ordinary text."""
LATEST = "latest"
"""The version that means the current one."""
_URL_SAFE = str.maketrans("+/", "-_")


class SecretValue:
    """A value that nobody may see: prints as ``***`` everywhere. ``reveal()`` and ``raw()`` are the ways to it.

    It holds text or any bytes: those that are no UTF-8 stand in its text as lone surrogates (PEP 383), so that one
    value is one text, and ``raw()`` answers exactly the bytes that it was made of.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    @classmethod
    def of(cls, data: bytes) -> SecretValue:
        """Make a value of bytes, text or not."""
        return cls(data.decode("utf-8", "surrogateescape"))

    def reveal(self) -> str:
        """Answer the text itself, for the sink that it is meant for."""
        return self._text

    def raw(self) -> bytes:
        """Answer the value's bytes: its text in UTF-8, or what it was made of."""
        try:
            return self._text.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:  # surrogates that stand for no byte: JSON can hold such text
            return self._text.encode("utf-8", "surrogatepass")

    @property
    def is_text(self) -> bool:
        """Whether the value is text that UTF-8 can hold."""
        return re.search("[\ud800-\udfff]", self._text) is None

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretValue) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __reduce__(self) -> Any:
        raise TypeError("a SecretValue is not pickled")

    def forms(self) -> frozenset[str]:
        """Answer the texts under which it could show up in a log: itself, its lines, and what encodings make of it.

        Those are base64 (both alphabets, at any place of a longer text), hexadecimal, URL, HTML, JSON and Python's.
        Forms shorter than ``SHORTEST`` are left out.
        """
        import base64  # late, as all four: only who masks a value needs them
        import html
        import json
        import urllib.parse

        text = self._text
        raw = self.raw()
        found = {text, text.strip(), *text.splitlines(), raw.hex(), raw.hex().upper()}
        found |= {urllib.parse.quote(raw, safe=safe) for safe in ("", "/")} | {urllib.parse.quote_plus(raw)}
        found |= {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], repr(text)[1:-1]}
        found |= {html.escape(text), html.escape(text, quote=False)}
        for shift in range(3):
            # Only the characters that depend on this text alone: 6 bits each, without those shared with a neighbour.
            encoded = base64.b64encode(b"\0" * shift + raw).decode()
            own = encoded[(0, 2, 3)[shift] : 8 * (shift + len(raw)) // 6]
            found |= {own, own.translate(_URL_SAFE)}
        found |= {re.sub("(?:%[0-9A-F]{2})+", lambda octets: octets[0].lower(), form) for form in found}
        return frozenset(form for form in found if len(form) >= SHORTEST)


@dataclass(frozen=True, order=True, slots=True)
class Ref:
    """A value of a source by name, at a version; ``latest`` is the current one."""

    name: str
    version: str = LATEST

    def __str__(self) -> str:
        return self.name if self.version == LATEST else f"{self.name}@{self.version}"


@dataclass(frozen=True, kw_only=True)
class Versioned:
    """A secret as a source gave it: its value and the version that the source calls it by."""

    value: SecretValue
    version: str


Effect = Literal["added", "updated", "removed", "emptied", "unchanged"]


@dataclass(frozen=True, kw_only=True)
class KeyPlan:
    """What a sync does to one name in one sink. Versions are the source's names for the values."""

    name: str
    effect: Effect
    from_version: str | None = None
    to_version: str | None = None


@dataclass(frozen=True, kw_only=True)
class SinkState:
    """What a sink holds of ours: versions by name, the id of the whole set, and that of the set before it.

    ``drifted`` are names whose stored value is no longer the one that we wrote (somebody's hand). ``key`` is one that
    it keeps beside what it holds, where only those read it who may read the values; empty: it keeps none.
    """

    versions: Mapping[str, str] = field(default_factory=dict)
    revision: str | None = None
    former: str | None = None
    drifted: frozenset[str] = frozenset()
    key: bytes = field(default=b"", repr=False)


def plan_keys(
    wanted: Mapping[str, str], state: SinkState, empty: Collection[str] = ()
) -> tuple[KeyPlan, ...]:
    """Compare what a sink should hold with what it holds of ours; names in order. Pure.

    ``wanted`` are versions by name, ``empty`` the names among them whose new value is known to be empty.
    """
    plans = []
    for name in sorted({*wanted, *state.versions}):
        has, wants = state.versions.get(name), wanted.get(name)
        effect: Effect
        if wants is None:
            effect = "removed"
        elif has is None:
            effect = "added"
        elif has == wants and name not in state.drifted:
            effect = "unchanged"
        else:
            effect = "emptied" if name in empty else "updated"
        plans.append(KeyPlan(name=name, effect=effect, from_version=has, to_version=wants))
    return tuple(plans)


def with_kept(
    values: Mapping[str, Versioned],
    keep: Mapping[str, str] | None,
    held: Callable[[], Mapping[str, SecretValue]],
    where: str,
) -> dict[str, Versioned]:
    """Answer ``values``, and for each name of ``keep`` the value that is held, at the version that ``keep`` gives.

    Raises Conflict where one is not held any more; ``where`` names the place.
    """
    if not keep:
        return dict(values)
    found = held()
    if keep.keys() - found.keys():
        raise Conflict(f"What {where} holds")
    return {**{name: Versioned(value=found[name], version=keep[name]) for name in keep}, **values}
