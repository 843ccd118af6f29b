"""Proof: flags evaluate as with the official flagd provider in FILE mode, and as flagd's own evaluator does.

``scripts/prove flags [--count N] [--seed S] [--only provider | flagd | mount]`` writes files of flags, opens each with
the unpatched provider and client of OpenFeature, and compares value, variant, reason and error code of each: random
flags, rules and contexts, whatever sense they make. Then it asks the evaluator of flagd's daemon (built from source, by
Go) about as many flags as people write them, placed by ``bucketing: v2``. At last it publishes flags to a ConfigMap of
a real cluster, changes one five times, and tells after how many seconds the file in a running pod gave the new variant,
with nothing done to the pod. Ends 1 on a difference.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from dreamnet_actions.domain.flag import evaluate, flags_of
from tests.proofs._flagd import CORE, as_flagd, flagd
from tests.proofs._flags import FALLBACKS, Case, Maker, answered, official
from tests.proofs._sensible import Sensible

SIZE = 100
"""How many flags a file has."""


def ours(flags: Any, case: Case) -> dict[str, Any]:
    """Answer as a client would see it: the caller's own default wherever the evaluation has no value."""
    found = evaluate(flags[case.flag], case.context, now=int(time.time()), wanted=case.wanted)
    value = FALLBACKS[case.wanted] if found.variant is None else found.value
    if case.wanted == "float" and found.variant is not None:
        value = float(value)
    return {"value": value, "variant": found.variant, "reason": found.reason, "code": found.code}


def compare(
    count: int, seed: int, folder: Path
) -> Iterator[tuple[Case, Any, dict[str, Any], dict[str, Any]]]:
    """Answer ``count`` evaluations: the case, its flag, what the official provider answers, and what we do."""
    # It logs each rule that it cannot use.
    logging.getLogger("openfeature").setLevel(logging.CRITICAL)
    for number in range(-(-count // SIZE)):
        maker = Maker(seed * 10_000 + number)
        size = min(SIZE, count - number * SIZE)
        data = maker.file(size)
        file = folder / f"{number}.json"
        file.write_text(json.dumps(data), "utf-8")
        flags = flags_of(json.loads(file.read_text("utf-8")))
        with official(file) as client:
            for name, flag in data["flags"].items():
                case = maker.case(name, flag)
                yield case, flag, answered(client, case), ours(flags, case)


def same(one: Any, other: Any) -> bool:
    """Say whether two answers are the same in type and value."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def compare_flagd(count: int, seed: int) -> Iterator[tuple[Case, Any, dict[str, Any], dict[str, Any]]]:
    """Answer as many evaluations of sensible flags: the case, its flag, what flagd answers, and what we do."""
    with flagd() as daemon:
        for number in range(-(-count // SIZE)):
            maker = Sensible(seed * 10_000 + number)
            data = maker.file(min(SIZE, count - number * SIZE))
            daemon.load(data)
            flags = flags_of(json.loads(json.dumps(data)))
            for name, flag in data["flags"].items():
                case = maker.case(name, flag)
                now = int(time.time())
                found = evaluate(flags[name], case.context, now=now, wanted=case.wanted, bucketing="v2")
                yield case, flag, daemon.evaluate(name, case.wanted, case.context), as_flagd(found)


def main(arguments: list[str]) -> int:
    """Compare, print the figures, and say whether all agree."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--only", choices=("provider", "flagd", "mount"), help="this alone")
    given = parser.parse_args(arguments)
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        if given.only in (None, "provider"):
            found = compare(given.count, given.seed, Path(folder))
            wrong += told("the provider", found, same, given)
        if given.only in (None, "flagd"):
            wrong += told(f"flagd (core {CORE})", compare_flagd(given.count, given.seed), alike, given)
        if given.only in (None, "mount"):
            from tests.proofs._mounted import mounted  # late: it needs all that a cluster does

            wrong += mounted(Path(folder))
    return 1 if wrong else 0


def alike(one: Any, other: Any) -> bool:
    """Say whether two answers are the same, whatever Go and Python call a number."""
    return same(*(json.loads(json.dumps(each), parse_int=float) for each in (one, other)))


def told(
    who: str,
    found: Iterator[tuple[Case, Any, dict[str, Any], dict[str, Any]]],
    agree: Callable[[Any, Any], bool],
    given: argparse.Namespace,
) -> int:
    """Print each difference and the figures; answer how many differ."""
    reasons: Counter[str] = Counter()
    wrong = 0
    for case, flag, theirs, mine in found:
        reasons[theirs["code"] or theirs["reason"]] += 1
        if not agree(theirs, mine):
            wrong += 1
            print(f"{case}\n  {json.dumps(flag)}\n  theirs: {theirs}\n  dreamnet: {mine}")
    listed = ", ".join(f"{name} {count:,}" for name, count in reasons.most_common())
    print(f"{who}: seed {given.seed}, {given.count:,} evaluations: {listed}")
    print(f"differences: {wrong}")
    return wrong


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
