"""Deployments and their statuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dreamnet_actions.testing.github.call import Answer, Call, Problem, invalid, not_found, rest
from dreamnet_actions.testing.github.gitstore import GitRefused
from dreamnet_actions.testing.github.permissions import R
from dreamnet_actions.testing.github.records import Deployment, DeploymentStatus, Environment, Repository
from dreamnet_actions.testing.github.rest import shapes, statuses
from dreamnet_actions.testing.github.rest.fields import Fields, paged, wrong_type
from dreamnet_actions.testing.github.rest.merge import merge
from dreamnet_actions.testing.github.world import World

if TYPE_CHECKING:
    from starlette.routing import Route

STATES = ("error", "failure", "inactive", "in_progress", "queued", "pending", "success")
LONGEST_DESCRIPTION = 140


def routes() -> list[Route]:
    """Answer this module's routes."""
    one = R + "/deployments/{deployment_id}"
    return [
        rest("GET", R + "/deployments", list_all),
        rest("POST", R + "/deployments", create),
        rest("GET", one, get),
        rest("DELETE", one, delete),
        rest("GET", one + "/statuses", list_statuses),
        rest("POST", one + "/statuses", create_status),
        rest("GET", one + "/statuses/{status_id}", get_status),
    ]


def shape(world: World, repository: Repository, one: Deployment) -> dict[str, Any]:
    """A ``deployment``."""
    base = shapes.repository_url(world, repository)
    url = f"{base}/deployments/{one.id}"
    return {
        "url": url,
        "id": one.id,
        "node_id": shapes.node_id("Deployment", one.id),
        "sha": one.sha,
        "ref": one.ref,
        "task": one.task,
        "payload": one.payload,
        "original_environment": one.environment,
        "environment": one.environment,
        "description": one.description,
        "creator": shapes.user(world, one.user),
        "created_at": shapes.when(one.created),
        "updated_at": shapes.when(one.updated),
        "statuses_url": f"{url}/statuses",
        "repository_url": base,
        "transient_environment": one.transient,
        "production_environment": one.production,
        "performed_via_github_app": shapes.app(world, one.user),
    }


def shape_status(
    world: World, repository: Repository, deployment: Deployment, one: DeploymentStatus
) -> dict[str, Any]:
    """A ``deployment-status``."""
    base = shapes.repository_url(world, repository)
    url = f"{base}/deployments/{deployment.id}"
    return {
        "url": f"{url}/statuses/{one.id}",
        "id": one.id,
        "node_id": shapes.node_id("DeploymentStatus", one.id),
        "state": one.state,
        "creator": shapes.user(world, one.user),
        "description": one.description,
        "environment": one.environment,
        "target_url": one.target_url,
        "log_url": one.log_url,
        "environment_url": one.environment_url,
        "created_at": shapes.when(one.created),
        "updated_at": shapes.when(one.updated),
        "deployment_url": url,
        "repository_url": base,
        "performed_via_github_app": shapes.app(world, one.user),
    }


def find(call: Call) -> Deployment:
    """Answer the deployment that the path names."""
    found = call.repository.deployments.get(call.number("deployment_id"))
    if found is None:
        raise not_found()
    return found


def list_all(call: Call) -> Answer:
    """List deployments (https://docs.github.com/rest/deployments/deployments#list-deployments)."""
    wanted = {
        name: value
        for name in ("sha", "ref", "task", "environment")
        if (value := call.query.get(name, "none")) not in {"none", ""}
    }
    shown = [state for one in call.repository.deployments.values() if (state := one.as_of(call.as_of))]
    found = [one for one in shown if all(getattr(one, name) == value for name, value in wanted.items())]
    return paged(call, found[::-1], shape)


def create(call: Call) -> Answer:
    """Create a deployment (https://docs.github.com/rest/deployments/deployments#create-a-deployment)."""
    fields = Fields(call, "Deployment")
    ref = fields.text("ref")
    environment = fields.optional("environment") or "production"
    made = Deployment(
        call.world.fresh_id(),
        call.actor,
        call.now,
        call.now,
        sha=_sha(call, ref),
        ref=ref,
        task=fields.optional("task") or "deploy",
        environment=environment,
        payload=_payload(fields),
        description=fields.optional("description") or None,
        transient=fields.flag("transient_environment", default=False),
        production=fields.flag("production_environment", default=environment == "production"),
    )
    if fields.flag("auto_merge", default=True) and (merged := _auto_merge(call, ref)):
        return merged
    _require_contexts(call, made, fields.texts("required_contexts"))
    repository = call.repository
    repository.deployments[made.id] = made
    call.world.save(made, touch=False)
    if environment.lower() not in repository.environments:
        named = Environment(call.world.fresh_id(), environment, call.now, call.now)
        repository.environments[environment.lower()] = named
    shaped = shape(call.world, repository, made)
    call.announce(
        "deployment", action="created", at=made.sha, deployment=shaped, workflow=None, workflow_run=None
    )
    return Answer(201, shaped, {"Location": shaped["url"]})


def get(call: Call) -> Answer:
    """Get a deployment (https://docs.github.com/rest/deployments/deployments#get-a-deployment)."""
    return Answer(200, shape(call.world, call.repository, find(call)))


