"""GkeAccess: a cluster of Google Kubernetes Engine, looked up by the container API, with tokens that are renewed."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dreamnet_actions.adapters.gcp import endpoints, troubles
from dreamnet_actions.adapters.gcp.credentials import credentials
from dreamnet_actions.adapters.gcp.options import GkePlatformOptions
from dreamnet_actions.adapters.gcp.transport import Transport
from dreamnet_actions.adapters.googlecloud import address
from dreamnet_actions.domain.secret import SecretValue
from dreamnet_actions.errors import DreamNetError, ExtraMissing, NotFound, TemporaryError
from dreamnet_actions.ports.cluster import ClusterAccess, Endpoint
from dreamnet_actions.ports.site import Site

AGAIN = 30.0
"""Seconds before a token is asked for anew that is old but still good: a metadata server hands out the same one until
shortly before its end."""


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
        self.options, self._environ, self._root, self._now, self._mask = options, environ, root, now, mask
        self.cluster = f"projects/{options.project}/locations/{options.location}/clusters/{options.cluster}"
        self._lock = threading.RLock()
        self._credentials: Any = None
        self._made: Transport | None = None
        self._endpoint: Endpoint | None = None
        self._asked = 0.0

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
        with self._lock:
            if not self._good():
                self._refresh()
            return SecretValue(str(self._credentials.token))

    def renew(self, refused: SecretValue) -> SecretValue:
        with self._lock:
            if self._credentials is None or self._credentials.token == refused.reveal():
                # Quite anew: what the token was made from may have ended, too, and google-auth would use it again.
                self._credentials = None
                self._refresh()
            return SecretValue(str(self._credentials.token))

    def who(self) -> str:
        if self.options.service_account:
            return self.options.service_account
        for name in ("service_account_email", "signer_email"):
            found = getattr(self._credentials, name, None)
            if found and found != "default":
                return str(found)
        case = self._case()
        return case.member if case.claims.get("sub") else ""

    def advice(self) -> str:
        return endpoints.advice(self.cluster, self._endpoint)

    # ── Tokens ──────────────────────────────────────────────────────────────────────────────────────────

    @property
    def _transport(self) -> Transport:
        if self._made is None:
            try:
                self._made = Transport(self._now)
            except ImportError:
                raise ExtraMissing("A platform of kind gke", "google-auth", "gke") from None
        return self._made

    def _good(self) -> bool:
        """Say whether the token is to be used as it is: it has some minutes yet, or was asked for just now."""
        if self._credentials is None:
            self._credentials = credentials(self.options, self._environ, self._root, self._transport)
        from google.auth.credentials import TokenState

        state = self._credentials.token_state
        return state is TokenState.FRESH or (state is TokenState.STALE and self._now() - self._asked < AGAIN)

    def _refresh(self) -> None:
        """Get another token. While the old one is good, Google may be away for a moment."""
        from google.auth.credentials import TokenState
        from google.auth.exceptions import GoogleAuthError

        if self._credentials is None:
            self._credentials = credentials(self.options, self._environ, self._root, self._transport)
        before, self._asked = self._credentials.token_state, self._now()
        try:
            self._credentials.refresh(self._transport)
        except GoogleAuthError as error:
            meant = troubles.refused(error, self._case())
            if before is TokenState.STALE and isinstance(meant, TemporaryError):
                return
            raise meant from error
        self._mask(SecretValue(str(self._credentials.token)))

    def _case(self) -> troubles.Case:
        """Answer what is known of our credentials, with what the token of the job says of itself."""
        from google.auth.exceptions import GoogleAuthError

        found, said = self._credentials, dict[str, Any]()
        source = getattr(found, "_source_credentials", found)
        if hasattr(source, "retrieve_subject_token"):
            try:
                said = troubles.claims(source.retrieve_subject_token(self._transport))
            except (GoogleAuthError, OSError, ValueError):
                said = {}
        info = getattr(source, "info", None)
        audience = str(info.get("audience", "")) if isinstance(info, Mapping) else ""
        return troubles.Case(
            provider=audience.removeprefix("//iam.googleapis.com/") or self.options.identity_provider,
            account=self.options.service_account or getattr(found, "service_account_email", None),
            claims=said,
            skew=self._transport.skew,
        )

    # ── The cluster ─────────────────────────────────────────────────────────────────────────────────────

    def _looked_up(self) -> dict[str, Any]:
        """Ask the container API for the cluster."""
        status, data = self._get(f"/v1/{self.cluster}")
        if status == 404:
            raise self._missing()
        if status != 200:
            raise troubles.looked_up(status, data, self.cluster, self.who(), self._transport.skew)
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
            answer = self._transport(url, headers={"Authorization": f"Bearer {token.reveal()}"})
            if answer.status == 401:
                token = self.renew(token)
                answer = self._transport(url, headers={"Authorization": f"Bearer {token.reveal()}"})
        except GoogleAuthError as error:
            raise troubles.refused(error, self._case()) from error
        return int(answer.status), bytes(answer.data)

    def _gateway(self, location: str) -> str:
        return address("connectgateway", self._environ, location=location)
