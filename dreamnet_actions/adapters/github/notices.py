"""Notices of maintenance as issues: open, with the label ``maintenance``, by somebody who may write here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from dreamnet_actions.adapters.github.client import GitHubRepository
from dreamnet_actions.adapters.github.issues import Issues
from dreamnet_actions.adapters.github.people import permission_of
from dreamnet_actions.domain.command import allows
from dreamnet_actions.domain.maintenance import Notice
from dreamnet_actions.ports.notices import Notices

LABEL = "maintenance"


class GitHubNotices(Notices):
    """Reads the issues of one repository: one request, and one for each author. Needs ``issues: read``.

    Anybody may open an issue in a public repository, and a template may label it: the author's permission decides.
    """

    WRITES: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, repository: GitHubRepository) -> None:
        self._repository, self._issues = repository, Issues(repository)

    def ever(self) -> bool:
        return bool(self._issues.page(1, labels=[LABEL], state="all", size=1))

    def standing(self) -> Sequence[Notice]:
        listed = self._issues.page(1, labels=[LABEL], state="open")
        found = sorted((one for one in listed if one.open and not one.elsewhere), key=lambda one: one.number)
        # Anew each time: a process lives long, and what somebody may do changes.
        may_write = {
            login: allows(permission_of(self._repository, login), "write")
            for login in dict.fromkeys(one.author for one in found)
        }
        return [
            Notice(where=f"#{one.number}", at=one.created_at, text=one.body)
            for one in found
            if may_write[one.author]
        ]
