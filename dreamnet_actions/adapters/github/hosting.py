"""Hosting at GitHub: what a repository's settings and a token's reach are, asked and never tried.

A permission is ``none`` where reading is refused, ``write`` where a classic token's scopes say so, and ``unknown``
where only a write would tell: GitHub names in ``X-Accepted-GitHub-Permissions`` what an address needs, not what a token
has (https://docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api).
"""

from __future__ import annotations

import base64
import binascii
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from dreamnet_actions.adapters.github.client import GitHubRepository
from dreamnet_actions.errors import Conflict, NotFound, RefusedError, Unauthenticated
from dreamnet_actions.ports.hosting import (
    Access,
    ActionsSettings,
    Budget,
    Hosted,
    HostedRun,
    HostedWorkflow,
    Hosting,
    Identity,
)

KINDS = {
    "ghs_": "job",
    "github_pat_": "fine-grained",
    "ghp_": "classic",
    "gho_": "classic",
    "ghu_": "app",
}
"""What a token's first letters say of it
(https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github#githubs-token-formats)."""
_MOST_PAGES = 20
_LISTS: Mapping[str, str] = {
    "actions": "/actions/runs",
    "contents": "/git/matching-refs/heads/dreamnet",
    "deployments": "/deployments",
    "issues": "/issues",
    "statuses": "/commits/HEAD/statuses",
}
"""Permission → an address that needs it for reading, and answers a list whatever there is."""


class GitHubHosting(Hosting):
    """One repository at GitHub. A token that begins with ``ghs_`` (a job's or an App's) has no account behind it."""

    WRITES: ClassVar[frozenset[str]] = frozenset({"enable"})

    def __init__(self, repository: GitHubRepository) -> None:
        self._at = repository

    def token(self) -> Identity:
        text = self._at.token.reveal()
        kind = next((kind for start, kind in KINDS.items() if text.startswith(start)), "other")
        if kind == "job":
            self.repository()  # it cannot ask who it is, but it can be refused
            return Identity(login=None, kind=kind)
        headers, data = self._at.wire.requestJsonAndCheck("GET", "/user")
        scopes = str(headers.get("x-oauth-scopes") or "")
        listed = tuple(one.strip() for one in scopes.split(",") if one.strip())
        return Identity(login=str(data["login"]), kind="classic" if listed else kind, scopes=listed)

    def repository(self) -> Hosted:
        data = self._repository()
        return Hosted(
            name=str(data["full_name"]),
            default_branch=str(data["default_branch"]),
            private=bool(data["private"]),
            archived=bool(data.get("archived")),
            has_issues=bool(data.get("has_issues", True)),
        )

    def permissions(self) -> Mapping[str, Access]:
        data = self._repository()
        role = data.get("permissions")
        pushes = role.get("push") if isinstance(role, Mapping) else None
        if pushes and self._may_write_all(private=bool(data["private"])):
            return dict.fromkeys(_LISTS, "write")
        most: Access = "read" if pushes is False else "unknown"
        return {name: self._reached(address, most) for name, address in _LISTS.items()}

    def actions(self) -> ActionsSettings:
        try:
            data = self._at.call("GET", "/actions/permissions")
        except Unauthenticated:
            raise
        except (RefusedError, NotFound):
            return ActionsSettings(enabled=None)  # only an administrator may see it
        return ActionsSettings(enabled=bool(data["enabled"]), allowed=data.get("allowed_actions"))

    def workflows(self) -> Sequence[HostedWorkflow]:
        return [
            HostedWorkflow(path=str(one["path"]), name=str(one["name"]), state=str(one["state"]))
            for one in self._pages("/actions/workflows", "workflows")
        ]

    def runs(self, *, limit: int = 100) -> Sequence[HostedRun]:
        data = self._at.call("GET", "/actions/runs", parameters={"per_page": min(100, limit)})
        return [
            HostedRun(
                workflow=str(one["path"]).partition("@")[0],  # a run by another ref has it behind the path
                event=str(one["event"]),
                conclusion=one.get("conclusion"),
                began=datetime.fromisoformat(one.get("run_started_at") or one["created_at"]).timestamp(),
                url=str(one.get("html_url") or ""),
            )
            for one in data["workflow_runs"]
        ]

    def enable(self, path: str) -> None:
        """PUT …/enable. GitHub counts the sixty quiet days from it, too
        (https://docs.github.com/en/rest/actions/workflows#enable-a-workflow); needs ``actions: write``."""
        self._at.call("PUT", f"/actions/workflows/{urllib.parse.quote(path.rpartition('/')[2])}/enable")

    def budget(self) -> Budget:
        left = self._at.wire.left
        return Budget(
            calls=self._at.calls.charged, limit=left.limit, remaining=left.remaining, resets_at=left.resets_at
        )

    def labels(self) -> frozenset[str]:
        return frozenset(str(one["name"]) for one in self._pages("/labels"))

    def branch(self, name: str) -> str | None:
        try:
            data = self._at.call("GET", f"/git/ref/heads/{urllib.parse.quote(name)}")
        except (NotFound, Conflict):
            return None  # 409 is how GitHub says that a repository has no commit at all
        return str(data["object"]["sha"])

    def text(self, path: str, branch: str) -> str | None:
        try:
            data = self._at.call("GET", f"/contents/{urllib.parse.quote(path)}", parameters={"ref": branch})
        except NotFound:
            return None
        if not isinstance(data, Mapping) or data.get("encoding") != "base64":
            return None  # a folder, or too large for this address
        try:
            return base64.b64decode(data["content"]).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError):
            return None

    # ── inside ──────────────────────────────────────────────────────────────────────────────────────────

    def _repository(self) -> Mapping[str, Any]:
        """Ask anew each time, for a process may live for months; what did not change costs nothing of the limit."""
        found: Mapping[str, Any] = self._at.call("GET", "")
        return found

    def _may_write_all(self, *, private: bool) -> bool:
        """Say whether a classic token's scopes cover everything that DreamNet writes."""
        identity = self.token()
        return identity.kind == "classic" and (
            "repo" in identity.scopes or ("public_repo" in identity.scopes and not private)
        )

    def _reached(self, address: str, most: Access) -> Access:
        """See whether an address may be read; what a write would say stays ``most``."""
        try:
            self._at.call("GET", address, parameters={"per_page": 1})
        except Unauthenticated:
            raise
        except Conflict:
            return most  # a repository without a commit: it was allowed to look
        except (RefusedError, NotFound):
            return "none"
        return most

    def _pages(self, address: str, key: str | None = None) -> Iterator[Mapping[str, Any]]:
        for page in range(1, _MOST_PAGES + 1):
            data = self._at.call("GET", address, parameters={"per_page": 100, "page": page})
            listed = data[key] if key is not None else data
            yield from listed
            if len(listed) < 100:
                return
