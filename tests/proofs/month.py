"""``scripts/prove month``: a repository's month at five-minute ticks, with outages, people, and cron as bad as it is.

    scripts/prove month [--days N] [--outages N] [--seed N] [--minutes N]

Runs are the action's own, in one process on virtual time, against the stand-in for GitHub (``_town``); what happens is
chosen by chance (``_life``). Held all the while and at the end (``_rules``): one open issue a key, people's issues as
they left them, what was put aside left alone, what each run costs, and a journal that stays small though nothing that
is learned from is lost. Prints the figures; exits with 1 where something did not hold.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.proofs._life import AHEAD, DAY, KINDS, People, bring_about, config, outages, weather
from tests.proofs._rules import BUDGET, Rules
from tests.proofs._town import town

SHARE = 0.15
"""Of the requests of a token's hour, how much any hour may take."""
START = datetime(2026, 11, 2, tzinfo=UTC).timestamp()


@dataclass(frozen=True, kw_only=True)
class Month:
    """What came of it: what did not hold, the figures by name, and the most requests that an hour took."""

    broken: list[str]
    figures: dict[str, object]
    most: int


def live(
    days: float,
    count: int,
    seed: int,
    *,
    folder: Path,
    kinds: Sequence[str] = KINDS,
    deadline: float = math.inf,
    tell: Callable[[str], None] = lambda _: None,
) -> Month:
    """Live through so many days with so many outages, of these kinds in turn; ``tell`` is told how far it is.

    At ``deadline`` (monotonic seconds) it ends early, and is judged by what was lived through by then.
    """
    dice = random.Random(seed)
    planned = outages(dice, START, days, count, kinds)
    with town(folder, config(planned, days), start=START) as place:
        people = People(town=place, dice=random.Random(seed + 1))
        rules = Rules(town=place, people=people, planned=planned)
        place.saw = rules.ran
        for one in planned:
            if one.kind == "announced":
                place.clock.at(one.begins - AHEAD - 600.0, lambda one=one: people.announce(one))  # type: ignore[misc]
            place.clock.at(one.begins, lambda one=one: bring_about(place, one, begins=True))  # type: ignore[misc]
            place.clock.at(one.ends, lambda one=one: bring_about(place, one, begins=False))  # type: ignore[misc]
        told = 0
        for real in weather(random.Random(seed + 2), START + 60.0, days):
            if time.monotonic() > deadline:
                tell("it is late: the rest is left out")
                break
            place.clock.advance(max(0.0, real - place.clock.now()))
            rules.before()
            place.tick()
            people.idle()
            people.meddle()
            rules.look()
            if (day := int((real - START) / DAY)) > told:
                told = day
                tell(f"day {day}: {place.ticks} ticks, {place.jobs} jobs, {len(place.issues)} issues, "
                     f"{len(rules.broken)} things did not hold")  # fmt: skip
        for _ in range(4):  # what is under way comes to its end
            place.ills.clear()
            place.clock.advance(300.0)
            place.tick()
        rules.end()
        return Month(broken=rules.broken, figures=rules.figures(), most=rules.most)


def main() -> int:
    """Live through it, print the figures, answer the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--days", type=float, default=30.0)
    parser.add_argument("--outages", type=int, default=50)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument(
        "--minutes", type=float, default=math.inf, help="how long it may take; then it ends early"
    )
    given = parser.parse_args()
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(10**6)
    print(f"seed {seed}, {given.days:g} days, {given.outages} outages", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="dreamnet-month-") as folder:
        month = live(
            given.days,
            given.outages,
            seed,
            folder=Path(folder),
            deadline=began + 60.0 * given.minutes,
            tell=lambda text: print(text, flush=True),
        )
    for name, value in month.figures.items():
        print(f"{name:<44} {value}")
    if month.most > SHARE * BUDGET:
        month.broken.append(f"an hour took {month.most} of {BUDGET} requests, more than {SHARE:.0%}")
    print(*month.broken, sep="\n")
    held = "every rule held" if not month.broken else f"{len(month.broken)} things did not hold"
    print(f"{time.monotonic() - began:.0f} s: {held}")
    return 1 if month.broken else 0


if __name__ == "__main__":
    sys.exit(main())
