"""GkeAccess: a cluster of Google Kubernetes Engine, looked up by the container API, with tokens that are renewed."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dreamnet_actions.adapters.gcp import endpoints, troubles
from dreamnet_actions.adapters.gcp.identity import Identity
from dreamnet_actions.adapters.gcp.options import GkePlatformOptions
from dreamnet_actions.adapters.googlecloud import address
from dreamnet_actions.domain.secret import SecretValue
from dreamnet_actions.errors import DreamNetError, NotFound, TemporaryError
from dreamnet_actions.ports.cluster import ClusterAccess, Endpoint
from dreamnet_actions.ports.site import Site


class GkeAccess(ClusterAccess):
    """The cluster that ``options`` name. ``now`` answers seconds since 1970; ``mask`` is told each token before its
    use."""

    def __init__(
        self,
        options: GkePlatformOptions,
        *,
        environ: Mapping[str, str],
        root: Path,
        now: Callable[[], float],
        mask: Callable[[SecretValue], None],
    ) -> None:
        self.options, self._environ = options, environ
        self.cluster = f"projects/{options.project}/locations/{options.location}/clusters/{options.cluster}"
        self.identity = Identity(
            options, environ=environ, root=root, now=now, mask=mask, needs=("A platform of kind gke", "gke")
        )
        self._lock = threading.RLock()
        self._endpoint: Endpoint | None = None

    @classmethod
    def at(cls, options: GkePlatformOptions, site: Site, mask: Callable[[SecretValue], None]) -> GkeAccess:
        """Make the access to the cluster of a platform."""
        return cls(options, environ=site.environ, root=site.root, now=site.clock.now, mask=mask)

    # ── The port ────────────────────────────────────────────────────────────────────────────────────────

    def endpoint(self) -> Endpoint:
        with self._lock:
            if self._endpoint is None:
                self._endpoint = endpoints.endpoint(self._looked_up(), self.options.endpoint, self._gateway)
            return self._endpoint

    def token(self) -> SecretValue:
        return self.identity.token()

    def renew(self, refused: SecretValue) -> SecretValue:
        return self.identity.renew(refused)

    def who(self) -> str:
        return self.identity.who()

    def advice(self) -> str:
        return endpoints.advice(self.cluster, self._endpoint)

    # ── The cluster ─────────────────────────────────────────────────────────────────────────────────────

    def _looked_up(self) -> dict[str, Any]:
        """Ask the container API for the cluster."""
        status, data = self._get(f"/v1/{self.cluster}")
        if status == 404:
            raise self._missing()
        if status != 200:
            raise troubles.looked_up(status, data, self.cluster, self.who(), self.identity.transport.skew)
        try:
            found = json.loads(data)
        except ValueError:
            raise TemporaryError("The container API did not answer JSON.") from None
        return dict(found)

    def _missing(self) -> DreamNetError:
        """Say that there is no such cluster, and which there are."""
        status, data = self._get(f"/v1/projects/{self.options.project}/locations/-/clusters")
        there = json.loads(data).get("clusters", []) if status == 200 else []
        known = [f"{one.get('name')} ({one.get('location')})" for one in there]
        wanted = f"{self.options.cluster} ({self.options.location})"
        return NotFound(f"cluster of the project {self.options.project}", wanted, known)

    def _get(self, path: str) -> tuple[int, bytes]:
        """Ask the container API, with another token once where the first is not taken."""
        from google.auth.exceptions import GoogleAuthError

        url, token = address("container", self._environ) + path, self.token()
        try:
            answer = self.identity.transport(url, headers={"Authorization": f"Bearer {token.reveal()}"})
            if answer.status == 401:
                token = self.renew(token)
                answer = self.identity.transport(url, headers={"Authorization": f"Bearer {token.reveal()}"})
        except GoogleAuthError as error:
            raise self.identity.meant(error) from error
        return int(answer.status), bytes(answer.data)

    def _gateway(self, location: str) -> str:
        return address("connectgateway", self._environ, location=location)