def delete(call: Call) -> Answer:
    """Delete a deployment (https://docs.github.com/rest/deployments/deployments#delete-a-deployment)."""
    found = find(call)
    active = not found.statuses or found.statuses[-1].state != "inactive"
    if active and len(call.repository.deployments) > 1:
        raise Problem(
            422,
            "We cannot delete an active deployment unless it is the only deployment in a given environment.",
        )
    del call.repository.deployments[found.id]
    return Answer(204)


def list_statuses(call: Call) -> Answer:
    """List deployment statuses (https://docs.github.com/rest/deployments/statuses#list-deployment-statuses)."""
    found = find(call)
    shown = [one for one in found.statuses[::-1] if one.as_of(call.as_of)]
    return paged(call, shown, lambda world, repository, one: shape_status(world, repository, found, one))


def get_status(call: Call) -> Answer:
    """Get a deployment status (https://docs.github.com/rest/deployments/statuses#get-a-deployment-status)."""
    found = find(call)
    for one in found.statuses:
        if one.id == call.number("status_id"):
            return Answer(200, shape_status(call.world, call.repository, found, one))
    raise not_found()


def create_status(call: Call) -> Answer:
    """Create a deployment status (https://docs.github.com/rest/deployments/statuses#create-a-deployment-status)."""
    deployment = find(call)
    fields = Fields(call, "DeploymentStatus")
    state = fields.text("state", choices=STATES)
    log_url = fields.optional("log_url") or fields.optional("target_url") or ""
    made = DeploymentStatus(
        call.world.fresh_id(),
        call.actor,
        call.now,
        call.now,
        state=state,
        description=fields.optional("description", limit=LONGEST_DESCRIPTION) or "",
        environment=fields.optional("environment") or deployment.environment,
        target_url=_url("target_url", fields.optional("target_url") or log_url),
        log_url=_url("log_url", log_url),
        environment_url=_url("environment_url", fields.optional("environment_url") or ""),
    )
    _add(call, deployment, made)
    if state == "success" and fields.flag("auto_inactive", default=True):
        _deactivate_others(call, deployment, made.environment)
    shaped = shape_status(call.world, call.repository, deployment, made)
    return Answer(201, shaped, {"Location": shaped["url"]})


def _add(call: Call, deployment: Deployment, status: DeploymentStatus) -> None:
    deployment.statuses.append(status)
    deployment.environment = status.environment
    call.world.save(status, touch=False)
    call.world.save(deployment)
    call.announce(
        "deployment_status",
        action="created",
        at=deployment.sha,
        deployment_status=shape_status(call.world, call.repository, deployment, status),
        deployment=shape(call.world, call.repository, deployment),
        workflow=None,
        workflow_run=None,
    )


def _deactivate_others(call: Call, deployment: Deployment, environment: str) -> None:
    """Non-transient, non-production deployments of the same environment that had succeeded become inactive."""
    for other in call.repository.deployments.values():
        if other is deployment or other.transient or other.production or other.environment != environment:
            continue
        if other.id < deployment.id and other.statuses and other.statuses[-1].state == "success":
            state = DeploymentStatus(
                call.world.fresh_id(), call.actor, call.now, call.now, "inactive", "", environment, "", "", ""
            )
            _add(call, other, state)


def _sha(call: Call, ref: str) -> str:
    sha = call.world.git(call.repository).resolve(ref)
    if sha is None:
        raise Problem(422, f"No ref found for: {ref}")
    return sha


def _payload(fields: Fields) -> Any:
    value = fields.raw("payload")
    if value is None:
        return {}
    if not isinstance(value, dict | str):
        raise wrong_type("payload", value, "an object or a string")
    return value


def _url(name: str, value: str) -> str:
    if value and not value.startswith(("http://", "https://")):
        raise invalid("DeploymentStatus", name)
    return value


def _auto_merge(call: Call, ref: str) -> Answer | None:
    """Merge the default branch into a branch that lacks it; None where there is nothing to merge."""
    git = call.world.git(call.repository)
    default = call.repository.default_branch
    tip, head = git.ref(f"refs/heads/{ref}"), git.ref(f"refs/heads/{default}")
    if tip is None or head is None or git.is_ancestor(head, tip):
        return None
    try:
        merge(call, ref, head, f"Merge {default} into {ref}")
    except GitRefused:
        raise Problem(409, f"Conflict merging {default} into {ref}.") from None
    return Answer(202, {"message": f"Auto-merged {default} into {ref} on deployment."})


def _require_contexts(call: Call, made: Deployment, contexts: list[str] | None) -> None:
    states = statuses.contexts(call.repository, made.sha)
    wanted = list(states) if contexts is None else contexts
    bad = [one for one in wanted if states.get(one) != "success"]
    if bad:
        said = [
            {"contexts": [{"context": one, "state": states.get(one, "missing")} for one in states or bad]}
        ]
        raise Problem(
            409,
            f"Conflict: Commit status checks failed for {made.ref}.",
            errors=[
                one | {"resource": "Deployment", "field": "required_contexts", "code": "invalid"}
                for one in said
            ],
        )
