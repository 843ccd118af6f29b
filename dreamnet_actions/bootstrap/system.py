"""What an entrance says (``Options``) and what it gets (``System``): DreamNet assembled for one configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from dreamnet_actions.config.load import Loaded
from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.domain.spec.models import Config
from dreamnet_actions.pipe import Pipe
from dreamnet_actions.ports.gate import STATE, Gate
from dreamnet_actions.ports.platform import Platform

if TYPE_CHECKING:
    from dreamnet_actions.bootstrap.memory import Memory
    from dreamnet_actions.bootstrap.tidying import Compacted
    from dreamnet_actions.domain.message import Message
    from dreamnet_actions.ports.conversation import Conversation
    from dreamnet_actions.ports.flags import FlagStore
    from dreamnet_actions.ports.stores import DreamStore, Journal, Lock, MessageBus
    from dreamnet_actions.ports.system import Clock, Ids, Reporter

STATE_DIRECTORY = ".dreamnet"
"""Where the embedded home keeps its state, below the configuration's root, unless told otherwise."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What an entrance says: where to look, where state is kept, the environment, and who is told."""

    root: Path
    config: Path | None = None
    state: Path | None = None
    environ: Mapping[str, str] = field(default_factory=dict)
    reporter: Reporter | None = None
    home: str = "embedded"
    """Where dreams, messages and the journal live: ``embedded`` (SQLite on this machine) or ``github``."""
    lasting: bool = False
    """Whether this process lives on and others work beside it: then nothing is kept in memory until its end."""
    aloud: bool = False
    """Without a reporter of the entrance's own: whether what goes on is said on standard error."""


@dataclass(frozen=True, kw_only=True)
class System:
    """DreamNet assembled for one configuration. ``close`` it when done; it starts nothing by itself."""

    loaded: Loaded
    state: Path
    pipe: Pipe
    gate: Gate
    dreams: DreamStore
    journal: Journal
    bus: MessageBus
    lock: Lock
    platforms: Mapping[str, Platform]
    flags: FlagStore | None
    environ: Mapping[str, str]
    clock: Clock
    ids: Ids
    reporter: Reporter
    memory: Memory
    conversation: Conversation | None = None
    """Where people talk about dreams; None where the home has no such place."""

    @property
    def config(self) -> Config:
        """The configuration that it was assembled for."""
        return self.loaded.config

    def pause(self, by: str, reason: str) -> None:
        """Stop every write from now on, in every run on this state."""
        self.journal.set_state(STATE, {"by": by, "at": self.clock.now(), "reason": reason})
        self._note("paused", f"paused by {by}: {reason}")

    def resume(self, by: str) -> None:
        """Allow writes again."""
        if self.paused() is None:
            return
        self.journal.set_state(STATE, None)
        self._note("resumed", f"resumed by {by}")

    def paused(self) -> dict[str, Any] | None:
        """Answer who paused DreamNet, when (``at``, seconds since 1970) and why; None while it works."""
        paused, _ = self.journal.state(STATE)
        return cast("dict[str, Any] | None", paused)

    def revive(self) -> None:
        """Bring services back whose platform was ended behind our back."""
        for platform in self.platforms.values():
            if (revive := getattr(platform, "revive", None)) is not None:
                revive()

    def finish(self) -> None:
        """Make durable what this run remembered, and send what it had to say. Raises what the memory's store raises."""
        self.memory.finish()

    def compact(self, *, dry_run: bool = False) -> Compacted:
        """Drop what the journal need not keep any more; see ``bootstrap.tidying``."""
        from dreamnet_actions.bootstrap.tidying import compact

        return compact(self, dry_run=dry_run)

    def tidy(self) -> bool:
        """Forget what nobody can ask for any more, before the end of a run; answers whether it is time to compact."""
        from dreamnet_actions.bootstrap.tidying import tidy

        return tidy(self)

    def compact_by_itself(self) -> None:
        """Compact after the end of a run. Raises nothing of ours."""
        from dreamnet_actions.bootstrap.tidying import compact_by_itself

        compact_by_itself(self)

    def receive_only(self, message: Message) -> None:
        """Take a message that came to this run by its event: it and no other is handed out here."""
        self.memory.receive_only(message)

    def close(self) -> None:
        """Let go of files and connections. Services run on."""
        self.memory.close()

    def _note(self, kind: str, text: str) -> None:
        self.journal.append(Fact(kind=kind, at=self.clock.now(), text=text))
