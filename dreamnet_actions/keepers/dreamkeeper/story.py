"""What one run of DreamKeeper saw, decided and changed, collected into the one report of its request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from dreamnet_actions.domain import health
from dreamnet_actions.domain.dream import Dream
from dreamnet_actions.domain.result import Change, ErrorInfo, Outcome, Outgoing, Report
from dreamnet_actions.errors import DreamNetError, PermanentError
from dreamnet_actions.keepers.dreamkeeper.plan import Decision


@dataclass(kw_only=True)
class Story:
    """Collects findings, changes, dreams and messages. One a run."""

    findings: dict[str, dict[str, Any]] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    dreams: list[str] = field(default_factory=list)
    messages: list[Outgoing] = field(default_factory=list)
    errors: list[DreamNetError] = field(default_factory=list)

    def saw(self, name: str, verdict: health.Health, reports: Sequence[health.Report]) -> None:
        """Remember what a service's checks showed."""
        shown = [report.to_json() for report in reports]
        self.findings[name] = {"service": name, "health": verdict, "checks": shown}

    def decided(self, name: str, decision: Decision) -> None:
        """Remember what was decided about it, and why."""
        one = self.findings[name]
        one["decision"], one["because"] = decision.kind, decision.because
        if decision.choice is not None:
            one["remedy"] = decision.choice.remedy

    def heard(self, name: str, text: str) -> None:
        """Remember something about it in words."""
        self.findings[name]["because"] = text

    def failed(self, name: str, error: DreamNetError) -> None:
        """Remember that acting on it went wrong."""
        self.findings.setdefault(name, {"service": name, "health": "unknown", "checks": []})
        self.heard(name, error.message)
        self.errors.append(error)

    def changed(self, dream: Dream, change: Change, message: Outgoing | None = None) -> None:
        """Remember a change of a dream, with the message that goes with it."""
        self.changes.append(change)
        self.touched(dream)
        if message is not None:
            self.messages.append(message)

    def touched(self, dream: Dream) -> None:
        """Remember that a dream is concerned."""
        if dream.key not in self.dreams:
            self.dreams.append(dream.key)
        found = self.findings.get(dream.service) or self.findings.get(dream.key)
        if found is not None:
            found["dream"] = dream.number

    def says(self, message: Outgoing) -> None:
        """Remember a message to be sent."""
        self.messages.append(message)

    def wants(self, change: Change, message: Outgoing) -> None:
        """Remember something that another keeper is asked for."""
        self.changes.append(change)
        self.messages.append(message)

    def report(self, *, planned: bool) -> Report:
        """Write the report of the request."""
        verdict = (
            health.worst(one["health"] for one in self.findings.values()) if self.findings else "healthy"
        )
        outcome: Outcome = "planned" if planned else "done"
        if self.errors:
            outcome = "failed" if any(isinstance(one, PermanentError) for one in self.errors) else "deferred"
        return Report(
            outcome=outcome,
            summary=self._summary(planned),
            verdict=verdict,
            findings=list(self.findings.values()),
            changes=[] if planned else self.changes,
            dreams=self.dreams,
            messages=[] if planned else self.messages,
            error=ErrorInfo.of(self.errors[0]) if self.errors else None,
        )

    def _summary(self, planned: bool) -> str:
        well = [name for name, one in self.findings.items() if one["health"] == "healthy"]
        ill = {name: one for name, one in self.findings.items() if one["health"] != "healthy"}
        if not self.findings:
            return "Nothing to look at."
        if not ill:
            text = f"{', '.join(well)} {'is' if len(well) == 1 else 'are all'} healthy."
        else:
            text = "; ".join(f"{name} is {one['health']} ({_why(one)})" for name, one in ill.items()) + "."
            text += f" {len(well)} healthy." if well else ""
        changes = "; ".join(f"{one.what}: {one.before or 'none'} → {one.after}" for one in self.changes)
        if planned:
            decisions = [f"{name}: {one['decision']}" for name, one in ill.items() if "decision" in one]
            return f"{text} Would do: {'; '.join(decisions) or 'nothing'}."
        return f"{text} {changes}." if changes else text


def _why(one: dict[str, Any]) -> str:
    failed = [check for check in one["checks"] if check["status"] in ("failed", "degraded", "unknown")]
    failed.sort(key=lambda check: check["cause"] != "crash")
    why = str(failed[0]["detail"] if failed else one.get("because", "no check failed")).rstrip(".")
    return f"{why}; {one['because']}" if one.get("decision") in ("maintenance", "rolling-out") else why
