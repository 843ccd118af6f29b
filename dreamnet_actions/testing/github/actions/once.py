"""Keeping act from taking a text for an expression: GitHub evaluates a workflow's file, once, and never a value.

Learned from act's source (0.2.87: ``setupEnv`` in pkg/runner/step.go, ``setJobOutputs`` in job_executor.go) and by
running it: it evaluates the whole environment of every step again, also what came out of an expression before, as the
job's variables, the inputs around a composite action's step and ``GITHUB_REF``; and the outputs of a called workflow
twice. A stranger's ``${{ … }}`` would be evaluated so, and half of one ends act. So in the copies that act reads every
such value is asked for anew where it is handed on (``X: ${{ env['X'] }}``), which one evaluation answers, and outputs
are quoted once. Pure.

Not reached is what a step writes to ``GITHUB_ENV``: act evaluates it in each later step.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from dreamnet_actions.testing.github.actions.tokens import quoted

OPENS = "${{"
_NAMED = ("ref", "ref_name", "head_ref", "base_ref", "workflow_ref")


def expressed(*environments: Any) -> frozenset[str]:
    """Answer the variables whose values come out of expressions, of any number of ``env`` (which may be missing)."""
    return frozenset(
        name
        for one in environments
        if isinstance(one, Mapping)
        for name, value in one.items()
        if isinstance(value, str) and OPENS in value
    )


def refs(context: Mapping[str, Any]) -> dict[str, str]:
    """Answer the variables of the ``github`` context that hold the opening of an expression, as a branch's name may.

    The values are expressions that yield them. act must not find these in its own environment, which it evaluates
    (``contexts.environment``); it knows the ref by the event then.
    """
    found = {name: str(context.get(name) or "") for name in _NAMED}
    return {f"GITHUB_{name.upper()}": literal(value) for name, value in found.items() if OPENS in value}


def literal(text: str) -> str:
    """Write a text as an expression that yields it."""
    return f"${{{{ {quoted(text)} }}}}"


def step(data: Mapping[str, Any], names: Iterable[str], given: Mapping[str, str]) -> dict[str, Any]:
    """Answer a step that asks anew for variables that stand around it (``names``) and has those of ``given``.

    What its own ``env`` says, goes before.
    """
    own = data.get("env") or {}
    if not isinstance(own, Mapping):
        return dict(data)
    around = {name: f"${{{{ env[{quoted(name)}] }}}}" for name in sorted(names)}
    env = {**around, **given, **own}
    return {**data, "env": env} if env else dict(data)


def inputs(action: Mapping[str, Any]) -> dict[str, str]:
    """Answer the variables in which act keeps an action's inputs, each as an expression that yields the input.

    act calls the input ``dry-run`` ``INPUT_DRY-RUN``, and finds ``inputs['dry-run']`` by that.
    """
    named = action.get("inputs")
    found = [re.sub("[^A-Z0-9-]", "_", str(name).upper()) for name in named or ()]
    return {f"INPUT_{name}": f"${{{{ inputs[{quoted(name.lower())}] }}}}" for name in found}


def outputs(call: Mapping[str, Any]) -> dict[str, Any]:
    """Answer ``on.workflow_call`` with its outputs quoted once, as act evaluates them twice."""
    named = call.get("outputs")
    if not isinstance(named, Mapping):
        return dict(call)
    return {**call, "outputs": {name: _quoted(one) for name, one in named.items()}}


def _quoted(output: Any) -> Any:
    if isinstance(output, Mapping) and isinstance(value := output.get("value"), str) and OPENS in value:
        return {**output, "value": literal(value)}
    return output
