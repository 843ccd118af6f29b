"""JSON as the entrances take and give it: strict on the way in, harmless on the way out.

Taken: UTF-8, one value, unique keys, finite numbers, no NUL and no half of a surrogate pair. Python's own reader
lets all of these through, and each of them has two readings somewhere down the line.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from dreamnet_actions.domain.request import MAX_BYTES
from dreamnet_actions.errors import RequestInvalid, RequestTooLarge

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+')
_ODD_TEXT = re.compile("[\x00\ud800-\udfff]")
_CONTROL = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
"""What JSON leaves as it is and a terminal may obey: DEL, the C1 controls, and marks that turn the writing around."""


class _Refused(ValueError):
    """A value that Python's reader would take and we do not."""


def read_json(data: bytes, *, limit: int = MAX_BYTES) -> Any:
    """Read one JSON value.

    Raises RequestTooLarge, and RequestInvalid naming line and column (both from 1) of the first mistake.
    """
    if len(data) > limit:
        raise RequestTooLarge(len(data), limit)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", "replace")
        raise RequestInvalid(
            [f"Byte 0x{data[error.start]:02x} {_place(before, len(before))} is not UTF-8."]
        ) from None
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_constant, parse_float=_number)
    except json.JSONDecodeError as error:
        what = f"{error.msg[:1].lower()}{error.msg[1:]}" if text.strip() else "there is nothing to read"
        raise RequestInvalid([f"This is not JSON: {what} {_place(text, error.pos)}."]) from None
    except RecursionError:
        raise RequestInvalid(["The JSON is nested too deeply to be read."]) from None
    except _Refused as error:
        raise RequestInvalid([f"{error} {_place(text, _find(text))}."]) from None
    except ValueError:  # Python's own limit on the digits of a whole number
        raise RequestInvalid(["The JSON holds a number of more than 4300 digits."]) from None
    _refuse_odd_text(value)
    return value


def write_json(value: object, *, indent: int | None = 2) -> str:
    """Write plain data as JSON that is harmless on a terminal and encodes as UTF-8, whatever is in it.

    A workflow's runner finds no command in it either: ``##[``, which counts anywhere in a line, stands in texts only,
    where JSON can write it otherwise; ``::`` counts at the start of a line only, where no JSON has it.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, indent=indent, allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(value), ensure_ascii=False, indent=indent)
    text = _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    text = text.replace("##[", "#\\u0023[")
    # JSON writes half a surrogate pair just as Python escapes it, so no second pass over the data is needed.
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def with_id(raw: Any, given: str | None, where: str) -> Any:
    """Join the id that came beside a request (``where``: ``Idempotency-Key``, ``--id``) into it.

    Raises RequestInvalid when the request has another one: guessing which was meant would make one request two.
    """
    if given is None or not isinstance(raw, Mapping):
        return raw
    if raw.get("id", given) != given:
        raise RequestInvalid([f"The request's id is {raw['id']!r:.80}, and {where} says {given!r:.80}."],
                             hint="Send one of them, or the same twice.")  # fmt: skip
    return {**raw, "id": given}


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                break
            seen.add(key)
        raise _Refused(f"The key {key!r:.80} stands twice in one object; the second")
    return found


def _constant(name: str) -> NoReturn:
    raise _Refused(f"{name} is no JSON number; it stands")


def _number(text: str) -> float:
    if math.isfinite(value := float(text)):
        return value
    raise _Refused(f"The number {text:.40} is too large; it stands")


def _find(text: str) -> int:
    """Find what made the reader refuse: the first repeated key, NaN or endless number. Only run after a refusal."""
    objects: list[set[str] | None] = []
    tokens = list(_TOKEN.finditer(text))
    for index, token in enumerate(tokens):
        word = token[0]
        if word == "{":
            objects.append(set())
        elif word == "[":
            objects.append(None)
        elif word in "}]" and objects:
            objects.pop()
        elif word.startswith('"') and index + 1 < len(tokens) and tokens[index + 1][0] == ":" and objects:
            keys, key = objects[-1], json.loads(word, strict=False)
            if keys is not None and key in keys:
                return token.start()
            if keys is not None:
                keys.add(key)
        elif word in ("NaN", "Infinity", "-Infinity") or _endless(word):
            return token.start()
    return 0


def _endless(word: str) -> bool:
    try:
        return word[0] in "-0123456789" and not math.isfinite(float(word))
    except ValueError:
        return False


def _place(text: str, index: int) -> str:
    line = text.count("\n", 0, index) + 1
    return f"at line {line}, column {index - (text.rfind(chr(10), 0, index) + 1) + 1}"


def _refuse_odd_text(value: Any) -> None:
    """Refuse NUL and half surrogate pairs: no name or sentence holds them, and no program takes them as argument."""
    waiting = [value]
    while waiting:
        node = waiting.pop()
        if isinstance(node, str):
            if found := _ODD_TEXT.search(node):
                raise RequestInvalid(
                    [f"A text holds \\u{ord(found[0]):04x}, which is no character: {node!r:.60}."]
                )
        elif isinstance(node, dict):
            waiting += [*node, *node.values()]
        elif isinstance(node, list):
            waiting += node


def _finite(value: Any) -> Any:
    """Replace numbers that JSON cannot write by null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return value
