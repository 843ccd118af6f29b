"""Acting on what was decided: one dream at a time, on the dream as it stands once nobody else holds it."""

from __future__ import annotations

from dataclasses import dataclass

from dreamnet_actions.domain.dream import Dream
from dreamnet_actions.keepers.context import Context
from dreamnet_actions.keepers.dreamkeeper.book import DreamBook
from dreamnet_actions.keepers.dreamkeeper.gather import Gather, living
from dreamnet_actions.keepers.dreamkeeper.plan import Decision, Situation, next_remedy
from dreamnet_actions.keepers.dreamkeeper.story import Story
from dreamnet_actions.ports.stores import DreamStore

HOLD = 300.0
"""Seconds for which a run may hold one dream, beside the time that it waits; a dead run's hold is free at once."""
IDLE = frozenset(
    {
        "nothing",
        "unknown",
        "suspected",
        "maintenance",
        "rolling-out",
        "held",
        "left-alone",
        "recovering",
        "gathered",
    }
)
"""Decisions that change no dream."""


@dataclass(frozen=True, kw_only=True)
class Acting:
    """Carries decisions out."""

    context: Context
    dreams: DreamStore

    @property
    def book(self) -> DreamBook:
        """The book that dreams are written in."""
        return DreamBook(context=self.context, dreams=self.dreams)

    @property
    def gather(self) -> Gather:
        """What is remembered."""
        return Gather(context=self.context, dreams=self.dreams)

    def carry_out(self, one: Situation, decision: Decision, story: Story, raging: str | None) -> None:
        """Do what was decided. The caller holds the dream."""
        book, kind = self.book, decision.kind
        found = self.dreams.find(one.key)
        if found is not None:
            found = self.dreams.get(found.number)  # a store may find in a list that it read a moment ago
        if stamp(found) != stamp(one.dream):
            return  # somebody acted on it while we looked; the next round sees it as it is now
        if found is not None:
            book.surely_resolved(found)
        if kind == "resolve" and found is not None:
            dream, change = book.resolve(found, decision.because)
            story.changed(dream, change)
        elif kind in ("open", "reopen"):
            self._file(one, decision, story, raging)
        elif kind == "heal" and found is not None:
            book.surely_told(found, one)
            self.next(one, found, story, raging)
        elif kind == "under-way" and found is not None:
            self._ask_again(one, found, story)
        elif kind == "overdue" and found is not None:
            book.ended(found, worked=False, why=decision.because)
            self.next(self.gather.again(one), found, story, raging)
        elif kind == "left-alone" and found is not None:
            book.surely_told(found, one)
        elif kind == "unapproved" and found is not None:
            dream, change = book.unapproved(found, decision.because)
            story.changed(dream, change)

    def _file(self, one: Situation, decision: Decision, story: Story, raging: str | None) -> None:
        """File a dream and do the first thing about it, in one write."""
        choice = next_remedy(one, None, raging)
        dream, change, message, ours = self.book.file_with(one, decision, choice)
        story.changed(dream, change, message)
        if not ours:
            self.next(one, dream, story, raging)

    def untold(self, one: Situation) -> bool:
        """Say whether the run that filed the dream, which waits for a person since, was cut off before it wrote so."""
        waits = one.dream is not None and one.dream.state == "needs-human"
        return waits and one.bad and not self.book.told(one.dream)  # type: ignore[arg-type]

    def is_left_to_do(self, one: Situation, decision: Decision) -> bool:
        """Say whether a decision brings anything to be done."""
        half_told = one.dream is not None and self.book.is_half_resolved(one.dream)
        return decision.kind not in IDLE or half_told or self.untold(one)

    def next(self, one: Situation, dream: Dream, story: Story, raging: str | None = None) -> None:
        """Ask for the next remedy, wait for a cool-down, or ask for a human."""
        book = self.book
        if dream.state == "snoozed":
            dream, change = book.move(dream, "open", "its snooze is over")
            story.changed(dream, change)
        dream = book.refresh(dream, one)
        choice = next_remedy(one, dream, raging)
        if choice.remedy is not None and choice.asks:
            dream, change = book.wants_approval(dream, choice, one)
            story.changed(dream, change)
        elif choice.remedy is not None:
            dream, change, message = book.ask(dream, choice, one)
            story.changed(dream, change, message)
        elif choice.wait is not None:
            dream = book.wait(dream, choice)
            story.touched(dream)
        else:
            dream, change = book.needs_human(dream, choice.because)
            story.changed(dream, change)

    def _ask_again(self, one: Situation, dream: Dream, story: Story) -> None:
        """Send the message of the remedy under way again: the same one, so that it is in effect once even if
        the run that should have sent it was cut off just before."""
        self.book.surely_told(dream, one)
        self.book.surely_asked(dream)
        story.says(self.book.message(dream))
        story.touched(dream)

    def down(self, service: str) -> bool:
        """Say whether a service has a dream that it is down."""
        found = living(self.dreams, self.context.key(service))
        return found is not None and found.health == "failing"


def stamp(dream: Dream | None) -> tuple[object, ...] | None:
    """What must not have changed between looking at a dream and acting on it."""
    return (dream.number, dream.state, dream.changed_at, dream.attempt, dream.flaps) if dream else None
