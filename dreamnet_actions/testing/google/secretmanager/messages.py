"""Between the store's plain values and Google's published messages (google-cloud-secret-manager's own types)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from google.cloud.secretmanager_v1.types import resources, service
from google.iam.v1 import iam_policy_pb2, policy_pb2
from google.protobuf import empty_pb2

from dreamnet_actions.testing.google.secretmanager.refusals import Refusal, invalid
from dreamnet_actions.testing.google.secretmanager.store import Secret, Version

PACKAGE = "google.cloud.secretmanager.v1.SecretManagerService"
_OWN = ("SecretVersion", "Secret")


def forms() -> Mapping[str, tuple[Any, Any]]:
    """Answer for each method how its request is read and its answer written."""
    whole: dict[str, tuple[Any, Any]] = {
        "ListSecrets": (service.ListSecretsRequest, service.ListSecretsResponse),
        "CreateSecret": (service.CreateSecretRequest, resources.Secret),
        "AddSecretVersion": (service.AddSecretVersionRequest, resources.SecretVersion),
        "GetSecret": (service.GetSecretRequest, resources.Secret),
        "UpdateSecret": (service.UpdateSecretRequest, resources.Secret),
        "ListSecretVersions": (service.ListSecretVersionsRequest, service.ListSecretVersionsResponse),
        "GetSecretVersion": (service.GetSecretVersionRequest, resources.SecretVersion),
        "AccessSecretVersion": (service.AccessSecretVersionRequest, service.AccessSecretVersionResponse),
        "DisableSecretVersion": (service.DisableSecretVersionRequest, resources.SecretVersion),
        "EnableSecretVersion": (service.EnableSecretVersionRequest, resources.SecretVersion),
        "DestroySecretVersion": (service.DestroySecretVersionRequest, resources.SecretVersion),
    }
    found = {name: (asked.deserialize, told.serialize) for name, (asked, told) in whole.items()}
    found["DeleteSecret"] = (service.DeleteSecretRequest.deserialize, empty_pb2.Empty.SerializeToString)
    for name, asked, told in (
        ("SetIamPolicy", iam_policy_pb2.SetIamPolicyRequest, policy_pb2.Policy),
        ("GetIamPolicy", iam_policy_pb2.GetIamPolicyRequest, policy_pb2.Policy),
        (
            "TestIamPermissions",
            iam_policy_pb2.TestIamPermissionsRequest,
            iam_policy_pb2.TestIamPermissionsResponse,
        ),
    ):
        found[name] = (asked.FromString, told.SerializeToString)
    return found


def resource_of(method: str, request: Any) -> str:
    """Answer what a request is about, as it was written."""
    if method == "UpdateSecret":
        return str(request.secret.name)
    for field in ("parent", "name", "resource"):
        if hasattr(request, field):
            return str(getattr(request, field))
    return ""


def read_secret(told: Any, now: float) -> Secret:
    """Read what a request says of a secret."""
    expires = told.expire_time.timestamp() if "expire_time" in told else None
    if "ttl" in told:
        if told.ttl <= dt.timedelta(0):
            raise invalid("Secret.ttl must be positive.")
        expires = now + told.ttl.total_seconds()
    replicas = told.replication.user_managed.replicas if "user_managed" in told.replication else ()
    return Secret(
        name="",
        id="",
        created=0.0,
        labels=dict(told.labels),
        annotations=dict(told.annotations),
        aliases={key: int(value) for key, value in told.version_aliases.items()},
        locations=tuple(one.location for one in replicas),
        topics=tuple(one.name for one in told.topics),
        expires=expires,
    )


def has_replication(told: Any) -> bool:
    """Say whether a request tells where a secret is to be kept."""
    return "automatic" in told.replication or "user_managed" in told.replication


def secret(found: Secret) -> Any:
    """Write a secret."""
    replication: dict[str, Any] = {"automatic": {}}
    if found.locations:
        replication = {"user_managed": {"replicas": [{"location": one} for one in found.locations]}}
    if "/locations/" in found.name:
        replication = {}
    told: dict[str, Any] = {
        "name": found.name,
        "create_time": _time(found.created),
        "labels": found.labels,
        "annotations": found.annotations,
        "version_aliases": found.aliases,
        "topics": [{"name": one} for one in found.topics],
        "etag": found.etag,
    }
    if replication:
        told["replication"] = replication
    if found.expires is not None:
        told["expire_time"] = _time(found.expires)
    return resources.Secret(told)


def as_json(of: Secret, found: Version | None) -> str:
    """Write a secret, or one of its versions, as the JSON that an event holds."""
    told: Any = secret(of) if found is None else version(of, found)
    return str(type(told).to_json(told))


def secrets(found: Sequence[Secret], token_: str, total: int) -> Any:
    """Write a page of secrets."""
    return service.ListSecretsResponse(
        secrets=[secret(one) for one in found], next_page_token=token_, total_size=total
    )


def version(of: Secret, found: Version) -> Any:
    """Write a version; no payload is in it."""
    told: dict[str, Any] = {
        "name": f"{of.name}/versions/{found.number}",
        "create_time": _time(found.created),
        "state": getattr(resources.SecretVersion.State, found.state),
        "etag": of.etag_of(found),
        "client_specified_payload_checksum": found.checked,
    }
    if "/locations/" not in of.name:
        told["replication_status"] = {"automatic": {}}
    if found.destroyed is not None:
        told["destroy_time"] = _time(found.destroyed)
    return resources.SecretVersion(told)


def versions(of: Secret, found: Iterable[Version], token_: str, total: int) -> Any:
    """Write a page of versions."""
    return service.ListSecretVersionsResponse(
        versions=[version(of, one) for one in found], next_page_token=token_, total_size=total
    )


def payload(of: Secret, found: Version, data: bytes) -> Any:
    """Write a payload with its checksum."""
    return service.AccessSecretVersionResponse(
        name=f"{of.name}/versions/{found.number}",
        payload=resources.SecretPayload(data=data, data_crc32c=found.crc32c),
    )


def policy(held: Mapping[str, Iterable[str]]) -> Any:
    """Write a policy."""
    bindings = [policy_pb2.Binding(role=role, members=sorted(members)) for role, members in held.items()]
    return policy_pb2.Policy(version=1, bindings=bindings, etag=b"ACAB")


def permissions(held: Sequence[str]) -> Any:
    """Write which permissions are held."""
    return iam_policy_pb2.TestIamPermissionsResponse(permissions=held)


def empty() -> Any:
    """Write nothing."""
    return empty_pb2.Empty()


def token(start: int) -> str:
    """Write where the next page begins."""
    digits, text = "0123456789abcdefghijklmnopqrstuvwxyz", ""
    while start:
        start, digit = divmod(start, 36)
        text = digits[digit] + text
    return text or "0"


def scope_missing() -> Refusal:
    """The token was made for something else."""
    return Refusal(
        status="PERMISSION_DENIED",
        message="Request had insufficient authentication scopes.",
        reason="ACCESS_TOKEN_SCOPE_INSUFFICIENT",
        domain="googleapis.com",
        metadata={"method": PACKAGE},
    )


def _time(seconds: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)
