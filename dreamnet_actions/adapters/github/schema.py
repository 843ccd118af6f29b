"""The versions of ``state.json``'s form, and how an older one becomes ours: one pure function a step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dreamnet_actions.errors import JournalDamaged

SCHEMA = 1
"""The form of ``state.json`` that this DreamNet writes."""

Step = Callable[[dict[str, Any]], dict[str, Any]]

MIGRATIONS: Mapping[int, Step] = {}
"""From each older version to the next one: takes the whole file as data, answers it. No older one was ever released."""


def migrated(
    whole: dict[str, Any], where: str, *, steps: Mapping[int, Step] = MIGRATIONS, newest: int = SCHEMA
) -> dict[str, Any]:
    """Answer the data in the form of today; the next commit writes it so.

    Raises StateDamaged for a newer form (nobody here knows what it means) and for one that no step leads on from.
    """
    version = whole["schema"]
    if version > newest:
        why = f"a newer DreamNet wrote it (schema {version}; this one knows up to {newest})"
        raise JournalDamaged(where, why, hint="Update DreamNet.")
    while version < newest:
        if version not in steps:
            raise JournalDamaged(where, f"its schema {version} is none that there was")
        whole = steps[version](whole)
        version += 1
        whole["schema"] = version
    return whole


def rewound(branch: str, head: str | None, seen: str | None) -> JournalDamaged:
    """Answer the error for a branch that was deleted (``head`` is None) or forced to another state than ``seen``."""
    error = JournalDamaged(f"The branch {branch!r}", lost(head, seen))
    error.message = f"The branch {branch!r} is not as DreamNet left it: {lost(head, seen)}."
    error.args = (error.message,)
    return error


def lost(head: str | None, seen: str | None) -> str:
    """Say in words what became of a branch that is not what it was."""
    last = f"the last commit of DreamNet's was {str(seen)[:12]}"
    return f"it was deleted; {last}" if head is None else f"it was forced to {head[:12]}; {last}"
