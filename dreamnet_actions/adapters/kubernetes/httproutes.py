"""The weights of an HTTPRoute (Gateway API, gateway.networking.k8s.io/v1), and what its status says. Pure.

A rule that leads to a Service gets a second backend beside it, the Service of the canary, and both get weights: a
backend's share is its weight out of all weights of its rule (the field ``weight`` of HTTPBackendRef). All else in the
rules stays as it is, byte for byte.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from fractions import Fraction
from typing import Any

from dreamnet_actions.errors import PlatformFailed, StateDamaged

HELD = "dreamnet.dev/canary"
"""The annotation of a route that is there while its weights are ours; it says how they were before."""
BASES = (100, 1_000, 10_000, 100_000, 1_000_000)
"""Sums of the two weights where nothing else is in the rule; the smallest that makes the share exact. The last is the
highest weight that there is."""
CLOSE = Fraction(1, 10)
"""By how much of it a share may be missed where other backends are in the rule, whose weights are not ours."""
Rule = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Held:
    """What stands in the annotation: whose canary it is, beside which Services, the share that was written last, which
    weights were there before (by rule, Service and port; None: none was written), and who managed the rules."""

    service: str
    backends: Sequence[str] = ()
    share: float = 0.0
    weights: Mapping[str, int | None] = field(default_factory=dict)
    managers: Sequence[Mapping[str, str]] = ()

    def text(self) -> str:
        """Write the annotation's value."""
        return json.dumps(asdict(self), separators=(",", ":"), sort_keys=True)


