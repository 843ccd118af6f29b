"""The forms of times that people write: moments, times of day, weekdays, time zones. Each is a type with its rule."""

from __future__ import annotations

import functools
import re
from datetime import UTC, datetime, tzinfo
from typing import Annotated

from dreamnet_actions.domain.spec.values import Written, shown

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MOMENT = r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2})?"
_CLOCK = r"([01]\d|2[0-3]):[0-5]\d"
_FIRST, _LAST = (
    datetime(1, 1, 1, tzinfo=UTC).timestamp(),
    datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp(),
)


@functools.cache
def zone(name: str) -> tzinfo:
    """Answer a time zone of the IANA database; raises ValueError for one that is not known."""
    if name == "UTC":
        return UTC  # so that a machine without the database knows it, too
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name[:60]!r} is no time zone; write its name, as in 'Europe/Berlin'") from None


def moment(text: str, place: tzinfo) -> float:
    """Read ``2026-12-01T22:00`` (in ``place``), or the same with an offset; answers seconds since 1970.

    What is out of the calendar in UTC (the last evening of 9999 in New York, which somebody may write for "for ever")
    is the calendar's end, so that it can be told again. Raises ValueError.
    """
    _moment(text)
    found = datetime.fromisoformat(text)
    at = (found if found.tzinfo is not None else found.replace(tzinfo=place)).timestamp()
    return min(max(at, _FIRST), _LAST)


def _moment(value: object) -> str:
    wrong = f"{shown(value)} is no moment; write it as '2026-12-01T22:00'"
    if not isinstance(value, str) or not re.fullmatch(_MOMENT, value, re.ASCII):
        raise ValueError(wrong)
    try:
        datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(wrong) from None
    return value


def _clock(value: object) -> str:
    if isinstance(value, str) and re.fullmatch(_CLOCK, value, re.ASCII):
        return value
    raise ValueError(f"{shown(value)} is no time of day; write it as '22:00'")


def _zone(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{shown(value)} is no time zone; write its name, as in 'Europe/Berlin'")
    zone(value)
    return value


Moment = Annotated[str, Written(_moment, f"^{_MOMENT}$", "2026-12-01T22:00")]
"""A day and a time, with or without an offset from UTC."""

TimeOfDay = Annotated[str, Written(_clock, f"^{_CLOCK}$", "22:00")]
"""Hours and minutes."""

TimeZone = Annotated[str, Written(_zone, "^[A-Za-z][A-Za-z0-9_+/-]*$", "Europe/Berlin")]
"""The name of a time zone in the IANA database."""
