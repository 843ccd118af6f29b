"""A rollout's way back: because somebody asks, because a release failed, or because a run was cut off in the middle of
one of these. What comes back is proved as what goes out is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dreamnet_actions.domain.evidence import with_last_words
from dreamnet_actions.domain.release import Release, ServiceState
from dreamnet_actions.domain.result import Change, Report, Verdict
from dreamnet_actions.errors import NothingBefore
from dreamnet_actions.keepers.deploykeeper.record import short
from dreamnet_actions.keepers.deploykeeper.steadiness import finding
from dreamnet_actions.keepers.examination import Examined

if TYPE_CHECKING:
    from dreamnet_actions.keepers.deploykeeper.rollout import Rollout


@dataclass(frozen=True, kw_only=True)
class Undoing:
    """The part of a rollout that is about the release before."""

    rollout: Rollout

    # ── back ─────────────────────────────────────────────────────────────────────────────────────────────

    def asked(self) -> Report:
        """Go back to the release before, because somebody asked for it, and prove it."""
        rollout = self.rollout
        state, record = rollout.state(), rollout.record
        begun = record.mine  # then a run of this request was cut off: what it left has been chosen
        bad = record.bad(state) if state else frozenset()
        well_before = [one for one in state.former if one.version not in bad] if state else []
        if state is None or (begun is None and not well_before):
            raise NothingBefore("release", rollout.key)
        before = begun["version"] if begun else state.stable.release.version
        after = begun["to"] if begun else well_before[0].version
        why = rollout.request.input.get("reason", "a rollback was asked for")
        change = Change(
            what=f"release of {rollout.key}",
            before=before,
            after=after,
            why=why,
            undo=f"dreamnet deploy {rollout.service} --version {before.partition(':')[2]}",
        )
        if rollout.request.dry_run:
            summary = f"Would take {rollout.key} back to {short(after)}."
            return Report(outcome="planned", summary=summary, changes=[change])
        record.intend("undo", before, to=after)
        if before != after:  # else only its values are others
            record.hold(before, why)
        if state.canary is not None:
            rollout.platform.withdraw(rollout.service)
        former = rollout.platform.undo(rollout.service, token=rollout.request.id, skip=bad)
        watched = rollout.proof.settled()
        text = f"{rollout.key}: taken back from {short(before)} to {former.short}"
        if not watched.settled:
            text = f"{text}, and it is not ready: {watched.why}"
            return record.ended(former, "rollback-failed", text, change)
        well, examined = rollout.proof.by_checks()
        if not well and examined.health != "unknown":
            text = f"{text}, and its checks still fail: {why_not(examined)}"
            return record.ended(former, "rollback-failed", text, change)
        record.note_end(former, "rolled-back", text, told="deployed", held=before)
        verdict: Verdict = "healthy" if well else "unknown"
        return Report(
            outcome="done",
            verdict=verdict,
            summary=f"{text}.",
            findings=list(rollout.untold.values()),
            changes=[change],
        )

    def take_back(self, release: Release, before: ServiceState | None, why: str) -> Report:
        """Undo a release that failed, and prove that what was before serves again: the newest former release that is
        not held as bad."""
        rollout = self.rollout
        current, record = rollout.state(), rollout.record
        seen = rollout.proof.evidence(current)
        why = with_last_words(why, seen)
        told = [finding(rollout.service, why, seen)]
        out = current is not None and current.stable.release.version == release.version
        bad = record.bad(current) if current else frozenset()
        former = [one for one in current.former if one.version not in bad] if current else []
        if before is None or current is None or (out and not former):
            text = f"{rollout.key}: {release.short} failed ({why}), and there is no release before it"
            if out:
                record.failed(release.version, why)
            return record.ended(release, "rollback-failed", text, None, findings=told)
        # Cut off after this, the next run knows that the release was out, also when it is so no longer.
        out = out or bool((record.mine or {}).get("out"))
        token = record.intend("back", release.version, why=why, out=out)["token"]
        if not (out and former and former[0].version == release.version):
            record.hold(release.version, why)
        rollout.platform.withdraw(rollout.service)
        if out:
            rollout.platform.undo(rollout.service, token=token, skip=bad)
            watched = rollout.proof.settled()
            fault = watched.why if not watched.settled else self._still_bad()
            if fault is not None:
                text = f"{rollout.key}: {release.short} failed ({why}), and the release before is not well: {fault}"
                return record.ended(release, "rollback-failed", text, None, findings=told)
        return self._rolled_back(release, why, told)

    def _still_bad(self) -> str | None:
        well, examined = self.rollout.proof.by_checks()
        return None if well or examined.health == "unknown" else why_not(examined)

    def _rolled_back(self, release: Release, why: str, told: list[dict[str, object]]) -> Report:
        rollout = self.rollout
        state = rollout.state()
        former = state.stable.release if state else None
        text = f"{rollout.key}: {release.short} was taken back, {why}; {former.short if former else 'nothing'} serves"
        change = Change(
            what=f"release of {rollout.key}",
            before=release.version,
            after=former.version if former else None,
            why=why,
            undo=f"dreamnet deploy {rollout.service} --version {release.revision or ''}".rstrip(),
        )
        return rollout.record.ended(release, "rolled-back", text, change, findings=told)

    def finish_former(self) -> None:
        """Where a run of another request was cut off while it took a release back, do that first."""
        rollout = self.rollout
        record, state = rollout.record, rollout.state()
        intent = record.intent
        if (
            intent is None
            or intent["phase"] != "back"
            or intent["request"] == rollout.request.id
            or state is None
        ):
            return
        record.hold(intent["version"], intent["why"])
        rollout.platform.withdraw(rollout.service)
        bad = record.bad(state)
        former = [one for one in state.former if one.version not in bad]
        if intent["out"] and (former or state.stable.release.version != intent["version"]):
            rollout.platform.undo(rollout.service, token=intent["token"], skip=bad)
            rollout.proof.settled()
        record.close(intent, f"{rollout.key}: {short(intent['version'])} was taken back, {intent['why']}")


def why_not(examined: Examined) -> str:
    """Say what an examination found wrong first, in words."""
    failed = next((one for one in examined.reports if one.status in ("failed", "degraded")), None)
    return failed.detail if failed else examined.health
