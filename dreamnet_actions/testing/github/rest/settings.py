"""Variables, secrets and environments: what workflow tokens never reach."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from dreamnet_actions.testing.github.call import Answer, Call, Problem, invalid, not_found, rest
from dreamnet_actions.testing.github.permissions import R
from dreamnet_actions.testing.github.records import Environment, Named, Repository, User
from dreamnet_actions.testing.github.rest import shapes
from dreamnet_actions.testing.github.rest.fields import Fields, counted, wrong_type
from dreamnet_actions.testing.github.world import World

if TYPE_CHECKING:
    from nacl.public import PrivateKey
    from starlette.routing import Route

LARGEST = 48 * 1024
"""Bytes of a variable or secret (https://docs.github.com/en/actions/reference/limits)."""
_NAME = re.compile(r"(?!GITHUB_)[A-Z_][A-Z0-9_]*")


def routes() -> list[Route]:
    """Answer this module's routes."""
    variables, secrets, environments = R + "/actions/variables", R + "/actions/secrets", R + "/environments"
    return [
        rest("GET", variables, list_variables),
        rest("POST", variables, create_variable),
        rest("GET", variables + "/{name}", get_variable),
        rest("PATCH", variables + "/{name}", update_variable),
        rest("DELETE", variables + "/{name}", delete_variable),
        rest("GET", secrets, list_secrets),
        rest("GET", secrets + "/public-key", public_key),
        rest("GET", secrets + "/{secret_name}", get_secret),
        rest("PUT", secrets + "/{secret_name}", put_secret),
        rest("DELETE", secrets + "/{secret_name}", delete_secret),
        rest("GET", environments, list_environments),
        rest("GET", environments + "/{environment_name:path}", get_environment),
        rest("PUT", environments + "/{environment_name:path}", put_environment),
        rest("DELETE", environments + "/{environment_name:path}", delete_environment),
    ]


# ── Variables ────────────────────────────────────────────────────────────────────────────────────────────


def shape_variable(_: World, __: Repository, one: Named) -> dict[str, Any]:
    """An ``actions-variable``."""
    times = {"created_at": shapes.when(one.created), "updated_at": shapes.when(one.updated)}
    return {"name": one.name, "value": one.value, **times}


def list_variables(call: Call) -> Answer:
    """List repository variables (https://docs.github.com/rest/actions/variables#list-repository-variables)."""
    return counted(call, "variables", _sorted(call.repository.variables), shape_variable)


def create_variable(call: Call) -> Answer:
    """Create a repository variable (https://docs.github.com/rest/actions/variables#create-a-repository-variable)."""
    fields = Fields(call, "Variable")
    name = _name(fields.text("name"))
    if name in call.repository.variables:
        raise Problem(409, "Already exists - Variable already exists")
    call.repository.variables[name] = Named(name, _value(fields.raw("value")), call.now, call.now)
    return Answer(201, {})


def get_variable(call: Call) -> Answer:
    """Get a repository variable (https://docs.github.com/rest/actions/variables#get-a-repository-variable)."""
    found = _find(call.repository.variables, call.params["name"])
    return Answer(200, shape_variable(call.world, call.repository, found))


def update_variable(call: Call) -> Answer:
    """Update a repository variable (https://docs.github.com/rest/actions/variables#update-a-repository-variable)."""
    held = call.repository.variables
    found = _find(held, call.params["name"])
    fields = Fields(call, "Variable")
    name = _name(fields.text("name")) if "name" in fields else found.name
    value = _value(fields.raw("value")) if "value" in fields else found.value
    if name != found.name and name in held:
        raise Problem(409, "Already exists - Variable already exists")
    del held[found.name]
    held[name] = Named(name, value, found.created, call.now)
    return Answer(204)


def delete_variable(call: Call) -> Answer:
    """Delete a repository variable (https://docs.github.com/rest/actions/variables#delete-a-repository-variable)."""
    del call.repository.variables[_find(call.repository.variables, call.params["name"]).name]
    return Answer(204)


# ── Secrets ──────────────────────────────────────────────────────────────────────────────────────────────


def shape_secret(_: World, __: Repository, one: Named) -> dict[str, Any]:
    """An ``actions-secret``: never the value."""
    return {"name": one.name, "created_at": shapes.when(one.created), "updated_at": shapes.when(one.updated)}


def key_of(call: Call) -> tuple[str, PrivateKey]:
    """Answer the repository's key and its id; it is made at the first use."""
    from nacl.public import PrivateKey

    if call.repository.key is None:
        call.repository.key = bytes(PrivateKey.generate())
    return str(568_250_167_242_549_743 + call.repository.id), PrivateKey(call.repository.key)


def list_secrets(call: Call) -> Answer:
    """List repository secrets (https://docs.github.com/rest/actions/secrets#list-repository-secrets)."""
    return counted(call, "secrets", _sorted(call.repository.secrets), shape_secret)


def public_key(call: Call) -> Answer:
    """Get a repository public key (https://docs.github.com/rest/actions/secrets#get-a-repository-public-key)."""
    key_id, key = key_of(call)
    return Answer(200, {"key_id": key_id, "key": base64.b64encode(bytes(key.public_key)).decode()})


def get_secret(call: Call) -> Answer:
    """Get a repository secret (https://docs.github.com/rest/actions/secrets#get-a-repository-secret)."""
    found = _find(call.repository.secrets, call.params["secret_name"])
    return Answer(200, shape_secret(call.world, call.repository, found))


def put_secret(call: Call) -> Answer:
    """Create or update a repository secret
    (https://docs.github.com/rest/actions/secrets#create-or-update-a-repository-secret)."""
    from nacl.exceptions import CryptoError
    from nacl.public import SealedBox

    name = _name(call.params["secret_name"])
    fields = Fields(call, "Secret")
    key_id, key = key_of(call)
    if fields.text("key_id") != key_id:
        raise Problem(422, "Public key is not up to date: fetch it again and encrypt the value with it.")
    try:
        sealed = base64.b64decode(fields.text("encrypted_value"), validate=True)
        value = SealedBox(key).decrypt(sealed).decode()
    except (binascii.Error, CryptoError, ValueError, TypeError):
        raise Problem(422, "The encrypted value is no sealed box for this key.") from None
    if len(value.encode()) > LARGEST:
        raise Problem(422, f"Secret value is too large (maximum is {LARGEST} bytes)")
    held = call.repository.secrets
    there = held.get(name)
    held[name] = Named(name, value, there.created if there else call.now, call.now)
    return Answer(204) if there else Answer(201, {})


def delete_secret(call: Call) -> Answer:
    """Delete a repository secret (https://docs.github.com/rest/actions/secrets#delete-a-repository-secret)."""
    del call.repository.secrets[_find(call.repository.secrets, call.params["secret_name"]).name]
    return Answer(204)


# ── Environments ─────────────────────────────────────────────────────────────────────────────────────────


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
    return Answer(200, shape_environment(call.world, call.repository, _environment(call)))


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
    del call.repository.environments[_environment(call).name.lower()]
    return Answer(204)


def _environment(call: Call) -> Environment:
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


def _sorted(held: dict[str, Named]) -> list[Named]:
    return [held[name] for name in sorted(held)]


def _name(text: str) -> str:
    name = text.upper()
    if not _NAME.fullmatch(name):
        raise Problem(
            422,
            "Name can only contain alphanumeric characters ([a-z], [A-Z], [0-9]) or underscores (_), must not start "
            "with a number and must not start with GITHUB_.",
        )
    return name


def _value(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise wrong_type("value", value, "a string")
    if len(value.encode("utf-8", "surrogatepass")) > LARGEST:
        raise Problem(422, f"Variable value is too large (maximum is {LARGEST} bytes)")
    return value


def _find(held: dict[str, Named], name: str) -> Named:
    found = held.get(name.upper())
    if found is None:
        raise not_found()
    return found
