"""Repositories, users, who may do what, the rate limit, and ``repository_dispatch``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dreamnet_actions.testing.github.call import Answer, Call, Problem, not_found, rest
from dreamnet_actions.testing.github.permissions import R
from dreamnet_actions.testing.github.records import User
from dreamnet_actions.testing.github.rest import shapes
from dreamnet_actions.testing.github.rest.fields import Fields, wrong_type

if TYPE_CHECKING:
    from starlette.routing import Route

MOST_KEYS = 10
MOST_PAYLOAD = 65_536
LONGEST_TYPE = 100
_RANKS = {"none": 0, "read": 1, "write": 2, "admin": 3}


def routes() -> list[Route]:
    """Answer this module's routes."""
    return [
        rest("GET", "/rate_limit", rate_limit),
        rest("GET", "/meta", meta),
        rest("GET", "/user", me),
        rest("GET", "/users/{username}", get_user),
        rest("GET", R, get),
        rest("GET", R + "/collaborators/{username}/permission", permission),
        rest("GET", R + "/collaborators/{username}", is_collaborator),
        rest("POST", R + "/dispatches", dispatch),
    ]


def rate_limit(call: Call) -> Answer:
    """What is left of the rate limit (https://docs.github.com/rest/rate-limit/rate-limit)."""
    window = call.world.limits.window(call.token)
    core = {
        "limit": window.limit,
        "remaining": max(0, window.limit - window.used),
        "reset": int(window.reset),
        "used": window.used,
        "resource": "core",
    }
    search = {**core, "limit": 30, "remaining": 30, "used": 0, "resource": "search"}
    return Answer(200, {"resources": {"core": core, "search": search}, "rate": core})


def meta(call: Call) -> Answer:
    """What this server is (https://docs.github.com/rest/meta/meta)."""
    return Answer(
        200, {"verifiable_password_authentication": False, "domains": {"website": [call.world.server_url]}}
    )


def me(call: Call) -> Answer:
    """Get the authenticated user (https://docs.github.com/rest/users/users#get-the-authenticated-user)."""
    if call.token.kind == "anonymous":
        raise Problem(401, "Requires authentication")
    return Answer(200, shapes.whole_user(call.world, call.actor))


def find_user(call: Call, login: str) -> User:
    """Answer a user that is there, or raise the 404."""
    found = call.world.users.get(login.lower())
    if found is None:
        raise not_found()
    return found


def get_user(call: Call) -> Answer:
    """Get a user (https://docs.github.com/rest/users/users#get-a-user)."""
    return Answer(200, shapes.whole_user(call.world, find_user(call, call.params["username"])))


def get(call: Call) -> Answer:
    """Get a repository (https://docs.github.com/rest/repos/repos#get-a-repository)."""
    repository = call.repository
    if call.token.kind == "anonymous":
        return Answer(200, shapes.repository(call.world, repository))
    if call.token.kind == "workflow":
        may = {"admin": False, "maintain": False, "push": False, "triage": False, "pull": False}
        return Answer(200, shapes.repository(call.world, repository, may))
    rank = _RANKS[repository.role(call.actor)]
    may = {"admin": rank > 2, "maintain": rank > 2, "push": rank > 1, "triage": rank > 1, "pull": rank > 0}
    return Answer(200, shapes.repository(call.world, repository, may))


def permission(call: Call) -> Answer:
    """Get repository permissions for a user (https://docs.github.com/rest/collaborators/collaborators#get-repository-permissions-for-a-user)."""
    found = find_user(call, call.params["username"])
    role = call.repository.role(found)
    rank = _RANKS[role]
    may = {"admin": rank > 2, "maintain": rank > 2, "push": rank > 1, "triage": rank > 1, "pull": rank > 0}
    user: dict[str, Any] = {**shapes.user(call.world, found), "permissions": may, "role_name": role}
    return Answer(200, {"permission": role, "user": user, "role_name": role})


def is_collaborator(call: Call) -> Answer:
    """Check if a user is a repository collaborator (https://docs.github.com/rest/collaborators/collaborators#check-if-a-user-is-a-repository-collaborator)."""
    found = find_user(call, call.params["username"])
    if call.repository.role(found) not in {"write", "admin"}:
        raise not_found()
    return Answer(204)


def dispatch(call: Call) -> Answer:
    """Create a repository dispatch event (https://docs.github.com/rest/repos/repos#create-a-repository-dispatch-event)."""
    fields = Fields(call, "RepositoryDispatch")
    kind = fields.text("event_type")
    if len(kind) > LONGEST_TYPE:
        raise Problem(
            422, f"Invalid request.\n\nevent_type is too long (maximum is {LONGEST_TYPE} characters)."
        )
    payload = fields.mapping("client_payload") or {}
    if "client_payload" in fields and fields.raw("client_payload") is None:
        raise wrong_type("client_payload", None, "an object")
    if len(payload) > MOST_KEYS:
        raise Problem(
            422,
            f"Invalid request.\n\nNo more than {MOST_KEYS} properties are allowed; {len(payload)} were supplied.",
        )
    if len(json.dumps(payload, separators=(",", ":")).encode()) >= MOST_PAYLOAD:
        raise Problem(422, "client_payload is too large.")
    branch = call.repository.default_branch
    call.announce("repository_dispatch", action=kind, branch=branch, client_payload=payload)
    return Answer(204)
