"""Notices of maintenance as issues: open, with the label ``maintenance``, by somebody who may write here."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import ClassVar
from urllib.parse import quote

from dreamnet_actions.adapters.github.client import GitHubRepository
from dreamnet_actions.adapters.github.issues import Issues
from dreamnet_actions.domain.maintenance import Notice
from dreamnet_actions.errors import NotFound
from dreamnet_actions.ports.notices import Notices

LABEL = "maintenance"


class GitHubNotices(Notices):
    """Reads the issues of one repository: one request, and one for each author. Needs ``issues: read``.

    Anybody may open an issue in a public repository, and a template may label it: the author's permission decides.
    """

    WRITES: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, repository: GitHubRepository) -> None:
        self._repository, self._issues = repository, Issues(repository)
        self._may_write = functools.cache(self._ask)

    def ever(self) -> bool:
        return bool(self._issues.page(1, labels=[LABEL], state="all", size=1))

    def standing(self) -> Sequence[Notice]:
        found = self._issues.page(1, labels=[LABEL], state="open")
        return [
            Notice(where=f"#{one.number}", at=one.created_at, text=one.body)
            for one in sorted(found, key=lambda one: one.number)
            if one.open and not one.elsewhere and one.author and self._may_write(one.author)
        ]

    def _ask(self, login: str) -> bool:
        """Ask for somebody's permission. GitHub answers the basic one, in which ``maintain`` is ``write``
        (https://docs.github.com/en/rest/collaborators/collaborators#get-repository-permissions-for-a-user)."""
        try:
            data = self._repository.call("GET", f"/collaborators/{quote(login, safe='')}/permission")
        except NotFound:
            return False
        return data["permission"] in ("admin", "write")
