"""Our labels: there when an issue needs them, in our colours, and for that hardly ever a request."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Collection, Mapping, Sequence

from dreamnet_actions.adapters.github import body
from dreamnet_actions.adapters.github.issues import Issue, Issues
from dreamnet_actions.errors import DreamNetError


class Labels:
    """Looks after them. Safe for several threads.

    GitHub makes a label that an issue is given and that there is not, without a description and in its own grey; so
    nothing is asked before an issue is written, and its answer tells what is missing still.
    """

    def __init__(self, issues: Issues) -> None:
        self._issues = issues
        self._guard = threading.Lock()
        self._known: set[str] = set()

    def ensure(self, labels: Mapping[str, tuple[str, str]]) -> Collection[str]:
        """Make what is missing of ``labels`` (colour and description by name), once; answers those that were made."""
        with self._guard:
            missing = {name: value for name, value in labels.items() if name not in self._known}
            made = self._issues.ensure_labels(missing) if missing else ()
            self._known |= set(missing)
            return made

    def on(self, issue: Issue, wanted: Sequence[str]) -> Issue:
        """Answer the issue with the labels that it was written with, whatever was there before."""
        lost = [name for name in wanted if name not in issue.labels]
        if lost:  # this GitHub makes no label by itself
            self.ensure(body.labels())
            return self._issues.edit(issue.number, {"labels": [*issue.labels, *lost]})
        for name in issue.bare:
            self._dress(name)
        return issue

    def _dress(self, name: str) -> None:
        with self._guard:
            ours = body.labels().get(name)
            if ours is None or name in self._known:
                return
            self._known.add(name)
        # How it looks is no reason to fail: the dream is filed.
        with contextlib.suppress(DreamNetError):
            self._issues.dress_label(name, *ours)
