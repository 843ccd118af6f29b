"""``dreamnet-health``: the checks of this system itself. They only look; a fault of ours is filed under ``self/…``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dreamnet_actions.domain.health import Report, Status
from dreamnet_actions.domain.spec.models import Heal, Service, Thresholds
from dreamnet_actions.domain.units import format_duration
from dreamnet_actions.errors import DreamNetError
from dreamnet_actions.keepers.context import SELF, Context
from dreamnet_actions.keepers.dreamkeeper.letters import Letters
from dreamnet_actions.ports.hosting import Hosting
from dreamnet_actions.ports.stores import DreamStore, MessageBus

NAME = "dreamnet-health"

SPEC = Service(platform=SELF, heal=Heal(steps=()), thresholds=Thresholds(failures=1, successes=1))
"""How this system's own checks are judged: one look is enough, and a person is told."""


@dataclass(frozen=True, kw_only=True)
class SelfCheck:
    """Looks at DreamNet's own parts; ``writes`` is False in a dry run; ``hosting`` is where workflows
    carry the messages."""

    context: Context
    dreams: DreamStore
    bus: MessageBus
    writes: bool = True
    hosting: Hosting | None = None

    @property
    def checks(self) -> Mapping[str, Callable[[], tuple[Status, str]]]:
        """The checks by name, in the order in which they are made."""
        return {
            "journal": self._journal,
            "messages": self._messages,
            "needs-human": self._needs_human,
            "ticks": self._ticks,
            "platforms": self._platforms,
        }

    def look(self) -> list[Report]:
        """Make every check; an error of ours in one is that one's report and hides no other."""
        reports = []
        for name, check in self.checks.items():
            try:
                status, detail = check()
            except DreamNetError as error:
                status, detail = "failed", error.message
            cause = None if status == "passed" else "stale" if name == "ticks" else "other"
            reports.append(Report(service=name, check=name, status=status, cause=cause, detail=detail))  # type: ignore[arg-type]
        return reports

    def _journal(self) -> tuple[Status, str]:
        if not self.writes:
            at, version = self.context.journal.state("self/heartbeat")
            return "passed", f"The journal answers (version {version}, written at {at})."
        version = self.context.journal.set_state("self/heartbeat", self.context.clock.now())
        return "passed", f"The journal takes writes (version {version})."

    def _messages(self) -> tuple[Status, str]:
        return Letters(bus=self.bus, hosting=self.hosting).look(self.context.clock.now())

    def _needs_human(self) -> tuple[Status, str]:
        waiting = [dream for dream in self.dreams.search(states={"needs-human"}) if dream.platform != SELF]
        if waiting:
            return (
                "degraded",
                f"{len(waiting)} dreams wait for a human: {', '.join(one.key for one in waiting)}.",
            )
        return "passed", "No dream waits for a human."

    def _ticks(self) -> tuple[Status, str]:
        """A loop that ticks late is a watcher that does not watch; a loop that was ended on purpose is not one."""
        ticks = self.context.journal.read(kinds={"tick"}, limit=50)
        if not ticks or ticks[-1].data.get("last"):
            return "passed", "No loop is running."
        late = sorted(float(one.data.get("late", 0.0)) for one in ticks)
        silence = self.context.clock.now() - ticks[-1].at
        every = self.context.config.watch.every
        if silence > 3 * every + 10:
            return (
                "degraded",
                f"The loop has not ticked for {format_duration(silence)}; it should every {every:g} s.",
            )
        return (
            "passed",
            f"The loop ticks; half of its ticks came within {format_duration(late[len(late) // 2])}.",
        )

    def _platforms(self) -> tuple[Status, str]:
        for platform in self.context.platforms.values():
            platform.observe()
        return "passed", f"Every platform answers ({len(self.context.platforms)})."
