"""What the refusals of an API server mean, as errors of ours, with what mends each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from dreamnet_actions.errors import (
    Conflict,
    DreamNetError,
    PermissionMissing,
    PlatformFailed,
    TemporaryError,
    Unauthenticated,
)

_TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
_ADMISSION = ("exceeded quota", "denied the request", "violates PodSecurity")
"""Words of a 403 that is no matter of rights (plugin/pkg/admission of kubernetes/kubernetes)."""


class Missing(PlatformFailed):
    """The API server knows no such object, or no such kind (404)."""


class Invalid(PlatformFailed):
    """The API server takes no object that is like that (422): a field that is wrong, or cannot be changed."""


class Expired(TemporaryError):
    """What a watch or a list wanted to go on from is gone (410, or 504 in the stream): list anew."""


class ApplyConflict(PlatformFailed):
    """Somebody else manages ``fields`` that we would change (409 of server-side apply); the text says who."""

    def __init__(self, owners: str, fields: tuple[str, ...]) -> None:
        self.fields = fields
        super().__init__(
            f"Others manage what this would change: {owners}.",
            hint="Let them change it, or add 'adopt: [image]' to the service to take the image over.",
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was refused: of which server (``where``), and whether the server has let us do just this before
    (``allowed``)."""

    method: str
    path: str
    where: str
    namespace: str
    allowed: bool


def trouble(asked: Asked, status: int, data: bytes, headers: Mapping[str, str]) -> DreamNetError:
    """Say what a refused request means; the server's own words are in it, as plain text."""
    try:
        told = json.loads(data)
        words, reason = str(told.get("message", "")), str(told.get("reason", ""))
        causes = (told.get("details") or {}).get("causes") or []
    except (ValueError, AttributeError):
        words, reason, causes = data.decode("utf-8", "replace"), "", []
    text = f"{asked.method} {asked.path}: {said(words) or status}"
    if status == 401:
        return Unauthenticated(
            f"{asked.where} does not take our credentials. {text}",
            hint="Look at the kubeconfig's user, or at the service account and its token.",
        )
    if status == 403 and any(one.get("reason") == "NamespaceTerminating" for one in causes):
        return PlatformFailed(
            f"The namespace {asked.namespace} is being deleted. {text}",
            hint="That is no fault of the service. Make the namespace anew, or name another one.",
        )
    if status == 403 and any(one in words for one in _ADMISSION):
        return PlatformFailed(
            f"The cluster does not take this. {text}",
            hint="No right is missing: a quota, a policy or a webhook of the cluster's says no.",
        )
    if status == 403 and asked.allowed and " cannot " in words:
        return TemporaryError(
            f"The cluster no longer allows what it allowed a moment ago. {text}",
            hint="That is no fault of the service. An API server that has just started refuses everything until it "
            "has read its Roles. If it stays so, look at the Role of DreamNet's account.",
        )
    if status == 403:
        return PermissionMissing(
            f"The cluster does not allow this to DreamNet. {text}",
            hint="Give DreamNet's account the Role of this action: dreamnet roles prints it (docs/kubernetes.md).",
        )
    if status == 404:
        return Missing(text)
    if status == 409 and any(one.get("reason") == "FieldManagerConflict" for one in causes):
        owners = "; ".join(f"{said(one.get('message', ''))} ({said(one.get('field', ''))})" for one in causes)
        return ApplyConflict(owners, tuple(str(one.get("field", "")) for one in causes))
    if status == 409:
        return Conflict(f"{asked.path} ({reason})" if reason else asked.path)
    if status in _TRANSIENT:
        after = headers.get("Retry-After", "")
        return TemporaryError(text, retry_after=float(after) if after.isdigit() else 10.0)
    if status == 422:
        fixed = "immutable" in words
        hint = "Put it back as it was, or delete the object by hand and deploy again." if fixed else ""
        return Invalid(text, hint=hint)
    return PlatformFailed(text)


def said(words: object) -> str:
    """Answer the server's words as one line of at most 1,000 characters."""
    return " ".join(str(words).split())[:1000]
