"""Roles as YAML, made from the table of needs (``needs.py``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from dreamnet_actions.adapters.kubernetes.needs import ACTIONS, Need, table

_GROUP = "apiVersion: rbac.authorization.k8s.io/v1"
WHOLE = "dreamnet"
"""The name of the Role that holds everything; that of one action is ``dreamnet-ACTION``."""


def roles(
    actions: Sequence[str] = (), *, namespace: str = "", subjects: Sequence[str] = (), batch: bool = False
) -> str:
    """Answer the Roles of actions as YAML, or without actions the one that holds them all; with ``batch`` they are
    enough for services that are Jobs or CronJobs, too.

    ``subjects`` are who gets them: ``serviceaccount:NAMESPACE:NAME``, ``user:NAME`` or ``group:NAME``; for each Role
    there is a RoleBinding then.
    """
    wanted = [(f"{WHOLE}-{one}", [one]) for one in actions] or [(WHOLE, list(ACTIONS))]
    parts = []
    for name, held in wanted:
        parts.append("\n".join(_role(name, held, namespace, table(batch=batch))))
        if subjects:
            parts.append("\n".join(_binding(name, namespace, subjects)))
    return "\n---\n".join(parts) + "\n"


def _role(name: str, actions: Sequence[str], namespace: str, needs: Iterable[Need]) -> Iterator[str]:
    yield f"# What DreamNet needs in the namespace of a platform: {', '.join(actions)}."
    yield _GROUP
    yield "kind: Role"
    yield f"metadata: {_meta(name, namespace)}"
    yield "rules:"
    for need, verbs in _merged(need for need in needs if set(actions) & set(need.actions)):
        yield f"  # {need.why[0].upper()}{need.why[1:]}."
        yield f'  - apiGroups: ["{need.group}"]' if not need.group else f"  - apiGroups: [{need.group}]"
        yield f"    resources: [{', '.join(need.resources)}]"
        yield f"    verbs: [{', '.join(verbs)}]"


def _merged(needs: Iterable[Need]) -> Iterator[tuple[Need, list[str]]]:
    """Leave out verbs that an earlier rule gave on all the same resources."""
    given: set[tuple[str, str, str]] = set()
    for need in needs:
        verbs = [
            verb for verb in need.verbs if any((need.group, one, verb) not in given for one in need.resources)
        ]
        given |= {(need.group, one, verb) for one in need.resources for verb in verbs}
        if verbs:
            yield need, verbs


def _binding(name: str, namespace: str, subjects: Sequence[str]) -> Iterator[str]:
    yield _GROUP
    yield "kind: RoleBinding"
    yield f"metadata: {_meta(name, namespace)}"
    yield f"roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: {name}}}"
    yield "subjects:"
    for one in subjects:
        kind, _, who = one.partition(":")
        if kind == "serviceaccount":
            place, _, account = who.partition(":")
            yield f"  - {{kind: ServiceAccount, namespace: {place}, name: {account}}}"
        else:
            yield f'  - {{apiGroup: rbac.authorization.k8s.io, kind: {kind.capitalize()}, name: "{who}"}}'


def _meta(name: str, namespace: str) -> str:
    return f"{{name: {name}, namespace: {namespace}}}" if namespace else f"{{name: {name}}}"
