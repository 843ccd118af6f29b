"""Is the canary worse than the stable release beside it? A sequential test with proved chances of error. Pure.

Requests are of *kinds* (those of clients, those of our own probes), because a kind may fail more often than another and
the tracks answer them in different mixtures; only like is compared with like. Two hypotheses are held against what both
tracks answered, and each is given up once the evidence against it is enough:

- *it is no worse* (``c ≤ s`` in every kind): given up, the canary is ``bad``. One e-process runs over the whole release
  and one over each step, half of the weight on the first and the rest in equal parts on the steps, so that errors which
  only come with more traffic are not hidden by the steps before. Their weighted sum ever reaches ``1 / FALSE_ALARM``
  with a chance of at most ``FALSE_ALARM``: over all steps and all looks together.
- *it is worse by the margin* (``c ≥ s + max-error-rate``), kind by kind: given up for every kind that there is, the
  canary is ``good`` and its step is over at once. At the end of a step's time one kind is enough if no other speaks
  against it as strongly: few clients do not hold up what our probes have shown. One e-process a step and kind: a canary
  that is worse by the margin in every kind is passed in any one step with a chance of at most ``FALSE_PASS`` a kind,
  and so through all of them with no more.

In between nothing is claimed: a canary that is worse, and by less than the margin, may end either way. Whatever is
neither at the end of a step has too little evidence, and a person has to say how it goes on.

What has to hold: requests of one kind and track fail by themselves with one rate (a step), no request is counted twice,
and whether they are counted does not depend on what comes of them. The mathematics and its sources: ``evalues.py``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from dreamnet_actions.domain.evalues import Block, Mixture, mean

Judgement = Literal["good", "bad", "undecided"]
Kind = Literal["clients", "probes"]
"""Whose requests they are."""

FALSE_ALARM = 0.001
"""The chance that a release which is no worse than the one before is taken back for its errors: at most this, over all
of its steps."""
FALSE_PASS = 0.01
"""The chance that a release which is worse by the margin is let through: at most this."""
LEAST_MARGIN = 0.002
MOST_MARGIN = 0.9
"""The margin is taken between these two: under the one nothing could ever be told, over the other nothing is asked."""
WORSE = (0.01, 0.03, 0.08, 0.2, 0.5, 0.9)
"""The excesses that a bad canary is supposed to have, all at once: any true one is near to one of them."""
_SPARE = 4
"""How many times as many requests are wanted as would do if none failed."""
_SOONEST = 0.25
"""From which part of a step's time on it is told how many requests will have come by its end."""
_PRIOR_RATE, _PRIOR_REQUESTS = 0.005, 20.0
"""What is supposed of stable before it has shown anything, and as if so many requests had shown it."""


