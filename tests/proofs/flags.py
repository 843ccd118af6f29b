"""Proof: flags evaluate as with the official flagd provider in FILE mode, on random flags, rules and contexts.

``python -m tests.proofs.flags [--count N] [--seed S]`` writes files of flags, opens each with the unpatched provider
and client of OpenFeature, and compares value, variant, reason and error code of each. Ends 1 on a difference.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dreamnet_actions.domain.flag import evaluate, flags_of
from tests.proofs._flags import FALLBACKS, Case, Maker, answered, official

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


def main(arguments: list[str]) -> int:
    """Compare, print the figures, and say whether all agree."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args(arguments)
    reasons: Counter[str] = Counter()
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for case, flag, theirs, mine in compare(given.count, given.seed, Path(folder)):
            reasons[theirs["code"] or theirs["reason"]] += 1
            if not same(theirs, mine):
                wrong += 1
                print(f"{case}\n  {json.dumps(flag)}\n  flagd:    {theirs}\n  dreamnet: {mine}")
    told = ", ".join(f"{name} {count:,}" for name, count in reasons.most_common())
    print(f"seed {given.seed}, {given.count:,} evaluations: {told}")
    print(f"differences: {wrong}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
