"""The dreams among a repository's issues: whose they are, what they hold now, and lists that may lag made whole.

Reads only. What this adapter wrote itself counts, even where GitHub's lists do not show it yet.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace

from dreamnet_actions.adapters.github import body
from dreamnet_actions.adapters.github.issues import Issue, Issues
from dreamnet_actions.domain.dream import CLOSED_BY_HAND, Dream
from dreamnet_actions.ports.system import Clock

LAG = 120.0
"""Seconds for which a list may miss what this adapter wrote; seconds were seen (max-sixty/tend#163, #744, #836)."""
_PAGE = 100


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One issue of ours and what it holds. ``stored`` is as we wrote it, ``dream`` as it stands: what a person did on
    the issue's page (closed it, opened it again) counts."""

    issue: Issue
    stored: body.Stored
    dream: Dream


def entry(issue: Issue, logins: Collection[str]) -> Entry | None:
    """Read an issue; None unless we wrote it and it counts. A marker, label or title that somebody else wrote is
    nothing to us: the author decides."""
    if issue.elsewhere or issue.author.lower() not in logins:
        return None
    stored = body.read(issue.body)
    if stored is None or stored.duplicate_of is not None:
        return None
    return Entry(issue=issue, stored=stored, dream=_as_it_stands(issue, stored.dream))


def _as_it_stands(issue: Issue, dream: Dream) -> Dream:
    """Let the page's own state win over the hidden one: only a person can have made them differ, for we write both
    in one request."""
    dream = replace(dream, number=issue.number)
    if issue.open and dream.ended:
        return replace(
            dream,
            state="open",
            opened_at=issue.updated_at,
            changed_at=issue.updated_at,
            resolved_at=None,
            remedy=None,
            attempt=0,
            flaps=dream.flaps + 1,
            because="a person opened the issue again",
        )
    if issue.open:
        return dream
    state = "wont-fix" if issue.reason in ("not_planned", "duplicate") else "resolved"
    if dream.state == state:
        return dream
    at = issue.closed_at or issue.updated_at
    who = f" ({issue.closed_by})" if issue.closed_by else ""
    how = "not planned" if state == "wont-fix" else "completed"
    return replace(
        dream,
        state="wont-fix" if state == "wont-fix" else "resolved",
        changed_at=at,
        resolved_at=at if state == "resolved" else None,
        until=None,
        because=f"{CLOSED_BY_HAND} as {how}{who}",
    )


class Listing:
    """Lists dreams: those that have not ended whole, the others page by page, newest first.

    ``fresh_for`` are the seconds for which a page that was read is taken for true, ``pages`` how many pages of ended
    ones (100 each) are looked through at most. Safe for several threads.
    """

    def __init__(
        self,
        issues: Issues,
        clock: Clock,
        logins: Callable[[], Collection[str]],
        *,
        fresh_for: float,
        pages: int,
    ) -> None:
        self._issues, self._clock, self._logins = issues, clock, logins
        self._fresh_for, self._most = fresh_for, pages
        self._guard = threading.Lock()
        self._pages: dict[tuple[str, int], tuple[float, list[Issue]]] = {}
        self._own: dict[int, tuple[float, Issue]] = {}

    def wrote(self, issue: Issue) -> None:
        """Remember what we just wrote."""
        with self._guard:
            self._own[issue.number] = (self._clock.monotonic(), issue)

    def written(self, number: int) -> Issue | None:
        """Answer an issue as we wrote it in the last ``fresh_for`` seconds, else None."""
        since = self._clock.monotonic() - self._fresh_for
        with self._guard:
            at, issue = self._own.get(number, (0.0, None))
        return issue if issue is not None and at > since else None

    def living(self, *, fresh: bool = False) -> list[Entry]:
        """Answer the dreams that have not ended, newest first, duplicates of a key included; ``fresh``: asked now."""
        shown: dict[int, Issue] = {}
        for page in range(1, 1000):
            listed = self._page("open", page, fresh=fresh)
            shown |= {issue.number: issue for issue in listed}
            if len(listed) < _PAGE:
                break
        for number, own in self._recent().items():
            if number not in shown or _older(shown[number], own):
                shown[number] = own
        entries = (entry(issue, self._logins()) for issue in shown.values() if issue.open)
        return sorted(filter(None, entries), key=lambda one: -one.dream.number)

    def known(self) -> list[Entry]:
        """Answer what ``living`` last answered, as far as it is still at hand; asks nobody."""
        with self._guard:
            pages = [issues for (state, _), (_, issues) in self._pages.items() if state == "open"]
            own = {number: issue for number, (_, issue) in self._own.items()}
        shown = {issue.number: issue for issues in pages for issue in issues} | own
        entries = (entry(issue, self._logins()) for issue in shown.values() if issue.open)
        return list(filter(None, entries))

    def ended(self, *, fresh: bool = False, pages: int | None = None) -> Iterator[Entry]:
        """Yield the dreams that have ended, newest first; reads a page only when it comes to it.

        ``pages``: at most so many are looked through.
        """
        own = self._recent()
        waiting = sorted((issue for issue in own.values() if not issue.open), key=lambda one: -one.number)
        seen: set[int] = set()
        for issue in self._closed(fresh, pages or self._most):
            while waiting and waiting[0].number >= issue.number:
                yield from self._once(waiting.pop(0), seen)
            mine = own.get(issue.number)
            yield from self._once(mine if mine is not None and _older(issue, mine) else issue, seen)
        for issue in waiting:
            yield from self._once(issue, seen)

    # ── inside ──────────────────────────────────────────────────────────────────────────────────────────

    def _closed(self, fresh: bool, most: int) -> Iterator[Issue]:
        for page in range(1, most + 1):
            listed = self._page("closed", page, fresh=fresh)
            yield from listed
            if len(listed) < _PAGE:
                return

    def _once(self, issue: Issue, seen: set[int]) -> Iterator[Entry]:
        if issue.number in seen or issue.open:
            return
        seen.add(issue.number)
        found = entry(issue, self._logins())
        if found is not None:
            yield found

    def _page(self, state: str, page: int, *, fresh: bool) -> list[Issue]:
        now = self._clock.monotonic()
        with self._guard:
            at, listed = self._pages.get((state, page), (now, None))
        if listed is not None and not fresh and now - at < self._fresh_for:
            return listed
        listed = self._issues.page(page, labels=[body.LABEL], state=state, size=_PAGE)
        with self._guard:
            self._pages[state, page] = (now, listed)
        return listed

    def _recent(self) -> dict[int, Issue]:
        """Answer what we wrote while lists may still miss it."""
        since = self._clock.monotonic() - max(LAG, self._fresh_for)
        with self._guard:
            self._own = {number: (at, issue) for number, (at, issue) in self._own.items() if at >= since}
            return {number: issue for number, (_, issue) in self._own.items()}


def _older(shown: Issue, own: Issue) -> bool:
    """Say whether a list shows an issue as it was before we wrote it. Our own count decides: GitHub's times are in
    whole seconds, and a person's edit leaves the count as it is."""
    before, after = body.read(shown.body), body.read(own.body)
    return before is not None and after is not None and before.revision < after.revision
