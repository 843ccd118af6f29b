"""Telling DreamKeeper of a canary that waits for a person, or waits no longer: it keeps a dream of it for them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dreamnet_actions.domain.approval import read
from dreamnet_actions.domain.canarywords import CANARY, CHANGED, TOLD
from dreamnet_actions.domain.result import Outgoing, Report
from dreamnet_actions.keepers.context import SELF

if TYPE_CHECKING:
    from dreamnet_actions.keepers.deploykeeper.rollout import Rollout


def told(rollout: Rollout, report: Report) -> Report:
    """Answer the report with that message, where a canary has begun to wait for a person or a dream tells of one."""
    if rollout.request.dry_run:
        return report
    intent = rollout.record.intent or {}
    waits = intent.get("phase") == "waits" and read(intent) is not None
    known, _ = rollout.context.journal.state(TOLD)
    if not waits and rollout.service not in (known or ()):
        return report
    data = {"check": f"{CANARY}{rollout.service}", "target": SELF}
    message = Outgoing(name=CHANGED, to="dreamkeeper", data=data)
    return replace(report, messages=[*report.messages, message])
