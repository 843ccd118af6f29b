"""What to do about each examined service. Pure: a situation in, a decision out; nothing is read or written here."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from dreamnet_actions.domain.dream import Dream
from dreamnet_actions.domain.health import Health, Report, Streak, main_cause
from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.domain.remedy import Attempt, Choice, changed_values, choose
from dreamnet_actions.domain.spec.models import Service, Watch
from dreamnet_actions.domain.units import counted, format_duration

Kind = Literal[
    "nothing",  # well, and no dream to end
    "unknown",  # our own fault: no evidence either way
    "suspected",  # it failed, but not often enough yet
    "maintenance",  # somebody works on it
    "rolling-out",  # DeployKeeper is bringing a release of it out, or taking one back, and judges it itself
    "held",  # something that it needs is the real problem
    "gathered",  # it is part of an umbrella dream
    "left-alone",  # a person said so (snoozed, won't fix) or has the word (needs human)
    "recovering",  # well again, but not long enough yet
    "under-way",  # a remedy was asked for and has time left
    "overdue",  # a remedy was asked for and nothing came of it in time
    "unapproved",  # a remedy waited for a person's word, and nobody gave it in time
    "open",
    "reopen",
    "heal",  # an open dream gets its next remedy
    "resolve",
]

GRACE = 30.0
"""Seconds beyond ``recover-within`` after which a remedy without a result message is given up."""


@dataclass(frozen=True, kw_only=True)
class Situation:
    """All that is known about one service when it is decided on; times are seconds since 1970."""

    key: str
    spec: Service
    health: Health
    reports: tuple[Report, ...]
    streak: Streak
    dream: Dream | None
    ledger: Sequence[Attempt]
    change: Fact | None
    possible: Collection[str]
    now: float
    desired: int = 1
    """Replicas that it should have now."""
    rollout: str | None = None
    """What DeployKeeper is doing with it now, in words."""

    @property
    def bad(self) -> bool:
        """True when it fails or is degraded."""
        return self.health in ("failing", "degraded")

    @property
    def confirmed(self) -> bool:
        """True when it failed often enough in a row."""
        return self.bad and self.streak.failures >= self.spec.thresholds.failures


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What to do about one service; ``choice`` is set where a remedy was considered, ``umbrella`` where a dream to be
    filed outlived one of that number."""

    kind: Kind
    because: str
    choice: Choice | None = None
    umbrella: int | None = None


def storm(situations: Mapping[str, Situation], watch: Watch) -> str | None:
    """Say so when so many services fail together that healing each would make it worse; else None.

    A service whose fault follows from one that it needs does not count: that is one problem, not two.
    """
    down = {name for name, one in situations.items() if one.confirmed and one.health == "failing"}
    failing = [name for name in down if not down.intersection(situations[name].spec.needs)]
    if len(failing) >= 3 and len(failing) > watch.storm * len(situations):
        return (
            f"{len(failing)} of {len(situations)} services fail together: that is no fault of each one's own"
        )
    return None


def decide(
    one: Situation, watch: Watch, *, blocked_by: str | None, storm: str | None, maintenance: str | None = None
) -> Decision:
    """Decide on one service. ``blocked_by`` names a failing service that it needs; ``maintenance`` says which window
    it is in."""
    dream = one.dream if one.dream and one.dream.state != "resolved" else None
    if one.health == "unknown":
        return Decision(
            kind="unknown", because="nothing could be found out, and that is no fault of the service"
        )
    if one.health == "healthy":
        return _well(one, dream)
    if dream and dream.state == "wont-fix":
        return Decision(kind="left-alone", because="a person closed it as won't fix")
    if dream and dream.state == "snoozed" and (dream.until or 0) > one.now:
        rest = format_duration((dream.until or 0) - one.now)
        return Decision(kind="left-alone", because=f"it is snoozed for another {rest}")
    if not one.confirmed:
        seen, needed = one.streak.failures, one.spec.thresholds.failures
        return Decision(kind="suspected", because=f"{seen} of {needed} looks in a row failed")
    if (others := _others(one, dream, blocked_by, maintenance)) is not None:
        return others
    if dream is None:
        return first_seen(one, watch, storm)
    if (asked := dream.asks) is not None and not asked.stands(one.now):
        within = format_duration(asked.until - asked.asked_at)
        return Decision(kind="unapproved", because=f"nobody approved {asked.what} within {within}")
    if dream.state == "needs-human":
        return Decision(kind="left-alone", because=f"a human is asked for: {dream.because}")
    if dream.state in ("healing", "verifying"):
        return _under_way(one, dream)
    return Decision(kind="heal", because="it is still failing", choice=next_remedy(one, dream, storm))


