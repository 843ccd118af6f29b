"""A rollout's way by canary: its steps, its promotion, what waits for a person, and what a person says to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dreamnet_actions.domain.approval import Approval, objection, read
from dreamnet_actions.domain.release import Release, ServiceState
from dreamnet_actions.domain.result import Change, Report
from dreamnet_actions.domain.spec.strategies import Strategy
from dreamnet_actions.errors import NotFound, RefusedError, ReleaseFailed
from dreamnet_actions.keepers.deploykeeper.canary import CanaryRun, End
from dreamnet_actions.keepers.deploykeeper.record import waiting
from dreamnet_actions.keepers.deploykeeper.watching import Watched, Watching

if TYPE_CHECKING:
    from dreamnet_actions.keepers.deploykeeper.rollout import Rollout

DEFAULT_STEPS = (0.1, 0.5)
"""The canary's shares where somebody asks for one and the configuration names none."""
WHAT = "canary"
"""What an approval of a release is for."""


@dataclass(frozen=True, kw_only=True)
class Stepping:
    """The part of a rollout that is about its canary."""

    rollout: Rollout

    # ── on its way ───────────────────────────────────────────────────────────────────────────────────────

    def by_canary(self, release: Release, strategy: Strategy, *, promoted: bool) -> Report | None:
        """Let a canary take growing shares; the first clear sign of errors ends it. Then make it the stable one. None:
        it is that, and can be proved."""
        if not promoted:
            run = CanaryRun(
                rollout=self.rollout, release=release, strategy=strategy, shares=self._shares(strategy)
            )
            try:
                end = run.run()
            except ReleaseFailed as error:  # what had to be done before it (a migration)
                return self.rollout.undoing.take_back(release, self.rollout.state(), error.message)
            if end.kind == "bad":
                return self.rollout.undoing.take_back(release, self.rollout.state(), f"its canary {end.why}")
            if end.kind == "abort":
                return self.rollout.undoing.take_back(release, self.rollout.state(), end.why)
            if end.kind in ("waits", "paused"):
                return self._wait(release, strategy, end)
        return self._take_over(release)

    def _take_over(self, release: Release) -> Report | None:
        """Make the canary's release the stable one. Where that does not get ready, the release before serves again, and
        so does the canary: it has done nothing wrong."""
        rollout = self.rollout
        before = rollout.state()
        share = before.canary.weight if before is not None and before.canary is not None else 0.0
        rollout.platform.promote(rollout.service)
        watched = rollout.proof.settled()
        if watched.settled:
            rollout.platform.withdraw(rollout.service)  # on some platforms it serves until stable is ready
            return None
        if before is None or before.canary is None or not _is_before(before, watched.state):
            return rollout.undoing.take_back(release, watched.state, watched.why)
        bad = rollout.record.bad(watched.state) if watched.state else frozenset()
        rollout.platform.undo(rollout.service, token=rollout.context.ids.fresh(), skip=bad)
        back = rollout.proof.settled()
        if not back.settled:
            text = f"{rollout.key}: {release.short} could not take over ({watched.why}), and the release before is not "
            return rollout.record.ended(release, "rollback-failed", f"{text}well: {back.why}", None)
        rollout.platform.apply(rollout.service, rollout.spec, release, canary=True)
        beside = Watching(context=rollout.context).until_settled(
            rollout.platform, rollout.service, within=rollout.rules.ready_within, canary=True
        )
        if not beside.settled:
            return rollout.undoing.take_back(release, rollout.state(), watched.why)
        rollout.platform.shift(rollout.service, share)
        return self._stands_in(release, watched)

    def _stands_in(self, release: Release, watched: Watched) -> Report:
        rollout = self.rollout
        former = (
            watched.state.former[0].short if watched.state and watched.state.former else "what was before"
        )
        text = f"{rollout.key}: {release.short} could not take over ({watched.why}); {former} is stable again, and the "
        text += "canary goes on serving at its share"
        hint = f"Mend that, then: dreamnet promote {rollout.service} (or: dreamnet abort {rollout.service})"
        step = len(rollout.record.canary.get("shares") or ())
        return rollout.record.waits(release, text, hint, self._asking(text, rollout.rules.strategy), step)

    # ── waiting ──────────────────────────────────────────────────────────────────────────────────────────

    def _wait(self, release: Release, strategy: Strategy, end: End) -> Report:
        rollout = self.rollout
        name = rollout.service
        text = f"{rollout.key}: the canary {release.short} serves on and waits: {end.why}"
        if end.kind == "paused":
            hint = f"Deploy again once it is back, or: dreamnet promote {name}, dreamnet abort {name}"
            return rollout.record.waits(release, text, hint, None, end.step)
        hint = f"Let it go on: dreamnet deploykeeper approve {name}. Or: dreamnet promote {name}, dreamnet abort {name}"
        return rollout.record.waits(release, text, hint, self._asking(end.why, strategy), end.step)

    def _asking(self, why: str, strategy: Strategy) -> Approval:
        now = self.rollout.context.clock.now()
        return Approval(what=WHAT, why=why, attempt=1, asked_at=now, until=now + strategy.approve_within)

    def still_waits(self, state: ServiceState | None, wanted: str) -> Report | None:
        """Answer the report of a release that waits for a person, where it is the one that is wanted; a canary that
        waits for the metric source goes on from where it was."""
        intent = self._waiting(state)
        if intent is None or intent["version"] != wanted:
            return None
        asked = read(intent)
        if asked is None:
            self.rollout.record.take_over(intent)
            return None
        if not asked.stands(self.rollout.context.clock.now()):
            return None
        return waiting(intent["text"], intent["hint"], [])

    def _waiting(self, state: ServiceState | None) -> dict[str, Any] | None:
        """Answer the intent of the canary that waits, if one does and is still there."""
        intent = self.rollout.record.intent
        if intent is None or intent["phase"] != "waits" or state is None or state.canary is None:
            return None
        return intent if state.canary.release.version == intent["version"] else None

    # ── what a person says ───────────────────────────────────────────────────────────────────────────────

    def approve(self) -> Report:
        """Let the canary that waits go on with its next step."""
        rollout, state = self.rollout, self.rollout.state()
        intent = self._waiting(state)
        if (answer := self._again(intent)) is not None:
            return answer
        asked = read(intent) if intent else None
        why = objection(asked, rollout.context.clock.now(), what=WHAT)
        if intent is None or asked is None or state is None or state.canary is None:
            return Report(outcome="unchanged", summary=f"{rollout.key}: {why or 'No canary waits.'}")
        if why:
            hint = f"Say how it goes on: dreamnet promote {rollout.service}, dreamnet abort {rollout.service}"
            raise RefusedError(f"{rollout.key}: {why}", hint=hint)
        step = int((intent.get("canary") or {}).get("step", 0)) + 1
        return self._go_on(intent, state, state.canary.release, step=step, promoted=False)

    def promote(self) -> Report:
        """Make the canary the stable release now, whatever steps it has before it, and prove it."""
        state = self._with_canary()
        if (answer := self._again(self._waiting(state))) is not None:
            return answer
        if state.canary is None or state.canary.ready == 0:
            why = f"the canary of {self.rollout.key} is not ready"
            raise RefusedError(f"Nothing was promoted: {why}.", hint="See 'dreamnet deploykeeper status'.")
        return self._go_on(self._its_intent(state), state, state.canary.release, step=None, promoted=True)

    def _again(self, intent: dict[str, Any] | None) -> Report | None:
        """Answer a word that came before by this very request, and after which the canary waits again: one word lets
        it go on once, however often its message is handed out."""
        if intent is None or intent["request"] != self.rollout.request.id:
            return None
        return Report(outcome="done", summary=f"It went on as was said, and then: {intent['text']}.")

    def abort(self) -> Report:
        """End the canary; the stable release has all traffic, and the canary's version is held."""
        rollout = self.rollout
        state = rollout.state()
        if state is None or state.canary is None:
            if state is not None and not rollout.request.dry_run:
                rollout.platform.withdraw(rollout.service)  # what is left of one that somebody deleted
            return Report(outcome="unchanged", summary=f"{rollout.key} has no canary.")
        release, intent = state.canary.release, self._its_intent(state)
        why = rollout.request.input.get("reason", "somebody asked for it")
        if rollout.request.dry_run:
            change = Change(what=f"canary of {rollout.key}", before=release.version, why=why)
            return Report(
                outcome="planned", summary=f"Would end the canary of {rollout.key}.", changes=[change]
            )
        if intent is None:
            rollout.record.began(release, state.stable.release.version)
        else:
            rollout.record.take_over(intent)
        return replace(
            rollout.undoing.take_back(release, state, why), outcome="done", verdict=None, error=None
        )

    def _go_on(
        self,
        intent: dict[str, Any] | None,
        state: ServiceState,
        release: Release,
        *,
        step: int | None,
        promoted: bool,
    ) -> Report:
        rollout = self.rollout
        shares = ((intent or {}).get("canary") or {}).get("shares")
        strategy = rollout.rules.strategy
        strategy = replace(strategy, canary=tuple(shares)) if shares else strategy
        change = rollout.change(state, release.version)
        if rollout.request.dry_run:
            how = "promote" if promoted else "go on with"
            summary = f"Would {how} the canary {release.short} of {rollout.key}."
            return Report(outcome="planned", summary=summary, changes=[change])
        if intent is not None:
            rollout.record.take_over(intent, step=step)
        return rollout.bring_out(release, strategy, change, by_canary=True, promoted=promoted)

    def _with_canary(self) -> ServiceState:
        rollout = self.rollout
        services = rollout.platform.observe().services
        state = services.get(rollout.service)
        if state is None or state.canary is None:
            raise NotFound(
                "canary of", rollout.service, [name for name, one in services.items() if one.canary]
            )
        return state

    def _its_intent(self, state: ServiceState) -> dict[str, Any] | None:
        """Answer the intent of the canary that is there: one that waits, or whose run was cut off."""
        intent = self.rollout.record.intent
        if intent is None or state.canary is None or intent["version"] != state.canary.release.version:
            return None
        return intent if intent["phase"] in ("out", "waits") else None

    def _shares(self, strategy: Strategy) -> Sequence[float]:
        kept = self.rollout.record.canary.get("shares")
        return kept or strategy.canary or DEFAULT_STEPS


def _is_before(before: ServiceState, now: ServiceState | None) -> bool:
    """Say whether the newest former release is the one that was stable then: that is what an undo goes back to."""
    return now is not None and bool(now.former) and now.former[0].version == before.stable.release.version
