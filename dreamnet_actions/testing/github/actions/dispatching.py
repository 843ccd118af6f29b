"""The inputs of a ``workflow_dispatch``: defaults, choices and kinds, and GitHub's refusals. Pure.

Source:
https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#onworkflow_dispatchinputs
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dreamnet_actions.testing.github.actions.workflow import Workflow

MOST_INPUTS = 25


class DispatchRefused(ValueError):
    """A dispatch that GitHub answers with 422; the text is its ``message``."""


def settle(workflow: Workflow, given: Mapping[str, Any]) -> dict[str, str]:
    """Answer the inputs as the event's payload holds them: every declared one, as text, defaults filled in.

    Raises DispatchRefused for an input that is not declared, a required one that is missing, and a value that
    its kind does not allow.
    """
    if "workflow_dispatch" not in workflow.on:
        raise DispatchRefused("Workflow does not have 'workflow_dispatch' trigger")
    declared = workflow.dispatch_inputs
    if unexpected := sorted(set(given) - set(declared)):
        raise DispatchRefused(f"Unexpected inputs provided: {unexpected!r}".replace("'", '"'))
    return {
        name: text
        for name, settings in declared.items()
        if (text := _settle_one(name, settings, given.get(name))) is not None
    }


def _settle_one(name: str, settings: Mapping[str, Any], value: Any) -> str | None:
    text = _spell(value if value is not None else settings.get("default"))
    kind = settings.get("type", "string")
    if not text and settings.get("required") and kind != "boolean":
        raise DispatchRefused(f"Required input '{name}' not provided")
    if kind == "choice":
        options = [_spell(one) for one in settings.get("options") or ()]
        if text not in options and (text or value is not None):
            raise DispatchRefused(
                f"Provided value '{text}' for input '{name}' not in the list of allowed values"
            )
    elif kind == "boolean":
        if (text or "false").lower() not in {"true", "false"}:
            raise DispatchRefused(f"Provided value '{text}' for input '{name}' is not a boolean")
        return (text or "false").lower()
    elif kind == "number" and text:
        try:
            float(text)
        except ValueError:
            raise DispatchRefused(f"Provided value '{text}' for input '{name}' is not a number") from None
    return text


def _spell(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def typed(declared: Mapping[str, Mapping[str, Any]], given: Mapping[str, Any]) -> dict[str, Any]:
    """Answer the inputs as the ``inputs`` context has them: booleans and numbers are no text there."""
    out: dict[str, Any] = {}
    for name, settings in declared.items():
        value = given.get(name, settings.get("default"))
        kind = settings.get("type", "string")
        if kind == "boolean":
            out[name] = _spell(value).lower() == "true"
        elif kind == "number":
            text = _spell(value)
            out[name] = (int(text) if text.lstrip("-").isdigit() else float(text)) if text else None
        else:
            out[name] = "" if value is None else value
    return out
