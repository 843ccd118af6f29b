"""What a release would change in the world, object by object: the plan of a dry run. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Effect = Literal["created", "changed", "deleted", "refused"]


@dataclass(frozen=True, kw_only=True)
class FieldChange:
    """One field: its path as ``spec.template.spec.containers[web].image``, and its value before and after as text;
    None where there is none. Never a secret value."""

    path: str
    before: str | None
    after: str | None

    def to_json(self) -> dict[str, Any]:
        """Write it in its wire form."""
        return {"path": self.path, "from": self.before, "to": self.after}


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One object (``Deployment/web``) and what would become of it. ``why`` says so of one that would be deleted or is
    refused."""

    object: str
    effect: Effect
    fields: tuple[FieldChange, ...] = ()
    why: str = ""

    def to_json(self) -> dict[str, Any]:
        """Write it in its wire form, as a finding."""
        return {
            "object": self.object,
            "effect": self.effect,
            "fields": [one.to_json() for one in self.fields],
            "why": self.why,
        }
