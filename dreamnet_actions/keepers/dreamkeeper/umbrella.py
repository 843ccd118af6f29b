"""The umbrella: many new faults at once are one dream with a list of services, not a flood of dreams.

Its key is ``self/umbrella`` (no service can have that one), and its data hold the ``members``: each service's key with
``failing`` (the umbrella speaks for it), ``healthy`` or ``own``. While it is young nothing is healed: so many faults at
once mostly have one cause, which goes as it came. What outlives it gets a dream of its own, with a link to it. It ends
when it speaks for nobody any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from dreamnet_actions.domain.dream import Dream
from dreamnet_actions.domain.health import Report
from dreamnet_actions.keepers.context import SELF
from dreamnet_actions.keepers.dreamkeeper.acting import HOLD, Acting
from dreamnet_actions.keepers.dreamkeeper.gather import living
from dreamnet_actions.keepers.dreamkeeper.plan import Decision, Situation, first_seen
from dreamnet_actions.keepers.dreamkeeper.selfcheck import SPEC
from dreamnet_actions.keepers.dreamkeeper.story import Story

KEY = f"{SELF}/umbrella"
STATE = "umbrella"
"""The shared state that says that one may speak for somebody."""
SHOWN = 20
"""Names that its one sentence lists; its data hold all."""


@dataclass(frozen=True, kw_only=True)
class Umbrella:
    """Gathers new faults. One a round."""

    acting: Acting
    situations: Mapping[str, Situation]
    story: Story
    dry_run: bool

    def over(self, decisions: Mapping[str, Decision]) -> dict[str, Decision]:
        """Answer the decisions once those that the umbrella speaks for are taken out; keep its list."""
        fresh = [name for name, one in decisions.items() if one.kind in ("open", "reopen")]
        # One that a person closed for good still speaks for its members: it is looked for among those that have ended
        # only where there may be one, since at GitHub that is a list of its own.
        speaks, _ = self.acting.context.journal.state(STATE)
        look = self.acting.dreams.find if fresh or speaks else partial(living, self.acting.dreams)
        dream = look(KEY)
        members = _members(dream)
        if "failing" in members.values() and dream is not None:
            return self._under(dream, dict(members), decisions, fresh)
        if dream is not None and not dream.ended and not self.dry_run:
            self._keep(
                dream, dict(members)
            )  # it speaks for nobody: a run was cut off, or a person opened it again
            dream = self.acting.dreams.find(KEY)
        if len(fresh) <= self.acting.context.config.watch.umbrella_over:
            return dict(decisions)
        number = self._open(fresh, dream)
        return {**decisions, **{name: _gathered(number) for name in fresh}}

    def _open(self, fresh: list[str], former: Dream | None) -> int | None:
        if self.dry_run:
            return None
        keys = [self.situations[name].key for name in fresh]
        shown = ", ".join(keys[:SHOWN]) + (" …" if len(keys) > SHOWN else "")
        said = Report(
            service="umbrella",
            check="services",
            status="failed",
            cause="other",
            detail=f"{len(keys)} services fail at once: {shown}",
        )
        seen = [one for name in fresh for one in self.situations[name].reports if one.status == "failed"]
        one = Situation(
            key=KEY,
            spec=SPEC,
            health="failing",
            reports=(said, *seen),
            streak=self.situations[fresh[0]].streak,
            dream=former,
            ledger=(),
            change=None,
            possible=(),
            now=self.acting.context.clock.now(),
        )
        decision = first_seen(one, self.acting.context.config.watch, None)
        with self.acting.context.lock.lease(f"dream/{KEY}", HOLD):
            data = {"members": dict.fromkeys(keys, "failing")}
            dream, change = self.acting.book.file(one, decision, data=data)
            self.acting.context.journal.set_state(STATE, {"number": dream.number})
        self.story.changed(dream, change)
        return dream.number

    def _under(
        self, dream: Dream, members: dict[str, str], decisions: Mapping[str, Decision], fresh: list[str]
    ) -> dict[str, Decision]:
        """Go on under an umbrella that is open (or that a person has put aside)."""
        answer, now = dict(decisions), self.acting.context.clock.now()
        services = self.acting.context.config.services
        lasts = max((one.heal.recover_within for one in services.values()), default=60.0)
        young = now - dream.opened_at <= lasts
        aside = dream.state == "wont-fix" or (dream.state == "snoozed" and (dream.until or 0) > now)
        known = {one.key for one in self.situations.values()}
        for key, state in members.items():
            if state == "failing" and key not in known and key.partition("/")[2] not in services:
                members[key] = "healthy"  # it is no longer configured
        for name, one in self.situations.items():
            covered = members.get(one.key) == "failing"
            if covered and one.health == "healthy" and one.streak.successes >= one.spec.thresholds.successes:
                members[one.key] = "healthy"
            elif name not in fresh:
                continue
            elif (covered and (young or aside)) or (young and not dream.ended):
                members[one.key] = "failing"
                answer[name] = _gathered(dream.number)
            else:
                members[one.key] = "own"
                answer[name] = replace(decisions[name], umbrella=dream.number)
        if not self.dry_run and members != _members(dream):
            self._keep(dream, members)
        return answer

    def _keep(self, dream: Dream, members: dict[str, str]) -> None:
        """Write the list down; where the umbrella speaks for nobody any more, that is its end."""
        with self.acting.context.lock.lease(f"dream/{KEY}", HOLD):
            dream = self.acting.dreams.update(replace(dream, data={**dream.data, "members": members}))
            self.story.touched(dream)
            if "failing" not in members.values():
                self.acting.context.journal.set_state(STATE, None)
            if dream.ended or "failing" in members.values():
                return
            own = sorted(key for key, state in members.items() if state == "own")
            because = "all its services are well again"
            if own:
                because = f"what outlived it has a dream of its own: {', '.join(own)}"
            dream, change = self.acting.book.resolve(dream, because)
            self.story.changed(dream, change)


def _members(dream: Dream | None) -> Mapping[str, str]:
    found = dream.data.get("members", {}) if dream is not None and dream.state != "resolved" else {}
    return found if isinstance(found, Mapping) else {}


def _gathered(number: int | None) -> Decision:
    where = f"dream {number}" if number is not None else "one dream"
    return Decision(kind="gathered", because=f"many services fail at once: it is part of {where}")
