"""What history says about a problem, in words: seen before, how often, what came just before, what worked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.domain.remedy import Attempt
from dreamnet_actions.domain.units import format_duration

WINDOW = 30 * 86400.0
"""Seconds of history that a pattern speaks of."""


def describe(
    *,
    service: str,
    cause: str | None,
    facts: Sequence[Fact],
    ledger: Iterable[Attempt],
    change: Fact | None,
    now: float,
) -> str:
    """Write the pattern of one problem as a few sentences; ``facts`` are those of the service, oldest first."""
    sentences = [_before(facts, cause, now)]
    if change is not None:
        ago = format_duration(now - change.at)
        sentences.append(f"Just before, {ago} ago: {change.text.rstrip('.')}.")
    sentences += _worked(service, ledger)
    return " ".join(sentence for sentence in sentences if sentence)


def _before(facts: Sequence[Fact], cause: str | None, now: float) -> str:
    opened = [fact for fact in facts if fact.kind == "dream-opened" and now - fact.at <= WINDOW]
    if not opened:
        return "Not seen before in 30 days."
    same = sum(fact.data.get("cause") == cause for fact in opened)
    times = "once" if len(opened) == 1 else f"{len(opened)} times"
    of_cause = f", {same} of them for the same cause ({cause})" if cause else ""
    return f"Seen {times} before in 30 days{of_cause}; last {format_duration(now - opened[-1].at)} ago."


def _worked(service: str, ledger: Iterable[Attempt]) -> list[str]:
    """Say of each remedy how it did, best first."""
    records: dict[str, list[Attempt]] = {}
    for one in ledger:
        if one.service == service and one.worked is not None:
            records.setdefault(one.remedy, []).append(one)
    lines = []
    for remedy, tries in sorted(records.items(), key=lambda row: -sum(bool(one.worked) for one in row[1])):
        good = [one for one in tries if one.worked]
        if good:
            mean = sum(one.seconds or 0.0 for one in good) / len(good)
            lines.append(
                f"What worked: {remedy}, {len(good)} of {len(tries)} times, in {format_duration(mean)}."
            )
        else:
            lines.append(f"What did not: {remedy}, 0 of {len(tries)} times.")
    return lines
