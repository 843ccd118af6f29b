"""``dreamnet-health``: the checks of this system itself. They only look; a fault of ours is filed under ``self/…``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dreamnet_actions.domain.canarywords import CANARY
from dreamnet_actions.domain.health import Report, Status
from dreamnet_actions.domain.schedule import STATE, Punctuality, Schedule, next_hour, punctuality
from dreamnet_actions.domain.spec.models import Heal, Service, Thresholds
from dreamnet_actions.domain.units import counted, format_duration
from dreamnet_actions.errors import DreamNetError
from dreamnet_actions.keepers.context import SELF, Context
from dreamnet_actions.keepers.dreamkeeper.calling import Calling
from dreamnet_actions.keepers.dreamkeeper.canaries import WaitingCanaries
from dreamnet_actions.keepers.dreamkeeper.hosted import QUIET, HostedCheck, House
from dreamnet_actions.keepers.dreamkeeper.letters import Letters
from dreamnet_actions.ports.hosting import Hosting
from dreamnet_actions.ports.keeping import Keeping
from dreamnet_actions.ports.stores import DreamStore, MessageBus

NAME = "dreamnet-health"
LOOKED = "self/journal"
"""Where it is kept when the journal was looked through last, and how many flaws that found.

It is looked through once in each hour of the clock; where something was wrong, each time."""
TO_DO = "Do not wait for GitHub's cron: keep 'dreamnet watch' running, or start the workflow by a trigger of your own."

SPEC = Service(platform=SELF, heal=Heal(steps=()), thresholds=Thresholds(failures=1, successes=1))
"""How this system's own checks are judged: one look is enough, and a person is told."""


@dataclass(frozen=True, kw_only=True)
class SelfCheck:
    """Looks at DreamNet's own parts; ``writes`` is False in a dry run; ``hosting`` is where workflows
    carry the messages."""

    context: Context
    dreams: DreamStore
    bus: MessageBus
    keeping: Keeping | None = None
    house: House | None = None
    writes: bool = True
    hosting: Hosting | None = None
    calling: Calling | None = None

    @property
    def checks(self) -> Mapping[str, Callable[[], tuple[Status, str]]]:
        """The checks by name, in the order in which they are made."""
        return {
            "journal": self._journal,
            "messages": self._messages,
            "needs-human": self._needs_human,
            **self._canaries.checks,
            **({"notices": self.calling.check} if self.calling and self.calling.notifiers else {}),
            **(self._hosted.checks if self._hosted else {}),
            "ticks": self._ticks,
            "platforms": self._platforms,
        }

    @property
    def _canaries(self) -> WaitingCanaries:
        return WaitingCanaries(context=self.context, dreams=self.dreams, writes=self.writes)

    @property
    def _hosted(self) -> HostedCheck | None:
        if self.house is None:
            return None
        return HostedCheck(context=self.context, house=self.house, writes=self.writes)

    def look(self, only: str | None = None, *, asked: bool = True) -> list[Report]:
        """Make every check, or ``only`` that one; an error of ours in one is that one's report and hides no other.

        The host is asked once an hour, unless somebody ``asked`` for these checks by name.
        """
        checks, hosted = dict(self.checks), self._hosted
        if hosted is not None and not asked and not hosted.due():
            checks = {name: check for name, check in checks.items() if name not in hosted.checks}
        elif hosted is not None and only is None:
            hosted.looked()
        if only is None:  # a service without a waiting canary is nothing to tell of
            said = self._canaries.due()
            checks = {
                name: one for name, one in checks.items() if not name.startswith(CANARY) or name in said
            }
        reports = []
        for name, check in checks.items():
            if only not in (None, name):
                continue
            try:
                status, detail = check()
            except DreamNetError as error:
                status, detail = "failed", error.message
            cause = None if status == "passed" else "stale" if name == "ticks" else "other"
            reports.append(Report(service=name, check=name, status=status, cause=cause, detail=detail))  # type: ignore[arg-type]
        return reports

    def _journal(self) -> tuple[Status, str]:
        """Look whether the journal takes writes, and now and then whether all of it is whole."""
        now = self.context.clock.now()
        former, _ = self.context.journal.state(LOOKED)
        due = not former or former["flaws"] or now >= next_hour(former["at"])
        if self.keeping is not None and due:
            flaws = self.keeping.verify(whole=False).flaws
            if self.writes:
                self.context.journal.set_state(LOOKED, {"at": now, "flaws": len(flaws)})
            if flaws:
                more = f" and {len(flaws) - 1} more" if len(flaws) > 1 else ""
                return "failed", f"The journal is damaged ({flaws[0]}{more}); run 'dreamnet journal repair'."
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
            wait = "waits" if len(waiting) == 1 else "wait"
            keys = ", ".join(one.key for one in waiting)
            return "degraded", f"{counted(len(waiting), 'dream')} {wait} for a human: {keys}."
        return "passed", "No dream waits for a human."

    def _ticks(self) -> tuple[Status, str]:
        """A watcher that comes late does not watch: the loop's rounds, and the runs that GitHub's schedules start."""
        said = [self._loop(), *self._schedules(), *self._quiet()]
        wrong = [detail for status, detail in said if status != "passed"]
        return (
            ("degraded", " ".join([*wrong, *([TO_DO] if said[1:] else [])]))
            if wrong
            else (
                "passed",
                " ".join(detail for _, detail in said),
            )
        )

    def _loop(self) -> tuple[Status, str]:
        """A loop that was ended on purpose is not one that fell silent."""
        ticks = [
            one for one in self.context.journal.read(kinds={"tick"}, limit=50) if "workflow" not in one.data
        ]
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

    def _schedules(self) -> list[tuple[Status, str]]:
        """Judge every schedule that started a run of ours, whichever keeper's it is."""
        watch, now = self.context.config.watch, self.context.clock.now()
        said: list[tuple[Status, str]] = []
        for data in self.context.journal.states(STATE).values():
            of = Schedule.from_json(data)
            found = punctuality(of, now, grace=watch.late_after)
            detail = _punctual(of, found)
            late = found.p95 > watch.late_after
            missed = found.missed > watch.missed_over * found.planned
            said.append(("degraded" if late or missed else "passed", detail))
        return said

    def _quiet(self) -> list[tuple[Status, str]]:
        """Tell what the last look at the host left: that GitHub is about to stop schedules."""
        warned, _ = self.context.journal.state(QUIET)
        return [("degraded", warned["detail"])] if warned and warned["detail"] else []

    def _platforms(self) -> tuple[Status, str]:
        for platform in self.context.platforms.values():
            platform.observe()
        return "passed", f"Every platform answers ({len(self.context.platforms)})."


def _punctual(of: Schedule, found: Punctuality) -> str:
    """Say in one sentence how a schedule does."""
    name, half, most = of.workflow.rpartition("/")[2], format_duration(found.p50), format_duration(found.p95)
    text = f"{name} ({of.cron}): half of its ticks came within {half}, 95% within {most}"
    if found.missed:
        text += f", {found.missed} of {found.planned} did not come"
    if found.silent is not None:
        text += f", the last one {format_duration(found.silent)} ago"
    return f"{text}."
