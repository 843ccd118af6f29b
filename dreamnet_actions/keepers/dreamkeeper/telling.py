"""Telling of dreams: the lines under them and the facts about them, each once.

A dream is written first, and told of after: a run may be cut off in between. Whoever comes next finds that a fact is
missing, and tells it then (``surely_…``); a line that is there already is not written twice (``DreamStore.comment``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dreamnet_actions.domain.dream import Dream
from dreamnet_actions.domain.health import Report, principal
from dreamnet_actions.domain.remedy import Attempt, attempts
from dreamnet_actions.domain.result import Change
from dreamnet_actions.domain.units import format_duration
from dreamnet_actions.keepers.context import Context
from dreamnet_actions.keepers.dreamkeeper.letters import KEY as LETTERS
from dreamnet_actions.keepers.dreamkeeper.plan import Situation
from dreamnet_actions.ports.stores import DreamStore

HALF_TOLD = 86_400.0
"""Seconds for which a round looks whether the run that resolved a dream was cut off before it had told so."""
SLACK = 1.0
"""Seconds by which a fact may be older than the dream's own time for it."""


@dataclass(frozen=True, kw_only=True)
class Telling:
    """Writes lines and facts of dreams; no method changes a dream."""

    context: Context
    dreams: DreamStore

    def started(self, dream: Dream, because: str) -> None:
        """Write that the dream's remedy was asked for."""
        text = f"{dream.key}: try {dream.remedy}, because {because}"
        self._note(
            "remedy-started", text, dream, remedy=dream.remedy, attempt=dream.attempt, cause=dream.cause
        )

    def ended(self, dream: Dream, *, worked: bool, why: str) -> None:
        """Write into the ledger what the dream's remedy did, once."""
        ledger = self._ledger(dream)
        told = bool(ledger) and len(ledger) >= dream.attempt and ledger[-1].worked is not None
        if dream.remedy is not None and not told:
            self._ended(dream, worked=worked, why=why, seconds=self.context.clock.now() - dream.changed_at)

    def surely_told(self, dream: Dream, one: Situation) -> None:
        """Write that the dream was opened, where the run that opened it was cut off just before that."""
        if self.told(dream):
            return
        if any(at == dream.opened_at for at, _ in self.dreams.comments(dream.number)):
            self._opening(dream, one)  # its line was written, in words that may be lost
        else:
            self._opened(dream, one, "reopened" if dream.flaps else "filed")
        if dream.state == "needs-human":
            self._called(dream)

    def told(self, dream: Dream) -> bool:
        """Say whether the fact that the dream was opened is written."""
        return bool(self.context.journal.read(kinds={"dream-opened"}, dream=dream.correlation_id, limit=1))

    def _called(self, dream: Dream) -> None:
        text = f"{dream.key}: needs a human, because {dream.because}"
        self._note("dream-changed", text, dream, state="needs-human")

    def is_half_asked(self, dream: Dream) -> bool:
        """Say whether the run that asked for the dream's remedy was cut off before it had told so."""
        return len(self._ledger(dream)) < dream.attempt

    def surely_asked(self, dream: Dream) -> None:
        """Write that the dream's remedy was asked for, unless that is told."""
        if self.is_half_asked(dream):
            if dream.state == "healing":
                self._line(dream)
            self.started(dream, dream.because)

    def surely_moved(self, dream: Dream, request: str) -> bool:
        """Say whether the dream is where it is by that request, for which the words are the same; where nothing was
        told of that, the run was cut off, and it is told now."""
        kinds, story = {"dream-changed"}, dream.correlation_id
        told = self.context.journal.read(kinds=kinds, dream=story, since=dream.changed_at, limit=1)
        if not told:
            self._moved(dream, request)
        return not told or told[-1].data.get("request") == request

    def is_half_resolved(self, dream: Dream) -> bool:
        """Say whether the run that resolved a dream lately was cut off before it had told so. Looks into the journal
        only, so that a quiet round may ask."""
        if dream.state != "resolved" or dream.closed_by_hand:
            return False
        at = dream.resolved_at or dream.changed_at
        if self.context.clock.now() - at > HALF_TOLD:
            return False
        kinds = {"dream-resolved"}
        return not self.context.journal.read(
            kinds=kinds, dream=dream.correlation_id, since=at - SLACK, limit=1
        )

    def surely_resolved(self, dream: Dream) -> None:
        """Tell that a dream was resolved, unless that is told: what its remedy did, the line, the fact. The words
        follow from the dream itself, so whoever tells it once more tells the same."""
        if not self.is_half_resolved(dream):
            return
        ledger = self._ledger(dream)
        if ledger and ledger[-1].worked is None and ledger[-1].remedy == dream.remedy:
            self._ended(dream, worked=True, why="", seconds=dream.changed_at - ledger[-1].at)
        at = dream.resolved_at or dream.changed_at
        seconds = at - dream.opened_at
        text = f"{dream.key}: resolved after {format_duration(seconds)}; {dream.because}"
        self.dreams.comment(dream.number, at, text)
        self._note("dream-resolved", text, dream, seconds=round(seconds, 3), remedy=dream.remedy)

    def _opened(self, dream: Dream, one: Situation, how: str, *more: str) -> Change:
        """Tell that a dream was opened: the line first, for by its fact it counts as told."""
        detail = self._seen(dream)
        self.dreams.comment(dream.number, dream.opened_at, f"{how}: {detail}", *more)
        self._opening(dream, one)
        return Change(
            what=f"dream {dream.key}",
            before=None,
            after="open",
            why=detail,
            undo=f"dreamnet wont-fix {dream.key}",
        )

    def _opening(self, dream: Dream, one: Situation) -> None:
        text = f"{dream.key}: {one.health} ({self._seen(dream)})"
        self._note("dream-opened", text, dream, cause=dream.cause, health=one.health)

    def _seen(self, dream: Dream) -> str:
        failed = principal(dream.evidence)
        return shown(failed, dream) if failed else dream.because

    def _moved(self, dream: Dream, request: str) -> None:
        self._line(dream)
        text = f"{dream.key}: {dream.state}, because {dream.because}"
        self._note(
            "dream-changed", text, dream, state=dream.state, **({"request": request} if request else {})
        )

    def _line(self, dream: Dream) -> None:
        """Tell in the dream's story where it stands; the same line twice is one."""
        self.dreams.comment(dream.number, dream.changed_at, f"{dream.state}: {dream.because}")

    def _ended(self, dream: Dream, *, worked: bool, why: str, seconds: float) -> None:
        seconds = round(seconds, 3)
        how = f"worked in {format_duration(seconds)}" if worked else f"did not work: {why}"
        self._note(
            "remedy-ended",
            f"{dream.key}: {dream.remedy} {how}",
            dream,
            remedy=dream.remedy,
            attempt=dream.attempt,
            cause=dream.cause,
            worked=worked,
            seconds=seconds,
        )

    def _ledger(self, dream: Dream) -> Sequence[Attempt]:
        """Answer the remedies that were tried in a dream's story, the present one last."""
        kinds = {"remedy-started", "remedy-ended"}
        facts = self.context.journal.read(
            kinds=kinds, dream=dream.correlation_id, since=dream.opened_at - SLACK
        )
        return attempts(facts)

    def _note(self, kind: str, text: str, dream: Dream, **data: object) -> None:
        self.context.note(
            kind,
            text,
            service=dream.key,
            dream=dream.correlation_id,
            correlation_id=dream.correlation_id,
            data=data,
        )


def shown(report: Report, dream: Dream) -> str:
    """Answer a report's detail as comments and facts say it: of all dead messages only how many there are."""
    return report.detail.partition("\n")[0] if dream.key == LETTERS else report.detail
