"""One place at GitHub that keeps secrets or variables for workflows: its addresses, its limits, and what it refuses.

The token is that of ``DREAMNET_SECRETS_TOKEN``, else the home's own. No token of a workflow's job reaches these
addresses, whatever its ``permissions:`` say
(https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#permissions).
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dreamnet_actions.adapters.github.client import API_URL, SERVER_URL, GitHubRepository, is_here
from dreamnet_actions.adapters.github.options import ENVIRONMENT
from dreamnet_actions.domain.keynames import ACTIONS
from dreamnet_actions.domain.secret import SecretValue, Versioned
from dreamnet_actions.errors import (
    ConfigError,
    NotFound,
    PermanentError,
    PermissionMissing,
    Unauthenticated,
)
from dreamnet_actions.ports.site import Site

TOKEN = "DREAMNET_SECRETS_TOKEN"  # noqa: S105 - the variable's name
"""The variable with the token that reaches secrets and variables."""
LARGEST = 48 * 1024
"""Bytes of one value (https://docs.github.com/en/actions/reference/limits)."""
MOST: Mapping[tuple[str, bool], int] = {
    ("secrets", False): 100,
    ("secrets", True): 100,
    ("variables", False): 500,
    ("variables", True): 100,
}
"""How many there may be, by what they are and whether it is an environment
(https://docs.github.com/en/actions/reference/security/secrets#limits-for-secrets,
https://docs.github.com/en/actions/reference/workflows-and-actions/variables#limits-for-configuration-variables)."""
PAGES: Mapping[str, int] = {"secrets": 100, "variables": 30}
"""The most that one page of a list holds."""
WRITE_SPACING = 1.0
"""Seconds between two writes, as GitHub advises (https://docs.github.com/en/rest/using-the-rest-api/best-practices)."""
_TOKENS = (TOKEN, "GITHUB_TOKEN", "GH_TOKEN")

What = Literal["secrets", "variables"]


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """The secrets or variables of ``repository``, or of its ``environment``.

    Without a repository it says at the first call what is ``lacking``: who asks for a flag needs no token.
    """

    repository: GitHubRepository | None
    what: What
    environment: str | None = None
    lacking: str = ""

    @classmethod
    def at(cls, what: What, place: str, of: str | None, site: Site) -> Shelf:
        """Make it from a sink's options. Nothing is asked yet."""
        environ = site.environ
        environment = place.removeprefix(ENVIRONMENT) if place.startswith(ENVIRONMENT) else None
        name = of or environ.get("GITHUB_REPOSITORY", "")
        token = next((environ[one] for one in _TOKENS if environ.get(one)), "")
        if not name or not token:
            lacks = f"{TOKEN} is empty" if name else "GITHUB_REPOSITORY is empty, and the sink has no 'of'"
            return cls(repository=None, what=what, environment=environment, lacking=lacks)
        api_url = environ.get("GITHUB_API_URL") or API_URL
        repository = GitHubRepository(
            name,
            SecretValue(token),
            clock=site.clock,
            api_url=api_url,
            server_url=environ.get("GITHUB_SERVER_URL") or SERVER_URL,
            write_spacing=0.0 if is_here(api_url) else WRITE_SPACING,
        )
        return cls(repository=repository, what=what, environment=environment)

    @property
    def name(self) -> str:
        """What it is, for people: ``github-secrets/octocat/shop``, with ``/production`` for an environment."""
        ends = f"/{self.environment}" if self.environment else ""
        return f"github-{self.what}/{self._of}{ends}"

    def listed(self) -> dict[str, Mapping[str, Any]]:
        """Answer everything that is there, by name: times, and the values of variables."""
        found: dict[str, Mapping[str, Any]] = {}
        size, page, total = PAGES[self.what], 1, 1
        while len(found) < total:
            data = self.call("GET", parameters={"per_page": size, "page": page})
            total, page = int(data["total_count"]), page + 1
            found |= {str(one["name"]): one for one in data[self.what]}
            if not data[self.what]:
                break  # one was deleted while the pages were read
        return found

    def call(
        self,
        verb: str,
        path: str = "",
        *,
        body: Any | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> Any:
        """Ask for what is below its address. Raises PermissionMissing in words that say which token is needed, NotFound
        for what is not there, ConfigError for such an environment, and what every call to GitHub raises."""
        if self.repository is None:
            raise ConfigError(
                f"The sink 'github-{self.what}' cannot be reached: {self.lacking}.",
                hint=f"Write 'of: owner/name' in the sink, and export {TOKEN} with a token that may write {self.what}.",
            )
        try:
            return self.repository.call(verb, f"{self._address}{path}", body=body, parameters=parameters)
        except PermissionMissing as error:
            raise self._lacks_permission() from error
        except NotFound as error:
            if path:
                raise
            raise self._not_there() from error
        except Unauthenticated as error:
            error.hint = f"Give one that has not expired, as {TOKEN}."
            raise

    def refuse(self, values: Mapping[str, Versioned], foreign: Collection[str], there: int) -> None:
        """Raise PermanentError with everything that cannot be held: names, sizes, names of others, too many.
        ``there`` is how many there would be."""
        found = [f"{name}: {why}" for name in sorted(values) if (why := _why_not(name, values[name].value))]
        kind = self.what.removesuffix("s")
        found += [
            f"{name}: a {kind} of that name is there, and DreamNet did not write it"
            for name in sorted(foreign)
        ]
        most = MOST[self.what, self.environment is not None]
        if there > most:
            found.append(f"it would hold {there} {self.what}, and GitHub takes {most}")
        if found:
            taken = " 'adopt: true' of the sink takes a name over." if foreign else ""
            raise PermanentError(
                f"{self.name} cannot hold {'; '.join(found)}.",
                hint=f"Nothing was written. Change it at the source, or in 'keys', 'rename' and 'names'.{taken}",
            )

    @property
    def _of(self) -> str:
        return self.repository.name if self.repository else "?"

    @property
    def _address(self) -> str:
        if self.environment is None:
            return f"/actions/{self.what}"
        return f"/environments/{urllib.parse.quote(self.environment, safe='')}/{self.what}"

    def _lacks_permission(self) -> PermissionMissing:
        named = "Environments" if self.environment else self.what.capitalize()
        return PermissionMissing(
            f"No workflow's own token reaches {self.what}, and this one may not either: give a GitHub App's token or a "
            f"fine-grained one with the repository permission '{named}: read and write' for {self._of} "
            f"(a classic one with the scope 'repo') as the secret {TOKEN}.",
            hint="Add it under Settings, Secrets and variables, Actions; and in the job that calls the workflow:\n"
            f"secrets: {{secrets-token: '${{{{ secrets.{TOKEN} }}}}'}}",
        )

    def _not_there(self) -> ConfigError:
        what = f"the environment {self.environment!r} of " if self.environment else ""
        return ConfigError(
            f"GitHub knows no {self.what} of {what}{self._of}.",
            hint="Make the environment there (Settings, Environments), or see whether the token may read the "
            "repository: GitHub says 'not found' either way.",
        )


def _why_not(name: str, value: SecretValue) -> str:
    """Answer why GitHub takes no such name or value, or nothing."""
    if why := ACTIONS.why_not(name):
        return why
    if not value:
        return "it is empty, which is to a workflow the same as none"
    if not value.is_text:
        return "it is no text that UTF-8 can hold ('decode' left out, base64 stays what it is)"
    if (size := len(value.raw())) > LARGEST:
        return f"it has {size} bytes, and GitHub takes {LARGEST}"
    return ""
