"""How Secret Manager says no: google.rpc.Status with the details that its clients read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SERVICE = "secretmanager.googleapis.com"


@dataclass(kw_only=True)
class Refusal(Exception):
    """An answer that is an error. ``status`` is gRPC's name of it (``NOT_FOUND``); ``reason``, ``domain`` and
    ``metadata`` make its google.rpc.ErrorInfo, ``retry`` (seconds) its google.rpc.RetryInfo."""

    status: str
    message: str
    reason: str = ""
    domain: str = SERVICE
    metadata: Mapping[str, str] = field(default_factory=dict)
    retry: float | None = None


def denied(permission: str, resource: str) -> Refusal:
    """Words and details as users report them of the service: it does not tell what is forbidden from what is not
    there."""
    return Refusal(
        status="PERMISSION_DENIED",
        message=f"Permission '{permission}' denied for resource '{resource}' (or it may not exist).",
        reason="IAM_PERMISSION_DENIED",
        domain="iam.googleapis.com",
        metadata={"permission": permission, "resource": resource},
    )


def unauthenticated() -> Refusal:
    """A token that is none, or none any more."""
    return Refusal(
        status="UNAUTHENTICATED",
        message="Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other "
        "valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
        reason="ACCESS_TOKEN_EXPIRED",
        domain="googleapis.com",
        metadata={"service": SERVICE},
    )


def switched_off(number: str) -> Refusal:
    """The API is not enabled in the project."""
    page = f"https://console.developers.google.com/apis/api/{SERVICE}/overview?project={number}"
    return Refusal(
        status="PERMISSION_DENIED",
        message=f"Secret Manager API has not been used in project {number} before or it is disabled. Enable it by "
        f"visiting {page} then retry. If you enabled this API recently, wait a few minutes for the action to propagate "
        "to our systems and retry.",
        reason="SERVICE_DISABLED",
        domain="googleapis.com",
        metadata={"consumer": f"projects/{number}", "service": SERVICE},
    )


def exhausted(kind: str, limit: int, number: str, retry: float) -> Refusal:
    """A quota of a minute is used up. ``kind`` is ``Read``, ``Write`` or ``Access``; words of Google's quota system."""
    return Refusal(
        status="RESOURCE_EXHAUSTED",
        message=f"Quota exceeded for quota metric '{kind} requests' and limit '{kind} requests per minute' of service "
        f"'{SERVICE}' for consumer 'project_number:{number}'.",
        reason="RATE_LIMIT_EXCEEDED",
        domain="googleapis.com",
        metadata={
            "consumer": f"projects/{number}",
            "quota_limit_value": str(limit),
            "quota_metric": f"{SERVICE}/{kind.lower()}_requests",
            "service": SERVICE,
        },
        retry=retry,
    )


def invalid(message: str) -> Refusal:
    """What was asked has not the form that it must have."""
    return Refusal(status="INVALID_ARGUMENT", message=message)


def missing(message: str) -> Refusal:
    """There is no such thing."""
    return Refusal(status="NOT_FOUND", message=message)


def precondition(message: str) -> Refusal:
    """The thing is not in the state that this needs."""
    return Refusal(status="FAILED_PRECONDITION", message=message)


def stale(name: str) -> Refusal:
    """Another etag than the one that is stored (ABORTED, as https://google.aip.dev/154 has it)."""
    return Refusal(status="ABORTED", message=f"The etag of [{name}] does not match the current one.")
