"""What one place of the file says about another: needs that go in a circle, ports taken twice, keys out of place.

Names that must exist are looked up while the shapes are read (``values.NameIn``). These rules look at the raw tree, not
at the models, so that they also speak when something else in the file is wrong.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from dreamnet_actions.config import hooks, keys, rules
from dreamnet_actions.config.compose import Slots
from dreamnet_actions.config.explain import Fault
from dreamnet_actions.config.tree import Entry, Node, Tree, each_entry, texts
from dreamnet_actions.domain.spec.models import Service
from dreamnet_actions.domain.spec.scale import Scale
from dreamnet_actions.domain.spec.times import moment, zone
from dreamnet_actions.domain.spec.values import LONGEST, kebab, shown
from dreamnet_actions.domain.units import parse_share

MOST_CIRCLES = 20
"""Circles that are told of; each costs as much as it is long."""


def check(slots: Slots, tree: Tree) -> list[Fault]:
    """Answer every fault between places of the file."""
    services = dict(each_entry(tree.root.get("services")))
    faults = [*itertools.islice(_circles(services), MOST_CIRCLES), *_ports(services)]
    for name, entry in services.items():
        faults += _workload(name, entry, slots, tree)
        faults += _canary(name, entry.node)
        faults += _canary_metrics(name, entry.node)
        faults += _scales(name, entry.node)
        faults += _paces(name, entry.node)
        faults += _measured(name, entry.node, slots, tree)
    faults += _maintenance(tree.root.get("maintenance"))
    faults += rules.of_values(tree)
    faults += keys.of_entries(slots.sinks, tree)
    faults += hooks.of_webhooks(tree)
    return faults


# ── Needs ────────────────────────────────────────────────────────────────────────────────────────────────


def _circles(services: Mapping[str, Entry]) -> Iterator[Fault]:
    """Find circles among needs, each at the need that closes it. Keeps its own stack: a chain may be long."""
    lists = {name: entry.node.get("needs") for name, entry in services.items()}
    needs = {name: texts(node) for name, node in lists.items()}
    done: set[str] = set()
    for start in needs:
        trail: dict[str, Iterator[tuple[int, str]]] = {}
        stack = [] if start in done else [start]
        while stack:
            name = stack[-1]
            trail.setdefault(name, iter(needs[name].items()))
            index, need = next(trail[name], (-1, ""))
            if index < 0:
                done.add(stack.pop())
                del trail[name]
            elif need in trail:
                closing = lists[name]
                place = closing.items[index].place if closing else services[name].key
                words = partial(_say_circle, stack[stack.index(need) :])
                yield Fault(("services", name, "needs", index), place, words)
            elif need in needs and need not in done:
                stack.append(need)


def _say_circle(circle: list[str]) -> str:
    if len(circle) == 1:
        return f"The service {shown(circle[0])} needs itself."
    names = [name[:63] for name in circle]
    middle = ["…"] if len(names) > 8 else []
    return f"Services that need each other in a circle: {' → '.join((*names[:8], *middle, names[0]))}."


# ── Ports and platforms ──────────────────────────────────────────────────────────────────────────────────


def _ports(services: Mapping[str, Entry]) -> Iterator[Fault]:
    """Find ports that two services ask for, at the second."""
    taken: dict[int, str] = {}
    for name, entry in services.items():
        port = entry.node.get("port")
        if port is None or not isinstance(port.value, int) or isinstance(port.value, bool):
            continue
        first = taken.setdefault(port.value, name)
        if first != name:
            text = f"The port {port.value} is taken by the service {shown(first)}."
            yield Fault(("services", name, "port"), port.place, partial(str, text))


def _workload(name: str, entry: Entry, slots: Slots, tree: Tree) -> Iterator[Fault]:
    """Find keys that belong to another kind of platform than the service's, and those that its kind needs."""
    kind = _platform_kind(entry.node, slots, tree)
    if kind is None:
        return
    own = slots.workloads.get(kind)
    right = _keys(Service) | (_keys(own) if own else frozenset())
    for key, written in entry.node.entries.items():
        owners = [other for other, model in slots.workloads.items() if key in _keys(model)]
        if key not in right and owners:
            text = f"{key!r} belongs to services on a platform of kind {owners[0]!r}; this one's is {kind!r}."
            yield Fault(("services", name, key), written.key, partial(str, text))
    for field in getattr(own, "needed_keys", ()):
        if kebab(field) not in entry.node.entries:
            text = f"The key {kebab(field)!r} is missing; a service on a platform of kind {kind!r} needs it."
            yield Fault(("services", name, kebab(field)), entry.key, partial(str, text))


def _platform_kind(service: Node, slots: Slots, tree: Tree) -> str | None:
    """Answer the kind of a service's platform, or None where that is not clear (which is another mistake)."""
    named, platforms = service.get("platform"), tree.root.get("platforms")
    if named is None or platforms is None or not isinstance(named.value, str):
        return None
    platform = platforms.get(named.value)
    kinds = [kind for kind in slots.platforms if platform and kind in platform.entries]
    return kinds[0] if len(kinds) == 1 else None


@functools.cache
def _keys(model: Any) -> frozenset[str]:
    return frozenset(kebab(one.name) for one in dataclasses.fields(model))


# ── Orders of numbers ────────────────────────────────────────────────────────────────────────────────────


