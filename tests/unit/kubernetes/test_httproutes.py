"""The weights of an HTTPRoute: what is given, what is left alone, and that it all comes back."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamnet_actions.adapters.kubernetes.httproutes import (
    Held,
    backends,
    handed_back,
    held,
    managers,
    restored,
    share_of,
    split,
    taken,
    trouble,
)
from dreamnet_actions.errors import PlatformFailed, StateDamaged

NOTE = Held(service="web", backends=("web",))
WEB: dict[str, Any] = {"group": "", "kind": "Service", "name": "web", "port": 80, "weight": 1}
OTHER: dict[str, Any] = {"group": "", "kind": "Service", "name": "legacy", "port": 80, "weight": 10}


def weights(rule: Any) -> dict[str, int]:
    return {one["name"]: one["weight"] for one in rule["backendRefs"]}


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (0.1, (90, 10)), (0.5, (50, 50)), (0.01, (99, 1)), (0.025, (975, 25)), (1.0, (0, 100)),
        (1 / 3, (666_667, 333_333)),
    ],
)  # fmt: skip
def test_a_share_is_made_as_exactly_as_weights_can(share: float, expected: tuple[int, int]) -> None:
    rules, _ = split([{"backendRefs": [WEB]}], "shop", replace(NOTE, share=share))
    assert weights(rules[0]) == dict(zip(("web", "web-canary"), expected, strict=True))
    assert share_of(rules, ["web"], "shop") == pytest.approx(share, abs=1e-6)


def test_the_canarys_backend_is_like_the_one_beside_it() -> None:
    filters = [{"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["x"]}}]
    rules, _ = split([{"backendRefs": [{**WEB, "filters": filters}]}], "shop", replace(NOTE, share=0.1))
    assert rules[0]["backendRefs"][1] == {**WEB, "name": "web-canary", "weight": 10, "filters": filters}


def test_the_weights_of_others_stay_and_what_cannot_be_made_of_ours_is_said() -> None:
    rule = {"backendRefs": [OTHER, {**WEB, "weight": 90}]}
    rules, _ = split([rule], "shop", replace(NOTE, share=0.1))
    assert weights(rules[0]) == {"legacy": 10, "web": 81, "web-canary": 9}
    assert rules[0]["backendRefs"][0] == OTHER
    with pytest.raises(PlatformFailed, match="rule 1") as raised:
        split([{"backendRefs": [OTHER, WEB]}], "shop", replace(NOTE, share=0.1))
    assert "by 100" in str(raised.value.hint)


def test_a_service_of_another_namespace_or_kind_is_another() -> None:
    rules = [
        {"backendRefs": [{**WEB, "namespace": "other"}]},
        {"backendRefs": [{**WEB, "group": "x.example", "kind": "Thing"}]},
        {"backendRefs": [{**WEB, "weight": 0}, OTHER]},  # it gets nothing, and so does its canary
        {"filters": [{"type": "RequestRedirect"}]},
    ]
    assert split(rules, "shop", replace(NOTE, share=0.5))[0] == rules
    assert backends(rules, "shop") == ["web", "legacy"]


refs = st.fixed_dictionaries(
    {
        "group": st.just(""),
        "kind": st.just("Service"),
        "name": st.sampled_from(["web", "api", "legacy"]),
        "port": st.sampled_from([80, 81]),
        "weight": st.integers(0, 1000),
    }
)
routes = st.lists(
    st.fixed_dictionaries(
        {
            "backendRefs": st.lists(refs, max_size=4, unique_by=lambda one: (one["name"], one["port"])),
            "matches": st.lists(st.sampled_from(["/", "/a"])),
        }
    ),
    max_size=4,
)


@pytest.mark.slow
@given(routes, st.lists(st.sampled_from([0.01, 0.1, 0.25, 0.5, 1.0]), min_size=1, max_size=4))
def test_whatever_shares_there_were_all_comes_back_and_nothing_else_changes(
    rules: list[Any], shares: list[float]
) -> None:
    before, now, note = copy.deepcopy(rules), rules, replace(NOTE, backends=("web", "api"))
    for share in shares:
        try:
            now, note = split(now, "shop", replace(note, share=share))
        except PlatformFailed:
            continue
        assert split(now, "shop", note) == (now, note)
        for one, former in zip(now, before, strict=True):
            assert {**one, "backendRefs": 0} == {**former, "backendRefs": 0}
            legacy = [ref for ref in one["backendRefs"] if ref["name"] == "legacy"]
            assert legacy == [ref for ref in former["backendRefs"] if ref["name"] == "legacy"]
    assert restored(now, "shop", note) == before
    assert rules == before  # what is read is not written into


def test_what_others_change_meanwhile_is_kept() -> None:
    rules, note = split([{"backendRefs": [WEB]}, {"backendRefs": [OTHER]}], "shop", replace(NOTE, share=0.1))
    moved = [{**rules[1], "matches": ["/new"]}, rules[0]]
    assert restored(moved, "shop", note) == [
        {"backendRefs": [OTHER], "matches": ["/new"]},
        {"backendRefs": [{**WEB, "weight": 100}]},  # alone in its rule, it gets all of it all the same
    ]
    theirs = [{"backendRefs": [{**WEB, "weight": 7}]}]  # written over: that is how it was before, now
    _, note = split(theirs, "shop", note)
    assert restored(split(theirs, "shop", note)[0], "shop", note) == theirs


def test_the_note_is_read_back_and_a_damaged_one_is_told() -> None:
    note = Held(
        service="web", backends=("web",), share=0.1, weights={"0/web/80": None}, managers=({"manager": "x"},)
    )
    route = {"metadata": {"name": "r", "annotations": {"dreamnet.dev/canary": note.text()}}}
    assert held(route) == note
    assert held({"metadata": {}}) is None
    route["metadata"]["annotations"] = {"dreamnet.dev/canary": '{"service": 1}'}
    with pytest.raises(StateDamaged):
        held(route)


def parent(name: str, generation: int, **conditions: str) -> dict[str, Any]:
    said = [
        {
            "type": key,
            "status": value,
            "reason": "Why",
            "message": "so it is",
            "observedGeneration": generation,
        }
        for key, value in conditions.items()
    ]
    return {"parentRef": {"name": name}, "conditions": said}


def test_a_route_counts_as_seen_once_all_its_controllers_have_seen_it() -> None:
    def route(*parents: Any) -> dict[str, Any]:
        return {"metadata": {"name": "r", "generation": 3}, "status": {"parents": list(parents)}}

    well = parent("a", 3, Accepted="True", ResolvedRefs="True")
    assert taken(route(well))
    assert not taken(route())
    assert not taken(route(well, parent("b", 2, Accepted="True", ResolvedRefs="True")))
    assert trouble(route(well)) is None
    bad = parent("b", 3, Accepted="True", ResolvedRefs="False")
    assert trouble(route(bad)) == "ResolvedRefs is False at b (Why: so it is)"
    assert trouble(route(bad, well)) is None  # one of them leads on


def test_those_manage_the_rules_again_who_did_before() -> None:
    theirs = {
        "manager": "kubectl",
        "operation": "Apply",
        "apiVersion": "v1",
        "fieldsV1": {"f:spec": {"f:parentRefs": {}}},
    }
    ours = {
        "manager": "dreamnet", "operation": "Update", "apiVersion": "v1",
        "fieldsV1": {"f:metadata": {"f:annotations": {"f:dreamnet.dev/canary": {}}}, "f:spec": {"f:rules": {}}},
    }  # fmt: skip
    status = {
        "manager": "gateway",
        "operation": "Update",
        "subresource": "status",
        "fieldsV1": {"f:status": {}},
    }
    route = {"metadata": {"managedFields": [theirs, ours, status]}}
    note = replace(NOTE, managers=({"manager": "kubectl", "operation": "Apply", "apiVersion": "v1"},))
    after = handed_back(route, "dreamnet", note)
    assert after == [{**theirs, "fieldsV1": {"f:spec": {"f:parentRefs": {}, "f:rules": {}}}}, status]
    assert [one["manager"] for one in managers({"metadata": {"managedFields": after}})] == ["kubectl"]
    # Whoever has taken them over meanwhile keeps them, and nobody else gets them back.
    taken_over = {**theirs, "manager": "other", "fieldsV1": {"f:spec": {"f:rules": {}}}}
    del ours["fieldsV1"]["f:spec"]  # type: ignore[attr-defined]
    route = {"metadata": {"managedFields": [theirs, taken_over, ours]}}
    assert handed_back(route, "dreamnet", note) == [theirs, taken_over]
