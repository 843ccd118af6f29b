"""What the schedules cost in minutes of GitHub Actions, so that nobody learns it from a bill."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dreamnet_actions.domain.cron import parse_cron
from dreamnet_actions.entrances.setup.called import CALLED, DEPLOY, RELAY

ALLOWANCE = 2_000
"""Minutes a month that a private repository of a free account has
(https://docs.github.com/en/billing/concepts/product-billing/github-actions). Public ones pay nothing."""


@dataclass(frozen=True)
class Cost:
    """What one workflow's schedule costs: ``runs`` a month, each of ``jobs`` jobs billed by whole minutes."""

    keeper: str
    cron: str
    runs: float
    jobs: int

    @property
    def minutes(self) -> int:
        """Minutes a month while every job ends within one minute."""
        return round(self.runs) * self.jobs


def costs(schedules: Mapping[str, str]) -> list[Cost]:
    """Answer what each schedule costs: keeper → cron line."""
    return [
        Cost(keeper, cron, parse_cron(cron).per_month, CALLED[keeper].jobs)
        for keeper, cron in schedules.items()
    ]


def told(found: list[Cost]) -> Iterator[str]:
    """Say in lines what that comes to."""
    for one in found:
        yield f"{one.keeper} ({one.cron}): about {round(one.runs):,} runs a month, {one.minutes:,} min"
    total = sum(one.minutes for one in found)
    if total > ALLOWANCE:
        least = "that is more than the free allowance; choose a longer --schedule, or a runner of your own"
    else:
        least = f"that leaves {ALLOWANCE - total:,} for everything else"
    yield (
        f"On runners of GitHub's a job is billed by whole minutes: at least {total:,} min a month by schedule. "
        f"A private repository of a free account has {ALLOWANCE:,}; {least}. Public repositories and your own runners "
        "pay nothing."
    )
    deploy, relay = CALLED[DEPLOY].jobs, CALLED[RELAY].jobs
    yield f"On top comes what happens: {deploy} min at least for each push, {relay} for each message between keepers."
