"""Is the canary worse than the stable release beside it? A sequential test with proved chances of error. Pure.

Two hypotheses are held against what both tracks answered, and each is given up once the evidence against it is enough:

- *it is no worse* (``c ≤ s``): given up, the canary is ``bad``. One e-process runs over the whole release and one over
  each step, half of the weight on the first and the rest in equal parts on the steps, so that errors which only come
  with more traffic are not hidden by the steps before. Their weighted sum ever reaches ``1 / FALSE_ALARM`` with a
  chance of at most ``FALSE_ALARM``: over all steps and all looks together.
- *it is worse by the margin* (``c ≥ s + max-error-rate``): given up, the canary is ``good`` and its step is over. One
  e-process a step; a canary that is worse by the margin is passed in any one step with a chance of at most
  ``FALSE_PASS``, and so through all of them with no more.

In between nothing is claimed: a canary that is worse, and by less than the margin, may end either way. Whatever is
neither at the end of a step has too little evidence, and a person has to say how it goes on.

What has to hold: requests of one track fail by themselves with one rate (a step), and whether they are counted does
not depend on what comes of them. The mathematics and its sources are in ``evalues.py``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from dreamnet_actions.domain.evalues import Block, Mixture, mean

Judgement = Literal["good", "bad", "undecided"]

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
class Evidence:
    """All that is known of one canary: what both tracks answered in the step that it is in, and how strongly that
    speaks. ``ended`` is the value (its logarithm) of each former step's process, ``before`` what stable showed so far.
    """

    steps: int
    margin: float
    canary: Tally = field(default_factory=Tally)
    stable: Tally = field(default_factory=Tally)
    before: Tally = field(default_factory=Tally)
    waiting: Block = field(default_factory=Block)
    release: Mixture = field(default_factory=lambda: Mixture.fresh(WORSE, None))
    step: Mixture = field(default_factory=lambda: Mixture.fresh(WORSE, None))
    passing: Mixture = field(default_factory=lambda: Mixture.fresh((0.0,), MOST_MARGIN))
    ended: tuple[float, ...] = ()

    @classmethod
    def fresh(cls, steps: int, max_error_rate: float) -> Evidence:
        """Answer the evidence on a release of so many steps, before anything was seen."""
        margin = min(MOST_MARGIN, max(LEAST_MARGIN, max_error_rate))
        return cls(steps=max(1, steps), margin=margin, passing=_passing(margin))

    def seen(self, canary: Tally, stable: Tally) -> Evidence:
        """Answer it with what was seen since the last look. What one track answered waits until the other has answered,
        too: alone it compares with nothing."""
        block = self.waiting.plus(Block(canary.requests, canary.errors, stable.requests, stable.errors))
        after = replace(
            self,
            canary=self.canary.plus(canary.requests, canary.errors),
            stable=self.stable.plus(stable.requests, stable.errors),
            waiting=block,
        )
        if not block.whole:
            return after
        rate = _guess(self.before)
        return replace(
            after,
            waiting=Block(),
            before=self.before.plus(block.stable, block.stable_errors),
            release=self.release.after(block, rate),
            step=self.step.after(block, rate),
            passing=self.passing.after(block, rate),
        )

    def next_step(self) -> Evidence:
        """Answer it as the next step begins: with new tallies, and all that was against the canary kept."""
        return replace(
            self,
            canary=Tally(),
            stable=Tally(),
            waiting=Block(),
            step=Mixture.fresh(WORSE, None),
            passing=_passing(self.margin),
            ended=(*self.ended, self.step.log)[: self.steps - 1],
        )

    @property
    def against(self) -> float:
        """How strongly it speaks against "it is no worse": a logarithm, enough at ``ln(1 / FALSE_ALARM)``."""
        each = 0.5 / self.steps
        to_come = self.steps - 1 - len(self.ended)
        return mean(
            [
                (0.5, self.release.log),
                (each, self.step.log),
                *((each, one) for one in self.ended),
                (each * to_come, 0.0),
            ]
        )

    @property
    def judgement(self) -> Judgement:
        """What the evidence says by now."""
        if self.against >= -math.log(FALSE_ALARM):
            return "bad"
        return "good" if self.passing.log >= -math.log(FALSE_PASS) else "undecided"

    def to_json(self) -> dict[str, Any]:
        """Answer plain data that ``read`` reads back: what a run that goes on with this release has to know."""
        return {
            "steps": self.steps,
            "margin": self.margin,
            "before": [self.before.requests, self.before.errors],
            "release": self.release.to_json(),
            "ended": list(self.ended),
        }


def read(data: Any, fresh: Evidence) -> Evidence:
    """Answer what ``to_json`` wrote, its step begun anew; ``fresh`` where that is nothing that fits it."""
    try:
        if not isinstance(data, Mapping) or (data["steps"], data["margin"]) != (fresh.steps, fresh.margin):
            return fresh
        requests, errors = data["before"]
        return replace(
            fresh,
            before=Tally(requests=int(requests), errors=int(errors)),
            release=fresh.release.read(data["release"]),
            ended=tuple(float(one) for one in data["ended"])[: fresh.steps - 1],
        )
    except (KeyError, TypeError, ValueError):
        return fresh


def enough(margin: float) -> int:
    """Answer how many requests without an error show in one step that a canary is no worse by the margin, four times
    over: so that one that fails now and then, as stable does, is shown to be good in the same time."""
    return math.ceil(4 * -math.log(FALSE_PASS) / -math.log1p(-min(MOST_MARGIN, max(LEAST_MARGIN, margin))))


def _passing(margin: float) -> Mixture:
    return Mixture.fresh((0.0, margin / 4), margin)


def _guess(stable: Tally) -> float:
    """Answer stable's rate as it is supposed from what it showed, in two digits (many looks then share one sum)."""
    rate = (_PRIOR_RATE * _PRIOR_REQUESTS + stable.errors) / (_PRIOR_REQUESTS + stable.requests)
    return float(f"{min(0.95, max(0.0005, rate)):.1e}")
