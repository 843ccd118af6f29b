"""How a release stands, as a status of its commit: it shows beside the commit's checks.

A status, not a check run: ``statuses: write`` allows less than ``checks: write``, and a branch rule can require both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dreamnet_actions.adapters.github.certain import certain
from dreamnet_actions.adapters.github.client import GitHubRepository
from dreamnet_actions.domain.markdown import title
from dreamnet_actions.domain.release import Release
from dreamnet_actions.errors import RequestError

MOST_DESCRIPTION = 140
"""The most characters of a description
(https://docs.github.com/en/rest/commits/statuses#create-a-commit-status)."""
STATES = {
    "pending": "pending",
    "in-progress": "pending",
    "deployed": "success",
    "rolled-back": "failure",
    "failed": "failure",
    "rollback-failed": "failure",
    "deployed-unverified": "error",
}
"""GitHub's state by ours."""
_LOOKED_AT = 100
"""How many of a commit's newest statuses are looked through for ours."""


class CommitStatuses:
    """One status a commit, platform and service, with the context ``dreamnet / <platform>/<service>``.

    ``sha`` is the commit of this run, which gets the status where a release has no commit of its own, or one of another
    repository; with neither there is none. ``run_url`` is what it links to, else the service itself.
    """

    def __init__(self, repository: GitHubRepository, *, sha: str, run_url: str | None = None) -> None:
        self._repository, self._sha, self._run_url = repository, sha, run_url

    def report(self, release: Release, *, platform: str, state: str, text: str, url: str | None) -> None:
        """Write the status, unless it is the newest one already.

        Raises:
            PermissionMissing: The token lacks ``statuses: write``.
        """
        status: dict[str, Any] = {
            "state": STATES[state],
            "context": f"dreamnet / {platform}/{release.service}",
            "description": title(text or state, MOST_DESCRIPTION)[:MOST_DESCRIPTION],
        }
        if target := self._run_url or url:
            status["target_url"] = target
        shas = [one for one in dict.fromkeys((release.revision, self._sha)) if one]
        for place, sha in enumerate(shas):
            try:
                self._say(sha, status)
            except RequestError:
                if place == len(shas) - 1:
                    raise
                continue  # the service is released from another repository: its commit is not here
            return

    def _say(self, sha: str, status: Mapping[str, Any]) -> None:
        if self._has(sha, status):
            return
        certain(
            lambda: bool(self._repository.call("POST", f"/statuses/{sha}", body=dict(status))),
            lambda: self._has(sha, status) or None,
            clock=self._repository.clock,
            patience=self._repository.patience,
        )

    def _has(self, sha: str, status: Mapping[str, Any]) -> bool:
        """Say whether the newest status of this context is this one already."""
        listed = self._repository.call("GET", f"/commits/{sha}/statuses", parameters={"per_page": _LOOKED_AT})
        newest = next((one for one in listed if one["context"] == status["context"]), None)
        return newest is not None and all(newest[name] == value for name, value in status.items())
