"""AgentResult: what a keeper did and found, the same at every entrance, and the exit status that follows from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from dreamnet_actions.errors import DreamNetError

Outcome = Literal["done", "unchanged", "planned", "deferred", "refused", "failed"]
Verdict = Literal[
    "healthy",
    "degraded",
    "failing",
    "unknown",
    "deployed",
    "rolled-back",
    "rollback-failed",
    "deployed-unverified",
]

EXIT_BY_OUTCOME: Mapping[Outcome, int] = {
    "done": 0,
    "unchanged": 0,
    "planned": 0,
    "deferred": 75,
    "refused": 4,
    "failed": 5,
}
EXIT_BY_VERDICT: Mapping[Verdict, int] = {"rolled-back": 10, "rollback-failed": 11, "deployed-unverified": 12}


@dataclass(frozen=True, kw_only=True)
class Change:
    """One write: what was changed, from what to what, why, and how to undo it. Never a secret value."""

    what: str
    before: str | None = None
    after: str | None = None
    why: str = ""
    undo: str = ""

    def to_json(self) -> dict[str, Any]:
        """Write the change in its wire form (``from`` and ``to``)."""
        return {"what": self.what, "from": self.before, "to": self.after, "why": self.why, "undo": self.undo}


@dataclass(frozen=True, kw_only=True)
class ErrorInfo:
    """An error as a result carries it: the stable code, what is wrong, what to do, the page that explains it."""

    code: str
    message: str
    hint: str = ""
    docs: str = ""

    @classmethod
    def of(cls, error: DreamNetError) -> ErrorInfo:
        """Write down an error of ours."""
        return cls(code=error.code, message=error.message, hint=error.hint, docs=error.docs)

    def to_json(self) -> dict[str, str]:
        """Write the error in its wire form."""
        return {"code": self.code, "message": self.message, "hint": self.hint, "docs": self.docs}


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """What a keeper has to say to another: the pipe puts it on the bus for RelayBot.

    ``id`` makes the message the same one however often it is sent; left out, it follows from the request's id and
    its place. ``correlation_id`` and ``hops`` left out are the request's.
    """

    name: str
    to: str | None
    data: Mapping[str, Any] = field(default_factory=dict)
    id: str = ""
    correlation_id: str = ""
    hops: int | None = None


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a keeper's action answers; the pipe makes the AgentResult of it and sends its messages.

    ``then`` is called once the messages are on the bus: there a keeper forgets what it had kept so that a run that
    is cut off before does not lose them.
    """

    outcome: Outcome
    summary: str
    verdict: Verdict | None = None
    findings: Sequence[Mapping[str, Any]] = ()
    changes: Sequence[Change] = ()
    dreams: Sequence[str] = ()
    messages: Sequence[Outgoing] = ()
    error: ErrorInfo | None = None
    then: Callable[[], object] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, kw_only=True)
class AgentResult:
    """The answer to one AgentRequest. Times are RFC 3339 UTC; ``messages`` are ids of what was put on the bus."""

    id: str
    agent: str | None
    action: str | None
    outcome: Outcome
    verdict: Verdict | None
    summary: str
    started_at: str
    finished_at: str
    findings: Sequence[Mapping[str, Any]] = ()
    changes: Sequence[Mapping[str, Any]] = ()
    dreams: Sequence[str] = ()
    messages: Sequence[str] = ()
    error: Mapping[str, Any] | None = None
    exit_status: int = field(default=0, repr=False)
    http_status: int = field(default=200, repr=False)
    retry_after: float | None = field(default=None, repr=False)

    def to_json(self) -> dict[str, Any]:
        """Write the result in its wire form."""
        return {
            "id": self.id,
            "agent": self.agent,
            "action": self.action,
            "outcome": self.outcome,
            "verdict": self.verdict,
            "summary": self.summary,
            "findings": [dict(one) for one in self.findings],
            "changes": [dict(one) for one in self.changes],
            "dreams": list(self.dreams),
            "messages": list(self.messages),
            "error": dict(self.error) if self.error else None,
            "started_at": self.started_at,
            "finished_at": self.finished_at,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], *, exit_status: int, http_status: int) -> AgentResult:
        """Read a stored result."""
        fields = {key: data[key] for key in cls.__dataclass_fields__ if key in data}
        return cls(**{**fields, "exit_status": exit_status, "http_status": http_status})


def warning(text: str, error: DreamNetError) -> dict[str, Any]:
    """Answer the finding that something beside the work could not be done: the work is, and people are told."""
    return {"warning": text, "code": error.code, "hint": error.hint, "docs": error.docs}


def warnings(result: AgentResult) -> list[Mapping[str, Any]]:
    """Answer such findings of a result."""
    return [one for one in result.findings if one.get("warning")]


def exit_status(outcome: Outcome, verdict: Verdict | None) -> int:
    """Answer the exit status: the release verdicts that are failures decide first, then the outcome."""
    if verdict is not None and verdict in EXIT_BY_VERDICT:
        return EXIT_BY_VERDICT[verdict]
    return EXIT_BY_OUTCOME[outcome]
