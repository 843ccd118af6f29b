"""What runs may not have that strangers or Dependabot started: secrets, and a token that writes. Pure.

https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows#workflows-in-forked-repositories
and https://docs.github.com/en/code-security/dependabot/troubleshooting-dependabot/troubleshooting-dependabot-on-github-actions
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dreamnet_actions.testing.github.hosting import Event

ROBOT = "dependabot[bot]"


def is_stranger(event: Event) -> bool:
    """Say whether a run is for a pull request from another repository."""
    if event.name != "pull_request":
        return False
    pull: Mapping[str, Any] = event.payload.get("pull_request") or {}
    return bool((pull.get("head") or {}).get("repo", {}).get("full_name") != event.repository)


def has_secrets(event: Event) -> bool:
    """Say whether a run has the repository's secrets."""
    return not (is_stranger(event) or (event.name == "pull_request" and event.actor == ROBOT))


def granted(event: Event, permissions: Mapping[str, str]) -> dict[str, str]:
    """Answer what a job's token may do of what its workflow asks for: a stranger's only reads. Dependabot's may do what
    the workflow names."""
    if not is_stranger(event):
        return dict(permissions)
    return {name: "read" for name, level in permissions.items() if level != "none" and name != "id-token"}
