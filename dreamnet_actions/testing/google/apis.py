"""What the stand-in answers at each address of Google's, and of GitHub's issuer of tokens. Plain functions."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dreamnet_actions.testing.google.federation import exchange
from dreamnet_actions.testing.google.issuer import PATH as CERTIFICATES
from dreamnet_actions.testing.google.world import ACTS, VIEWS, World, api, oauth

SCOPE = "https://www.googleapis.com/auth/cloud-platform"


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request: ``form`` holds what was posted, as a form or as JSON."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    form: Mapping[str, Any]


Answer = dict[str, Any] | str


def answer(world: World, call: Call) -> Answer:
    """Answer one request; raises Refused. KeyError: there is nothing at this address."""
    if world.away:
        raise api(503, "UNAVAILABLE", "The service is currently unavailable.")
    if call.path == CERTIFICATES:
        return dict(world.issuer.certificates())
    if call.path == "/v1/token":
        return exchange(world, call.form)
    if call.path == "/token":
        return _by_key(world, call)
    if call.path.endswith(":generateAccessToken"):
        return _act_as(world, call)
    if call.path.startswith("/computeMetadata/") or call.path == "/":
        return _metadata(world, call)
    return _clusters(world, call)


def _by_key(world: World, call: Call) -> Answer:
    """Swap an assertion that a service account's key signed (RFC 7523, as oauth2.googleapis.com answers it)."""
    import jwt

    assertion = str(call.form.get("assertion", ""))
    said = jwt.decode(assertion, options={"verify_signature": False})
    email = str(said.get("iss"))
    if email not in world.accounts:
        raise oauth("invalid_grant", "Invalid grant: account not found")
    try:
        jwt.decode(
            assertion,
            world.accounts[email],
            algorithms=["RS256"],
            options={"verify_aud": False, "verify_exp": False, "verify_iat": False},
        )
    except jwt.PyJWTError:
        raise oauth("invalid_grant", "Invalid JWT Signature.") from None
    if not said["iat"] - 300 <= world.now() <= said["exp"]:
        raise oauth(
            "invalid_grant",
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat "
            "and exp values in the JWT claim.",
        )
    token, _ = world.issue_account(email, str(said.get("scope", "")))
    return {"access_token": token, "expires_in": int(world.lifetime), "token_type": "Bearer"}


def _act_as(world: World, call: Call) -> Answer:
    """Make a token of a service account for whoever may act as it (iamcredentials.googleapis.com)."""
    email = call.path.rpartition("/")[2].removesuffix(":generateAccessToken")
    grant = world.grant(call.headers.get("authorization"))
    if grant is None:
        raise api(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
    if email not in world.accounts or not world.may(grant, f"serviceAccounts/{email}", ACTS):
        raise api(
            403,
            "PERMISSION_DENIED",
            "Permission 'iam.serviceAccounts.getAccessToken' denied on resource (or it may not exist).",
            "IAM_PERMISSION_DENIED",
        )
    token, ends = world.issue_account(email, " ".join(call.form.get("scope", ())))
    return {
        "accessToken": token,
        "expireTime": dt.datetime.fromtimestamp(ends, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def _metadata(world: World, call: Call) -> Answer:
    """The metadata server of a machine (cloud.google.com/compute/docs/metadata)."""
    if call.headers.get("metadata-flavor") != "Google":
        raise api(403, "FORBIDDEN", "Missing Metadata-Flavor:Google header.")
    if world.machine is None:
        raise KeyError(call.path)
    path = call.path.removeprefix("/computeMetadata/v1/").strip("/")
    if path == "":
        return "instance/\nproject/\n"
    if path == "project/project-id":
        return world.project
    account = f"instance/service-accounts/{world.machine}"
    path = path.replace("instance/service-accounts/default", account)
    if path == account:
        return {"aliases": ["default"], "email": world.machine, "scopes": [SCOPE]}
    if path == f"{account}/token":
        token, _ = world.issue_account(
            world.machine, f"{SCOPE} https://www.googleapis.com/auth/userinfo.email"
        )
        return {"access_token": token, "expires_in": int(world.lifetime), "token_type": "Bearer"}
    raise KeyError(call.path)


def _clusters(world: World, call: Call) -> Answer:
    """The container API: one cluster, or all of a project (container.googleapis.com)."""
    found = re.fullmatch(r"/v1/projects/([^/]+)/locations/([^/]+)/clusters(?:/([^/]+))?", call.path)
    if found is None:
        raise KeyError(call.path)
    project, location, name = found.groups()
    grant = world.grant(call.headers.get("authorization"))
    if grant is None:
        raise api(401, "UNAUTHENTICATED", "Request had invalid authentication credentials.")
    if "container" in world.switched_off:
        raise api(
            403,
            "PERMISSION_DENIED",
            f"Kubernetes Engine API has not been used in project {world.number} before or it is disabled.",
            "SERVICE_DISABLED",
        )
    what = "get" if name else "list"
    resource = call.path.removeprefix("/v1/") if name else f"projects/{project}"
    if project != world.project or not world.may(grant, f"projects/{project}", VIEWS):
        raise api(
            403,
            "PERMISSION_DENIED",
            f'Required "container.clusters.{what}" permission(s) for "{resource}".',
            "IAM_PERMISSION_DENIED",
        )
    if not name:
        return {"clusters": [one for one in world.clusters.values() if location in ("-", one["location"])]}
    if resource not in world.clusters:
        raise api(404, "NOT_FOUND", f"Not found: {resource}.\nNo cluster named '{name}' in {project}.")
    return world.clusters[resource]