def _canary(name: str, service: Node) -> Iterator[Fault]:
    """Find a canary's share that is not above the one before it."""
    path = ("services", name, "release", "strategy", "canary")
    canary = _down(service, path[2:])
    before: tuple[float, str] | None = None
    for index, text in texts(canary).items():
        try:
            share = parse_share(text[:LONGEST])
        except ValueError:
            continue
        if before and share <= before[0] and canary:
            message = f"{shown(text)} is not above {shown(before[1])}; a canary's shares grow."
            yield Fault((*path, index), canary.items[index].place, partial(str, message))
        before = share, text


def _canary_metrics(name: str, service: Node) -> Iterator[Fault]:
    """Find numbers of a canary that have no bound, or are half a number and half a pair of counters."""
    path = ("services", name, "release", "strategy", "metrics")
    bounds = ("max", "min", "worse-than-stable")
    counters = 0
    for metric, entry in each_entry(_down(service, path[2:])):
        has = {key for key, given in entry.node.entries.items() if given.node.value is not None}
        text = ""
        if "query" in has:
            if has & {"requests", "errors"}:
                text = "A number is either a 'query' with a bound, or 'requests' and 'errors'."
            elif not has & set(bounds):
                text = f"A 'query' needs a bound: {', '.join(repr(one) for one in bounds)}."
        elif not {"requests", "errors"} <= has:
            text = "A number needs a 'query' with a bound, or both 'requests' and 'errors'."
        elif has & set(bounds):
            text = "'requests' and 'errors' count, under the canary's own test; a bound belongs to a 'query'."
        else:
            counters += 1
            text = (
                "Only one pair of counters may be given: no request may be counted twice."
                if counters > 1
                else ""
            )
        if text:
            yield Fault((*path, metric), entry.key, partial(str, text))


def _measured(name: str, service: Node, slots: Slots, tree: Tree) -> Iterator[Fault]:
    """Find checks that ask a source of metrics which the file does not name."""
    sources = tree.root.get("metrics")
    for check_name, entry in each_entry(service.get("checks")):
        for kind in slots.metrics:
            if entry.node.get(kind) is None or (sources is not None and sources.get(kind) is not None):
                continue
            lines = f"metrics: {{{kind}: {{url: …}}}}"
            text = f"This check asks {kind}, and 'metrics' does not say where that is; add '{lines}'."
            yield Fault(("services", name, "checks", check_name, kind), entry.key, partial(str, text))


def _scales(name: str, service: Node) -> Iterator[Fault]:
    """Find scaling whose least is above its most, with the defaults of what is left out."""
    defaults = {one.name: one.default for one in dataclasses.fields(Scale)}
    for check_name, entry in each_entry(service.get("checks")):
        scale = entry.node.get("scale")
        low, high = (_whole(scale.get(key) if scale else None, defaults[key]) for key in ("min", "max"))
        if scale and low is not None and high is not None and low > high:
            at = scale.get("min") or scale.get("max") or scale
            text = f"'min' is {low} and 'max' is {high}; the least cannot be above the most."
            path = ("services", name, "checks", check_name, "scale", "min" if scale.get("min") else "max")
            yield Fault(path, at.place, partial(str, text))


def _paces(name: str, service: Node) -> Iterator[Fault]:
    """Find limits of a pace that are neither in replicas nor in percent, or both."""
    for check_name, entry in each_entry(service.get("checks")):
        for way in ("up", "down"):
            steps = _down(entry.node, ("scale", way, "by"))
            for index, step in enumerate(steps.items if steps else ()):
                has = [key for key in ("pods", "percent") if (one := step.get(key)) and one.value is not None]
                if len(has) != 1:
                    text = "A limit has one of 'pods' and 'percent', as in '{pods: 4, per: 15s}'."
                    path = ("services", name, "checks", check_name, "scale", way, "by", index)
                    yield Fault(path, step.place, partial(str, text))


# ── Maintenance ──────────────────────────────────────────────────────────────────────────────────────────


def _maintenance(windows: Node | None) -> Iterator[Fault]:
    """Find windows that are neither one span nor weekly, are both, or end before they begin."""
    single, weekly = ("start", "end"), ("day", "from", "for")
    for index, node in enumerate(windows.items if windows else ()):
        path = ("maintenance", index)
        has = {key for key in (*single, *weekly) if (one := node.get(key)) and one.value is not None}
        wanted = single if has & set(single) else weekly
        if has & set(single) and has & set(weekly):
            text = "A window is either one span ('start', 'end') or weekly ('day', 'from', 'for'), not both."
            yield Fault(path, node.place, partial(str, text))
        elif missing := [key for key in wanted if key not in has]:
            hint = "; write 'start' and 'end', or 'day', 'from' and 'for'" if not has else ""
            text = f"The key {missing[0]!r} is missing{hint}."
            yield Fault(path, node.place, partial(str, text))
        elif has == set(single) and _ends_first(node):
            text = f"{shown(_text(node, 'end'))} is not after {shown(_text(node, 'start'))}."
            yield Fault((*path, "end"), (node.get("end") or node).place, partial(str, text))


def _ends_first(node: Node) -> bool:
    """Say whether a span that can be read ends before it begins."""
    try:
        place = zone(_text(node, "timezone") or "UTC")
        return moment(_text(node, "end"), place) <= moment(_text(node, "start"), place)
    except ValueError:
        return False  # told where it is read


def _text(node: Node, key: str) -> str:
    found = node.get(key)
    return found.value if found is not None and isinstance(found.value, str) else ""


def _whole(node: Node | None, default: Any) -> int | None:
    value = node.value if node else default
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _down(node: Node | None, path: tuple[str, ...]) -> Node | None:
    for key in path:
        node = node.get(key) if node else None
    return node
