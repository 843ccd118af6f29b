"""Progressive roll-outs of flags as DreamKeeper sees them: due while their services are well, turned back else.

EnvKeeper does what is said here; the messages go through RelayBot like any remedy's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from dreamnet_actions.domain.flagedit import percent
from dreamnet_actions.domain.flagrollout import BACK, DUE, PREFIX, FlagRollout
from dreamnet_actions.domain.message import bounded_id
from dreamnet_actions.domain.result import Change, Outgoing
from dreamnet_actions.keepers.context import Context
from dreamnet_actions.keepers.dreamkeeper.plan import Situation
from dreamnet_actions.keepers.dreamkeeper.story import Story

PATIENCE = 180.0
"""Seconds for which a fault waits for the turning back alone; after that it is healed as any other."""


@dataclass(frozen=True, kw_only=True)
class FlagWatch:
    """Looks at the roll-outs that are under way, after a round of checks."""

    context: Context

    def watch(self, situations: Mapping[str, Situation], story: Story) -> dict[str, Situation]:
        """Say of each roll-out what this round means for it, and answer the situations with what is done about them.

        A service that fails for sure turns it back, and is not healed by other ways meanwhile: the flag is the likelier
        cause. Only where all of its services were looked at and are well does it go on; a first failed check, or one
        that could not be told, lets it wait.
        """
        found = dict(situations)
        for stored in self.context.journal.states(PREFIX).values():
            if not stored:
                continue
            rollout = FlagRollout.from_json(stored)
            seen = {name: situations[name] for name in rollout.services if name in situations}
            failing = [name for name, one in seen.items() if one.confirmed]
            if failing:
                self._back(rollout, failing, story)
                for name in failing:
                    if self._is_new(found[name]):
                        said = f"the roll-out of flag {rollout.flag} is turned back first"
                        found[name] = replace(found[name], rollout=said)
                continue
            lost = [name for name in rollout.services if name not in self.context.config.services]
            well = [name for name, one in seen.items() if one.health == "healthy"]
            if len(well) + len(lost) < len(rollout.services) or not well:
                continue
            if not rollout.settled:  # a run was cut off in it
                self._say(rollout, rollout.step, "again", story)
            elif rollout.due(self.context.clock.now()):
                self._say(rollout, rollout.step + 1, "due", story)
        return found

    def _is_new(self, one: Situation) -> bool:
        """Say whether a fault is young enough to wait for the turning back alone."""
        verdict, _ = self.context.journal.state(f"verdict/{one.key}")
        since = verdict["since"] if verdict and verdict.get("health") == one.health else one.now
        return bool(one.now - since < PATIENCE)

    def _back(self, rollout: FlagRollout, failing: list[str], story: Story) -> None:
        names = ", ".join(failing)
        reason = f"the checks of {names} fail with {rollout.variant} for {percent(rollout.share)}"
        change = self._change(rollout, "turned back", reason)
        message = Outgoing(
            name=BACK,
            to="envkeeper",
            id=bounded_id(rollout.id, rollout.flag, "back"),
            data={"flag": rollout.flag, "reason": reason},
        )
        story.wants(change, message)

    def _say(self, rollout: FlagRollout, step: int, what: str, story: Story) -> None:
        message = Outgoing(
            name=DUE,
            to="envkeeper",
            id=bounded_id(rollout.id, rollout.flag, f"step-{step}", what),
            data={"flag": rollout.flag, "step": step},
        )
        said = f"step {step + 1} of {len(rollout.steps)}" if step < len(rollout.steps) else "its end"
        story.wants(self._change(rollout, said, "its services are well"), message)

    def _change(self, rollout: FlagRollout, after: str, why: str) -> Change:
        before = f"{rollout.variant} for {percent(rollout.share)}"
        return Change(what=f"roll-out of flag {rollout.flag}", before=before, after=after, why=why)
