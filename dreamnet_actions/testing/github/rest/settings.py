"""Deployment environments; what is kept in them is in ``kept.py``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from dreamnet_actions.testing.github.call import Answer, Call, invalid, not_found, rest
from dreamnet_actions.testing.github.permissions import R
from dreamnet_actions.testing.github.records import Environment, Repository, User
from dreamnet_actions.testing.github.rest import shapes
from dreamnet_actions.testing.github.rest.fields import Fields, counted, wrong_type
from dreamnet_actions.testing.github.world import World

if TYPE_CHECKING:
    from starlette.routing import Route


def routes() -> list[Route]:
    """Answer this module's routes."""
    environments = R + "/environments"
    return [
        rest("GET", environments, list_environments),
        rest("GET", environments + "/{environment_name:path}", get_environment),
        rest("PUT", environments + "/{environment_name:path}", put_environment),
        rest("DELETE", environments + "/{environment_name:path}", delete_environment),
    ]


def shape_environment(world: World, repository: Repository, one: Environment) -> dict[str, Any]:
    """An ``environment``."""
    page = f"{world.server_url}/{repository.full_name}/deployments/activity_log?environments_filter={quote(one.name)}"
    rules: list[dict[str, Any]] = []
    if one.wait_timer:
        rules.append({"type": "wait_timer", "wait_timer": one.wait_timer})
    if one.reviewers:
        people = [{"type": "User", "reviewer": shapes.user(world, user)} for user in one.reviewers]
        rules.append({"type": "required_reviewers", "prevent_self_review": False, "reviewers": people})
    if one.branch_policy:
        rules.append({"type": "branch_policy"})
    for number, rule in enumerate(rules):
        rule |= {"id": one.id * 10 + number, "node_id": shapes.node_id("Gate", one.id * 10 + number)}
    return {
        "id": one.id,
        "node_id": shapes.node_id("Environment", one.id),
        "name": one.name,
        "url": f"{shapes.repository_url(world, repository)}/environments/{quote(one.name)}",
        "html_url": page,
        "created_at": shapes.when(one.created),
        "updated_at": shapes.when(one.updated),
        "protection_rules": rules,
        "deployment_branch_policy": one.branch_policy,
    }


def list_environments(call: Call) -> Answer:
    """List environments (https://docs.github.com/rest/deployments/environments#list-environments)."""
    return counted(call, "environments", list(call.repository.environments.values()), shape_environment)


def get_environment(call: Call) -> Answer:
    """Get an environment (https://docs.github.com/rest/deployments/environments#get-an-environment)."""
    return Answer(200, shape_environment(call.world, call.repository, environment_of(call)))


def put_environment(call: Call) -> Answer:
    """Create or update an environment
    (https://docs.github.com/rest/deployments/environments#create-or-update-an-environment)."""
    name = call.params["environment_name"]
    if not name.strip() or len(name) > 255:
        raise invalid("Environment", "name")
    fields = Fields(call, "Environment")
    timer = fields.raw("wait_timer")
    if timer is not None and (type(timer) is not int or not 0 <= timer <= 43_200):
        raise wrong_type("wait_timer", timer, "an integer between 0 and 43200")
    reviewers = _reviewers(call, fields.raw("reviewers"))
    policy = _policy(fields)
    known = call.repository.environments
    made = known.setdefault(name.lower(), Environment(call.world.fresh_id(), name, call.now, call.now))
    made.wait_timer, made.reviewers, made.branch_policy, made.updated = (
        timer or 0,
        reviewers,
        policy,
        call.now,
    )
    return Answer(200, shape_environment(call.world, call.repository, made))


def delete_environment(call: Call) -> Answer:
    """Delete an environment (https://docs.github.com/rest/deployments/environments#delete-an-environment)."""
    del call.repository.environments[environment_of(call).name.lower()]
    return Answer(204)


def environment_of(call: Call) -> Environment:
    """Answer the environment that the path names, or GitHub's 404."""
    found = call.repository.environments.get(call.params["environment_name"].lower())
    if found is None:
        raise not_found()
    return found


def _reviewers(call: Call, given: Any) -> list[User]:
    if given is None:
        return []
    if not isinstance(given, list) or len(given) > 6 or not all(isinstance(one, dict) for one in given):
        raise wrong_type("reviewers", given, "an array of at most 6 objects")
    people = {user.id: user for user in call.world.users.values()}
    found = [
        people.get(one["id"]) for one in given if type(one.get("id")) is int and one.get("type") == "User"
    ]
    if len(found) != len(given) or None in found:
        raise invalid("Environment", "reviewers")
    return [one for one in found if one is not None]


def _policy(fields: Fields) -> dict[str, bool] | None:
    given = fields.mapping("deployment_branch_policy")
    if given is None:
        return None
    names = ("protected_branches", "custom_branch_policies")
    if set(given) != set(names) or not all(isinstance(one, bool) for one in given.values()):
        raise invalid("Environment", "deployment_branch_policy")
    if given[names[0]] == given[names[1]]:
        raise invalid("Environment", "deployment_branch_policy")
    return {name: given[name] for name in names}
