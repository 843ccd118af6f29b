"""The one comment under each dream's issue that tells its story: found, begun, and added to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

from dreamnet_actions.adapters.github import story
from dreamnet_actions.adapters.github.certain import certain
from dreamnet_actions.adapters.github.issues import Comment, Issue, Issues
from dreamnet_actions.adapters.github.retry import Patience
from dreamnet_actions.ports.system import Clock

T = TypeVar("T")


class Stories:
    """Writes and reads them. Safe for several threads.

    Two runs that begin a story at the same moment make two comments: both are read, as one story.
    """

    def __init__(
        self,
        issues: Issues,
        logins: Callable[[], Collection[str]],
        *,
        clock: Clock,
        patience: Patience,
        home: str = "",
    ) -> None:
        self._issues, self._logins, self._home = issues, logins, home
        self._clock, self._patience = clock, patience
        self._telling = threading.Lock()
        self._sticky: dict[int, int] = {}

    def tell(self, number: int, at: float, lines: Sequence[str], seen: Callable[[], Issue]) -> None:
        """Add lines; one that is there already (a run was cut off and comes again) is not added twice. ``seen``
        answers the issue, whose count of comments is asked for where no comment is known."""
        with self._telling:
            found = self._find(number, seen)
            told = (story.read(found.body) if found is not None else None) or story.Told()
            for line in lines:
                longer = told.and_then(at, line)
                told = told if longer.lines[-1] in told.lines else longer
            text, _ = story.write(told, self._home)
            if found is None:
                made = self._certain(
                    lambda: self._issues.add_comment(number, text), lambda: self._added(number, text)
                )
                self._sticky[number] = made.id
            elif text != found.body:
                self._certain(
                    lambda: self._issues.edit_comment(found.id, text), lambda: self._same(found.id, text)
                )

    def all(self, number: int) -> list[Comment]:
        """Answer the comments that tell a dream's story, oldest first."""
        ours = (one for one in self._issues.comments(number) if one.author.lower() in self._logins())
        return [one for one in ours if story.read(one.body) is not None]

    # ── inside ──────────────────────────────────────────────────────────────────────────────────────────

    def _find(self, number: int, seen: Callable[[], Issue]) -> Comment | None:
        """Answer the comment that holds the story, None where there is none yet. Raises NotFound."""
        if number in self._sticky:
            found = self._issues.comment(self._sticky[number])
            if found is not None and story.read(found.body) is not None:
                return found
            del self._sticky[number]
        stories = self.all(number) if seen().comments else []
        if stories:
            self._sticky[number] = stories[-1].id
            return stories[-1]
        return None

    def _same(self, identifier: int, text: str) -> Comment | None:
        found = self._issues.comment(identifier)
        return found if found is not None and found.body == text else None

    def _added(self, number: int, text: str) -> Comment | None:
        return next((one for one in self.all(number) if one.body == text), None)

    def _certain(self, do: Callable[[], T], look: Callable[[], T | None]) -> T:
        return certain(do, look, clock=self._clock, patience=self._patience)
