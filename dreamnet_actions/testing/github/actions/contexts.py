"""What expressions may ask about a run before it starts, its title, and what act is told of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dreamnet_actions.testing.github.actions import expressions, once
from dreamnet_actions.testing.github.actions.workflow import Workflow
from dreamnet_actions.testing.github.hosting import Event

LONGEST_TITLE = 255


def ref_name(ref: str) -> str:
    """Answer ``main`` for ``refs/heads/main``."""
    return ref.split("/", 2)[2] if ref.startswith("refs/") and ref.count("/") >= 2 else ref


def github(
    event: Event,
    workflow: Workflow,
    *,
    sha: str,
    ref: str,
    run_id: int,
    number: int,
    attempt: int,
    urls: tuple[str, str],
) -> dict[str, Any]:
    """Answer the ``github`` context; ``urls`` are the API's and the server's address."""
    api, server = urls
    pull = event.payload.get("pull_request")
    return {
        "actor": event.actor,
        "api_url": api,
        "base_ref": pull["base"]["ref"] if isinstance(pull, Mapping) else "",
        "event": dict(event.payload),
        "event_name": event.name,
        "graphql_url": f"{api}/graphql",
        "head_ref": pull["head"]["ref"] if isinstance(pull, Mapping) else "",
        "ref": ref,
        "ref_name": ref_name(ref),
        "ref_type": "tag" if ref.startswith("refs/tags/") else "branch",
        "repository": event.repository,
        "repository_owner": event.repository.partition("/")[0],
        "run_attempt": str(attempt),
        "run_id": str(run_id),
        "run_number": str(number),
        "server_url": server,
        "sha": sha,
        "triggering_actor": event.actor,
        "workflow": workflow.name,
        "workflow_ref": f"{event.repository}/{workflow.path}@{ref}",
        "workflow_sha": sha,
    }


def environment(context: Mapping[str, Any]) -> dict[str, str]:
    """Answer the variables by which act learns what stands in the ``github`` context (``SHA_REF`` is act's own
    name). What would be an expression there is left out: act evaluates all of these (``once.refs``)."""
    names = (
        *(
            "api_url",
            "base_ref",
            "graphql_url",
            "head_ref",
            "ref",
            "ref_name",
            "ref_type",
            "repository",
            "repository_owner",
        ),
        *(
            "run_attempt",
            "run_id",
            "run_number",
            "server_url",
            "sha",
            "triggering_actor",
            "workflow_ref",
            "workflow_sha",
        ),
    )
    values = {name: str(context[name]) for name in names}
    return {
        **{f"GITHUB_{name.upper()}": value for name, value in values.items() if once.OPENS not in value},
        "SHA_REF": str(context["sha"]),
    }


def facts(context: Mapping[str, Any]) -> dict[str, str]:
    """Answer the properties of the context that act leaves out."""
    return {name: str(context[name]) for name in ("triggering_actor", "workflow_ref", "workflow_sha")}


def title(event: Event, workflow: Workflow, contexts: Mapping[str, Any], message: str) -> str:
    """Answer a run's title: ``run-name``, else what GitHub shows for the event. Raises ExpressionMistake.

    Source: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#run-name
    """
    asked = workflow.data.get("run-name")
    if asked is not None and (
        text := expressions.spell(expressions.interpolate(str(asked), contexts)).strip()
    ):
        return text[:LONGEST_TITLE]
    payload = event.payload
    shown: Any = {
        "push": message.splitlines()[0] if message else None,
        "pull_request": _dig(payload, "pull_request", "title"),
        "issues": _dig(payload, "issue", "title"),
        "issue_comment": _dig(payload, "issue", "title"),
        "release": _dig(payload, "release", "name") or _dig(payload, "release", "tag_name"),
        "repository_dispatch": event.action,
    }.get(event.name)
    return str(shown or workflow.name)[:LONGEST_TITLE]


def _dig(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
