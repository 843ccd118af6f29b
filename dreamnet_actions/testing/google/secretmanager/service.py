"""The methods of SecretManagerService: who asks, may they, what goes wrong, and what is answered."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from dreamnet_actions.testing.google.secretmanager import messages
from dreamnet_actions.testing.google.secretmanager.faults import Ledger
from dreamnet_actions.testing.google.secretmanager.filters import matching
from dreamnet_actions.testing.google.secretmanager.refusals import (
    denied,
    invalid,
    switched_off,
    unauthenticated,
)
from dreamnet_actions.testing.google.secretmanager.rights import CLOUD, roles_with, self_signed
from dreamnet_actions.testing.google.secretmanager.store import Secret, Store
from dreamnet_actions.testing.google.world import Grant, World

LARGEST_PAGE = 25_000
USUAL_PAGE = 100
T = TypeVar("T")
NEEDS: Mapping[str, str] = {
    "ListSecrets": "secrets.list",
    "CreateSecret": "secrets.create",
    "AddSecretVersion": "versions.add",
    "GetSecret": "secrets.get",
    "UpdateSecret": "secrets.update",
    "DeleteSecret": "secrets.delete",
    "ListSecretVersions": "versions.list",
    "GetSecretVersion": "versions.get",
    "AccessSecretVersion": "versions.access",
    "DisableSecretVersion": "versions.disable",
    "EnableSecretVersion": "versions.enable",
    "DestroySecretVersion": "versions.destroy",
    "SetIamPolicy": "secrets.setIamPolicy",
    "GetIamPolicy": "secrets.getIamPolicy",
    "TestIamPermissions": "",
}
"""Which permission each method needs (the API reference, "IAM Permissions" of each)."""
_CAPITAL = re.compile(r"(?<!^)(?=[A-Z])")


class SecretManager:
    """What the service does with a request. ``world`` knows tokens and policies, ``store`` the secrets."""

    def __init__(self, world: World, store: Store, ledger: Ledger) -> None:
        self.world, self.store, self.ledger = world, store, ledger
        self._wait = threading.Event()

    def answer(self, method: str, request: Any, authorization: str | None) -> Any:
        """Answer one call with a message; raises Refusal."""
        resource = messages.resource_of(method, request)
        faults = self.ledger.begin(method, resource)
        try:
            pause = self.ledger.latency + sum(one.hang for one in faults)
            if pause:
                self._wait.wait(pause)
            for one in faults:
                if one.do is not None:
                    one.do()
            for one in faults:
                if one.refusal is not None:
                    raise one.refusal
            grant = self._who(authorization)
            self.ledger.spend(method, self._number(resource))
            self._may(grant, NEEDS[method], resource)
            if method == "TestIamPermissions":
                return self._test_iam_permissions(request, grant)
            found = getattr(self, "_" + _CAPITAL.sub("_", method).lower())(request)
            if any(one.crc for one in faults) and method == "AccessSecretVersion":
                found.payload.data_crc32c ^= 1
            return found
        finally:
            self.ledger.end()

    def close(self) -> None:
        """Let whoever waits go on."""
        self._wait.set()

    # ── Who, and may they ───────────────────────────────────────────────────────────────────────────────

    def _number(self, resource: str) -> str:
        return self.store.canonical(resource).split("/")[1] if resource.count("/") else ""

    def _who(self, authorization: str | None) -> Grant:
        grant = self.world.grant(authorization) or self_signed(self.world, authorization)
        if grant is None:
            raise unauthenticated()
        if CLOUD not in grant.scopes:
            raise messages.scope_missing()
        return grant

    def _may(self, grant: Grant, permission: str, resource: str) -> None:
        project = resource.split("/")[1] if resource.startswith("projects/") else ""
        number = self.store.numbers.get(project, project)
        if "secretmanager" in self.world.switched_off:
            raise switched_off(number)
        if permission and not self.allowed(grant, permission, resource):
            raise denied(f"secretmanager.{permission}", resource)

    def allowed(self, grant: Grant, permission: str, resource: str) -> bool:
        """Say whether a permission is held on the project or on the secret; one that is not there holds none."""
        roles = roles_with(permission)
        parts = resource.split("/")
        if len(parts) < 2:
            return False
        numbers = self.store.numbers
        same = [parts[1], *(name for name, number in numbers.items() if number == parts[1])]
        known = next((name for name in same if name in numbers), None)
        if known is None:
            return False
        if self.world.may(grant, f"projects/{known}", roles):
            return True
        secret = "/".join(parts[: parts.index("secrets") + 2]) if "secrets" in parts else ""
        whole = secret.replace(f"projects/{parts[1]}/", f"projects/{known}/", 1)
        return bool(secret) and self.store.holds(whole) and self.world.may(grant, whole, roles)

    # ── Secrets ─────────────────────────────────────────────────────────────────────────────────────────

    def _list_secrets(self, request: Any) -> Any:
        test = matching(request.filter, versions=False)
        found = [one for one in self.store.all(request.parent) if test(one.row())]
        return messages.secrets(*_page(found, request))

    def _create_secret(self, request: Any) -> Any:
        new = messages.read_secret(request.secret, self.world.now())
        regional = "/locations/" in request.parent
        if regional == messages.has_replication(request.secret):
            raise invalid(
                "Replication policy must not be set for regional secrets."
                if regional
                else "Secret.replication is required."
            )
        return messages.secret(self.store.create(request.parent, request.secret_id, new))

    def _get_secret(self, request: Any) -> Any:
        return messages.secret(self.store.get(request.name))

    def _update_secret(self, request: Any) -> Any:
        paths = list(request.update_mask.paths)
        new = messages.read_secret(request.secret, self.world.now())
        fields = {"labels": "labels", "annotations": "annotations", "version_aliases": "aliases"}
        fields |= {"topics": "topics", "expire_time": "expires", "ttl": "expires"}
        unknown = [one for one in paths if one not in fields]
        if unknown or not paths:
            raise invalid(f"Invalid update mask: {', '.join(unknown) or 'it is empty'}.")

        def edit(secret: Secret) -> None:
            for one in paths:
                setattr(secret, fields[one], getattr(new, fields[one]))

        return messages.secret(self.store.change(request.secret.name, request.secret.etag, edit))

    def _delete_secret(self, request: Any) -> Any:
        self.store.delete(request.name, request.etag)
        return messages.empty()

    # ── Versions ────────────────────────────────────────────────────────────────────────────────────────

    def _add_secret_version(self, request: Any) -> Any:
        crc32c = request.payload.data_crc32c if "data_crc32c" in request.payload else None
        return messages.version(*self.store.add(request.parent, request.payload.data, crc32c))

    def _list_secret_versions(self, request: Any) -> Any:
        test = matching(request.filter, versions=True)
        secret = self.store.get(request.parent)
        newest_first = [one for one in reversed(secret.versions) if test(secret.row_of(one))]
        return messages.versions(secret, *_page(newest_first, request))

    def _get_secret_version(self, request: Any) -> Any:
        return messages.version(*self.store.version(request.name))

    def _access_secret_version(self, request: Any) -> Any:
        return messages.payload(*self.store.access(request.name))

    def _disable_secret_version(self, request: Any) -> Any:
        return messages.version(*self.store.turn(request.name, "DISABLED", request.etag))

    def _enable_secret_version(self, request: Any) -> Any:
        return messages.version(*self.store.turn(request.name, "ENABLED", request.etag))

    def _destroy_secret_version(self, request: Any) -> Any:
        return messages.version(*self.store.turn(request.name, "DESTROYED", request.etag))

    # ── Policies ────────────────────────────────────────────────────────────────────────────────────────

    def _set_iam_policy(self, request: Any) -> Any:
        secret = self.store.get(request.resource)
        held = {one.role: set(one.members) for one in request.policy.bindings}
        self.world.policies[self._policy_of(secret)] = held
        return messages.policy(held)

    def _get_iam_policy(self, request: Any) -> Any:
        secret = self.store.get(request.resource)
        return messages.policy(self.world.policies.get(self._policy_of(secret), {}))

    def _test_iam_permissions(self, request: Any, grant: Grant) -> Any:
        held = [
            one
            for one in request.permissions
            if self.allowed(grant, one.removeprefix("secretmanager."), request.resource)
        ]
        return messages.permissions(held)

    def _policy_of(self, secret: Secret) -> str:
        number = secret.name.split("/")[1]
        known = next((name for name, one in self.store.numbers.items() if one == number), number)
        return secret.name.replace(f"projects/{number}/", f"projects/{known}/", 1)


def _page(found: Sequence[T], request: Any) -> tuple[Sequence[T], str, int]:
    """Answer one page, the token of the next, and how many there are in all."""
    if request.page_size < 0:
        raise invalid("Page size must not be negative.")
    size = min(request.page_size or USUAL_PAGE, LARGEST_PAGE)
    try:
        start = int(request.page_token or "0", 36)
    except ValueError:
        raise invalid("Invalid page token.") from None
    more = start + size < len(found)
    return found[start : start + size], messages.token(start + size) if more else "", len(found)
