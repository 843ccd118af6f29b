"""What checks report and what it means: phases, causes, counters and the verdict on a service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Status = Literal["passed", "failed", "degraded", "unknown"]
Health = Literal["healthy", "degraded", "failing", "unknown"]
Cause = Literal[
    "refused", "timeout", "reset", "dns", "tls", "status-5xx", "status", "body", "slow", "exit-status",
    "not-ready", "crash", "overload", "metric", "stale", "other",
]  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Report:
    """One look of one check at one address.

    ``phases`` are seconds by name in the order they happened (``resolve``, ``connect``, ``tls``, ``first-byte``,
    ``total``). ``status`` is ``unknown`` when the fault is ours (our own network, a missing program): it never
    counts against the service. ``detail`` is one sentence; it may hold untrusted text.
    """

    service: str
    check: str
    status: Status
    cause: Cause | None = None
    detail: str = ""
    phases: Mapping[str, float] = field(default_factory=dict)
    value: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Answer plain data for results, journal and evidence; phases in milliseconds."""
        return {
            "service": self.service,
            "check": self.check,
            "status": self.status,
            "cause": self.cause,
            "detail": self.detail,
            "phases_ms": {name: round(seconds * 1000, 2) for name, seconds in self.phases.items()},
            "value": self.value,
        }


@dataclass(frozen=True, kw_only=True)
class Streak:
    """How often in a row a service's looks agreed: the counters that live across runs."""

    failures: int = 0
    successes: int = 0

    def after(self, health: Health) -> Streak:
        """Count one more look. ``unknown`` changes nothing: an error of ours is not evidence."""
        if health == "unknown":
            return self
        if health == "healthy":
            return Streak(failures=0, successes=self.successes + 1)
        return Streak(failures=self.failures + 1, successes=0)


def judge(reports: Iterable[Report], severities: Mapping[str, str] | None = None) -> Health:
    """Fold the reports of one service into its health.

    A failed check makes it ``failing`` (``degraded`` where ``severities`` says so for that check); a degraded one
    ``degraded``. Only when every check passed is it ``healthy``: one that could not be made leaves it ``unknown``, for
    the fault that it would have seen may still be there. A service without checks is ``healthy``.
    """
    severities = severities or {}
    statuses = [
        "degraded"
        if report.status == "failed" and severities.get(report.check) == "degraded"
        else report.status
        for report in reports
    ]
    if "failed" in statuses:
        return "failing"
    if "degraded" in statuses:
        return "degraded"
    return "unknown" if "unknown" in statuses else "healthy"


def worst(healths: Iterable[Health]) -> Health:
    """Answer the worst of several healths; ``unknown`` counts as worse than healthy only."""
    order: tuple[Health, ...] = ("failing", "degraded", "unknown", "healthy")
    seen = set(healths)
    return next((health for health in order if health in seen), "healthy")


def principal(reports: Iterable[Report]) -> Report | None:
    """Choose the report that says most about a fault: the first failed one, else the first degraded one.

    Crash evidence from the platform beats what a client saw, for it says why the client was refused.
    """
    bad = [report for report in reports if report.status in ("failed", "degraded")]
    bad.sort(key=lambda report: (report.cause != "crash", report.status != "failed"))
    return bad[0] if bad else None


def main_cause(reports: Iterable[Report]) -> Cause | None:
    """Answer the cause class of a fault: that of its principal report."""
    report = principal(reports)
    return report.cause if report else None


def shorten(report: Report, limit: int = 300) -> Report:
    """Cut the report's untrusted text to ``limit`` characters."""
    return report if len(report.detail) <= limit else replace(report, detail=report.detail[: limit - 1] + "…")
