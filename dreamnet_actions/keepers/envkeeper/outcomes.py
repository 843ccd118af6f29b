"""What a result says where some of several targets failed. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dreamnet_actions.domain.result import Outcome, Report
from dreamnet_actions.errors import DreamNetError, PermanentError, TemporaryError


def worse(outcome: Outcome, errors: Sequence[DreamNetError]) -> Outcome:
    """Answer the outcome, or the one of what went wrong beside it: one failing target never hides the others."""
    if not errors:
        return outcome
    if all(isinstance(one, TemporaryError) for one in errors):
        return "deferred"
    return "failed" if any(isinstance(one, PermanentError) for one in errors) else "refused"


def with_errors(summary: str, errors: Sequence[DreamNetError]) -> str:
    """Answer the summary with what went wrong behind it, on one line."""
    return " ".join([summary, *(one.message.replace("\n", " ") for one in errors)])


_RANK: tuple[Outcome, ...] = ("failed", "refused", "deferred", "done", "planned", "unchanged")


def joined(one: Report, other: Report) -> Report:
    """Answer one report of two that a request did: the worse outcome, the first error, all that was written."""
    if other.outcome == "unchanged":
        return one
    return replace(
        one,
        outcome=min(one.outcome, other.outcome, key=_RANK.index),
        summary=other.summary if one.outcome == "unchanged" else f"{one.summary} {other.summary}",
        findings=[*one.findings, *other.findings],
        changes=[*one.changes, *other.changes],
        error=one.error or other.error,
    )
