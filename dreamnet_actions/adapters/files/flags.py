"""FlagFile: feature flags in a file of flagd's JSON format (the port ``FlagStore``).

::

    {"flags": {"new-home": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off"}}}
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from dreamnet_actions.adapters.files.atomic import read_text, write_bytes
from dreamnet_actions.adapters.files.places import Path as Where
from dreamnet_actions.adapters.files.places import Places, parse
from dreamnet_actions.domain.flag import Flag, FlagState, flags_of
from dreamnet_actions.errors import ConfigInvalid, Mistake, NotFound, nearest

_TOP = frozenset({"$schema", "flags", "$evaluators", "metadata", "version"})
_KEYS = frozenset({"state", "variants", "defaultVariant", "targeting", "metadata", "$schema", "description"})
_STATES: tuple[FlagState, ...] = ("ENABLED", "DISABLED")


class FlagFile:
    """The flags of one file. A change touches only the value that changes: order, layout and unknown parts stay.

    With ``state_directory`` the file's content before the last change is kept there for ``undo``. ``shown`` is what
    mistakes call the file.
    """

    WRITES: ClassVar[frozenset[str]] = frozenset({"set"})

    def __init__(
        self, file: str | Path, *, state_directory: str | Path | None = None, shown: str | None = None
    ) -> None:
        self._file = Path(file)
        self._shown = shown or str(file)
        self._former: Path | None = None
        if state_directory is not None:
            place = hashlib.sha256(str(self._file.absolute()).encode("utf-8", "surrogateescape")).hexdigest()
            self._former = Path(state_directory) / f"{self._file.name}-{place[:12]}.former"

    def read(self) -> Mapping[str, Flag]:
        return self._read()[0]

    def set(self, name: str, variant: str | None = None, state: FlagState | None = None) -> Flag:
        flags, text, places = self._read()
        if name not in flags:
            raise NotFound("flag", name, flags)
        flag = flags[name]
        if variant is not None and variant not in flag.variants:
            raise NotFound(f"variant of {name}", variant, flag.variants)
        if state is not None and state not in _STATES:
            raise NotFound("state", state, _STATES)
        changes = {"defaultVariant": variant, "state": state}
        wanted = {key: value for key, value in changes.items() if value is not None}
        new = _changed(text, places, ("flags", name), wanted)
        if new != text:
            if self._former is not None:
                write_bytes(self._former, text.encode("utf-8"), mode=0o600)
            write_bytes(self._file, new.encode("utf-8"))
        return flag

    def toggle(self, name: str) -> Flag:
        """Choose the other one of a flag's two variants; answers the flag as it was. Raises NotFound."""
        flags = self.read()
        if name not in flags:
            raise NotFound("flag", name, flags)
        others = [one for one in flags[name].variants if one != flags[name].default_variant]
        if len(others) != 1:
            raise NotFound(f"other variant of {name}", "the other one", others)
        return self.set(name, variant=others[0])

    def undo(self) -> None:
        """Put the file back as it was before the last change, byte for byte; a second time undoes that."""
        if self._former is None or not self._former.exists():
            raise NotFound("former content of", self._shown)
        former, now = self._former.read_bytes(), self._file.read_bytes()
        write_bytes(self._file, former)
        write_bytes(self._former, now, mode=0o600)

    # ── inside ──────────────────────────────────────────────────────────────────────────────────────────

    def _read(self) -> tuple[dict[str, Flag], str, Places]:
        text = read_text(
            self._file,
            "The file of flags",
            hint="Create it with {\"flags\": {}}, or mend 'file' under 'flags'.",
        )
        try:
            data, places = parse(text)
        except json.JSONDecodeError as error:
            raise ConfigInvalid([Mistake(self._shown, error.lineno, error.colno, "", error.msg)]) from error
        except RecursionError as error:
            raise ConfigInvalid([Mistake(self._shown, 1, 1, "", "nested too deep")]) from error
        found = [
            Mistake(self._shown, *places.line_and_column(at), _dotted(path), f"{path[-1]!r} is there twice")
            for path, at in places.twice
        ]
        found += [
            Mistake(self._shown, *places.of(path), _dotted(path), message)
            for path, message in _mistakes(data)
        ]
        if found:
            raise ConfigInvalid(found)
        return flags_of(data), text, places


def _mistakes(data: Any) -> Iterable[tuple[Where, str]]:
    if not isinstance(data, dict):
        yield (), 'a file of flags is an object, as in {"flags": {}}'
        return
    for key in data.keys() - _TOP:
        yield (key,), _unknown(key, _TOP)
    if not isinstance(data.get("flags"), dict):
        yield ("flags",), "'flags' must be an object of flags by name"
        return
    for name, flag in data["flags"].items():
        where: Where = ("flags", name)
        if not isinstance(flag, dict):
            yield where, "a flag is an object with 'state', 'variants' and 'defaultVariant'"
            continue
        for key in flag.keys() - _KEYS:
            yield (*where, key), _unknown(key, _KEYS)
        if flag.get("state") not in _STATES:
            yield (*where, "state"), '\'state\' must be "ENABLED" or "DISABLED"'
        if not isinstance(flag.get("targeting") or {}, dict):
            yield (*where, "targeting"), "'targeting' must be an object"
        yield from _variant_mistakes(where, flag)


def _variant_mistakes(where: Where, flag: Mapping[str, Any]) -> Iterable[tuple[Where, str]]:
    variants, default = flag.get("variants"), flag.get("defaultVariant")
    if not isinstance(variants, dict) or not variants:
        yield (*where, "variants"), "'variants' must be an object of values by name, at least one"
        return
    first = next(iter(variants))
    wanted = _type(variants[first])
    for name, value in variants.items():
        if _type(value) is None:
            yield (*where, "variants", name), "a variant is a boolean, string, number or object"
        elif wanted is not None and _type(value) != wanted:
            yield (
                (*where, "variants", name),
                f"a {_type(value)}, while {first!r} is a {wanted}; all must be of one type",
            )
    if default is not None and (not isinstance(default, str) or default not in variants):
        near = nearest(default, variants) if isinstance(default, str) else None
        hint = f"; did you mean {near!r}?" if near else ""
        yield (*where, "defaultVariant"), f"{default!r} is none of the variants {', '.join(variants)}{hint}"


def _type(value: Any) -> str | None:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "object" if isinstance(value, dict) else None


def _unknown(key: str, known: Iterable[str]) -> str:
    near = nearest(key, known)
    return f"unknown key {key!r}" + (f"; did you mean {near!r}?" if near else "")


def _dotted(path: Where) -> str:
    return ".".join(str(step) for step in path)


def _changed(text: str, places: Places, where: Where, wanted: Mapping[str, str]) -> str:
    """Answer the text with these keys of one object changed, or added at its front where they are missing."""
    edits: list[tuple[int, int, str]] = []
    for key, value in wanted.items():
        span = places.spans.get((*where, key))
        if span is not None:
            edits.append((*span, json.dumps(value, ensure_ascii=False)))
        else:
            at = places.spans[where][0] + 1
            edits.append((at, at, f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}, "))
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text
