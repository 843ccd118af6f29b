"""ClusterAccess: how a cluster of a provider's is reached, and as whom. Its credentials never outlive a process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from dreamnet_actions.domain.secret import SecretValue


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where an API server is. ``authority`` is the PEM text of the authority that its certificate is of; None means one
    that machines trust anyway. ``kind`` says in words which of its addresses that is."""

    url: str
    authority: str | None
    kind: str


class ClusterAccess(Protocol):
    """Reaches one cluster. Safe to use from many threads; nothing is asked before the first call.

    Raises ConfigError without credentials, Unauthenticated where they are not taken, PermissionMissing where they may
    not look the cluster up, NotFound for a cluster that is not there, TemporaryError where nobody answers.
    """

    def endpoint(self) -> Endpoint:
        """Answer where the API server is; looked up once."""

    def token(self) -> SecretValue:
        """Answer a token that is good for a while yet; it is renewed before it expires, whenever it is asked for."""

    def renew(self, refused: SecretValue) -> SecretValue:
        """Answer another token than ``refused``, which the API server did not take. Threads that were refused the same
        one get the same new one."""

    def who(self) -> str:
        """Answer the account that the tokens are of, as the cluster's roles name it; empty where it is not known."""

    def advice(self) -> str:
        """Answer what to look at where the API server cannot be reached at this endpoint."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One thing that was looked at in a cluster; ``fix`` is the command that mends what is wrong."""

    well: bool
    what: str
    detail: str
    fix: str = ""
