"""Who may do what: the roles of Secret Manager with their permissions, held by a project or by one secret.

From https://cloud.google.com/iam/docs/roles-permissions/secretmanager. Roles cannot be given on a version.
"""

from __future__ import annotations

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


def roles_with(permission: str) -> tuple[str, ...]:
    """Answer the roles that have a permission (``versions.access``)."""
    return tuple(role for role, held in ROLES.items() if permission in held)
