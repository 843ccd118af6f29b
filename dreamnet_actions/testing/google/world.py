"""What is true in the stand-in: a project with its service accounts, providers, policies, clusters and tokens."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dreamnet_actions.testing.google.issuer import Issuer

VIEWS = tuple(f"roles/container.{one}" for one in ("clusterViewer", "viewer", "developer", "admin"))
"""Roles that may look a cluster up, and connect to it (cloud.google.com/iam/docs/roles-permissions/container)."""
ACTS = ("roles/iam.workloadIdentityUser", "roles/iam.serviceAccountTokenCreator")
"""Roles that may act as a service account."""


class Refused(Exception):
    """A refusal as Google words it. ``status`` is HTTP's; ``body`` is the JSON."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        self.status, self.body = status, body
        super().__init__(str(body))


def oauth(error: str, said: str) -> Refused:
    """A refusal as OAuth words it (RFC 6749, 5.2)."""
    return Refused(400, {"error": error, "error_description": said})


def api(code: int, status: str, said: str, reason: str = "") -> Refused:
    """A refusal as Google's APIs word it (google.rpc.Status)."""
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}] if reason else []
    return Refused(code, {"error": {"code": code, "message": said, "status": status, "details": details}})


@dataclass(frozen=True, kw_only=True)
class Grant:
    """What a token stands for. ``name`` is who that is to a cluster; ``members`` are its names in IAM policies."""

    name: str
    members: frozenset[str]
    scopes: frozenset[str]
    expires: float


@dataclass(kw_only=True)
class Provider:
    """A provider of a workload identity pool, as ``gcloud … providers create-oidc`` makes it."""

    issuer: str
    mapping: Mapping[str, str]
    condition: str = ""
    audiences: tuple[str, ...] = ()
    key: Any = None
    """The issuer's public key."""
    enabled: bool = True


@dataclass(kw_only=True)
class World:
    """The project ``project``. ``now`` answers seconds since 1970; ``lifetime`` is a token's, in seconds."""

    now: Callable[[], float]
    project: str = "shop-4711"
    number: str = "123456789012"
    lifetime: float = 3600.0
    accounts: dict[str, Any] = field(default_factory=dict)
    """Service accounts by their address, with the public key of their file, if they have one."""
    providers: dict[str, Provider] = field(default_factory=dict)
    """By the whole name: ``projects/…/providers/…``."""
    policies: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    """Resource → role → members. A resource is ``projects/ID``, ``serviceAccounts/ADDRESS`` or a topic's name."""
    clusters: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By the whole name: ``projects/…/locations/…/clusters/…``; as the container API tells them."""
    machine: str | None = None
    """The service account that the metadata server speaks for."""
    switched_off: set[str] = field(default_factory=set)
    """APIs that are switched off in the project."""
    away: bool = False
    """Whether nothing of Google's answers now (503 to all)."""
    calls: list[tuple[str, str]] = field(default_factory=list)
    """Every request: method and path."""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._grants: dict[str, Grant] = {}
        self.issuer = Issuer(self.now)

    # ── Policies ────────────────────────────────────────────────────────────────────────────────────────

    def bind(self, resource: str, role: str, member: str) -> None:
        """Give ``member`` a role on a resource, as ``gcloud … add-iam-policy-binding`` does."""
        self.policies.setdefault(resource, {}).setdefault(role, set()).add(member)

    def may(self, grant: Grant, resource: str, roles: tuple[str, ...]) -> bool:
        """Say whether one of the roles is given to whoever a token stands for."""
        held = self.policies.get(resource, {})
        return any(held.get(role, set()) & grant.members for role in roles)

    # ── Tokens ──────────────────────────────────────────────────────────────────────────────────────────

    def issue(self, name: str, members: frozenset[str], scopes: str) -> tuple[str, float]:
        """Make a token; answers it and when it ends."""
        ends = self.now() + self.lifetime
        token = f"ya29.{secrets.token_urlsafe(24)}"
        with self._lock:
            self._grants[token] = Grant(
                name=name, members=members, scopes=frozenset(scopes.split()), expires=ends
            )
        return token, ends

    def issue_account(self, email: str, scopes: str) -> tuple[str, float]:
        """Make a token of a service account."""
        return self.issue(email, frozenset({f"serviceAccount:{email}"}), scopes)

    def grant(self, authorization: str | None) -> Grant | None:
        """Answer what a header's token stands for; None where it is none, or none any more."""
        token = (authorization or "").removeprefix("Bearer ")
        with self._lock:
            found = self._grants.get(token)
        return found if found is not None and found.expires > self.now() else None

    def end_tokens(self) -> int:
        """End every token there is, as if its time was over; answers how many."""
        with self._lock:
            count = len(self._grants)
            self._grants.clear()
        return count

    @property
    def issued(self) -> int:
        """How many tokens are alive."""
        with self._lock:
            return sum(one.expires > self.now() for one in self._grants.values())
