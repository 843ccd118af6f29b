"""Scaling by load: measured loads become recommendations, and a changed one a message to DeployKeeper."""

from __future__ import annotations

from dataclasses import dataclass

from dreamnet_actions.domain.result import Change, Outgoing
from dreamnet_actions.domain.scaling import Recommendation, recommend, stabilise, trim
from dreamnet_actions.domain.spec.models import MetricCheck, Scale, Service
from dreamnet_actions.keepers.context import Context
from dreamnet_actions.keepers.dreamkeeper.story import Story
from dreamnet_actions.keepers.dreamkeeper.windows import Windows
from dreamnet_actions.keepers.examination import Examined


@dataclass(frozen=True, kw_only=True)
class LoadWatch:
    """Keeps the recommendations of each service in the journal's shared state, so that every run adds to them."""

    context: Context
    windows: Windows

    def watch(self, name: str, spec: Service, examined: Examined, story: Story, *, dry_run: bool) -> None:
        """Ask for another number of replicas where the load has asked for it long enough.

        A metric that could not be read is no load of zero: nothing is scaled down for it. A canary under way holds
        the number still, and so does a maintenance window that does not say otherwise.
        """
        state = examined.state
        if state is None or state.canary is not None:
            return
        for check_name, check in spec.checks.items():
            if not isinstance(check, MetricCheck) or check.scale is None:
                continue
            value = next((r.value for r in examined.reports if r.check == check_name), None)
            if value is None:
                continue
            wanted = self._wanted(
                f"scale/{self.context.key(name)}", value, state.stable.desired, check.scale, dry_run
            )
            if wanted != state.stable.desired:
                if (why := self.windows.still(name)) is not None:
                    story.heard(name, why)
                    continue
                reason = f"{check.metric} is {value:g}, {check.scale.target:g} a replica is the target"
                self._ask(name, state.stable.desired, wanted, reason, story)

    def _wanted(self, key: str, value: float, current: int, scale: Scale, dry_run: bool) -> int:
        now = self.context.clock.now()
        stored, _ = self.context.journal.state(key)
        history = [Recommendation(at=at, replicas=replicas) for at, replicas in stored or ()]
        history = trim(
            [*history, Recommendation(at=now, replicas=recommend(value, current, scale))], now, scale
        )
        if not dry_run:
            self.context.journal.set_state(key, [[one.at, one.replicas] for one in history])
        return stabilise(history, current, now, scale)

    def _ask(self, name: str, current: int, wanted: int, reason: str, story: Story) -> None:
        key = self.context.key(name)
        story.wants(
            Change(
                what=f"replicas of {key}",
                before=str(current),
                after=str(wanted),
                why=reason,
                undo=f"dreamnet scale {name} {current}",
            ),
            Outgoing(
                name="load-changed-needs-scale",
                to="deploykeeper",
                data={
                    "service": name,
                    "target": self.context.config.services[name].platform,
                    "key": key,
                    "replicas": wanted,
                    "reason": reason,
                },
            ),
        )
