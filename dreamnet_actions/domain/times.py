"""Times as the wire writes them: RFC 3339 in UTC, from and to seconds since 1970."""

from __future__ import annotations

from datetime import UTC, datetime


def rfc3339(seconds: float) -> str:
    """Write seconds since 1970 as ``2026-11-23T11:38:03.250Z``."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def clock_time(seconds: float) -> str:
    """Write only the time of day, for timelines: ``11:38:03``."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%H:%M:%S")
