"""Google's REST services as Cloud Build needs them: tokens by google-auth, JSON in and out, errors translated."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from dreamnet_actions.adapters import googlecloud
from dreamnet_actions.errors import (
    NotFound,
    PermanentError,
    PermissionMissing,
    TemporaryError,
    Unauthenticated,
)

TIMEOUT = 60.0
"""Seconds for one request; an upload may take this long between two of its parts."""
_WAYS = "In a workflow: google-github-actions/auth; on a machine: gcloud auth application-default login."


class Google:
    """Requests with the application default credentials. Nothing is imported or asked before the first request."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._credentials: Any = None  # google-auth has no types that say more

    def token(self) -> str:
        """Answer a token that is valid now. Raises ConfigError, Unauthenticated, TemporaryError, ExtraMissing."""
        googlecloud.needs_google_auth("Google Cloud Build")
        from google.auth import exceptions
        from google.auth.transport.requests import Request

        try:
            if self._credentials is None:
                self._credentials = googlecloud.credentials(
                    self._environ, scopes=(googlecloud.PLATFORM,), request=Request(), hint=_WAYS
                )
            if not self._credentials.valid:
                self._credentials.refresh(Request())
        except exceptions.RefreshError as error:
            raise Unauthenticated(
                f"Google does not take our credentials: {_line(error)}",
                hint="Look at the account, and its keys.",
            ) from error
        except exceptions.GoogleAuthError as error:
            raise TemporaryError(f"Google gave no token: {_line(error)}") from error
        return str(self._credentials.token)

    def ask(
        self,
        service: str,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        data: bytes | None = None,
        raw: bool = False,
    ) -> Any:
        """Make one request; answer its JSON, or with ``raw`` its bytes. ``data`` is sent as it is, ``body`` as JSON.

        Raises NotFound (404), PermissionMissing (403), Unauthenticated (401), TemporaryError, PermanentError.
        """
        import httpx2

        address = googlecloud.address(service, self._environ)
        headers = {"Authorization": f"Bearer {self.token()}", "User-Agent": "dreamnet"}
        if data is not None:
            headers["Content-Type"] = "application/gzip"
        elif body is not None:
            headers["Content-Type"], data = "application/json", json.dumps(body).encode()
        try:
            answer = httpx2.request(
                method, f"{address}{path}", params=query, content=data, headers=headers, timeout=TIMEOUT
            )
        except httpx2.HTTPError as error:
            raise TemporaryError(
                f"{address} could not be asked ({type(error).__name__}: {error})."
            ) from error
        if answer.status_code >= 400:
            raise _trouble(f"{method} {address}{path}", answer.status_code, answer.content)
        return answer.content if raw else answer.json()


def _trouble(what: str, status: int, data: bytes) -> Exception:
    try:
        said = json.loads(data)["error"]["message"]
    except (ValueError, KeyError, TypeError):
        said = data.decode("utf-8", "replace")
    text = f"{what}: {_line(said) or status}"
    if status == 401:
        return Unauthenticated(text, hint="Look at the account that DreamNet uses at Google.")
    if status == 403:
        return PermissionMissing(
            text,
            hint="Give the account 'roles/cloudbuild.builds.editor', and 'roles/storage.objectUser' on the bucket.",
        )
    if status == 404:
        return NotFound("part of Google Cloud", what)
    if status in (408, 429) or status >= 500:
        return TemporaryError(text, retry_after=30.0)
    return PermanentError(text)


def _line(words: object) -> str:
    return " ".join(str(words).split())[:500]
