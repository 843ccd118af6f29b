"""Identity: tokens of whoever DreamNet is towards Google, renewed while they are needed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dreamnet_actions.adapters.gcp import troubles
from dreamnet_actions.adapters.gcp.credentials import credentials
from dreamnet_actions.adapters.gcp.options import IdentityOptions
from dreamnet_actions.adapters.gcp.transport import Transport
from dreamnet_actions.domain.secret import SecretValue
from dreamnet_actions.errors import DreamNetError, TemporaryError
from dreamnet_actions.errors.configuration import ExtraMissing

AGAIN = 30.0
"""Seconds before a token is asked for anew that is old but still good: a metadata server hands out the same one until
shortly before its end."""


class Identity:
    """Who ``options`` say that we are. ``now`` answers seconds since 1970; ``mask`` is told each token before its use;
    ``needs`` is what asks and the extra that brings it, for the error where google-auth is missing. Safe to use from
    many threads."""

    def __init__(
        self,
        options: IdentityOptions,
        *,
        environ: Mapping[str, str],
        root: Path,
        now: Callable[[], float],
        mask: Callable[[SecretValue], None],
        needs: tuple[str, str],
    ) -> None:
        self.options, self._environ, self._root, self._now, self._mask = options, environ, root, now, mask
        self._needs = needs
        self._lock = threading.RLock()
        self._credentials: Any = None
        self._made: Transport | None = None
        self._asked = 0.0

    def token(self) -> SecretValue:
        """Answer a token that is good for some minutes. Raises DreamNetError where there is none to be had."""
        with self._lock:
            if not self._good():
                self._refresh()
            return SecretValue(str(self._credentials.token))

    def renew(self, refused: SecretValue) -> SecretValue:
        """Answer another token than the one that was refused."""
        with self._lock:
            if self._credentials is None or self._credentials.token == refused.reveal():
                # Quite anew: what the token was made from may have ended, too, and google-auth would use it again.
                self._credentials = None
                self._refresh()
            return SecretValue(str(self._credentials.token))

    def headers(self, token: SecretValue) -> dict[str, str]:
        """Answer the headers that carry a token, with the project that pays where the credentials name one."""
        found = {"authorization": f"Bearer {token.reveal()}"}
        if payer := getattr(self._credentials, "quota_project_id", None):
            found["x-goog-user-project"] = str(payer)
        return found

    def who(self) -> str:
        """Answer the account's address, or the principal; empty where nobody says."""
        if self.options.service_account:
            return self.options.service_account
        for name in ("service_account_email", "signer_email"):
            found = getattr(self._credentials, name, None)
            if found and found != "default":
                return str(found)
        case = self.case()
        return case.member if case.claims.get("sub") else ""

    @property
    def transport(self) -> Transport:
        """HTTP towards Google."""
        if self._made is None:
            try:
                self._made = Transport(self._now)
            except ImportError:
                what, extra = self._needs
                raise ExtraMissing(what, "google-auth", extra) from None
        return self._made

    def meant(self, error: Exception) -> DreamNetError:
        """Answer what an error of google-auth's means for these credentials."""
        return troubles.refused(error, self.case())

    def case(self) -> troubles.Case:
        """Answer what is known of our credentials, with what the token of the job says of itself."""
        from google.auth.exceptions import GoogleAuthError

        found, said = self._credentials, dict[str, Any]()
        source = getattr(found, "_source_credentials", found)
        if hasattr(source, "retrieve_subject_token"):
            try:
                said = troubles.claims(source.retrieve_subject_token(self.transport))
            except (GoogleAuthError, OSError, ValueError):
                said = {}
        info = getattr(source, "info", None)
        audience = str(info.get("audience", "")) if isinstance(info, Mapping) else ""
        return troubles.Case(
            provider=audience.removeprefix("//iam.googleapis.com/") or self.options.identity_provider,
            account=self.options.service_account or getattr(found, "service_account_email", None),
            claims=said,
            skew=self.transport.skew,
        )

    def _found(self) -> Any:
        return credentials(self.options, self._environ, self._root, self.transport, self._needs)

    def _good(self) -> bool:
        """Say whether the token is to be used as it is: it has some minutes yet, or was asked for just now."""
        if self._credentials is None:
            self._credentials = self._found()
        from google.auth.credentials import TokenState

        state = self._credentials.token_state
        return state is TokenState.FRESH or (state is TokenState.STALE and self._now() - self._asked < AGAIN)

    def _refresh(self) -> None:
        """Get another token. While the old one is good, Google may be away for a moment."""
        from google.auth.credentials import TokenState
        from google.auth.exceptions import GoogleAuthError

        if self._credentials is None:
            self._credentials = self._found()
        before, self._asked = self._credentials.token_state, self._now()
        try:
            self._credentials.refresh(self.transport)
        except GoogleAuthError as error:
            meant = self.meant(error)
            if before is TokenState.STALE and isinstance(meant, TemporaryError):
                return
            raise meant from error
        self._mask(SecretValue(str(self._credentials.token)))
