"""Calling for people: each time that a dream begins to wait for one, every place that is configured is told, once.

The dream itself is what is to be told (the outbox): as long as it waits, what was not told yet is. What was told stands
in the journal. A run that is cut off in between tells again, with the same id. Nothing here fails a run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from dreamnet_actions.domain.alert import alert_of, episode
from dreamnet_actions.domain.dream import Dream
from dreamnet_actions.domain.health import Status
from dreamnet_actions.errors import DreamNetError, Leased, Paused
from dreamnet_actions.keepers.context import Context
from dreamnet_actions.ports.notifier import Notifier
from dreamnet_actions.ports.stores import DreamStore

STATE = "notice/"
"""How the keys of shared state begin that say what was told of a dream; its key follows."""
MOST = 20
"""Dreams that are told of in one run; the others are in the next."""
HOLD = 60.0
"""Seconds for which a run may hold one dream's telling."""
AGAIN, LONGEST = 60.0, 3600.0
"""Seconds until a place that could not be told is tried again: twice as long each time, up to the second figure."""
_TRIES = 2
"""Tries after which a place that could not be told is a fault of this system."""


def _nowhere(_number: int) -> str:
    return ""


@dataclass(frozen=True, kw_only=True)
class Calling:
    """Tells the places; ``page`` answers a dream's address by its number."""

    context: Context
    dreams: DreamStore
    notifiers: Mapping[str, Notifier] = field(default_factory=dict)
    page: Callable[[int], str] = _nowhere

    def call(self) -> None:
        """Tell what is not told yet. Raises nothing of ours: what went wrong is kept, said, and tried again."""
        if not self.notifiers:
            return
        try:
            waiting = {one.key: one for one in self.dreams.search(states={"needs-human"})}
            for dream in list(waiting.values())[:MOST]:
                self._tell(dream)
            self._forget(waiting)
        except DreamNetError as error:
            self.context.reporter.say(f"Nobody could be called: {error.message}")

    def check(self) -> tuple[Status, str]:
        """Say whether people can be told, for the checks of this system."""
        failing = []
        for key, held in self.context.journal.states(STATE).items():
            if held.get("error") and held.get("tries", 0) >= _TRIES:
                failing.append(f"{key.removeprefix(STATE)}: {held['error']}")
        if failing:
            return "degraded", f"People could not be told that a dream waits for them. {' '.join(failing)}"
        return "passed", f"{len(self.notifiers)} places can be told that a dream waits for a person."

    # ── inside ──────────────────────────────────────────────────────────────────────────────────────────

    def _tell(self, dream: Dream) -> None:
        key, now = f"{STATE}{dream.key}", self.context.clock.now()
        if not self._due(key, dream, now):
            return
        with suppress(Leased), self.context.lock.lease(key, HOLD):
            dream = self.dreams.get(dream.number)  # a list may show what was a moment ago
            held = self._held(key, dream)
            if dream.state != "needs-human" or not self._due(key, dream, now):
                return
            errors = []
            for name, notifier in self.notifiers.items():
                if name in held["told"]:
                    continue
                try:
                    notifier.notify(alert_of(dream, self.page(dream.number)))
                except Paused:
                    return
                except DreamNetError as error:
                    errors.append(f"{name}: {error.message}")
                    continue
                held["told"][name] = now
                # One by one: what was told must not be told again because another place could not be.
                self.context.journal.set_state(key, {**held})
                text = f"{dream.key}: {name} was told that it waits for a person"
                self.context.note(
                    "notified",
                    text,
                    service=dream.key,
                    dream=dream.correlation_id,
                    data={"alert": episode(dream)},
                )
            if errors:
                tries = held["tries"] + 1
                again = now + min(LONGEST, AGAIN * 2 ** min(tries - 1, 10))
                self.context.journal.set_state(
                    key, {**held, "tries": tries, "again": again, "error": " ".join(errors)[:500]}
                )
                self.context.reporter.say(
                    f"{dream.key} waits for a person, and not all were told: {errors[0]}"
                )

    def _due(self, key: str, dream: Dream, now: float) -> bool:
        held = self._held(key, dream)
        return not set(self.notifiers) <= set(held["told"]) and now >= held["again"]

    def _held(self, key: str, dream: Dream) -> dict[str, Any]:
        """Answer what was told of the dream since it began to wait."""
        stored, _ = self.context.journal.state(key)
        fresh: dict[str, Any] = {"episode": episode(dream), "told": {}, "tries": 0, "again": 0.0}
        if not isinstance(stored, Mapping) or stored.get("episode") != fresh["episode"]:
            return fresh
        return {**fresh, **{name: stored[name] for name in fresh if name in stored}}

    def _forget(self, waiting: Mapping[str, Dream]) -> None:
        """A place that could not be told of what waits no more is no fault any longer."""
        for key, held in self.context.journal.states(STATE).items():
            if held.get("error") and key.removeprefix(STATE) not in waiting:
                found = self.dreams.find(key.removeprefix(STATE))
                if found is None or found.state != "needs-human":
                    self.context.journal.set_state(key, {**held, "error": ""})
