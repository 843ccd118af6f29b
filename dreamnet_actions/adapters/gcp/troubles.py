"""What Google's refusals mean, in plain words, with the line that mends each.

google-auth tells of a refusal by one class (RefreshError) and the server's own text. The texts here are those of the
Security Token Service, of IAM Credentials and of Google's OAuth server, as their documentation and users' reports have
them (https://cloud.google.com/iam/docs/troubleshooting-workload-identity-federation).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dreamnet_actions.errors import (
    ConfigError,
    DreamNetError,
    PermissionMissing,
    TemporaryError,
    Unauthenticated,
)

SKEW = 60.0
"""Seconds by which a clock may be wrong before it is named: Google takes tokens that are a little early."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is known of a refused refresh. ``claims`` are those of the token that was handed in, where there is one."""

    provider: str | None
    account: str | None
    claims: Mapping[str, Any]
    skew: float | None

    @property
    def clock(self) -> str:
        """A sentence on this machine's clock, where that is wrong."""
        if self.skew is None or abs(self.skew) <= SKEW:
            return ""
        way = "ahead of" if self.skew > 0 else "behind"
        return f" This machine's clock is {abs(self.skew):.0f} s {way} Google's."

    @property
    def says(self) -> str:
        """What the token says of its job."""
        told = [
            f"{name} {self.claims[name]!r}" for name in ("sub", "repository", "aud") if name in self.claims
        ]
        return f" The token says: {', '.join(told)}." if told else ""

    @property
    def pool(self) -> str:
        """The pool's name, as members of IAM policies have it."""
        return (self.provider or "projects/NUMBER/locations/global/workloadIdentityPools/POOL").split(
            "/providers/"
        )[0]

    @property
    def member(self) -> str:
        """This job as a member of an IAM policy."""
        if self.claims.get("sub"):
            return f"principal://iam.googleapis.com/{self.pool}/subject/{self.claims['sub']}"
        return f"principalSet://iam.googleapis.com/{self.pool}/attribute.repository/OWNER/NAME"


def refused(error: Exception, case: Case) -> DreamNetError:
    """Answer what a failed refresh means: ``error`` is one of google-auth's."""
    from google.auth.exceptions import TransportError

    said = " ".join(str(part) for part in error.args) or type(error).__name__
    said = " ".join(said.split())[:600]
    low = said.lower()
    if isinstance(error, TransportError) or getattr(error, "retryable", False) or "backend error" in low:
        return TemporaryError(
            f"Google's servers cannot be reached: {said}",
            hint="That is no fault of the service. Look at this machine's network, and at status.cloud.google.com.",
        )
    for known in (_exchange, _acting, _keys):
        if (meant := known(said, low, case)) is not None:
            return meant
    return Unauthenticated(
        f"Google does not take our credentials: {said}.{case.says}{case.clock}",
        hint="docs/gke.md tells how to set them up; dreamnet doctor looks at each part.",
    )


def _exchange(said: str, low: str, case: Case) -> DreamNetError | None:
    """Refusals of the Security Token Service, which swaps GitHub's token for one of Google's."""
    if "attribute condition" in low:
        return Unauthenticated(
            f"The provider's attribute condition does not hold for this job.{case.says}",
            hint="Compare it with: gcloud iam workload-identity-pools providers describe "
            f"{case.provider or 'PROVIDER'} --format='value(attributeCondition)'",
        )
    if "audience" in low and "invalid_target" not in low:
        return Unauthenticated(
            f"The provider does not take the audience of the job's token.{case.says}",
            hint="Take the provider's own list of audiences away (then its name is the audience), or add to it: "
            f"https://iam.googleapis.com/{case.provider or 'PROVIDER'}",
        )
    if "invalid_target" in low:
        return ConfigError(
            f"Google has no provider {case.provider or 'of this name'!r}, or it is switched off or deleted.",
            hint="Compare 'identity-provider' with: gcloud iam workload-identity-pools providers list "
            "--workload-identity-pool POOL --location global --format='value(name)'",
        )
    if "issuer" in low:
        return Unauthenticated(
            f"The provider takes tokens of another issuer than GitHub's.{case.says}",
            hint="Make it with: --issuer-uri https://token.actions.githubusercontent.com",
        )
    if "127 bytes" in low:
        return Unauthenticated(
            f"The subject of the job's token is longer than Google takes (127 bytes).{case.says}",
            hint="Map a shorter one: gcloud iam workload-identity-pools providers update-oidc PROVIDER "
            "--workload-identity-pool POOL --location global --attribute-mapping "
            "google.subject=assertion.repository_id,attribute.repository=assertion.repository",
        )
    if "subject token" in low or "subject_token" in low:
        return Unauthenticated(
            f"GitHub gave this job no token that can be swapped: {said}",
            hint="The job needs 'permissions: {id-token: write}', in the calling workflow too.",
        )
    return None


