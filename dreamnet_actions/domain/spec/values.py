"""The kinds of value that configuration fields hold beyond plain JSON: durations, percentages, names of others.

Each is a marker for ``Annotated`` that pydantic asks for its schema, so that the models themselves (and all that
only reads them) start without importing pydantic.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, cast

from dreamnet_actions.domain.units import format_duration, parse_duration, parse_share

if TYPE_CHECKING:
    from pydantic_core import CoreSchema


LONGEST = 2000
"""The longest text that a form is tried on: beyond it no duration or name can be meant, and none is worth the time."""
LONGEST_WAIT = 315_360_000.0
"""Ten years in seconds; the clocks of several systems overflow not far above."""


def shown(value: object) -> str:
    """Write ``value`` as Python would, cut at 60 characters: how mistakes show what the file says."""
    text = repr(value[:100] if isinstance(value, str) else value)
    return text if len(text) <= 60 else f"{text[:57]}...{text[-1]}"


def said(value: object) -> str:
    """Write a value as the file writes it (``true``, ``8080``), with the word for what it is unless it is text."""
    match value:
        case None:
            return "nothing"
        case bool():
            return f"{str(value).lower()} (a boolean)"
        case int() | float():
            return f"{shown(value)} (a number)"
        case dict():
            return "a mapping"
        case list() | tuple():
            return f"a list of {len(value)}" if value else "an empty list"
    return shown(value)


class Ge:
    """Marks a number that must be at least ``ge``.

    These three are those of annotated-types, which takes a tenth of a command's start to import.
    """

    def __init__(self, ge: float) -> None:
        self.ge = ge

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        """Tell pydantic the bound."""
        return _bounded(handler(source), ge=self.ge)


class Le:
    """Marks a number that must be at most ``le``."""

    def __init__(self, le: float) -> None:
        self.le = le

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        """Tell pydantic the bound."""
        return _bounded(handler(source), le=self.le)


class Len:
    """Marks a text or list that must have at least ``min_length`` and at most ``max_length`` characters or items."""

    def __init__(self, min_length: int, max_length: int | None = None) -> None:
        self.min_length, self.max_length = min_length, max_length

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        """Tell pydantic the bounds."""
        schema = _bounded(handler(source), min_length=self.min_length)
        return _bounded(schema, max_length=self.max_length) if self.max_length is not None else schema


def _bounded(schema: Any, **bounds: float) -> CoreSchema:
    """Add bounds to pydantic's schema of a number, text or list; on anything else they would not be looked at."""
    if schema["type"] not in ("int", "float", "str", "tuple"):
        raise TypeError(f"no bounds can be set on a value of type {schema['type']!r}")
    return cast("CoreSchema", {**schema, **bounds})


class Written:
    """Marks a value that is written as text of one form and read by ``parse`` (raises ValueError).

    ``pattern`` (ECMA 262) and ``example`` are for editors and messages; ``parse`` alone decides. ``write`` is its
    inverse.
    """

    def __init__(
        self, parse: Callable[[object], Any], pattern: str, example: str, write: Callable[[Any], str] = str
    ) -> None:
        self.parse, self.pattern, self.example, self.write = parse, pattern, example, write

    def read(self, value: object) -> Any:
        """Read ``value`` by ``parse``; raises ValueError, also for a text too long to be meant."""
        if isinstance(value, str) and len(value) > LONGEST:
            raise ValueError(
                f"{shown(value)} is too long ({len(value)} characters); write it as in {self.example!r}"
            )
        return self.parse(value)

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        """Tell pydantic to read the value by ``read``."""
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        """Tell editors the form of the text."""
        return {"type": "string", "pattern": self.pattern, "examples": [self.example]}


_DURATION = r"^\s*(\d+(\.\d+)?(ms|s|m|h|d))+\s*$"
_SHARE = r"^\s*\d+(\.\d+)?\s*%\s*$"


def _wait(value: object) -> float:
    # The form is looked at as a whole first, in linear time: the parser searches, and is slow on a thousand digits.
    if not isinstance(value, str) or not re.fullmatch(_DURATION, value):
        raise ValueError(
            f"{shown(value)} is no duration; write a number with a unit, as in '500ms', '30s', '5m'"
        )
    seconds = parse_duration(value)
    if seconds > LONGEST_WAIT:
        raise ValueError(f"{shown(value)} is longer than ten years")
    return seconds


def _positive_wait(text: object) -> float:
    if seconds := _wait(text):
        return seconds
    raise ValueError(f"{shown(text)} is no time at all; write a duration above zero, as in '30s'")


def _days(least: int) -> Callable[[object], float]:
    def read(value: object) -> float:
        if (seconds := _wait(value)) < least * 86_400.0:
            raise ValueError(f"{shown(value)} is too short; write {least} days ('{least}d') or more")
        return seconds

    return read


def _share(value: object) -> float:
    try:
        return parse_share(value)
    except ValueError:
        raise ValueError(f"{shown(value)} is no percentage; write one between '0%' and '100%'") from None


def _write_wait(seconds: float) -> str:
    # People's form where it loses nothing; else all digits that the number has.
    text = format_duration(seconds) if seconds else "0s"
    return text if parse_duration(text) == seconds else f"{_digits(seconds, 1)}s"


def _write_share(share: float) -> str:
    text = f"{share * 100:g}%"
    return text if parse_share(text) == share else f"{_digits(share, 100)}%"


def _digits(number: float, times: int) -> str:
    from decimal import Decimal  # a rare need, and a slow import

    return f"{Decimal(repr(number)) * times:f}"


Seconds = Annotated[float, Written(_wait, _DURATION, "30s", _write_wait)]
"""A duration, written with its unit (``30s``, ``1m30s``); in the program a number of seconds."""

PositiveSeconds = Annotated[float, Written(_positive_wait, _DURATION, "30s", _write_wait)]
"""A duration above zero: for limits and rhythms, where none would mean an endless hurry."""

TwoDaysOrMore = Annotated[float, Written(_days(2), _DURATION, "90d", _write_wait)]
"""A duration of two days at least, which nothing that is still measured needs to be older than."""

MonthOrMore = Annotated[float, Written(_days(30), _DURATION, "400d", _write_wait)]
"""A duration of 30 days at least, which is what learning reads."""

Share = Annotated[float, Written(_share, _SHARE, "25%", _write_share)]
"""A percentage, written with ``%``; in the program between 0 and 1."""


class NameIn:
    """Marks a text that must be a name of one of the file's sections (``platforms``).

    The names come in as pydantic's validation context: section → names that the file has. They are those of the raw
    file, so that a mistake within a section never makes its names unknown as well.
    """

    def __init__(self, section: str) -> None:
        self.section = section

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        """Tell pydantic to look the name up in the context."""
        from pydantic_core import PydanticCustomError, core_schema

        def look_up(name: str, info: Any) -> str:
            if name in info.context[self.section]:
                return name
            raise PydanticCustomError("unknown_name", "unknown name", {"section": self.section})

        return core_schema.with_info_after_validator_function(look_up, handler(source))


def kebab(name: str) -> str:
    """Write a field's name as the file writes it: ``stop_grace`` as ``stop-grace``, ``from_`` as ``from``."""
    return name.rstrip("_").replace("_", "-")


STRICT: dict[str, Any] = {"extra": "forbid", "alias_generator": kebab, "strict": True}
"""The pydantic settings of every model: unknown keys are mistakes, nothing is converted silently."""
