"""Scaling by load: measured loads become recommendations, and a changed one a message to DeployKeeper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dreamnet_actions.domain.result import Change, Outgoing
from dreamnet_actions.domain.scaling import (
    Move,
    Recommendation,
    decide,
    longest_pace,
    longest_window,
    out_of_bounds,
    recommend,
    trim,
)
from dreamnet_actions.domain.spec.models import LoadCheck, Service
from dreamnet_actions.domain.spec.scale import Scale
from dreamnet_actions.errors import DreamNetError
from dreamnet_actions.keepers.context import Context
from dreamnet_actions.keepers.dreamkeeper.story import Story
from dreamnet_actions.keepers.dreamkeeper.windows import Windows
from dreamnet_actions.keepers.examination import Examined


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What one check asks for, and why. ``known`` is False where its load could not be measured."""

    replicas: int
    reason: str
    known: bool = True


@dataclass(frozen=True, kw_only=True)
class LoadWatch:
    """Keeps the recommendations of each service in the journal's shared state, so that every run adds to them."""

    context: Context
    windows: Windows

    def watch(self, name: str, spec: Service, examined: Examined, story: Story, *, dry_run: bool) -> None:
        """Ask for another number of replicas where the load has asked for it long enough.

        Of several loads the one that asks for the most decides. One that could not be measured is no load of zero:
        nothing is scaled down while it is missing. A canary under way holds the number still, and so does a maintenance
        window that does not say otherwise, or somebody else who decides the number.
        """
        state = examined.state
        if state is None or state.canary is not None:
            return
        current = state.stable.desired
        wishes = [
            self._wish(name, check_name, check, check.scale, examined, current, dry_run=dry_run)
            for check_name, check in spec.checks.items()
            if isinstance(check, LoadCheck) and check.scale is not None
        ]
        if not wishes:
            return
        most = max(wishes, key=lambda one: one.replicas)
        if most.replicas == current:
            return
        if (why := self.windows.still(name) or self._other(name)) is not None:
            story.heard(name, why)
            return
        self._ask(name, current, most, story)

    def _wish(
        self,
        name: str,
        check_name: str,
        check: LoadCheck,
        scale: Scale,
        examined: Examined,
        current: int,
        *,
        dry_run: bool,
    ) -> Wish:
        key = f"scale/{self.context.key(name)}/{check_name}"
        stored, _ = self.context.journal.state(key)
        kept: dict[str, Any] = stored if isinstance(stored, dict) else {}
        report = next((one for one in examined.reports if one.check == check_name), None)
        if report is None:  # only another check was looked at
            return Wish(replicas=current, reason="", known=False)
        if (value := report.value) is None:
            return self._missing(key, kept, check, scale, current, dry_run=dry_run)
        now = self.context.clock.now()
        history = [Recommendation(at=at, replicas=replicas) for at, replicas in kept.get("asked", ())]
        history = trim(
            [*history, Recommendation(at=now, replicas=recommend(value, current, scale))], now, scale
        )
        if not dry_run:
            self.context.journal.set_state(key, {"asked": [[one.at, one.replicas] for one in history]})
        wanted = decide(history, self._moves(name, scale, now), current, now, scale)
        return Wish(
            replicas=wanted,
            reason=f"{check.what} is {value:g}, {scale.target:g} a replica is the target",
        )

    def _missing(
        self, key: str, kept: dict[str, Any], check: LoadCheck, scale: Scale, current: int, *, dry_run: bool
    ) -> Wish:
        """Answer what is wanted while a load cannot be measured: never fewer; the bounds hold all the same."""
        last = max((at for at, _ in kept.get("asked", ())), default=None)
        if last is not None and self.context.clock.now() - last > longest_window(scale):
            kept = {**kept, "asked": []}  # so long ago that it says nothing beside what is measured next
            if not dry_run:
                self.context.journal.set_state(key, kept)
        bound = out_of_bounds(current, scale)
        if bound is not None and bound > current:
            return Wish(replicas=bound, reason=f"{bound} is the least", known=False)
        if scale.fallback is None or current == 0:
            return Wish(replicas=current, reason="", known=False)
        missed = int(kept.get("missed", 0)) + 1
        if not dry_run and missed <= scale.fallback.failures:
            self.context.journal.set_state(key, {**kept, "missed": missed})
        if missed < scale.fallback.failures:
            return Wish(replicas=current, reason="", known=False)
        wanted = max(current, min(scale.fallback.replicas, scale.max))
        reason = f"{check.what} could not be measured {missed} times in a row, and {wanted} is the fallback"
        return Wish(replicas=wanted, reason=reason, known=False)

    def _moves(self, name: str, scale: Scale, now: float) -> list[Move]:
        """Answer how the number was changed lately, as far as the pace asks for it."""
        if not (seconds := longest_pace(scale)):
            return []
        facts = self.context.journal.read(
            kinds={"scaled"}, service=self.context.key(name), since=now - seconds
        )
        return [Move(at=one.at, by=int(one.data["after"]) - int(one.data["before"])) for one in facts]

    def _other(self, name: str) -> str | None:
        """Say who else decides the number of replicas, if anybody does."""
        try:
            scaler = self.context.platform_of(name).constraints(name).scaler
        except DreamNetError as error:
            return f"it is not scaled by its load: {error.message}"
        return f"it is not scaled by its load: the {scaler.title} decides its replicas" if scaler else None

    def _ask(self, name: str, current: int, wish: Wish, story: Story) -> None:
        key = self.context.key(name)
        story.wants(
            Change(
                what=f"replicas of {key}",
                before=str(current),
                after=str(wish.replicas),
                why=wish.reason,
                undo=f"dreamnet scale {name} {current}",
            ),
            Outgoing(
                name="load-changed-needs-scale",
                to="deploykeeper",
                data={
                    "service": name,
                    "target": self.context.config.services[name].platform,
                    "key": key,
                    "replicas": wish.replicas,
                    "reason": wish.reason,
                },
            ),
        )
