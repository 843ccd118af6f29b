"""The Roles that a cluster's administrator gives to DreamNet, for the command line: no configuration is needed."""

from __future__ import annotations

from collections.abc import Sequence

from dreamnet_actions.bootstrap.late import imported

_HERE = "dreamnet_actions.adapters.kubernetes"


def actions() -> tuple[str, ...]:
    """Answer the actions that there are Roles for."""
    found: list[str] = []
    for one in ("ACTIONS", "EXTRAS", "VALUES", "PUBLISHES"):
        found += imported(f"{_HERE}.needs:{one}")
    return tuple(found)


def roles(chosen: Sequence[str], *, namespace: str, subjects: Sequence[str], batch: bool = False) -> str:
    """Answer the Roles of actions as YAML; without any, the one that holds them all. ``batch``: also for services
    that are Jobs or CronJobs."""
    text: str = imported(f"{_HERE}.roles:roles")(chosen, namespace=namespace, subjects=subjects, batch=batch)
    return text