def held(route: Mapping[str, Any] | None) -> Held | None:
    """Read the annotation; None where the weights are not ours. Raises StateDamaged for what is none of ours."""
    notes = ((route or {}).get("metadata") or {}).get("annotations") or {}
    if (text := notes.get(HELD)) is None:
        return None
    try:
        data = json.loads(text)
        return Held(
            service=str(data["service"]),
            backends=tuple(str(one) for one in data["backends"]),
            share=float(data["share"]),
            weights={
                str(key): value if value is None else int(value) for key, value in data["weights"].items()
            },
            managers=tuple(dict(one) for one in data["managers"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        name = (route or {})["metadata"]["name"]
        raise StateDamaged(f"the annotation {HELD} of the HTTPRoute {name}", str(error)) from error


def canary_of(name: str) -> str:
    """Answer the name of the Service that leads to a canary's pods, beside the Service ``name``."""
    return f"{name}-canary"


def backends(rules: Sequence[Rule], namespace: str) -> list[str]:
    """Answer the Services of a namespace that rules lead to, each once, in their order."""
    found = (_service(ref, namespace) for rule in rules for ref in rule.get("backendRefs") or ())
    return list(dict.fromkeys(name for name in found if name))


def split(rules: Sequence[Rule], namespace: str, note: Held) -> tuple[list[Rule], Held]:
    """Give the canaries beside the Services of ``note`` its share; answer the rules, and the note with the weights that
    were there before. Raises PlatformFailed for a share that the weights of a rule cannot make."""
    former, made, names = dict(note.weights), list[Rule](), note.backends
    for index, rule in enumerate(rules):
        refs = list(rule.get("backendRefs") or ())
        ours = {canary_of(name) for name in names}
        alone = [one for one in refs if _service(one, namespace) not in ours]
        after, touched = list[Mapping[str, Any]](), False
        for ref in refs:
            if (name := _service(ref, namespace)) in ours:
                continue
            beside = _beside(refs, ref, namespace)
            key = f"{index}/{name}/{ref.get('port', '')}"
            whole = _weight(ref) + (_weight(beside) if beside else 0)
            if name not in names or not whole:
                after.append(ref)
                continue
            if beside is None:  # it is as somebody else wrote it, also where one of ours was there before
                former[key] = ref.get("weight")
            part, whole = _parts(note.share, whole, sole=len(alone) == 1, where=f"rule {index + 1}")
            other = {**ref, "name": canary_of(str(name)), "weight": part}
            after += [{**ref, "weight": whole - part}, other]
            touched = True
        made.append({**rule, "backendRefs": after} if touched else rule)
    return made, replace(note, weights=former)


def restored(rules: Sequence[Rule], namespace: str, note: Held) -> list[Rule]:
    """Take the canaries out again; each Service's weight is as it was before, and all else as it is now."""
    ours, made = {canary_of(name) for name in note.backends}, list[Rule]()
    for index, rule in enumerate(rules):
        refs = list(rule.get("backendRefs") or ())
        after = [_as_before(one, refs, index, namespace, note) for one in refs]
        kept = [one for one in after if _service(one, namespace) not in ours]
        made.append({**rule, "backendRefs": kept} if kept != refs else rule)
    return made


def _as_before(
    ref: Mapping[str, Any], refs: Sequence[Mapping[str, Any]], index: int, namespace: str, note: Held
) -> Mapping[str, Any]:
    beside = _beside(refs, ref, namespace)
    if beside is None:
        return ref
    key = f"{index}/{_service(ref, namespace)}/{ref.get('port', '')}"
    # A rule that somebody has moved is not found: then both weights together say the same.
    before = note.weights.get(key, _weight(ref) + _weight(beside))
    return {**{name: value for name, value in ref.items() if name != "weight"}, **_given(before)}


def _given(weight: int | None) -> dict[str, int]:
    return {} if weight is None else {"weight": weight}


def share_of(rules: Sequence[Rule], names: Collection[str], namespace: str) -> float:
    """Answer the share that canaries have of the requests of those rules that lead to the Services: the smallest."""
    found = []
    for rule in rules:
        refs = rule.get("backendRefs") or ()
        for ref in refs:
            if _service(ref, namespace) in names:
                beside = _beside(refs, ref, namespace)
                part = _weight(beside) if beside else 0
                if whole := part + _weight(ref):
                    found.append(part / whole)
    return min(found, default=0.0)


def _parts(share: float, whole: int, *, sole: bool, where: str) -> tuple[int, int]:
    """Answer the canary's weight, and that of both together."""
    wanted = Fraction(share).limit_denominator(BASES[-1])
    if sole:
        whole = next((one for one in BASES if (wanted * one).denominator == 1), BASES[-1])
        return round(wanted * whole), whole
    part = round(wanted * whole)
    if abs(part - wanted * whole) > CLOSE * wanted * whole:
        raise PlatformFailed(
            f"The canary's share of {share:.4g} cannot be made in {where} of the HTTPRoute: of its weights only "
            f"{whole} is the service's, and those of the other backends are not DreamNet's to change.",
            hint="Multiply all weights of that rule by 100: their shares stay the same.",
        )
    return part, whole


def _beside(
    refs: Sequence[Mapping[str, Any]], ref: Mapping[str, Any], namespace: str
) -> Mapping[str, Any] | None:
    """Answer the canary's backend that belongs to a Service's."""
    name = _service(ref, namespace)
    for one in refs:
        if name and _service(one, namespace) == canary_of(name) and one.get("port") == ref.get("port"):
            return one
    return None


def _service(ref: Mapping[str, Any], namespace: str) -> str | None:
    service = ref.get("kind", "Service") == "Service" and not ref.get("group")
    return str(ref["name"]) if service and ref.get("namespace", namespace) == namespace else None


def _weight(ref: Mapping[str, Any]) -> int:
    return int(ref.get("weight", 1))


# ── What its status says ─────────────────────────────────────────────────────────────────────────────────────


def taken(route: Mapping[str, Any] | None) -> bool:
    """Say whether a Gateway's controller has seen the route as it is now, and each of those that ever did has."""
    generation = int(((route or {}).get("metadata") or {}).get("generation", 0))
    said = [[one for one in parent.get("conditions") or () if _counts(one)] for parent in _parents(route)]
    return bool(said) and all(
        one and all(int(each.get("observedGeneration", 0)) >= generation for each in one) for one in said
    )


def trouble(route: Mapping[str, Any]) -> str | None:
    """Say why a route leads nowhere, as its Gateways' controllers say; None where one of them leads all of it on.
    What is not said counts as well."""
    found = [_of_parent(one) for one in _parents(route)]
    return None if not found or None in found else "; ".join(one for one in found if one)


def _of_parent(parent: Mapping[str, Any]) -> str | None:
    for one in parent.get("conditions") or ():
        if _counts(one) and one.get("status") == "False":
            name = (parent.get("parentRef") or {}).get("name", "?")
            words = " ".join(str(one.get("message", "")).split())[:300]
            return f"{one['type']} is False at {name} ({one.get('reason', '?')}: {words})"
    return None


def _parents(route: Mapping[str, Any] | None) -> Sequence[Mapping[str, Any]]:
    return ((route or {}).get("status") or {}).get("parents") or ()


def _counts(condition: Mapping[str, Any]) -> bool:
    return condition.get("type") in ("Accepted", "ResolvedRefs")


# ── Who manages it ───────────────────────────────────────────────────────────────────────────────────────────

_RULES = ("f:spec", "f:rules")


def managers(route: Mapping[str, Any]) -> list[dict[str, str]]:
    """Answer who manages the rules: manager, operation and version of each entry of ``managedFields``, newest first.
    The rules are one field to the server: their list is atomic in the CRD."""
    entries: Sequence[Mapping[str, Any]] = route["metadata"].get("managedFields") or ()
    found = [one for one in entries if _RULES[1] in (one.get("fieldsV1") or {}).get(_RULES[0], {})]
    found.sort(key=lambda one: str(one.get("time", "")), reverse=True)
    return [{key: str(one.get(key, "")) for key in ("manager", "operation", "apiVersion")} for one in found]


def handed_back(route: Mapping[str, Any], ours: str, note: Held) -> list[dict[str, Any]]:
    """Answer the ``managedFields`` by which those manage the rules again who did before ``ours`` changed weights."""
    kept, mine = list[dict[str, Any]](), False
    for entry in json.loads(json.dumps(route["metadata"].get("managedFields") or [])):
        if (entry.get("manager"), entry.get("operation"), entry.get("subresource", "")) == (
            ours,
            "Update",
            "",
        ):
            fields = entry.get("fieldsV1") or {}
            mine = fields.get(_RULES[0], {}).pop(_RULES[1], None) is not None or mine
            (fields.get("f:metadata", {}).get("f:annotations") or {}).pop(f"f:{HELD}", None)
            if not any(_leaves(fields)):
                continue
        kept.append(entry)
    for owner in note.managers if mine else ():
        _own(kept, owner)
    return kept


def _own(entries: list[dict[str, Any]], owner: Mapping[str, str]) -> None:
    for one in entries:
        if not one.get("subresource") and all(one.get(key, "") == value for key, value in owner.items()):
            one.setdefault("fieldsV1", {}).setdefault(_RULES[0], {})[_RULES[1]] = {}
            return
    entries.append({**owner, "fieldsType": "FieldsV1", "fieldsV1": {_RULES[0]: {_RULES[1]: {}}}})


def _leaves(fields: Mapping[str, Any]) -> Iterator[str]:
    """Answer the paths of what an entry is about; ``.`` alone stands for a map that holds nothing of its own."""
    for key, below in fields.items():
        if below:
            yield from _leaves(below)
        elif key not in (".", "f:metadata", "f:annotations", "f:spec"):
            yield key