def _acting(_said: str, low: str, case: Case) -> DreamNetError | None:
    """Refusals of IAM Credentials, which lets one identity act as a service account."""
    if "getaccesstoken" in low or ("impersonated" in low and "permission" in low):
        return PermissionMissing(
            f"This identity may not act as {case.account}.{case.says}",
            hint=f"Run: gcloud iam service-accounts add-iam-policy-binding {case.account} "
            f"--role roles/iam.workloadIdentityUser --member '{case.member}'",
        )
    if "impersonated" in low and ("not found" in low or "gaia" in low):
        return ConfigError(
            f"There is no service account {case.account}.",
            hint="Correct 'service-account' in the configuration, or make it with: gcloud iam service-accounts create",
        )
    return None


def _keys(said: str, low: str, case: Case) -> DreamNetError | None:
    """Refusals of Google's OAuth server: keys of service accounts, and people's logins."""
    if "reasonable timeframe" in low or "iat and exp" in low or "token used too early" in low:
        clock = case.clock or " The clock of this machine is wrong, or the token was kept for too long."
        return Unauthenticated(
            f"Google takes our token for one of another time.{clock}",
            hint="Set the clock (timedatectl set-ntp true), or run the job again.",
        )
    if "invalid jwt signature" in low or "account not found" in low:
        return Unauthenticated(
            f"The key of the service account is not valid any more: {said}",
            hint="Make a new one, or better none: Workload Identity Federation needs no key (docs/gke.md).",
        )
    if any(word in low for word in ("expired", "revoked", "stale to sign-in", "invalid_rapt", "reauth")):
        return Unauthenticated(
            f"The login has ended: {said}.{case.says}{case.clock}",
            hint="On a machine, log in again: gcloud auth application-default login. In a workflow, run the job again.",
        )
    return None


def looked_up(status: int, data: bytes, name: str, who: str, skew: float | None) -> DreamNetError:
    """Answer what it means that the container API did not answer with a cluster. ``name`` is the cluster's, as
    ``projects/…/locations/…/clusters/…``."""
    project = name.split("/")[1]
    words, reasons = _words(data)
    clock = Case(provider=None, account=None, claims={}, skew=skew).clock
    if status == 401:
        return Unauthenticated(
            f"Google does not take our token: {words}{clock}",
            hint="Run again; dreamnet doctor looks at each part.",
        )
    if "SERVICE_DISABLED" in reasons or "has not been used in project" in words:
        return PermissionMissing(
            f"The Kubernetes Engine API is switched off in the project {project}.",
            hint=f"Run: gcloud services enable container.googleapis.com --project {project}",
        )
    if status == 403:
        return PermissionMissing(
            f"{who or 'This identity'} may not look the cluster up (container.clusters.get): {words}",
            hint=f"Run: gcloud projects add-iam-policy-binding {project} --role roles/container.clusterViewer --member "
            f"'{member(who) if who else 'serviceAccount:NAME@PROJECT.iam.gserviceaccount.com'}'\n"
            "(roles/container.developer is enough, too, and may do much more)",
        )
    if status == 429 or status >= 500:
        return TemporaryError(f"The container API did not answer ({status}): {words}")
    return ConfigError(
        f"The container API does not take {name}: {words}", hint="Look at the platform's options."
    )


def member(who: str) -> str:
    """Answer an account as a member of an IAM policy."""
    return who if who.startswith("principal") else f"serviceAccount:{who}"


def claims(token: str) -> dict[str, Any]:
    """Answer what a JWT says, unchecked; nothing where it is none."""
    try:
        middle = token.split(".")[1]
        found = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    except (IndexError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _words(data: bytes) -> tuple[str, list[str]]:
    """Answer the text of an error of Google's, and its reasons."""
    try:
        error = json.loads(data)["error"]
        details = [one.get("reason", "") for one in error.get("details", []) if isinstance(one, dict)]
        return " ".join(str(error["message"]).split())[:400], details
    except (ValueError, KeyError, TypeError, AttributeError):
        return " ".join(data.decode("utf-8", "replace").split())[:200], []
