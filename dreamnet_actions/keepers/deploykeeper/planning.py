"""The plan of a deploy, for a dry run: what the platform itself says that it would change. Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from dreamnet_actions.domain.difference import Difference
from dreamnet_actions.domain.release import Release
from dreamnet_actions.domain.result import Change, ErrorInfo, Report
from dreamnet_actions.errors import PlatformFailed

if TYPE_CHECKING:
    from dreamnet_actions.keepers.deploykeeper.rollout import Rollout


def planned(rollout: Rollout, revision: str | None, summary: str, change: Change) -> Report:
    """Answer the plan of bringing a revision out (None: what the configuration says); refused where parts are."""
    differences = _differences(rollout, revision)
    findings = [_finding(one) for one in differences]
    refused = [one for one in differences if one.effect == "refused"]
    if not refused:
        return Report(outcome="planned", summary=summary, findings=findings, changes=[change])
    why = "; ".join(f"{one.object}: {one.why}" for one in refused)
    error = PlatformFailed(
        f"{rollout.key} cannot be deployed so: {why}",
        hint="Nothing was changed. The API server said this to a dry run.",
    )
    return Report(
        outcome="failed",
        summary=error.message,
        findings=findings,
        changes=[change],
        error=ErrorInfo.of(error),
    )


def drifted(rollout: Rollout, release: Release, same: Report) -> Report:
    """Answer the plan of bringing the configuration up to date of a version that runs already; ``same`` if it is so."""
    differences = rollout.platform.preview(rollout.service, rollout.spec, release)
    if not differences:
        return same
    text = (
        f"Would bring {rollout.key}, which runs {release.short} already, to its configuration as it is now."
    )
    change = Change(what=f"configuration of {rollout.key}", why="a deploy was asked for")
    return Report(
        outcome="planned", summary=text, findings=[_finding(one) for one in differences], changes=[change]
    )


def _differences(rollout: Rollout, revision: str | None) -> Sequence[Difference]:
    foreseen: AbstractContextManager[Release]
    if revision is None:
        foreseen = nullcontext(rollout.platform.configured(rollout.service, rollout.spec))
    elif rollout.builder is None:
        return ()
    else:
        foreseen = rollout.builder.foreseen(rollout.service, rollout.spec, revision)
    with foreseen as release:
        return rollout.platform.preview(rollout.service, rollout.spec, release)


def _finding(one: Difference) -> Mapping[str, Any]:
    words = {"created": "would be created", "changed": "would change", "deleted": "would be deleted"}
    text = words.get(one.effect, "is refused")
    return {"text": f"{one.object} {text}{f': {one.why}' if one.why else ''}", **one.to_json()}
