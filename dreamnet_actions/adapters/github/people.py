"""What somebody may do in a repository, asked from GitHub at this moment."""

from __future__ import annotations

from urllib.parse import quote

from dreamnet_actions.adapters.github.client import GitHubRepository
from dreamnet_actions.domain.command import PERMISSIONS, Permission
from dreamnet_actions.errors import NotFound


def permission_of(repository: GitHubRepository, login: str) -> Permission:
    """Ask for somebody's permission; ``none`` for a login that GitHub does not know, or that is none.

    GitHub answers the basic one, in which a maintainer writes and a triager reads
    (https://docs.github.com/en/rest/collaborators/collaborators#get-repository-permissions-for-a-user). Every token
    may ask (``metadata: read``).
    """
    if not login.strip("."):
        return "none"  # no name, or one that would make another address of it
    try:
        found = repository.call("GET", f"/collaborators/{quote(login, safe='')}/permission")
    except NotFound:
        return "none"
    return next((one for one in PERMISSIONS if one == found.get("permission")), "none")
