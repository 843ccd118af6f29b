"""Evaluation of flags: the published cases of flagd's test harness, and the official provider on random flags."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from dreamnet_actions.domain.flag import Evaluation, Flag, evaluate, flags_of
from tests.proofs import flags as proof

_DATA: dict[str, Any] = json.loads((Path(__file__).parent / "flagd_cases.json").read_text("utf-8"))
SETS = {name: flags_of(data) for name, data in _DATA["sets"].items()}
SEED = 7


@pytest.mark.parametrize("suite", SETS)
def test_flagds_test_harness(suite: str) -> None:
    wrong, count = [], 0
    for case in _DATA["cases"]:
        # Where the harness does not say which rule of bucketing is meant, both have to hold.
        for rule in ("v3", "v2") if case["suite"] == suite else ():
            if case.get("bucketing", rule) == rule:
                count += 1
                wrong += [f"{case} by {rule}: {said}" for said in differences(case, rule)]
    assert wrong == []
    assert count > 200


def differences(case: dict[str, Any], rule: Any) -> Iterator[str]:
    """Evaluate a case as a caller would, and say what is not as the harness states it."""
    flag = SETS[case["suite"]].get(case["flag"])
    if flag is None:
        if case["code"] != "FLAG_NOT_FOUND":
            yield "there is no such flag"
        return
    found = evaluate(flag, case["context"], now=1_700_000_000, wanted=case["type"], bucketing=rule)
    value = case["fallback"] if found.variant is None else found.value
    answered = {"value": value, "reason": found.reason, "code": found.code, "metadata": flag.metadata}
    yield from (
        f"{key} {answered[key]!r}" for key in answered.keys() & case.keys() if answered[key] != case[key]
    )


def test_the_official_provider_in_file_mode(tmp_path: Path) -> None:
    seen = set()
    for case, flag, theirs, mine in proof.compare(300, SEED, tmp_path):
        seen.add(theirs["code"] or theirs["reason"])
        assert proof.same(theirs, mine), f"{case} of {json.dumps(flag)}"
    assert seen >= {
        "STATIC",
        "DEFAULT",
        "TARGETING_MATCH",
        "DISABLED",
        "PARSE_ERROR",
        "GENERAL",
        "TYPE_MISMATCH",
    }


def test_a_rule_may_ask_the_time_and_the_flags_name() -> None:
    rule = {"if": [{">=": [{"var": "$flagd.timestamp"}, 100]}, {"var": "$flagd.flagKey"}]}
    flag = Flag(
        name="late",
        state="ENABLED",
        variants={"late": 1, "early": 0},
        default_variant="early",
        targeting=rule,
    )
    assert evaluate(flag, {"$flagd": {"timestamp": 200}}, now=99).variant == "early"
    assert evaluate(flag, now=100) == Evaluation(value=1, variant="late", reason="TARGETING_MATCH")


def test_a_larger_share_keeps_whom_a_smaller_one_had() -> None:
    def inside(weights: list[list[Any]]) -> set[int]:
        flag = Flag(
            name="new",
            state="ENABLED",
            variants={"on": True},
            default_variant=None,
            targeting={"fractional": weights},
        )
        return {one for one in range(2000) if evaluate(flag, {"targetingKey": f"user-{one}"}).variant == "on"}

    shares = [inside([["on", some], [None, 1000 - some]]) for some in (5, 50, 250, 500)]
    assert all(one < other for one, other in pairwise(shares))
    assert [
        abs(len(one) / 2000 - share) < 0.03
        for one, share in zip(shares, (0.005, 0.05, 0.25, 0.5), strict=True)
    ]
    assert inside([["on", 25], [None, 75]]) == inside([["on", 2500], [None, 7500]])
