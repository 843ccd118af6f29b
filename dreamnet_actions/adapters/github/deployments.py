"""Releases as GitHub's deployments, with a status for each step (the port ``ReleaseReporter``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

from dreamnet_actions.adapters.github.certain import certain
from dreamnet_actions.adapters.github.client import GitHubRepository
from dreamnet_actions.adapters.github.commit_statuses import CommitStatuses
from dreamnet_actions.adapters.github.reverts import GitHubReverts
from dreamnet_actions.domain.markdown import title
from dreamnet_actions.domain.release import Release
from dreamnet_actions.domain.revert import Proposed, Revert
from dreamnet_actions.errors import DreamNetError, RequestError
from dreamnet_actions.ports.delivery import ReleaseReporter

T = TypeVar("T")

MOST_DESCRIPTION = 140
"""The most characters of a description
(https://docs.github.com/en/rest/deployments/statuses#create-a-deployment-status)."""
STATES = {
    "pending": "pending",
    "in-progress": "in_progress",
    "deployed": "success",
    "rolled-back": "failure",
    "failed": "failure",
    "rollback-failed": "failure",
    "deployed-unverified": "error",
}
"""GitHub's state by ours; ours is the first word of the description."""
_FORMER = 2
"""How many former deployments are looked at, to be told inactive."""


class GitHubReleaseReporter(ReleaseReporter):
    """One deployment for each service, platform and version; its environment is the platform's name, its task
    ``deploy:<service>``; and a status of the commit, so that it stands beside its checks. Needs ``deployments: write``
    and ``statuses: write``; where one of them is missing the other is still done.

    ``sha`` is the commit of this run: what is deployed where a release has none of its own, or one of another
    repository. ``run_url`` is the page that a status links to.
    """

    WRITES: ClassVar[frozenset[str]] = frozenset({"report", "revert"})

    def __init__(self, repository: GitHubRepository, *, sha: str, run_url: str | None = None) -> None:
        self._repository, self._sha, self._run_url = repository, sha, run_url
        self._known: dict[tuple[str, str, str], int] = {}
        self._checks = CommitStatuses(repository, sha=sha, run_url=run_url)

    def report(
        self, release: Release, *, platform: str, state: str, text: str, url: str | None = None
    ) -> None:
        if state not in STATES:
            raise RequestError(f"A release cannot be {state!r}.", hint=f"Use one of {', '.join(STATES)}.")
        failed: list[DreamNetError] = []
        for tell in (self._deploys, self._checks.report):  # neither hides the other
            try:
                tell(release, platform=platform, state=state, text=text, url=url)
            except DreamNetError as error:
                failed.append(error)
        if failed:
            raise failed[0]

    def revert(self, wanted: Revert) -> Proposed | None:
        return GitHubReverts(self._repository, run_url=self._run_url).propose(wanted)

    # ── inside ──────────────────────────────────────────────────────────────────────────────────────────

    def _deploys(self, release: Release, *, platform: str, state: str, text: str, url: str | None) -> None:
        """Say it on the deployment; the service's former ones are over once this one is out."""
        deployment = self._deployment(release, platform)
        status = {
            "state": STATES[state],
            "description": _description(f"{state}: {text}" if text else state),
            # GitHub would tell every deployment of the environment inactive, those of other services too.
            "auto_inactive": False,
        }
        if self._run_url:
            status["log_url"] = self._run_url
        if url:
            status["environment_url"] = url
        self._say(deployment, status)
        if state == "deployed":
            self._end_former(release, platform, deployment)

    def _deployment(self, release: Release, platform: str) -> int:
        """Answer the deployment's id; it is looked for first, so that twice is once."""
        key = (release.service, platform, release.version)
        if key not in self._known:
            found = self._look(release, platform)
            if found is None:
                found = self._certain(
                    lambda: self._create(release, platform), lambda: self._look(release, platform)
                )
            self._known[key] = found
        return self._known[key]

    def _create(self, release: Release, platform: str) -> int:
        refs = [release.revision, self._sha] if release.revision else [self._sha]
        for place, ref in enumerate(refs):
            body = {
                "ref": ref,
                "task": _task(release),
                "environment": platform,
                "description": _description(f"{release.service} {release.short} on {platform}"),
                "payload": {"dreamnet": _marker(release, platform)},
                # What must be green before a release is DeployKeeper's to say, and nothing is merged for it.
                "auto_merge": False,
                "required_contexts": [],
            }
            try:
                return int(self._repository.call("POST", "/deployments", body=body)["id"])
            except RequestError:
                if place == len(refs) - 1:
                    raise
                # The service is released from another repository: its commit is not here.
        raise AssertionError("unreachable")

    def _look(self, release: Release, platform: str) -> int | None:
        """Answer the oldest deployment of ours for this version, None where there is none."""
        wanted = _marker(release, platform)
        found = [int(one["id"]) for one in self._ours(release, platform) if _held(one) == wanted]
        return min(found, default=None)

    def _ours(self, release: Release, platform: str) -> list[Mapping[str, Any]]:
        """Answer our newest deployments of a service on a platform, newest first."""
        parameters = {"task": _task(release), "environment": platform, "per_page": 30}
        listed = self._repository.call("GET", "/deployments", parameters=parameters)
        login = self._repository.login().lower()
        return [one for one in listed if str((one.get("creator") or {}).get("login", "")).lower() == login]

    def _has(self, deployment: int, status: Mapping[str, Any]) -> bool:
        """Say whether the newest status is this one already."""
        newest = self._newest(deployment)
        return (
            newest is not None
            and all(newest[name] == status[name] for name in ("state", "description"))
            and all(newest.get(name, "") == status.get(name, "") for name in ("log_url", "environment_url"))
        )

    def _newest(self, deployment: int) -> Mapping[str, Any] | None:
        listed = self._repository.call(
            "GET", f"/deployments/{deployment}/statuses", parameters={"per_page": 1}
        )
        return listed[0] if listed else None

    def _end_former(self, release: Release, platform: str, deployment: int) -> None:
        """Tell the service's former deployments there that they are no longer what runs."""
        others = [int(one["id"]) for one in self._ours(release, platform) if int(one["id"]) != deployment]
        for other in others[:_FORMER]:
            newest = self._newest(other)
            if newest is not None and newest["state"] == "success":
                text = _description(f"superseded by {release.short}")
                self._say(other, {"state": "inactive", "description": text, "auto_inactive": False})

    def _say(self, deployment: int, status: Mapping[str, Any]) -> None:
        """Add a status, unless it is the newest one already."""
        if self._has(deployment, status):
            return
        path = f"/deployments/{deployment}/statuses"
        self._certain(
            lambda: bool(self._repository.call("POST", path, body=dict(status))),
            lambda: self._has(deployment, status) or None,
        )

    def _certain(self, do: Callable[[], T], look: Callable[[], T | None]) -> T:
        return certain(do, look, clock=self._repository.clock, patience=self._repository.patience)


def _task(release: Release) -> str:
    return f"deploy:{release.service}"


def _marker(release: Release, platform: str) -> dict[str, Any]:
    return {"v": 1, "service": release.service, "platform": platform, "version": release.version}


def _held(deployment: Mapping[str, Any]) -> Any:
    """Answer our part of a deployment's payload, which may be any JSON or a text."""
    payload = deployment.get("payload")
    return payload.get("dreamnet") if isinstance(payload, Mapping) else None


def _description(text: str) -> str:
    return title(text, MOST_DESCRIPTION)[:MOST_DESCRIPTION]
