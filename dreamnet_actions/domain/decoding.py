"""What is made of one secret value: a part of its JSON, its decoded form, a text with values in it. Pure.

Nothing here says a value: an Undecodable names the way, never what was found on it.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any

from dreamnet_actions.domain.secret import SecretValue

_PLACE = re.compile(r"\{\{\s*([-._A-Za-z0-9]+)\s*((?:\|\s*[a-z0-9]+\s*)*)\}\}")
_DEEPEST = 64


class Undecodable(ValueError):
    """A value is not what was asked of it; the text says what, for people, and holds nothing of the value."""


def part_of(value: SecretValue, path: str) -> SecretValue:
    """Answer the part of a JSON value that ``path`` names: a text as it stands, anything else as compact JSON.

    Parts of a path stand between dots; numbers count in lists. Where an object has the rest of the path as a key of its
    own, dots and all, that is the one that is meant (as gjson's escapes spare: External Secrets Operator does the
    same). Raises Undecodable.
    """
    return _value(_at(_json(value), path, path))


def parts_of(value: SecretValue, path: str | None) -> dict[str, SecretValue]:
    """Answer every key of the JSON object that ``path`` names (None: the whole value). Raises Undecodable."""
    found = _json(value)
    if path is not None:
        found = _at(found, path, path)
    if not isinstance(found, dict):
        raise Undecodable(f"it is a JSON {_kind(found)}, and only an object has keys to take")
    return {key: _value(one) for key, one in found.items()}


def decoded(value: SecretValue, how: str) -> SecretValue:
    """Decode ``base64`` (RFC 4648, 4), ``base64url`` (5), padding optional, line ends allowed; ``auto`` leaves alone
    what is neither. Raises Undecodable."""
    text = re.sub(r"[\r\n]", "", value.reveal())
    ways = ("base64", "base64url") if how == "auto" else (how,)
    for way in ways:
        if (data := _unbased(text, url=way == "base64url")) is not None:
            return SecretValue.of(data)
    if how == "auto":
        return value
    raise Undecodable(f"it is no {how}")


def variables_of(template: str) -> list[str]:
    """Answer the names that a template uses, in order, each once."""
    return list(dict.fromkeys(found[1] for found in _PLACE.finditer(template)))


def mistakes_in(template: str) -> list[str]:
    """Answer what is wrong with a template's own text, for the ends of sentences."""
    rest = _PLACE.sub("", template)
    found = [f"it has a {one!r} that belongs to no {{{{ NAME }}}}" for one in ("{{", "}}") if one in rest]
    filters = {name for place in _PLACE.finditer(template) for name in _filters(place[2])}
    known = ", ".join(FILTERS)
    return found + [
        f"it has an unknown filter {one!r}; there are {known}" for one in sorted(filters - FILTERS.keys())
    ]


def rendered(template: str, values: Mapping[str, SecretValue]) -> SecretValue:
    """Answer a template's text with values in it. Raises Undecodable for one that is no text."""

    def put(place: re.Match[str]) -> str:
        value = values[place[1]]
        if not value.is_text and _filters(place[2])[:1] != ["base64"]:
            raise Undecodable(f"{place[1]} is no text, and only 'base64' can put it into one")
        for name in _filters(place[2]):
            value = FILTERS[name](value)
        return value.reveal()

    return SecretValue(_PLACE.sub(put, template))


def _text(make: Callable[[str], str]) -> Callable[[SecretValue], SecretValue]:
    return lambda value: SecretValue(make(value.reveal()))


FILTERS: Mapping[str, Callable[[SecretValue], SecretValue]] = {
    "urlencode": _text(lambda text: urllib.parse.quote(text, safe="")),
    "base64": lambda value: SecretValue(base64.b64encode(value.raw()).decode()),
    "json": _text(lambda text: json.dumps(text, ensure_ascii=False)),
    "trim": _text(str.strip),
    "upper": _text(str.upper),
    "lower": _text(str.lower),
}
"""What may stand behind ``|`` in a template."""


def _filters(text: str) -> list[str]:
    return [one.strip() for one in text.split("|") if one.strip()]


def _json(value: SecretValue) -> Any:
    try:
        return json.loads(value.reveal(), object_pairs_hook=_without_twins)
    except (ValueError, RecursionError) as error:
        # The decoder's own words quote nothing of the text, but its place tells of the value's length.
        why = str(error) if isinstance(error, Undecodable) else "it is no JSON"
        raise Undecodable(why) from None


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise Undecodable("it is a JSON object with a key twice")
    return found


def _at(tree: Any, path: str, whole: str, depth: int = 0) -> Any:
    if isinstance(tree, dict):
        if path in tree:
            return tree[path]
        # The longest key first: a key with dots in it wins over the way through several objects.
        for cut in [found.start() for found in re.finditer(r"\.", path)][::-1]:
            if path[:cut] in tree and depth < _DEEPEST:
                try:
                    return _at(tree[path[:cut]], path[cut + 1 :], whole, depth + 1)
                except Undecodable:
                    continue
    if isinstance(tree, list):
        head, dot, rest = path.partition(".")
        if head.isdigit() and len(head) < 10 and int(head) < len(tree):
            return _at(tree[int(head)], rest, whole, depth + 1) if dot else tree[int(head)]
    raise Undecodable(f"its JSON has no part {whole!r}")


def _value(part: Any) -> SecretValue:
    if isinstance(part, str):
        return SecretValue(part)
    return SecretValue(json.dumps(part, ensure_ascii=False, separators=(",", ":")))


def _kind(part: Any) -> str:
    return {str: "text", list: "list", bool: "boolean", type(None): "null"}.get(type(part), "number")


def _unbased(text: str, *, url: bool) -> bytes | None:
    """Answer what a text is the base64 of, None where it is none."""
    bare = text.rstrip("=")
    if len(text) - len(bare) > 2 or len(bare) % 4 == 1:
        return None
    padded = bare + "=" * (-len(bare) % 4)
    if len(text) != len(bare) and len(text) != len(padded):
        return None
    try:
        return base64.b64decode(padded, altchars=b"-_" if url else None, validate=True)
    except (binascii.Error, ValueError):
        return None
