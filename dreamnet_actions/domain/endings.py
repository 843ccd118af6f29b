"""How a request ended, as the result that every entrance shows: by a keeper's report, by an error of ours, by a bug."""

from __future__ import annotations

from dreamnet_actions.domain.request import AgentRequest
from dreamnet_actions.domain.result import AgentResult, ErrorInfo, Outcome, Report, exit_status
from dreamnet_actions.domain.times import rfc3339
from dreamnet_actions.errors import (
    BUG,
    ConfigError,
    DreamNetError,
    PermanentError,
    RefusedError,
    RequestError,
    TemporaryError,
)

_OUTCOMES: tuple[tuple[type[DreamNetError], Outcome], ...] = (
    (TemporaryError, "deferred"),
    (RefusedError, "refused"),
    (ConfigError, "refused"),
    (RequestError, "refused"),
    (PermanentError, "failed"),
)


def failure(
    error: DreamNetError,
    *,
    request_id: str,
    at: float,
    now: float | None = None,
    request: AgentRequest | None = None,
) -> AgentResult:
    """Turn an error into the result that every entrance shows; ``at`` and ``now`` are seconds since 1970."""
    outcome: Outcome = next((named for kind, named in _OUTCOMES if isinstance(error, kind)), "failed")
    return AgentResult(
        id=request_id,
        agent=request.agent if request else None,
        action=request.action if request else None,
        outcome=outcome,
        verdict=None,
        summary=error.message.split("\n")[0],
        started_at=rfc3339(at),
        finished_at=rfc3339(now if now is not None else at),
        findings=[dict(one) for one in error.findings],
        error=ErrorInfo.of(error).to_json(),
        exit_status=error.exit_status,
        http_status=error.http_status,
        retry_after=error.retry_after if isinstance(error, TemporaryError) else None,
    )


def bug(
    raised: Exception, request_id: str, request: AgentRequest | None, began: float, now: float
) -> AgentResult:
    """Turn a bug of ours into the result that every entrance shows; its traceback is for the log, and the caller's."""
    info = ErrorInfo(
        code="bug",
        message=f"DreamNet failed by a bug of its own ({type(raised).__name__}); the traceback is in the log.",
        hint="Report it with the traceback. Nothing is wrong with your service because of this.",
        docs="docs/errors/bug.md",
    )
    return AgentResult(
        id=request_id,
        agent=request.agent if request else None,
        action=request.action if request else None,
        outcome="failed",
        verdict=None,
        summary=info.message,
        started_at=rfc3339(began),
        finished_at=rfc3339(now),
        error=info.to_json(),
        exit_status=BUG,
        http_status=500,
    )


def ended(request: AgentRequest, report: Report, sent: list[str], began: float, now: float) -> AgentResult:
    """Turn what a keeper reported into the result that every entrance shows; ``sent`` are the messages' ids."""
    return AgentResult(
        id=request.id,
        agent=request.agent,
        action=request.action,
        outcome=report.outcome,
        verdict=report.verdict,
        summary=report.summary,
        started_at=rfc3339(began),
        finished_at=rfc3339(now),
        findings=[dict(one) for one in report.findings],
        changes=[one.to_json() for one in report.changes],
        dreams=list(report.dreams),
        messages=sent,
        error=report.error.to_json() if report.error else None,
        exit_status=exit_status(report.outcome, report.verdict),
        http_status=_http_status(report),
    )


def _http_status(report: Report) -> int:
    """200 wherever a keeper reached a verdict; else by the outcome."""
    if report.verdict is not None:
        return 200
    by_outcome: dict[Outcome, int] = {"deferred": 503, "refused": 403, "failed": 502}
    return by_outcome.get(report.outcome, 200)
