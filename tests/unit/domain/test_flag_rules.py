"""What is wrong with a file of flags: at least what flagd's published schema refuses, and what it cannot say."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator
from referencing import Registry, Resource

from dreamnet_actions.domain.flagrules import mistakes
from tests.proofs._flags import Maker

_HERE = Path(__file__).parent / "flagd_schema"
_CASES: dict[str, Any] = json.loads((_HERE / "cases.json").read_text("utf-8"))
_SCHEMAS = {name: json.loads((_HERE / name).read_text("utf-8")) for name in ("flags.json", "targeting.json")}
# flags.json refers to its neighbour by a relative name, and its own $id counts for nothing beside a $ref (draft 7).
_REGISTRY: Any = Registry().with_resource(
    "./targeting.json", Resource.from_contents(_SCHEMAS["targeting.json"])
)
EXCUSED = re.compile("never|variant|no shared rule")
"""Their examples have conditions that are no questions, and answers and references that lead nowhere."""
SCHEMA = Draft7Validator(_SCHEMAS["flags.json"], registry=_REGISTRY)


def told(data: Any) -> list[tuple[str, str]]:
    """Answer the mistakes as dotted paths with their texts."""
    return [(".".join(map(str, path)), text) for path, text in mistakes(data)]


def with_rule(rule: Any, **more: Any) -> dict[str, Any]:
    """A file of one flag with this targeting."""
    flag = {
        "state": "ENABLED",
        "variants": {"on": True, "off": False},
        "defaultVariant": "off",
        "targeting": rule,
    }
    return {"flags": {"a": flag}, **more}


@pytest.mark.parametrize("kind", ["flags", "targeting"])
def test_flagds_own_cases(kind: str) -> None:
    for name, data in _CASES[kind]["negative"].items():
        assert told(data if kind == "flags" else with_rule(data)), name
    for name, data in _CASES[kind]["positive"].items():
        if "array" in name:
            continue  # a list of flags is for the daemon
        file = data if kind == "flags" else with_rule(data)
        # Its examples have conditions that are no questions, and answers that are no variants.
        assert [one for one in told(file) if not EXCUSED.search(one[1])] == [], name


def test_whatever_the_schema_refuses_is_told() -> None:
    refused = 0
    for number in range(80):
        maker = Maker(number)
        data = maker.file(1)
        if not SCHEMA.is_valid(data):
            refused += 1
            assert told(data), json.dumps(data)
    assert 10 < refused < 80


def test_everything_is_told_at_once_at_its_place() -> None:
    shared = {"late": {"in": ["x", {"var": "a"}]}, "early": {"if": [{"$ref": "late"}, "on"]}}
    found = told(
        {
            "flags": {
                "a": {
                    "state": "ENABLED",
                    "variants": {"on": 1, "off": 0},
                    "defaultVariant": "of",
                    "description": "x",
                    "targeting": {"if": [{"startswith": [{"var": "email"}, "a"]}, "on"]},
                },
                "b": with_rule({"fractional": [["on", 50], ["of", 50]]})["flags"]["a"],
                "c": with_rule({"if": [{"$ref": "lat"}, "on"]})["flags"]["a"],
                "d": with_rule({"ends_with": [{"var": "email"}, ".com"]})["flags"]["a"],
                "e": with_rule({"if": [True, "on", {"var": "x"}, "off"]})["flags"]["a"],
                "f": with_rule({"==": [1]})["flags"]["a"],
                "g": with_rule({"if": [{"var": "$flagd.flagkey"}, "on"]})["flags"]["a"],
                "h": with_rule({"fractional": [["on", 0], ["off", 0]]})["flags"]["a"],
            },
            "$evaluators": shared,
        }
    )
    assert found == [
        (
            "$evaluators.early.if.0.$ref",
            "'early' refers to 'late', which stands before it; a shared rule may refer to those after it",
        ),
        ("flags.a.description", "unknown key 'description'; what is to be noted goes into 'metadata'"),
        ("flags.a.defaultVariant", "'of' is none of the variants on, off; did you mean 'off'?"),
        ("flags.a.targeting.if.0.startswith", "unknown operator 'startswith'; did you mean 'starts_with'?"),
        ("flags.b.targeting.fractional.1.0", "'of' is none of the variants on, off; did you mean 'off'?"),
        (
            "flags.c.targeting.if.0.$ref",
            "there is no shared rule 'lat' in '$evaluators'; did you mean 'late'?",
        ),
        (
            "flags.d.targeting.ends_with",
            "'ends_with' answers true or false, and there is no variant 'true' or 'false'",
        ),
        ("flags.e.targeting.if.0", "true is always true: what follows is never reached"),
        ("flags.f.targeting.==", "'==' takes 2 arguments, not 1"),
        ("flags.g.targeting.if.0.var", "flagd itself knows '$flagd.flagKey' and '$flagd.timestamp' only"),
        ("flags.h.targeting.fractional", "the weights are 0 together; they must be 1 to 2,147,483,647"),
    ]


def test_a_shared_rule_that_answers_is_looked_through() -> None:
    shared = {"split": {"fractional": [["on", 1], ["no such", 1]]}}
    rule = {"if": [{"var": "beta"}, {"$ref": "split"}]}
    assert [path for path, _ in told(with_rule(rule, **{"$evaluators": shared}))] == [
        "flags.a.targeting.if.1.$ref"
    ]


def test_an_empty_shared_rule_is_told_for_flagd_takes_no_file_with_one() -> None:
    data = with_rule({"if": [{"==": [{"var": "a"}, 1]}, "on"]}, **{"$evaluators": {"one": {}}})
    assert told(data) == [
        ("$evaluators.one", "an empty shared rule: flagd's daemon takes no file that has one")
    ]
    assert SCHEMA.is_valid(data)
