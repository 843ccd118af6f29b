"""A progressive roll-out of a flag: its steps, how long each lasts, and the services whose checks stop it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from dreamnet_actions.domain.flagedit import percent
from dreamnet_actions.domain.units import format_duration, parse_duration, parse_share

PREFIX = "flag-rollout/"
"""How the key of a roll-out begins in the journal's shared state; the flag's name follows."""
DUE = "flag-rollout-due"
"""The message that a roll-out's next step is due: its services are well."""
BACK = "health-check-failed-needs-flag-turn-back"
"""The message that a roll-out's services fail."""
EVERY = "10m"
"""How long a step lasts where nobody says."""


@dataclass(frozen=True, kw_only=True)
class FlagRollout:
    """One roll-out under way. Shares are between 0 and 1, times in seconds (since 1970).

    ``step`` counts from 0; ``settled`` says that its share is in the file, since ``since``. ``former`` is the share
    that the variant had before: what turning back goes to.
    """

    id: str
    flag: str
    variant: str
    steps: tuple[float, ...]
    every: float
    services: tuple[str, ...]
    former: float
    by: str
    why: str
    step: int = 0
    settled: bool = False
    since: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Write it as plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> FlagRollout:
        """Read what ``to_json`` wrote."""
        lists = {"steps": tuple(data["steps"]), "services": tuple(data["services"])}
        return cls(**{**data, **lists})

    @property
    def share(self) -> float:
        """The share of its present step."""
        return self.steps[self.step]

    def due(self, now: float) -> bool:
        """Say whether its step has lasted long enough."""
        return self.settled and now >= self.since + self.every

    def __str__(self) -> str:
        steps = ", ".join(percent(one) for one in self.steps)
        return f"{self.flag} to {self.variant} by {steps}, each for {format_duration(self.every)}"


def read_steps(text: str) -> tuple[float, ...]:
    """Read ``5%,25%,100%``: shares that grow. Raises ValueError with what is wrong."""
    steps = tuple(parse_share(one) for one in text.split(","))
    if any(later <= one for one, later in pairwise(steps)) or steps[0] == 0:
        raise ValueError(f"{text!r:.80} does not grow; write steps as '5%,25%,50%,100%'")
    return steps


def read_every(text: str) -> float:
    """Read how long a step lasts, at least a second. Raises ValueError."""
    every = parse_duration(text)
    if every < 1:
        raise ValueError(f"{text!r:.80} is too short; a step lasts a second or more")
    return every


def read_services(text: str | None, known: Sequence[str]) -> tuple[str, ...]:
    """Read names joined by commas; all that there are where none is given."""
    names = tuple(one.strip() for one in text.split(",")) if text else tuple(known)
    return tuple(dict.fromkeys(one for one in names if one))
