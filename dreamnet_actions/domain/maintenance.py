"""Maintenance windows: when faults of which services are nobody's news. From the configuration, or from an issue."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from dreamnet_actions.domain.spec.models import Maintenance
from dreamnet_actions.domain.spec.times import DAYS, moment, zone

_LINE = re.compile(r"(services|from|until|timezone|scaling)[ \t]*:(.*)", re.IGNORECASE)
_FENCE = re.compile(r"`{3,}|~{3,}")
_LONGEST_LINE = 2000
LONGEST_TEXT = 65_536
"""Characters of a notice that are read."""


@dataclass(frozen=True, kw_only=True)
class Notice:
    """A person's notice of maintenance, such as an issue. ``where`` names it for people (``#12``), ``at`` is when it
    was written (seconds since 1970); the text is that of somebody who may write to the repository."""

    where: str
    at: float
    text: str


@dataclass(frozen=True, kw_only=True)
class Window:
    """One window: ``[begins, ends)`` in seconds since 1970; no ``services`` means all of them."""

    begins: float
    ends: float
    where: str
    services: frozenset[str] = frozenset()
    scaling: bool = False
    """Whether scaling by load goes on within it."""

    def holds(self, service: str, now: float) -> bool:
        """Say whether a service is under maintenance now."""
        return self.begins <= now < self.ends and (not self.services or service in self.services)


def configured(rules: Sequence[Maintenance], now: float) -> list[Window]:
    """Answer the windows of the configuration that are open now."""
    found = []
    for index, rule in enumerate(rules):
        span = _single(rule) if rule.start else _weekly(rule, now)
        if span is not None and span[0] <= now < span[1]:
            where = f"maintenance[{index}]"
            services = frozenset(rule.services)
            found.append(
                Window(begins=span[0], ends=span[1], where=where, services=services, scaling=rule.scaling)
            )
    return found


def noticed(notice: Notice, services: Collection[str]) -> Window:
    """Read a notice: lines ``services: web, db``, ``from: …``, ``until: …`` (``timezone: …``, ``scaling: yes``) in a
    fenced block or an HTML comment. Without ``services`` all are meant, without ``from`` it begins with the notice.

    Raises ValueError that says what is missing or wrong.
    """
    said: dict[str, str] = {}
    for line in _block_lines(notice.text[:LONGEST_TEXT]):
        if found := _LINE.fullmatch(line.strip()[:_LONGEST_LINE]):
            said.setdefault(found[1].lower(), found[2].strip())
    if not said.get("until"):
        raise ValueError("it has no line 'until: 2026-12-01T23:00Z' within a fenced block or a comment")
    place = zone(said.get("timezone") or "UTC")
    names = [one for one in re.split(r"[,\s]+", said.get("services", "")) if one]
    strangers = [one for one in names if one not in services]
    if strangers:
        raise ValueError(f"there is no service {strangers[0][:60]!r}")
    if (scaling := said.get("scaling", "no").lower()) not in ("yes", "no"):
        raise ValueError(f"'scaling' is yes or no, not {scaling[:60]!r}")
    ends = moment(said["until"], place)
    begins = moment(said["from"], place) if said.get("from") else notice.at
    if ends <= begins:
        raise ValueError("it ends before it begins")
    return Window(
        begins=begins,
        ends=ends,
        where=notice.where,
        services=frozenset(names),
        scaling=scaling == "yes",
    )


def _block_lines(text: str) -> Iterator[str]:
    """Yield the lines within fenced blocks and comments; what is not closed reaches to the end, as GitHub shows it.

    A scanner, no pattern over the whole: a text of many openings took a pattern minutes.
    """
    fence, in_comment = "", False
    for line in map(str.strip, text.splitlines()):
        if fence:
            if line.startswith(fence) and not line.strip(fence[0]):
                fence = ""
            else:
                yield line
        elif in_comment or line.startswith("<!--"):
            inside, closed, _ = line.removeprefix("<!--").partition("-->")
            in_comment = not closed
            yield inside
        elif found := _FENCE.match(line):
            fence = found[0]


def _single(rule: Maintenance) -> tuple[float, float] | None:
    place = zone(rule.timezone)
    return (moment(rule.start, place), moment(rule.end, place)) if rule.start and rule.end else None


def _weekly(rule: Maintenance, now: float) -> tuple[float, float] | None:
    """Answer the weekly window that began last."""
    if rule.day is None or rule.from_ is None or rule.for_ is None:
        return None
    place = zone(rule.timezone)
    today = datetime.fromtimestamp(now, place)
    for back in range(8):
        day = today - timedelta(days=back)
        if DAYS[day.weekday()] == rule.day:
            begins = _at(day, rule.from_, place)
            if begins <= now:
                return begins, begins + rule.for_
    return None


def _at(day: datetime, clock: str, place: tzinfo) -> float:
    hour, minute = (int(part) for part in clock.split(":"))
    local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=place)
    return local.astimezone(UTC).timestamp()
