"""GitHubRepository: one repository at GitHub as every adapter here reaches it. PyGithub does the talking, wrapped.

This module is light; PyGithub itself is imported with the first request (``wire``).
"""

from __future__ import annotations

import functools
import json
import re
import urllib.parse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dreamnet_actions.adapters.github.retry import Patience
from dreamnet_actions.domain.secret import SecretValue
from dreamnet_actions.errors import ConfigError, NotFound, RequestError, RequestTooLarge
from dreamnet_actions.errors.configuration import ExtraMissing
from dreamnet_actions.ports.system import Clock

if TYPE_CHECKING:
    from github.Repository import Repository

    from dreamnet_actions.adapters.github.wire import Calls, Wire

API_URL = "https://api.github.com"
SERVER_URL = "https://github.com"
WORKFLOW_LOGIN = "github-actions[bot]"
"""Who a workflow's own token writes as."""
MOST_PAYLOAD = 65_535
"""The most bytes of a dispatch's ``client_payload``, as JSON
(https://docs.github.com/en/rest/repos/repos#create-a-repository-dispatch-event: less than 64 KB)."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*/[A-Za-z0-9._-]+")
_LOGIN = re.compile(r"//[^/]*@")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class GitHubRepository:
    """One repository, reached with one token. Safe for several threads.

    ``name`` is ``owner/name``. ``login`` is who the token writes as: needed for the token of a GitHub App, which
    cannot ask for it. ``write_spacing`` are the seconds between two writes (GitHub advises one; a stand-in needs
    none), ``timeout`` the seconds for each answer. Raises ConfigError for a name or address that cannot be one.
    """

    def __init__(
        self,
        name: str,
        token: SecretValue,
        *,
        clock: Clock,
        api_url: str = API_URL,
        server_url: str = SERVER_URL,
        login: str | None = None,
        patience: Patience | None = None,
        write_spacing: float = 1.0,
        timeout: float = 30.0,
    ) -> None:
        if not _NAME.fullmatch(name) or name.endswith(("/.", "/..")):
            raise ConfigError(
                f"{name!r} is no repository at GitHub.", hint="Write it as owner/name (GITHUB_REPOSITORY)."
            )
        self.name, self.token, self.clock = name, token, clock
        self.api_url, self.server_url = _safe(api_url), _safe(server_url)
        self.patience = patience or Patience()
        self._login = login
        self._write_spacing, self._timeout = write_spacing, timeout

    def __repr__(self) -> str:
        return f"GitHubRepository({self.name!r})"

    @property
    def url(self) -> str:
        """The repository's page for people."""
        return f"{self.server_url}/{self.name}"

    @property
    def calls(self) -> Calls:
        """How many requests went out so far."""
        return self.wire.calls

    @functools.cached_property
    def wire(self) -> Wire:
        """PyGithub's requester, made safe; every object of PyGithub's that is made with it is, too. Raises ExtraMissing
        where the extra is not installed."""
        try:
            from github import Auth  # late: PyGithub takes a tenth of a second and more
        except ModuleNotFoundError:
            raise ExtraMissing("The home github", "PyGithub", "github") from None

        from dreamnet_actions.adapters.github.wire import Wire

        return Wire(
            clock=self.clock,
            patience=self.patience,
            write_spacing=self._write_spacing,
            auth=Auth.Token(self.token.reveal()),
            base_url=self.api_url,
            timeout=self._timeout,
            user_agent="DreamNet",
            per_page=100,
            verify=True,
            api_version="2022-11-28",
        )

    @functools.cached_property
    def rest(self) -> Repository:
        """PyGithub's repository. What its methods raise are our own errors; making it costs no request."""
        from github.Repository import Repository

        attributes = {"url": f"{self.api_url}/repos/{self.name}", "full_name": self.name}
        return Repository(self.wire, {}, attributes, completed=True)

    def call(
        self,
        verb: str,
        path: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        body: Any | None = None,
    ) -> Any:
        """Send what PyGithub has no method for. ``path`` is below the repository (``/actions/workflows``; empty for
        itself); answers the JSON, None for no body. Raises the errors of ``translate``."""
        _, data = self.wire.requestJsonAndCheck(
            verb, f"/repos/{self.name}{path}", parameters=dict(parameters or {}), input=body
        )
        return data

    def login(self) -> str:
        """Answer who the token writes as. A workflow's own token (``ghs_…``) cannot ask."""
        if self._login is None:
            if self.token.reveal().startswith("ghs_"):
                self._login = WORKFLOW_LOGIN
            else:
                _, data = self.wire.requestJsonAndCheck("GET", "/user")
                self._login = str(data["login"])
        return self._login

    def dispatch(self, event_type: str, client_payload: Mapping[str, Any]) -> None:
        """Start the workflows that wait for a ``repository_dispatch`` of this type (at least once: a TemporaryError
        does not say that it did not happen). Needs ``contents: write``.

        Raises RequestError for what GitHub would not take, RequestTooLarge beyond ``MOST_PAYLOAD`` bytes, NotFound
        where there is no such repository.
        """
        if not 0 < len(event_type) <= 100:
            raise RequestError(f"The event type {event_type!r} must have 1 to 100 characters.")
        if len(client_payload) > 10:
            raise RequestError(
                f"A dispatch takes at most 10 top-level keys; these are {len(client_payload)}.",
                hint="Put them below one key.",
            )
        size = len(json.dumps(client_payload).encode())
        if size > MOST_PAYLOAD:
            raise RequestTooLarge(size, MOST_PAYLOAD)
        try:
            self.rest.create_repository_dispatch(event_type, dict(client_payload))
        except NotFound as error:
            # GitHub hides from a token without the right to write that there is such an address.
            error.hint = (
                "See the repository's name, and whether the token may start workflows:\n"
                "permissions:\n  contents: write"
            )
            raise


def is_here(url: str) -> bool:
    """Say whether an address is on this machine: a stand-in for GitHub, which limits nobody."""
    try:
        return urllib.parse.urlsplit(url).hostname in _LOOPBACK
    except ValueError:
        return False


def _safe(url: str) -> str:
    """Answer the address without a slash at its end; a token goes over plain http to this machine only."""
    if not _is_usable(url):
        raise ConfigError(
            f"{_LOGIN.sub('//***@', url)!r} cannot be GitHub's address.",
            hint="Write https://HOST (GITHUB_API_URL, GITHUB_SERVER_URL); http only for this machine.",
        )
    return url.rstrip("/")


def _is_usable(url: str) -> bool:
    try:
        parts = urllib.parse.urlsplit(url)
        if not parts.hostname or parts.port == 0:
            return False
    except ValueError:  # half an IPv6 address, a port that is no number
        return False
    more = parts.username or parts.password or parts.query or parts.fragment
    return not more and (parts.scheme == "https" or (parts.scheme == "http" and is_here(url)))
