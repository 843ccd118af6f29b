"""Remedies: which one to try next, from the configured steps, what changed last, and what worked before.

Everything here is pure: the ledger is read from the journal's facts, and a choice says why in words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.domain.spec.models import Heal
from dreamnet_actions.domain.units import format_duration

Remedy = Literal["restart", "rollback", "restore-config", "scale-up"]

MESSAGES: Mapping[str, tuple[str, str]] = {
    "restart": ("health-check-failed-needs-restart", "deploykeeper"),
    "rollback": ("health-check-failed-needs-rollback", "deploykeeper"),
    "restore-config": ("health-check-failed-needs-config-restore", "envkeeper"),
    "scale-up": ("health-check-failed-needs-scale-up", "deploykeeper"),
}
"""The message that asks for each remedy, and the keeper that it is for."""

TRIES_EACH = 2
"""How often one remedy may be tried on one dream since it was opened last."""
SUSPECT_FOR = 1800.0
"""Seconds for which a change before a fault is suspected of being its cause."""

_CHANGES: Mapping[str, str] = {
    "env-changed": "restore-config", "env-restored": "restore-config", "release-ended": "rollback",
}  # fmt: skip
_NAMES: Mapping[str, str] = {
    "env-changed": "the configuration", "env-restored": "the configuration", "release-ended": "the release",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """One remedy that was tried: on what, for which cause, when, and what came of it.

    ``worked`` is None while it is under way; ``seconds`` from asking for it to the proof (or to giving up).
    """

    service: str
    dream: str
    remedy: str
    cause: str
    at: float
    worked: bool | None = None
    seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What to do about a fault: a remedy now (with ``asks``: once a person approved it), or ``wait`` seconds, or
    (neither) ask a human. ``because`` says why; ``later`` is the remedy that is waited with."""

    remedy: str | None
    because: str
    wait: float | None = None
    asks: bool = False
    later: str | None = None


def attempts(facts: Iterable[Fact]) -> list[Attempt]:
    """Read the ledger from facts of the kinds ``remedy-started`` and ``remedy-ended``, oldest first."""
    found: dict[tuple[str, str, object], Attempt] = {}
    for fact in facts:
        if fact.kind not in ("remedy-started", "remedy-ended"):
            continue
        remedy = str(fact.data.get("remedy", ""))
        key = (fact.dream, remedy, fact.data.get("attempt"))
        ended = fact.kind == "remedy-ended"
        former = found.get(key)
        found[key] = Attempt(
            service=fact.service,
            dream=fact.dream,
            remedy=remedy,
            cause=str(fact.data.get("cause") or (former.cause if former else "")),
            at=former.at if former else fact.at,
            worked=bool(fact.data.get("worked")) if ended else (former.worked if former else None),
            seconds=fact.data.get("seconds") if ended else (former.seconds if former else None),
        )
    return sorted(found.values(), key=lambda attempt: attempt.at)


def suspect(facts: Iterable[Fact], fault_at: float) -> Fact | None:
    """Answer the last change to the service (synced values, a release) within half an hour before the fault.

    A change that was put back since is no suspect; nor is a release that was itself a way back. Values that somebody
    asked to have back are a change like any other.
    """
    last: dict[str, Fact] = {}
    for fact in facts:
        if changed_values(fact):
            last["values"] = fact
        elif fact.kind == "env-restored":
            last.pop("values", None)
        elif (
            fact.kind == "release-ended"
            and fact.data.get("verdict") == "deployed"
            and fact.data.get("former")
        ):
            last[fact.kind] = fact
        elif fact.kind == "release-ended":
            last.pop("release-ended", None)
    recent = [fact for fact in last.values() if 0 <= fault_at - fact.at <= SUSPECT_FOR]
    return max(recent, key=lambda fact: fact.at, default=None)


def changed_values(fact: Fact) -> bool:
    """Say whether a fact tells that a service's values became others, and not that a heal put the former ones back."""
    return fact.kind == "env-changed" or (fact.kind == "env-restored" and bool(fact.data.get("asked")))


