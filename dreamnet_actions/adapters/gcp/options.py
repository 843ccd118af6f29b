"""What the configuration says of Google Cloud. Models only; no client is imported from here."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from dreamnet_actions.domain.spec.forms import HostPort, Label
from dreamnet_actions.domain.spec.pubsub import ServiceAccount
from dreamnet_actions.domain.spec.values import STRICT, Len, Written, shown

_PROVIDER = (
    r"projects/[0-9]+/locations/global/workloadIdentityPools/[a-z0-9-]{4,32}/providers/[a-z0-9-]{4,32}"
)
_PROJECT = r"(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]"
_REGION = r"[a-z]+-[a-z]+[0-9]+"
_PLACE = r"[a-z]+-[a-z]+[0-9]+(?:-[a-z])?"


def _provider(value: object) -> str:
    text = value.removeprefix("//iam.googleapis.com/") if isinstance(value, str) else ""
    if re.fullmatch(_PROVIDER, text):
        return text
    raise ValueError(
        f"{shown(value)} is no provider; write projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/"
        "PROVIDER, with the project's number, not its name"
    )


def _project(value: object) -> str:
    if isinstance(value, str) and re.fullmatch(_PROJECT, value):
        return value
    raise ValueError(
        f"{shown(value)} is no project; write its id (not its name or number), as in 'shop-4711'"
    )


def _place(value: object) -> str:
    if isinstance(value, str) and re.fullmatch(_PLACE, value):
        return value
    raise ValueError(
        f"{shown(value)} is no region or zone; write one as in 'europe-west1' or 'europe-west1-b'"
    )


def _region(value: object) -> str:
    if isinstance(value, str) and re.fullmatch(_REGION, value):
        return value
    raise ValueError(f"{shown(value)} is no region; write one as in 'europe-west1'")


Provider = Annotated[
    str,
    Written(
        _provider,
        rf"^(//iam\.googleapis\.com/)?{_PROVIDER}$",
        "projects/123456789/locations/global/workloadIdentityPools/github/providers/github",
    ),
]
"""A provider of a workload identity pool, by its whole name."""
Project = Annotated[str, Written(_project, f"^{_PROJECT}$", "shop-4711")]
"""A project's id."""
Place = Annotated[str, Written(_place, f"^{_PLACE}$", "europe-west1")]
"""A region or a zone."""
Region = Annotated[str, Written(_region, f"^{_REGION}$", "europe-west1")]
"""A region."""


@dataclass(frozen=True, kw_only=True)
class IdentityOptions:
    """Who DreamNet is towards Google: the same keys wherever something of Google's is asked."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    identity_provider: Provider | None = None
    """The provider of Workload Identity Federation that trusts this repository. With it a workflow's job gets its
    credentials from GitHub's own token: the job needs ``permissions: {id-token: write}``. Left out, what
    ``GOOGLE_APPLICATION_CREDENTIALS`` names, else the application default credentials, else the machine's own
    account."""
    service_account: ServiceAccount | None = None
    """The service account to act as; left out, the identity that the credentials are of."""
    credentials: Annotated[str, Len(1, 4096)] | None = None
    """The path of a file of credentials (federation, service account), in place of
    ``GOOGLE_APPLICATION_CREDENTIALS``."""


@dataclass(frozen=True, kw_only=True)
class GkePlatformOptions(IdentityOptions):
    """A platform of kind ``gke``: services are workloads of a cluster of Google Kubernetes Engine, in one namespace of
    it. Credentials are found by Google's own library: no gcloud, no plugin, no kubeconfig."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    project: Project
    """The id of the project that the cluster is in."""
    location: Place
    """The cluster's region, or its zone."""
    cluster: Label
    """The cluster's name; requests may ask for it, too."""
    namespace: Label = "default"
    """The namespace that all services of this platform are in."""
    plain_http: Annotated[tuple[HostPort, ...], Len(0, 20)] = ()
    """Registries (``host:port``) that speak no TLS, where images are looked up; this machine's own need no word."""
    endpoint: Literal["auto", "dns", "ip", "private-ip", "connect-gateway"] = "auto"
    """Which of the cluster's addresses to use. ``auto``: the DNS endpoint where the cluster lets it be used from
    outside, else its public address, else its private one. ``connect-gateway`` goes through the cluster's fleet."""


@dataclass(frozen=True, kw_only=True)
class SecretManagerOptions(IdentityOptions):
    """Which secrets of which project are meant, and who asks for them."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    project: Project
    """The id of the project that the secrets are in."""
    location: Region | None = None
    """The region of regional secrets; left out, the project's global ones."""
    filter: Annotated[str, Len(1, 1000)] | None = None
    """Which secrets an entry without ``keys`` is about, in the API's own words, as in ``name:shop-``
    (cloud.google.com/secret-manager/docs/filtering). Left out, all of the project."""
    labels: dict[Annotated[str, Len(1, 63)], Annotated[str, Len(0, 63)]] = field(default_factory=dict)
    """Labels that such a secret must have."""
    disabled: Literal["fail", "former"] = "fail"
    """What to do where the newest version is disabled or destroyed. ``fail``: stop, and write nothing. ``former``: take
    the newest one that is enabled."""


@dataclass(frozen=True, kw_only=True)
class SecretManagerSourceOptions:
    """A source of kind ``gcp-secret-manager``: the secrets of a project at Google's Secret Manager."""

    __pydantic_config__: ClassVar[dict[str, Any]] = STRICT

    gcp_secret_manager: SecretManagerOptions
    """The project, and which of its secrets."""
