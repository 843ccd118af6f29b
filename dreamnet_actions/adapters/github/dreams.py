"""Dreams as issues: one each, whatever runs at the same time (the port ``DreamStore``).

What makes it one: create, then reread the issues around it (GitHub's lists lag), and the lowest number of the key that
has not ended wins; whoever made another one closes it at once. No lock is needed for that, only for less work.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, TypeVar

from dreamnet_actions.adapters.github import body, story
from dreamnet_actions.adapters.github.certain import certain
from dreamnet_actions.adapters.github.client import GitHubRepository
from dreamnet_actions.adapters.github.issues import NEWEST, Issue, Issues
from dreamnet_actions.adapters.github.labels import Labels
from dreamnet_actions.adapters.github.listing import Entry, Listing, entry
from dreamnet_actions.adapters.github.stories import Stories
from dreamnet_actions.domain.briefing import Links
from dreamnet_actions.domain.dream import ENDED, Dream, DreamState, may_become
from dreamnet_actions.errors import Conflict, NotFound, RequestError, TemporaryError
from dreamnet_actions.ports.stores import DreamStore

T = TypeVar("T")

FRESH_FOR = 10.0
"""Seconds for which ``find`` and ``search`` take the lists that they read for true. ``get`` is always fresh."""
CLOSED_PAGES = 5
"""How many pages of closed issues (100 each) ``find`` and ``search`` look through."""
_FEW = 3
"""How many numbers are asked for one by one rather than by a list."""
_MISSES = 3
"""After how many numbers that do not exist the newest issue is taken to be found."""


class GitHubDreamStore(DreamStore):
    """Keeps dreams as issues of one repository. Needs ``issues: write``.

    ``logins`` are further accounts whose issues are ours (the one that the token writes as always is one).
    ``assignees`` are who is assigned when a dream needs a human; ``run_url`` is the page of this run. Safe for several
    threads.
    """

    def __init__(
        self,
        repository: GitHubRepository,
        *,
        fresh_for: float = FRESH_FOR,
        closed_pages: int = CLOSED_PAGES,
        assignees: Sequence[str] = (),
        logins: Collection[str] = (),
        run_url: str = "",
    ) -> None:
        self._repository, self._issues = repository, Issues(repository)
        self._assignees, self._more_logins = tuple(assignees), frozenset(logins)
        self._listing = Listing(
            self._issues, repository.clock, self._logins, fresh_for=fresh_for, pages=closed_pages
        )
        self._stories = Stories(
            self._issues,
            self._logins,
            clock=repository.clock,
            patience=repository.patience,
            home=repository.url,
        )
        self._labels = Labels(self._issues)
        self._links = Links(home=repository.url, run=run_url)
        self._seen: dict[int, Issue] = {}

    # ── reading ─────────────────────────────────────────────────────────────────────────────────────────

    def get(self, number: int) -> Dream:
        return self._entry(number).dream

    def find(self, key: str) -> Dream | None:
        living = self._living(key)
        if living:
            return living[0].dream
        return next((one.dream for one in self._listing.ended() if one.dream.key == key), None)

    def search(
        self, *, states: Collection[DreamState] = (), key: str | None = None, limit: int = 1000
    ) -> Sequence[Dream]:
        wanted = frozenset(states)

        def fitting() -> Iterator[Dream]:
            for one in self._all(wanted):
                if (not wanted or one.dream.state in wanted) and (key is None or one.dream.key == key):
                    yield one.dream

        return list(islice(fitting(), max(0, limit)))

    # ── writing ─────────────────────────────────────────────────────────────────────────────────────────

    def open(self, dream: Dream) -> Dream:
        rivals = self._living(dream.key, fresh=True)
        former = self._first(rivals)
        if former is not None:
            self._close_others(former, rivals)
            return former.dream
        own, doubtful = self._create(dream)
        rivals = self._around(dream.key, own.dream.number)
        rivals += self._former_again(dream.key, own.dream.number)
        first = self._first([one for one in rivals if one.dream.number < own.dream.number])
        # Of those that a failed create left one may be ours, and nobody else knows of it.
        self._close_others(first or own, [own, *doubtful])
        return (first or own).dream

    def update(self, dream: Dream) -> Dream:
        before = self._entry(dream.number)
        self._check(before, dream)
        if dream == before.dream == replace(before.stored.dream, number=dream.number):
            return dream
        written = self._write(before, self._next(before, dream))
        rivals = [one for one in self._listing.known() if self._same_key(one, written)]
        if before.dream.ended and not dream.ended and self._former_again(dream.key, dream.number):
            # Somebody opened an older one at the same moment: this one goes back to where it was.
            self._write(written, replace(before.stored, revision=written.stored.revision + 1))
            raise Conflict(f"Dream {dream.number} cannot be open while another of its key is: it")
        if not dream.ended:
            self._close_others(written, rivals)
        return written.dream

    def comment(self, number: int, at: float, *lines: str) -> None:
        # What was written a moment ago is known: whether it is ours, and whether anybody told anything yet.
        self._stories.tell(
            number, at, lines, lambda: self._listing.written(number) or self._entry(number).issue
        )

    def comments(self, number: int) -> Sequence[tuple[float, str]]:
        found = self._entry(number)
        told = [story.read(one.body) for one in self._stories.all(number)] if found.issue.comments else []
        lines = [line for one in told if one is not None for line in one.lines]
        return sorted(lines, key=lambda line: line[0]) if len(told) > 1 else lines

    def ensure_labels(self) -> Collection[str]:
        """Make what is missing of our labels, once; answers those that were made."""
        return self._labels.ensure(body.labels())

    # ── whose ───────────────────────────────────────────────────────────────────────────────────────────

    def _logins(self) -> Collection[str]:
        return {one.lower() for one in (self._repository.login(), *self._more_logins)}

    def _entry(self, number: int) -> Entry:
        """Answer the dream's issue as it is now. Raises NotFound, also for an issue that is not ours."""
        issue = self._issues.get(number) if number > 0 else None
        found = entry(issue, self._logins()) if issue is not None else None
        if found is None:
            raise NotFound("dream", str(number))
        return found

    def _all(self, wanted: Collection[str]) -> Iterator[Entry]:
        """Yield dreams newest first, and read no list in which none of the wanted states can be."""
        living: list[Entry] = []
        if not wanted or not ENDED.issuperset(wanted):
            every = self._listing.living()
            lowest = {one.dream.key: one.dream.number for one in every}  # newest first: the last one stays
            living = [one for one in every if lowest[one.dream.key] == one.dream.number]
        ended = self._listing.ended() if not wanted or ENDED.intersection(wanted) else iter(())
        for one in ended:
            while living and living[0].dream.number > one.dream.number:
                yield living.pop(0)
            yield one
        yield from living

    def _living(self, key: str, *, fresh: bool = False) -> list[Entry]:
        """Answer what has not ended of a key, the one that counts first."""
        found = [one for one in self._listing.living(fresh=fresh) if one.dream.key == key]
        return sorted(found, key=lambda one: one.dream.number)

    # ── one of many ─────────────────────────────────────────────────────────────────────────────────────

    def _create(self, dream: Dream) -> tuple[Entry, list[Entry]]:
        """Make the issue. A create that seems to have failed is looked for before it is tried once more; what was found
        then is answered, too: it may be ours or somebody else's."""
        doubtful: list[Entry] = []

        def look() -> Issue | None:
            doubtful[:] = self._around(dream.key, None)
            return doubtful[0].issue if doubtful else None

        text, _ = body.body_of(body.Stored(dream=dream, revision=1), self._links)
        assignees = self._assignees if dream.state == "needs-human" else ()
        issue = self._certain(
            lambda: self._issues.create(
                title=body.title_of(dream),
                body=text,
                labels=body.labels_of(dream),
                assignees=assignees,
            ),
            look,
        )
        issue = self._labels.on(issue, [body.LABEL, body.state_label(dream.state)])
        if dream.ended:
            issue = self._issues.edit(issue.number, _page_state(dream))
        self._listing.wrote(issue)
        self._seen[issue.number] = issue
        found = entry(issue, self._logins())
        if found is None:
            raise RequestError(
                f"The token writes as {issue.author!r}, and dreams are looked for by {self._repository.login()!r}.",
                hint="Tell the login of the token, so that DreamNet knows its own issues again.",
            )
        return found, doubtful

    def _around(self, key: str, number: int | None) -> list[Entry]:
        """Answer what has not ended of a key among the newest issues, lowest number first.

        The list comes first and may lag; numbers below ``number`` (of an issue just made) that it does not show are
        asked for one by one, and where that is not known, those above all that it shows. What was seen around an
        earlier issue of this run need not be seen again.
        """
        numbers = range(number - 1, max(0, number - NEWEST), -1) if number is not None else range(0)
        shown = {one: self._seen[one] for one in numbers if one in self._seen}
        if number is None or len(numbers) - len(shown) > _FEW:
            shown |= {issue.number: issue for issue in self._issues.page(1, size=NEWEST)}
        top = max(shown, default=0)
        misses = 0
        for one in numbers if number is not None else range(top + 1, top + NEWEST):
            if one in shown:
                continue
            issue = self._issues.get(one)
            if issue is not None:
                shown[one] = issue
            elif number is None and (misses := misses + 1) >= _MISSES:
                break
        self._seen = {one: issue for one, issue in {**self._seen, **shown}.items() if one > top - NEWEST}
        entries = [entry(issue, self._logins()) for issue in shown.values() if issue.open]
        found = [one for one in entries if one is not None and one.dream.key == key]
        return sorted(found, key=lambda one: one.dream.number)

    def _former_again(self, key: str, number: int) -> list[Entry]:
        """Answer what had ended of a key, is older than ``number``, and has just been opened again by somebody else.

        Asked for one by one: what counts is how they are now, and lists lag. Who files a new one and who opens a former
        one again both ask after their own write. One that was filed, and asked, between the other's last look and its
        write is not seen by either: the next write to the dream closes it.
        """
        ended = self._listing.ended(
            pages=1
        )  # beyond it, a hundred have ended since: nobody opens that one again
        former = (one for one in ended if one.dream.key == key and one.dream.number < number)
        found = [self._first([one]) for one in islice(former, _FEW)]
        return sorted(filter(None, found), key=lambda one: one.dream.number)

    def _first(self, rivals: Sequence[Entry]) -> Entry | None:
        """Answer the one of a key that counts, as it is now: what lists show may be over."""
        for one in rivals:
            issue = self._issues.get(one.dream.number)
            found = entry(issue, self._logins()) if issue is not None and issue.open else None
            if found is not None and self._same_key(found, one):
                return found
        return None

    def _close_others(self, first: Entry, rivals: Sequence[Entry]) -> None:
        """Close what was filed for the same key after ``first``. What cannot be closed now is at the next write."""
        for number in sorted({one.dream.number for one in rivals if one.dream.number > first.dream.number}):
            with contextlib.suppress(TemporaryError, NotFound):
                other = self._entry(number)
                if other.issue.open and self._same_key(other, first):
                    self._close_duplicate(other, first.dream.number)

    def _close_duplicate(self, other: Entry, of: int) -> None:
        stored = replace(other.stored, revision=other.stored.revision + 1, duplicate_of=of)
        text, _ = body.body_of(stored, self._links)
        changes = {
            "state": "closed",
            "state_reason": "not_planned",
            "labels": [*_others(other.issue.labels), body.LABEL, body.DUPLICATE],
            "body": text,
        }
        self._listing.wrote(self._edit(other.issue.number, changes))

    @staticmethod
    def _same_key(one: Entry, other: Entry) -> bool:
        return one.dream.key == other.dream.key

    # ── one issue ───────────────────────────────────────────────────────────────────────────────────────

    def _check(self, before: Entry, dream: Dream) -> None:
        """Raise Conflict where the dream may not become so.

        Only the newest of a key is opened again: of two that are opened at the same moment, one is not it.
        """
        number, stored = dream.number, before.dream
        if not may_become(stored, dream):
            raise Conflict(f"Dream {number} is {stored.state!r} and cannot become {dream.state!r}: it")
        if dream.ended or (not stored.ended and stored.key == dream.key):
            return
        # The closed ones first: one that is opened meanwhile is then seen in one list or the other.
        newer = [
            one
            for one in self._listing.ended(fresh=True)
            if one.dream.key == dream.key and one.dream.number > number
        ]
        living = self._first(
            [one for one in self._living(dream.key, fresh=True) if one.dream.number != number]
        )
        if living is not None or newer:
            other = (living or newer[0]).dream
            raise Conflict(
                f"Dream {number} cannot be open while dream {other.number} of its key is there: it"
            )

    def _write(self, before: Entry, stored: body.Stored) -> Entry:
        """Put the dream on its issue, all of it in one request."""
        issue, dream = before.issue, stored.dream
        text, stored = body.body_of(stored, self._links)
        changes: dict[str, Any] = {"body": text}
        if issue.title == body.title_of(before.stored.dream) != body.title_of(dream):
            changes["title"] = body.title_of(dream)  # unless a person gave it a better one
        labels = [*_others(issue.labels), *body.labels_of(dream)]
        if set(labels) != set(issue.labels):
            changes["labels"] = labels
        if issue.open == dream.ended or dream.ended:
            changes |= _page_state(dream)
        if dream.state == "needs-human" != before.dream.state and self._assignees:
            changes["assignees"] = sorted({*issue.assignees, *self._assignees})
        try:
            written = self._edit(issue.number, changes)
        except RequestError:
            if "assignees" not in changes:
                raise
            # Somebody who cannot be assigned must not keep the dream from being told.
            written = self._edit(issue.number, {k: v for k, v in changes.items() if k != "assignees"})
        written = self._labels.on(written, [body.LABEL, body.state_label(dream.state)])
        self._listing.wrote(written)
        return Entry(issue=written, stored=stored, dream=replace(stored.dream, number=issue.number))

    @staticmethod
    def _next(before: Entry, dream: Dream) -> body.Stored:
        """Answer what the issue holds next; that its evidence was cut stays known while that is the same."""
        same = dream.evidence == before.stored.dream.evidence
        return body.Stored(
            dream=dream,
            revision=before.stored.revision + 1,
            cut=before.stored.cut if same else "",
        )

    def _edit(self, number: int, changes: dict[str, Any]) -> Issue:
        def look() -> Issue | None:
            found = self._issues.get(number)
            return found if found is not None and found.body == changes["body"] else None

        try:
            return self._certain(lambda: self._issues.edit(number, changes), look)
        except NotFound as error:
            raise NotFound("dream", str(number)) from error

    def _certain(self, do: Callable[[], T], look: Callable[[], T | None]) -> T:
        return certain(do, look, clock=self._repository.clock, patience=self._repository.patience)


def _others(labels: Sequence[str]) -> list[str]:
    """Answer a person's own labels."""
    return [one for one in labels if one not in body.labels()]


def _page_state(dream: Dream) -> dict[str, str]:
    """Answer the issue's own state for the dream's."""
    if not dream.ended:
        return {"state": "open"}
    return {"state": "closed", "state_reason": "completed" if dream.state == "resolved" else "not_planned"}