def choose(
    heal: Heal,
    *,
    service: str,
    cause: str | None,
    tried: Collection[str],
    ledger: Sequence[Attempt],
    change: Fact | None,
    possible: Collection[str],
    now: float,
) -> Choice:
    """Choose the next remedy for one dream.

    ``tried`` are the remedies that this dream already had since it was opened last, each as often as it had it (one
    may have failed for a reason of its own, so each has two tries); ``ledger`` all attempts on
    record; ``change`` the suspected change; ``possible`` what the platform can do now (no rollback without a former
    release). Budget and cool-down come first, then what changed, then what worked, then the configured order.
    """
    if not heal.steps:
        return Choice(remedy=None, because="no remedy is configured for it (heal: [])")
    if (why := spent(heal, service, ledger, now)) is not None:
        return Choice(remedy=None, because=why)
    counts = Counter(tried)
    candidates = [one for one in _candidates(heal, change) if one in possible and counts[one] < TRIES_EACH]
    if heal.order == "learned":  # what may be tried at once comes before what a person has to be woken for
        candidates = [one for one in candidates if one not in heal.approval] or candidates
    fewest = min((counts[one] for one in candidates), default=0)
    candidates = [one for one in candidates if counts[one] == fewest]  # all once before any of them twice
    if not candidates:
        done = ", ".join(f"{one} {counts[one]} times" for one in counts) if tried else "none"
        return Choice(remedy=None, because=f"no remedy is left to try (tried: {done})")
    ranked = candidates if heal.order == "fixed" else _rank(candidates, service, cause, ledger, change)
    remedy = ranked[0]
    last = max((one.at for one in ledger if one.service == service and one.remedy == remedy), default=None)
    if last is not None and now - last < heal.cool_down:
        rest = heal.cool_down - (now - last)
        ago = format_duration(now - last)
        because = f"{remedy} was tried {ago} ago and is cooling down"
        return Choice(remedy=None, wait=rest, because=because, later=remedy)
    because = _because(remedy, service, cause, ledger, change, heal)
    return Choice(remedy=remedy, because=because, asks=remedy in heal.approval)


def spent(heal: Heal, service: str, ledger: Sequence[Attempt], now: float) -> str | None:
    """Say so when the service's budget of remedies an hour is used up; else None."""
    recent = [one for one in ledger if one.service == service and now - one.at < 3600]
    if len(recent) < heal.tries_per_hour:
        return None
    return f"{len(recent)} remedies were tried on it within the last hour, and that is its budget"


def _candidates(heal: Heal, change: Fact | None) -> list[str]:
    """The configured steps; under learned order also the way back from the change that is suspected."""
    steps: list[str] = list(heal.steps)
    if (
        heal.order == "learned"
        and heal.steps
        and change is not None
        and (back := _CHANGES[change.kind]) not in steps
    ):
        steps.append(back)
    return steps


def odds(remedy: str, service: str, cause: str | None, ledger: Iterable[Attempt]) -> tuple[float, int, int]:
    """Answer how likely the remedy works: the mean of a Beta(1, 1) posterior, and how often it worked and was tried.

    Only attempts on the same service count, with the same cause where one is known. The mean (w + 1) / (n + 2) is
    Laplace's rule of succession: with no record it is ½, and one lucky try does not make it certain.
    """
    same = [
        one
        for one in ledger
        if one.remedy == remedy
        and one.service == service
        and one.worked is not None
        and one.cause == (cause or "")
    ]
    worked = sum(bool(one.worked) for one in same)
    return (worked + 1) / (len(same) + 2), worked, len(same)


def _rank(
    candidates: list[str], service: str, cause: str | None, ledger: Sequence[Attempt], change: Fact | None
) -> list[str]:
    """Order by record where there is enough of it, with the way back from a suspected change first."""
    back = _CHANGES[change.kind] if change else None

    def weight(remedy: str) -> tuple[bool, bool, float, int]:
        mean, worked, tried = odds(remedy, service, cause, ledger)
        hopeless = tried >= 3 and worked == 0
        return (hopeless, remedy != back, -round(mean, 2) if tried >= 2 else -0.5, candidates.index(remedy))

    return sorted(candidates, key=weight)


def _because(
    remedy: str, service: str, cause: str | None, ledger: Sequence[Attempt], change: Fact | None, heal: Heal
) -> str:
    _, worked, tried = odds(remedy, service, cause, ledger)
    record = f"; it worked {worked} of {tried} times for this cause" if tried else ""
    if heal.order == "learned" and change is not None and _CHANGES[change.kind] == remedy:
        return f"{_NAMES[change.kind]} changed just before ({change.text.rstrip('.')}){record}"
    if len(heal.steps) < 2:
        return f"it is the one remedy that is configured{record}"
    return f"it is the next in line ({', '.join(heal.steps)}){record}"
