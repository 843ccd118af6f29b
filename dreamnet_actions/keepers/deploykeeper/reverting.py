"""After a commit was taken back: a pull request that reverts it, where the configuration asks for one.

The release's verdict stands whatever comes of it: that none could be opened is a finding with what it lacks.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dreamnet_actions.domain.result import Report, warning
from dreamnet_actions.domain.revert import Proposed, Revert
from dreamnet_actions.errors import DreamNetError

if TYPE_CHECKING:
    from dreamnet_actions.keepers.deploykeeper.rollout import Rollout

MOST = 20
"""How many lines of evidence a pull request shows."""


def reverted(rollout: Rollout, report: Report) -> Report:
    """Answer the report of a rollout, and what became of the revert where the rollout took its commit back."""
    asked = rollout.rules.on_failure.revert is not None and rollout.request.action != "abort"
    if not asked or report.verdict != "rolled-back" or rollout.request.dry_run:
        return report
    intent = rollout.record.intent or {}
    bad = str(intent.get("version", ""))
    if not bad.startswith("git:") or intent.get("verdict") != "rolled-back":
        return report
    sha = bad.removeprefix("git:")
    journal, key = rollout.context.journal, f"revert/{sha}"
    if (known := journal.state(key)[0]) is not None:
        return _with(report, str(known["text"]), known["url"])
    state = rollout.state()
    wanted = Revert(
        service=rollout.service,
        platform=rollout.platform.name,
        branch=rollout.rules.branch,
        bad=sha,
        former=state.stable.release.revision if state else None,
        why=str(intent.get("why") or intent.get("text") or ""),
        evidence=_evidence(report),
    )
    try:
        done = rollout.reporter.revert(wanted)
    except DreamNetError as error:
        text = f"{rollout.key}: no pull request reverts {sha[:7]}: {error.message}"
        rollout.context.reporter.say(f"{text}\n{error.hint}" if error.hint else text)
        return replace(report, findings=[*report.findings, warning(text, error)])
    if done is None:
        done = Proposed(text="no pull request reverts it, for this home has no GitHub (--home github)")
    else:
        journal.set_state(key, {"text": done.text, "url": done.url})
    rollout.record.step(f"{sha[:7]}: {done.text}", url=done.url)
    return _with(report, f"{sha[:7]}: {done.text}", done.url)


def _with(report: Report, text: str, url: str | None) -> Report:
    shown: dict[str, Any] = {"text": f"{text}{f', {url}' if url else ''}", "url": url}
    return replace(report, findings=[*report.findings, shown])


def _evidence(report: Report) -> tuple[str, ...]:
    """Answer what the platform knew of the failure: events and last lines (``steadiness.finding``)."""
    lines = [
        f"{one['check']}: {one['detail']}"
        for finding in report.findings
        for one in finding.get("checks", ())
        if one.get("check") != "release" and one.get("detail")
    ]
    return tuple(lines[:MOST])