def _others(
    one: Situation, dream: Dream | None, blocked_by: str | None, maintenance: str | None
) -> Decision | None:
    """Leave a fault to whoever has it in hand: people, DeployKeeper, or the dream of what the service needs."""
    if maintenance:
        return Decision(kind="maintenance", because=maintenance)
    if one.rollout and (dream is None or dream.state not in ("healing", "verifying")):
        return Decision(kind="rolling-out", because=one.rollout)
    if blocked_by:
        return Decision(kind="held", because=f"{blocked_by}, which it needs, is failing")
    return None


def next_remedy(
    one: Situation, dream: Dream | None, storm: str | None = None, *, patient: bool = True
) -> Choice:
    """Choose the next remedy for a situation; degraded services are watched, not healed, but for those whose new
    values let no replica start. Without patience no cool-down is waited for."""
    if storm:
        return Choice(remedy=None, because=storm)
    possible: Collection[str] = one.possible
    if one.health == "degraded":
        possible = _ways_back(one)
        if not possible:
            return Choice(
                remedy=None, wait=60.0, because="it is degraded, not down: that is watched, not healed"
            )
    tried = [a.remedy for a in one.ledger if dream is not None and a.dream == dream.correlation_id]
    return choose(
        one.spec.heal if patient else replace(one.spec.heal, cool_down=0.0),
        service=one.key,
        cause=main_cause(one.reports),
        tried=tried,
        ledger=one.ledger,
        change=one.change,
        possible=possible,
        now=one.now,
    )


def _ways_back(one: Situation) -> frozenset[str]:
    """Answer what is done about a service that is only degraded: where replicas cannot start since its values changed,
    the former ones serve on, and are lost one by one unless the values come back."""
    crash = any(report.cause == "crash" for report in one.reports if report.status == "degraded")
    by_values = crash and one.change is not None and changed_values(one.change)
    learned = one.spec.heal.order == "learned" or "restore-config" in one.spec.heal.steps
    return frozenset({"restore-config"}.intersection(one.possible)) if by_values and learned else frozenset()


def _well(one: Situation, dream: Dream | None) -> Decision:
    if dream is None or dream.ended:
        return Decision(kind="nothing", because="it is healthy")
    if one.streak.successes >= one.spec.thresholds.successes:
        how = f"after {dream.remedy}" if dream.remedy else "by itself"
        return Decision(
            kind="resolve", because=f"{one.streak.successes} looks in a row passed; it recovered {how}"
        )
    return Decision(kind="recovering", because=f"{one.streak.successes} looks in a row passed")


def first_seen(one: Situation, watch: Watch, storm: str | None) -> Decision:
    """Decide on a fault that has no dream: a new one, or the former one again."""
    former = one.dream
    choice = next_remedy(one, None, storm)
    if (
        former is not None
        and former.resolved_at is not None
        and one.now - former.resolved_at <= watch.reopen_within
    ):
        ago = format_duration(one.now - former.resolved_at)
        return Decision(kind="reopen", because=f"it came back {ago} after it was resolved", choice=choice)
    return Decision(
        kind="open", because=f"{counted(one.streak.failures, 'look')} in a row failed", choice=choice
    )


def _under_way(one: Situation, dream: Dream) -> Decision:
    waited = one.now - dream.changed_at
    limit = one.spec.heal.recover_within + GRACE
    if waited <= limit:
        return Decision(
            kind="under-way", because=f"{dream.remedy} was asked for {format_duration(waited)} ago"
        )
    return Decision(kind="overdue", because=f"{dream.remedy} was asked for and gave no result in {limit:g} s")
