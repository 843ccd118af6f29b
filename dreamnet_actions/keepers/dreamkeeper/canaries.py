"""Canaries that wait for a person: each is a dream of its own, ``self/canary-SERVICE``, until somebody has decided.

DeployKeeper keeps the canary serving at its share meanwhile, and says by a message that one waits, or that it waits no
longer. What people say to it as comments on the dream goes to DeployKeeper (``domain/command.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dreamnet_actions.domain.approval import read
from dreamnet_actions.domain.canarywords import CANARY, TOLD
from dreamnet_actions.domain.health import Status
from dreamnet_actions.domain.outlook import when
from dreamnet_actions.keepers.context import SELF, Context
from dreamnet_actions.keepers.dreamkeeper.gather import living
from dreamnet_actions.ports.stores import DreamStore


@dataclass(frozen=True, kw_only=True)
class WaitingCanaries:
    """Looks at the notes on rollouts; ``writes`` is False in a dry run."""

    context: Context
    dreams: DreamStore
    writes: bool = True

    @property
    def checks(self) -> Mapping[str, Callable[[], tuple[Status, str]]]:
        """The check of each service that is released, by its name."""
        return {
            f"{CANARY}{name}": lambda name=name: self._look(name)  # type: ignore[misc]
            for name, spec in self.context.config.services.items()
            if spec.release is not None
        }

    def due(self) -> set[str]:
        """Answer those checks that say something: a canary waits, or a dream may tell so still."""
        told, _ = self.context.journal.state(TOLD)
        names = set(told or ()) | {
            name for name, spec in self.context.config.services.items() if spec.release and self._waits(name)
        }
        return {f"{CANARY}{name}" for name in names}

    def _look(self, name: str) -> tuple[Status, str]:
        text = self._waits(name)
        stored, _ = self.context.journal.state(TOLD)
        told = set(stored or ())
        after = told | {name}
        if text is None and living(self.dreams, f"{SELF}/{CANARY}{name}") is None:
            after = told - {name}
        if self.writes and after != told:
            self.context.journal.set_state(TOLD, sorted(after))
        return ("passed", f"No canary of {name} waits.") if text is None else ("failed", text)

    def _waits(self, name: str) -> str | None:
        """Say what a canary waits for and what can be said to it; None where none waits for a person."""
        intent, _ = self.context.journal.state(f"rollout/{self.context.key(name)}")
        asked = read(intent) if isinstance(intent, dict) and intent.get("phase") == "waits" else None
        if asked is None or not isinstance(intent, dict):
            return None
        go_on = f"/approve lets it go on with its next step, and counts until {when(asked.until)}"
        if not asked.stands(self.context.clock.now()):
            go_on = f"/approve counts no longer, since {when(asked.until)}"
        return (
            f"{intent['text']}. Write one of these as a comment: {go_on}; /promote makes it the release now; /abort "
            f"ends it, and its version is held. Until then it serves on at its share."
        )
