"""Who may do what: the roles of Secret Manager with their permissions, held by a project or by one secret.

From https://cloud.google.com/iam/docs/roles-permissions/secretmanager. Roles cannot be given on a version.
"""

from __future__ import annotations

from dreamnet_actions.testing.google.world import Grant, World

CLOUD = "https://www.googleapis.com/auth/cloud-platform"
_AUDIENCE = "https://secretmanager.googleapis.com/"

_SEES = frozenset({"secrets.get", "secrets.list", "secrets.getIamPolicy", "versions.get", "versions.list"})
_CHANGES = frozenset({"versions.add", "versions.destroy", "versions.disable", "versions.enable"})
ROLES: dict[str, frozenset[str]] = {
    "roles/secretmanager.secretAccessor": frozenset({"versions.access"}),
    "roles/secretmanager.viewer": _SEES,
    "roles/secretmanager.secretVersionAdder": frozenset({"versions.add"}),
    "roles/secretmanager.secretVersionManager": _CHANGES | {"versions.get", "versions.list"},
    "roles/secretmanager.admin": _SEES
    | _CHANGES
    | {"versions.access", "secrets.create", "secrets.update", "secrets.delete", "secrets.setIamPolicy"},
}
"""Permissions without ``secretmanager.`` before them."""


def self_signed(world: World, authorization: str | None) -> Grant | None:
    """Answer who a token is of that a service account's key signed itself, without asking anybody for one
    (https://developers.google.com/identity/protocols/oauth2/service-account#jwt-auth); None where it is none."""
    import jwt

    token = (authorization or "").removeprefix("Bearer ")
    if token.count(".") != 2:
        return None
    try:
        email = str(jwt.decode(token, options={"verify_signature": False}).get("iss"))
        key = world.accounts.get(email)
        if key is None:
            return None
        said = jwt.decode(
            token,
            key,
            algorithms=["RS256"],
            options={"verify_aud": False, "verify_exp": False, "verify_iat": False},
        )
    except jwt.PyJWTError:
        return None
    meant = said.get("aud") == _AUDIENCE or CLOUD in str(said.get("scope", "")).split()
    if not meant or not said["iat"] - 300 <= world.now() <= said["exp"]:
        return None
    return Grant(
        name=email,
        members=frozenset({f"serviceAccount:{email}"}),
        scopes=frozenset({CLOUD}),
        expires=float(said["exp"]),
    )


def roles_with(permission: str) -> tuple[str, ...]:
    """Answer the roles that have a permission (``versions.access``)."""
    return tuple(role for role, held in ROLES.items() if permission in held)
