"""Variables and secrets, of a repository and of its environments: what workflow tokens never reach."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any

from dreamnet_actions.testing.github.call import Answer, Call, Problem, not_found, rest
from dreamnet_actions.testing.github.permissions import R
from dreamnet_actions.testing.github.records import Environment, Named, Repository
from dreamnet_actions.testing.github.rest import shapes
from dreamnet_actions.testing.github.rest.fields import Fields, counted, wrong_type
from dreamnet_actions.testing.github.rest.settings import environment_of
from dreamnet_actions.testing.github.world import World

if TYPE_CHECKING:
    from nacl.public import PrivateKey
    from starlette.routing import Route

LARGEST = 48 * 1024
"""Bytes of a variable or secret (https://docs.github.com/en/actions/reference/limits)."""
MOST_SECRETS = 100
"""Secrets of a repository, and of an environment
(https://docs.github.com/en/actions/reference/security/secrets#limits-for-secrets)."""
MOST_VARIABLES = {"repository": 500, "environment": 100}
"""(https://docs.github.com/en/actions/reference/workflows-and-actions/variables#limits-for-configuration-variables)."""
_NAME = re.compile(r"(?!GITHUB_)[A-Z_][A-Z0-9_]*")
_FEW = (10, 30)
"""How many variables a page holds, and at most: they come in smaller pages than anything else
(https://docs.github.com/rest/actions/variables#list-repository-variables)."""


def routes() -> list[Route]:
    """Answer this module's routes; they go before those of ``settings``, whose names may hold slashes."""
    found = []
    for at in (R + "/environments/{environment_name:path}", R + "/actions"):
        variables, secrets = at + "/variables", at + "/secrets"
        found += [
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
        ]
    return found


def _at(call: Call) -> Repository | Environment:
    """Answer what the path means: the repository itself, or one of its environments."""
    return environment_of(call) if "environment_name" in call.params else call.repository


# ── Variables ────────────────────────────────────────────────────────────────────────────────────────────


def shape_variable(_: World, __: Repository, one: Named) -> dict[str, Any]:
    """An ``actions-variable``."""
    times = {"created_at": shapes.when(one.created), "updated_at": shapes.when(one.updated)}
    return {"name": one.name, "value": one.value, **times}


def list_variables(call: Call) -> Answer:
    """List repository variables (https://docs.github.com/rest/actions/variables#list-repository-variables)."""
    return counted(call, "variables", _sorted(_at(call).variables), shape_variable, sizes=_FEW)


def create_variable(call: Call) -> Answer:
    """Create a repository variable (https://docs.github.com/rest/actions/variables#create-a-repository-variable)."""
    fields = Fields(call, "Variable")
    name = _name(fields.text("name"))
    if name in _at(call).variables:
        raise Problem(409, "Already exists - Variable already exists")
    most = MOST_VARIABLES["environment" if "environment_name" in call.params else "repository"]
    if len(_at(call).variables) >= most:
        raise Problem(422, f"Variables have reached their limit of {most}.")
    _at(call).variables[name] = Named(name, _value(fields.raw("value")), call.now, call.now)
    return Answer(201, {})


def get_variable(call: Call) -> Answer:
    """Get a repository variable (https://docs.github.com/rest/actions/variables#get-a-repository-variable)."""
    found = _find(_at(call).variables, call.params["name"])
    return Answer(200, shape_variable(call.world, call.repository, found))


def update_variable(call: Call) -> Answer:
    """Update a repository variable (https://docs.github.com/rest/actions/variables#update-a-repository-variable)."""
    held = _at(call).variables
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
    del _at(call).variables[_find(_at(call).variables, call.params["name"]).name]
    return Answer(204)


# ── Secrets ──────────────────────────────────────────────────────────────────────────────────────────────


def shape_secret(_: World, __: Repository, one: Named) -> dict[str, Any]:
    """An ``actions-secret``: never the value."""
    return {"name": one.name, "created_at": shapes.when(one.created), "updated_at": shapes.when(one.updated)}


def key_of(call: Call) -> tuple[str, PrivateKey]:
    """Answer the key that secrets are sealed for there, and its id; it is made at the first use."""
    from nacl.public import PrivateKey

    at = _at(call)
    if at.key is None:
        at.key = bytes(PrivateKey.generate())
    return str(568_250_167_242_549_743 + at.id), PrivateKey(at.key)


def list_secrets(call: Call) -> Answer:
    """List repository secrets (https://docs.github.com/rest/actions/secrets#list-repository-secrets)."""
    return counted(call, "secrets", _sorted(_at(call).secrets), shape_secret)


def public_key(call: Call) -> Answer:
    """Get a repository public key (https://docs.github.com/rest/actions/secrets#get-a-repository-public-key)."""
    key_id, key = key_of(call)
    return Answer(200, {"key_id": key_id, "key": base64.b64encode(bytes(key.public_key)).decode()})


def get_secret(call: Call) -> Answer:
    """Get a repository secret (https://docs.github.com/rest/actions/secrets#get-a-repository-secret)."""
    found = _find(_at(call).secrets, call.params["secret_name"])
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
    held = _at(call).secrets
    there = held.get(name)
    if there is None and len(held) >= MOST_SECRETS:
        raise Problem(422, f"Secrets have reached their limit of {MOST_SECRETS}.")
    held[name] = Named(name, value, there.created if there else call.now, call.now)
    return Answer(204) if there else Answer(201, {})


def delete_secret(call: Call) -> Answer:
    """Delete a repository secret (https://docs.github.com/rest/actions/secrets#delete-a-repository-secret)."""
    del _at(call).secrets[_find(_at(call).secrets, call.params["secret_name"]).name]
    return Answer(204)


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