@dataclass(frozen=True, kw_only=True)
class Tally:
    """Requests that one track answered, and how many of them failed."""

    requests: int = 0
    errors: int = 0

    def plus(self, requests: int, errors: int) -> Tally:
        """Answer the tally with more requests in it; never below zero, never more errors than requests."""
        requests = max(requests, 0)
        return Tally(requests=self.requests + requests, errors=self.errors + min(max(errors, 0), requests))

    @property
    def rate(self) -> float:
        """The share that failed; 0 where there was none."""
        return self.errors / self.requests if self.requests else 0.0


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What was seen of one kind: ``before`` is what stable showed so far, ``waiting`` what only one track has answered
    yet, ``passing`` how strongly this step speaks against "it is worse by the margin"."""

    passing: Mixture
    canary: int = 0
    """The canary's requests in this step."""
    before: Tally = field(default_factory=Tally)
    waiting: Block = field(default_factory=Block)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that is known of one canary: what both tracks answered in the step that it is in, and how strongly that
    speaks. ``ended`` is the value (its logarithm) of each former step's process."""

    steps: int
    margin: float
    canary: Tally = field(default_factory=Tally)
    stable: Tally = field(default_factory=Tally)
    kinds: Mapping[Kind, Seen] = field(default_factory=dict)
    release: Mixture = field(default_factory=lambda: Mixture.fresh(WORSE, None))
    step: Mixture = field(default_factory=lambda: Mixture.fresh(WORSE, None))
    ended: tuple[float, ...] = ()

    @classmethod
    def fresh(cls, steps: int, max_error_rate: float) -> Evidence:
        """Answer the evidence on a release of so many steps, before anything was seen."""
        return cls(steps=max(1, steps), margin=min(MOST_MARGIN, max(LEAST_MARGIN, max_error_rate)))

    def seen(self, kind: Kind, canary: Tally, stable: Tally) -> Evidence:
        """Answer it with what was seen of one kind since the last look. What one track answered waits until the other
        has answered, too: alone it compares with nothing."""
        if not canary.requests and not stable.requests:
            return self
        known = self.kinds.get(kind) or Seen(passing=_passing(self.margin))
        block = known.waiting.plus(Block(canary.requests, canary.errors, stable.requests, stable.errors))
        release, step = self.release, self.step
        if block.whole:
            rate = _guess(known.before)
            release, step = release.after(block, rate), step.after(block, rate)
            passing, before = known.passing.after(block, rate), known.before
            known = Seen(
                passing=passing,
                canary=known.canary + canary.requests,
                before=before.plus(block.stable, block.stable_errors),
            )
        else:
            known = replace(known, canary=known.canary + canary.requests, waiting=block)
        return replace(
            self,
            canary=self.canary.plus(canary.requests, canary.errors),
            stable=self.stable.plus(stable.requests, stable.errors),
            kinds={**self.kinds, kind: known},
            release=release,
            step=step,
        )

    def next_step(self) -> Evidence:
        """Answer it as the next step begins: with new tallies, and all that was against the canary kept."""
        fresh = _passing(self.margin)
        return replace(
            self,
            canary=Tally(),
            stable=Tally(),
            kinds={kind: Seen(passing=fresh, before=one.before) for kind, one in self.kinds.items()},
            step=Mixture.fresh(WORSE, None),
            ended=(*self.ended, self.step.log)[: self.steps - 1],
        )

    @property
    def against(self) -> float:
        """How strongly it speaks against "it is no worse": a logarithm, enough at ``ln(1 / FALSE_ALARM)``."""
        each = 0.5 / self.steps
        to_come = self.steps - 1 - len(self.ended)
        parts = [(0.5, self.release.log), (each, self.step.log), *((each, one) for one in self.ended)]
        return mean([*parts, (each * to_come, 0.0)])

    @property
    def judgement(self) -> Judgement:
        """What the evidence says by now, whenever that is."""
        return self.judged(0.0)

    def judged(self, part: float) -> Judgement:
        """What it says when that part (0–1) of the step's time is over: from a quarter of it on, a kind that will not
        be able to tell within the step, at its pace, is not waited for."""
        if self.against >= -math.log(FALSE_ALARM):
            return "bad"
        least = -math.log(FALSE_PASS)
        shown = [one.passing.log >= least for one in self.kinds.values()]
        fine = [
            one.passing.log >= least or (self._thin(one, part) and one.passing.log > -least)
            for one in self.kinds.values()
        ]
        return "good" if any(shown) and all(fine) else "undecided"

    def _thin(self, one: Seen, part: float) -> bool:
        return part >= _SOONEST and one.canary / part < enough(self.margin) / _SPARE

    @property
    def at_last(self) -> Judgement:
        """What it says at the end of a step's time."""
        least = -math.log(FALSE_PASS)
        logs = [one.passing.log for one in self.kinds.values()]
        if self.judgement == "bad" or not logs or max(logs) < least or min(logs) <= -least:
            return "bad" if self.judgement == "bad" else "undecided"
        return "good"

    def to_json(self) -> dict[str, Any]:
        """Answer plain data that ``read`` reads back: what a run that goes on with this release has to know."""
        return {
            "steps": self.steps,
            "margin": self.margin,
            "before": {kind: [one.before.requests, one.before.errors] for kind, one in self.kinds.items()},
            "release": self.release.to_json(),
            "ended": list(self.ended),
        }


def read(data: Any, fresh: Evidence) -> Evidence:
    """Answer what ``to_json`` wrote, its step begun anew; ``fresh`` where that is nothing that fits it."""
    try:
        if not isinstance(data, Mapping) or (data["steps"], data["margin"]) != (fresh.steps, fresh.margin):
            return fresh
        return replace(
            fresh,
            kinds={
                kind: Seen(
                    passing=_passing(fresh.margin), before=Tally(requests=int(requests), errors=int(errors))
                )
                for kind, (requests, errors) in data["before"].items()
            },
            release=fresh.release.read(data["release"]),
            ended=tuple(float(one) for one in data["ended"])[: fresh.steps - 1],
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        return fresh


def enough(margin: float) -> int:
    """Answer how many requests without an error show in one step that a canary is no worse by the margin, four times
    over: so that one that fails now and then, as stable does, is shown to be good in the same time."""
    return math.ceil(
        _SPARE * -math.log(FALSE_PASS) / -math.log1p(-min(MOST_MARGIN, max(LEAST_MARGIN, margin)))
    )


def _passing(margin: float) -> Mixture:
    return Mixture.fresh((0.0, margin / 4), margin)


def _guess(stable: Tally) -> float:
    """Answer stable's rate as it is supposed from what it showed, in two digits (many looks then share one sum)."""
    rate = (_PRIOR_RATE * _PRIOR_REQUESTS + stable.errors) / (_PRIOR_REQUESTS + stable.requests)
    return float(f"{min(0.95, max(0.0005, rate)):.1e}")
