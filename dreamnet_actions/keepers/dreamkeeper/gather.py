"""Gathering what a decision needs: counters, dreams and history, joined into a Situation. Writes only counters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dreamnet_actions.domain.dream import LIVING, Dream
from dreamnet_actions.domain.health import Report, Streak, judge
from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.domain.patterns import WINDOW
from dreamnet_actions.domain.release import Release, ServiceState, rollout_time
from dreamnet_actions.domain.remedy import Attempt, attempts, changed_values, suspect
from dreamnet_actions.domain.spec.metrics import bounds
from dreamnet_actions.domain.spec.models import ReleaseRules, Service
from dreamnet_actions.domain.times import rfc3339
from dreamnet_actions.errors import DreamNetError
from dreamnet_actions.keepers.context import SELF, Context
from dreamnet_actions.keepers.dreamkeeper.plan import Situation
from dreamnet_actions.keepers.examination import Examined
from dreamnet_actions.ports.stores import DreamStore

_CHANGES = {"env-changed", "env-restored", "release-ended"}


@dataclass(frozen=True, kw_only=True)
class Gather:
    """Joins an examination with what is remembered."""

    context: Context
    dreams: DreamStore

    def streaks(self, services: Mapping[str, Service]) -> dict[str, Streak]:
        """Answer the counters of earlier runs, by service."""
        found = {}
        for name in services:
            value, _ = self.context.journal.state(_streak_key(self.context.key(name)))
            found[name] = Streak(**value) if value else Streak()
        return found

    def remember(self, situations: Mapping[str, Situation]) -> None:
        """Store the counters for the next run, and the verdict where it changed."""
        for one in situations.values():
            # Beyond what is asked for a count says nothing new, and would be a change to store in every quiet round.
            enough = one.spec.thresholds
            value = {
                "failures": min(one.streak.failures, enough.failures),
                "successes": min(one.streak.successes, enough.successes),
            }
            former, _ = self.context.journal.state(_streak_key(one.key))
            if former != value:
                self.context.journal.set_state(_streak_key(one.key), value)
            self._verdict(one)

    def reset(self, name: str, spec: Service) -> None:
        """Store that a service just passed as often as it must."""
        value = {"failures": 0, "successes": spec.thresholds.successes}
        self.context.journal.set_state(_streak_key(self.context.key(name)), value)
        self._store_verdict(self.context.key(name), "healthy", {})

    def situation(self, examined: Examined, spec: Service, before: Streak) -> Situation:
        """Join one examined service with its dream and history."""
        key = self.context.key(examined.service)
        if examined.health in ("failing", "degraded"):
            streak = Streak(failures=before.failures + examined.failures)
        else:
            streak = before.after(examined.health)
        return self._situation(key, spec, examined, streak)

    def failed(self, examined: Examined, spec: Service) -> Situation:
        """Join a service whose recovery did not come: it failed as long as it was watched, which confirms it."""
        streak = Streak(failures=spec.thresholds.failures)
        return self._situation(self.context.key(examined.service), spec, examined, streak)

    def of_dream(self, dream: Dream, spec: Service) -> Situation:
        """Join a dream with its history without looking at the service: a person decided that it is needed."""
        state = self._state(dream.service)
        examined = Examined(service=dream.service, health="failing", reports=dream.evidence, state=state)
        return self._situation(dream.key, spec, examined, Streak(failures=spec.thresholds.failures))

    def own(self, report: Report, spec: Service) -> Situation:
        """Make a situation of one check of this system itself."""
        key = f"{SELF}/{report.check}"
        health = judge([report])
        now = self.context.clock.now()
        streak = Streak(successes=1) if health == "healthy" else Streak(failures=1)
        dream = self._dream(key, bad=health in ("failing", "degraded"))
        return Situation(
            key=key,
            spec=spec,
            health=health,
            reports=(report,),
            streak=streak,
            dream=dream,
            ledger=(),
            change=None,
            possible=(),
            now=now,
        )

    def again(self, one: Situation) -> Situation:
        """Answer the situation with the ledger and time as they are now."""
        return replace(one, ledger=self._ledger(), now=self.context.clock.now())

    def _situation(self, key: str, spec: Service, examined: Examined, streak: Streak) -> Situation:
        now = self.context.clock.now()
        bad = examined.health in ("failing", "degraded")
        dream = self._dream(key, bad=bad)
        facts = self.context.journal.read(service=key, kinds=_CHANGES, since=now - WINDOW) if bad else []
        fault_at = dream.opened_at if dream is not None and not dream.ended else now
        return Situation(
            key=key,
            spec=spec,
            health=examined.health,
            reports=examined.reports,
            streak=streak,
            dream=dream,
            ledger=self._ledger() if bad else (),
            change=suspect(facts, fault_at),
            possible=_possible(spec, examined.state, facts),
            now=now,
            desired=examined.state.stable.desired if examined.state else spec.replicas,
            rollout=self._rollout(key, spec, now) if bad else None,
        )

    def _rollout(self, key: str, spec: Service, now: float) -> str | None:
        """Say which release of the service is under way by DeployKeeper's note on it, while that may be true."""
        note, _ = self.context.journal.state(f"rollout/{key}")
        if not isinstance(note, dict) or note.get("phase") == "ended":
            return None
        rules = spec.release or ReleaseRules()
        ends = note.get("at", 0.0) + rollout_time(rules)
        if now >= ends:
            return None  # its run was cut off
        what = Release(service="", version=str(note.get("version"))).short
        return f"a release of {what} is under way, and has until {rfc3339(ends)[11:16]} to prove itself"

    def _dream(self, key: str, *, bad: bool) -> Dream | None:
        """Answer the dream that a decision needs. Where nothing is wrong one that has ended says nothing, and is not
        asked for: at GitHub those are lists of their own."""
        return self.dreams.find(key) if bad else living(self.dreams, key)

    def _ledger(self) -> Sequence[Attempt]:
        since = self.context.clock.now() - WINDOW
        return attempts(self.context.journal.read(kinds={"remedy-started", "remedy-ended"}, since=since))

    def _state(self, service: str) -> ServiceState | None:
        try:
            return self.context.platform_of(service).observe().services.get(service)
        except DreamNetError:
            return None  # then a rollback is not offered; the fault itself shows up where it is needed

    def _verdict(self, one: Situation) -> None:
        causes = {report.check: report.cause for report in one.reports if report.status != "passed"}
        self._store_verdict(one.key, one.health, causes)

    def _store_verdict(self, key: str, health: str, causes: Mapping[str, str | None]) -> None:
        """Keep the last verdict; a change of it is a fact worth keeping, a repetition is not."""
        former, _ = self.context.journal.state(f"verdict/{key}")
        if former and former.get("health") == health:
            return
        self.context.journal.set_state(
            f"verdict/{key}", {"health": health, "since": self.context.clock.now()}
        )
        why = f" ({', '.join(f'{check}: {cause}' for check, cause in causes.items())})" if causes else ""
        self.context.note("check-ended", f"{key} is {health}{why}", service=key, data={"health": health})


def living(dreams: DreamStore, key: str) -> Dream | None:
    """Answer the dream of a key that has not ended."""
    found = dreams.search(states=LIVING, key=key, limit=1)
    return found[0] if found else None


def _streak_key(key: str) -> str:
    return f"health/{key}"


def _possible(spec: Service, state: ServiceState | None, facts: Sequence[Fact]) -> frozenset[str]:
    """Answer the remedies that can be applied now: nothing is offered that the platform cannot do."""
    found = {"restart"}
    if state is not None and state.former:
        found.add("rollback")
    changes = [fact for fact in facts if fact.kind in ("env-changed", "env-restored")]
    if changes and changed_values(changes[-1]) and changes[-1].data.get("former"):
        found.add("restore-config")
    allowed = bounds(spec)
    if state is not None and allowed is not None and state.stable.desired < allowed[1]:
        found.add("scale-up")
    return frozenset(found)
