"""What only the host of the repository knows of DreamNet: its workflows and their runs, the budget, what is deployed.

Asked once an hour, or when a person asks. Nothing here opens a dream on a service: what is wrong is ``self/CHECK``.
What the token may not see is no fault; the check says so and passes.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from dreamnet_actions.domain.actions import AGENTS
from dreamnet_actions.domain.health import Status
from dreamnet_actions.domain.maintenance import noticed
from dreamnet_actions.domain.schedule import STATE, Schedule, next_hour, punctuality
from dreamnet_actions.domain.units import counted, format_duration
from dreamnet_actions.errors import NotFound, RefusedError, TemporaryError
from dreamnet_actions.keepers.context import Context
from dreamnet_actions.keepers.dreamkeeper.windows import USED
from dreamnet_actions.ports.delivery import Commit, Source
from dreamnet_actions.ports.hosting import Hosted, HostedWorkflow, Hosting
from dreamnet_actions.ports.notices import Notices

LOOKED = "self/health"
"""The shared state that says when the host was asked last."""
QUIET = "self/quiet"
"""The shared state that holds the warning that schedules are about to stop (``self/ticks`` tells it), if any."""
HEAD_ROOM = 0.15
"""The share of the hour's requests below which it is told that they run out."""
IN_A_ROW = 3
"""Failed runs of one workflow in a row that are a fault of it."""
SETTLES = 900.0
"""Seconds that a new commit has to be picked up by a run before what is deployed counts as left behind."""
STOPS_AFTER = 60 * 86400.0
"""Seconds of quiet after which GitHub stops a public repository's schedules
(https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows#schedule)."""
_DAY = 86400.0
_BAD = frozenset({"failure", "startup_failure", "timed_out"})
Check = Callable[[], tuple[Status, str]]


def _no_mistakes(_text: str) -> str:
    return ""


@dataclass(frozen=True, kw_only=True)
class House:
    """The host, its commits, and the services that are released from them."""

    hosting: Hosting
    source: Source
    released: frozenset[str] = field(default_factory=frozenset)
    notices: Notices | None = None
    config: str = ""
    """The configuration's path in the repository, empty where it is none of its files."""
    judge: Callable[[str], str] = _no_mistakes
    """Answers what is wrong with a configuration's text, or nothing."""


@dataclass(frozen=True, kw_only=True)
class HostedCheck:
    """Asks the host; ``writes`` is False in a dry run."""

    context: Context
    house: House
    writes: bool = True

    @property
    def checks(self) -> Mapping[str, Check]:
        """The checks by name, in the order in which they are made: the budget last, once the others have asked."""
        checks: dict[str, Check] = {
            "config": self._config,
            "workflows": self._workflows,
            "runs": self._runs,
            "drift": self._drift,
            **({"maintenance": self._maintenance} if self.house.notices is not None else {}),
            "limits": self._limits,
        }
        return {name: functools.partial(_as_far_as_seen, check) for name, check in checks.items()}

    def due(self) -> bool:
        """Say whether the host was not asked within this hour of the clock."""
        looked, _ = self.context.journal.state(LOOKED)
        return not looked or self.context.clock.now() >= next_hour(looked["at"])

    def looked(self) -> None:
        """Remember that it was asked now."""
        if self.writes:
            self.context.journal.set_state(LOOKED, {"at": self.context.clock.now()})

    # ── the checks ──────────────────────────────────────────────────────────────────────────────────────

    def _config(self) -> tuple[Status, str]:
        """What stands on the default branch is valid: the next run takes it, and with a mistake in it cannot begin.

        A process that lives on has read it long ago, and a run of another branch has read another one.
        """
        services = counted(len(self.context.config.services), "service")
        path = self.house.config
        if not path:
            return (
                "passed",
                f"The configuration is valid ({services}), and is none of this repository's files.",
            )
        branch = self.house.hosting.repository().default_branch
        text = self.house.hosting.text(path, branch)
        if text is None:
            return "degraded", f"There is no {path} on {branch}: the next run there finds no configuration."
        mistakes = self.house.judge(text)
        if mistakes:
            return (
                "degraded",
                f"{path} on {branch}: {mistakes}\nThe next run there cannot begin. Mend it, and push.",
            )
        return "passed", f"The configuration on {branch} is valid; this run has {services}."

    def _workflows(self) -> tuple[Status, str]:
        """They are there and switched on, and GitHub is not about to switch them off."""
        hosted = self.house.hosting.repository()
        self._forget_former_schedules(hosted)
        ours = [one for one in self.house.hosting.workflows() if self._is_ours(one.path)]
        self._keep_alive(hosted, ours)
        off = [one for one in ours if one.state != "active"]
        if off:
            names = ", ".join(f"{_name(one.path)} ({one.state})" for one in off)
            first = _name(off[0].path)
            press = f"Press Actions, the workflow's name, Enable workflow; or run: gh workflow enable {first}"
            return "degraded", f"Switched off: {names}. {press}"
        if self.context.config.services and not self._takes_messages(hosted, ours):
            return (
                "degraded",
                "No workflow takes messages (repository_dispatch), so that nothing is healed. Run 'dreamnet init'.",
            )
        return "passed", f"{counted(len(ours), 'workflow')} of ours, all switched on."

    def _runs(self) -> tuple[Status, str]:
        """The newest runs of each workflow of ours did not all fail."""
        ended: dict[str, list[str]] = {}
        first: dict[str, str] = {}
        for run in self.house.hosting.runs(limit=100):
            if self._is_ours(run.workflow) and run.conclusion is not None:
                ended.setdefault(run.workflow, []).append(run.conclusion)
                first.setdefault(run.workflow, run.url)
        failing = [
            path
            for path, said in ended.items()
            if said[0] == "startup_failure" or (len(said) >= IN_A_ROW and set(said[:IN_A_ROW]) <= _BAD)
        ]
        if failing:
            shown = ", ".join(f"{_name(path)} ({first[path]})" for path in failing)
            return "degraded", f"The last runs failed of {shown}."
        return "passed", f"The last runs of {counted(len(ended), 'workflow')} are well."

    def _drift(self) -> tuple[Status, str]:
        """What runs is the newest commit of the branch that it is released from."""
        behind, looked = [], 0
        for name in sorted(self.house.released):
            spec = self.context.config.services.get(name)
            if spec is None or spec.release is None:
                continue
            state = self.context.platform_of(name).observe().services.get(name)
            running = state.stable.release.revision if state is not None else None
            if running is None:
                continue  # nothing was released yet
            looked += 1
            head = self._head(spec.release.branch)
            if running != head.revision and not self._is_excused(name, head):
                behind.append(f"{name} runs {running[:7]}, {spec.release.branch} is at {head.revision[:7]}")
        if behind:
            return (
                "degraded",
                f"{'; '.join(behind)}. Deploy it: dreamnet deploy, or see why its last run ended.",
            )
        return "passed", f"{counted(looked, 'released service')} checked, none behind its branch."

    def _maintenance(self) -> tuple[Status, str]:
        """What people announce is understood. From the first notice on, each fault has them looked at."""
        notices = self.house.notices
        if notices is None or not notices.ever():
            return "passed", "Nobody announced maintenance by an issue yet."
        if self.writes and not self.context.journal.state(USED)[0]:
            self.context.journal.set_state(USED, True)
        standing, wrong = notices.standing(), []
        for one in standing:
            try:
                noticed(one, self.context.config.services)
            except ValueError as error:
                wrong.append(f"{one.where} is no maintenance window: {error}")
        if wrong:
            return "degraded", f"{'; '.join(wrong)}."
        return "passed", f"{counted(len(standing), 'notice')} of maintenance."

    def _limits(self) -> tuple[Status, str]:
        budget = self.house.hosting.budget()
        cost = f"this look took {counted(budget.calls, 'request')}"
        if budget.limit is None or budget.remaining is None:
            return "passed", f"The host tells of no limit; {cost}."
        text = f"{budget.remaining} of {budget.limit} requests of this hour are left; {cost}."
        if budget.remaining < HEAD_ROOM * budget.limit:
            return "degraded", f"{text} Look less often, or give DreamNet a token of its own."
        return "passed", text

    # ── inside ──────────────────────────────────────────────────────────────────────────────────────────

    def _schedules(self) -> list[Schedule]:
        return [Schedule.from_json(one) for one in self.context.journal.states(STATE).values()]

    def _is_ours(self, path: str) -> bool:
        """Say whether a workflow is one of DreamNet's: by its name, or because its schedule started us."""
        name = _name(path).rpartition(".")[0].lower()
        return (
            name.startswith("dream") or name in AGENTS or path in {one.workflow for one in self._schedules()}
        )

    def _takes_messages(self, hosted: Hosted, ours: Sequence[HostedWorkflow]) -> bool:
        if any("relay" in _name(one.path).lower() for one in ours):
            return True
        texts = (self.house.hosting.text(one.path, hosted.default_branch) for one in ours[:10])
        return any("repository_dispatch" in (text or "") for text in texts)

    def _forget_former_schedules(self, hosted: Hosted) -> None:
        """A schedule that fell silent because a commit took it away is none any more."""
        now, grace = self.context.clock.now(), self.context.config.watch.late_after
        for one in self._schedules():
            if punctuality(one, now, grace=grace).silent is None:
                continue
            text = self.house.hosting.text(one.workflow, hosted.default_branch)
            if one.cron not in " ".join((text or "").split()) and self.writes:
                self.context.journal.set_state(one.key, None)

    def _keep_alive(self, hosted: Hosted, ours: Sequence[HostedWorkflow]) -> None:
        """Switch schedules on again before GitHub stops them; where the token may not, leave the warning."""
        now = self.context.clock.now()
        quiet = now - self._head(hosted.default_branch).at
        scheduled = {one.workflow for one in self._schedules()}
        names = [one.path for one in ours if one.path in scheduled]
        warned, _ = self.context.journal.state(QUIET)
        if hosted.private or quiet < self.context.config.watch.keepalive_after or not names:
            if warned and self.writes:
                self.context.journal.set_state(QUIET, None)
            return
        if not self.writes or (warned and now - warned["at"] < _DAY):
            return
        try:
            for path in names:
                self.house.hosting.enable(path)
            detail = ""
        except (RefusedError, NotFound):
            commands = "; ".join(f"gh workflow enable {_name(path)}" for path in names)
            age = format_duration(quiet // _DAY * _DAY)
            detail = (
                f"The newest commit of {hosted.default_branch} is {age} old, and GitHub "
                f"stops schedules after {STOPS_AFTER / _DAY:g} quiet days. Commit something, or run: {commands}"
            )
        self.context.journal.set_state(QUIET, {"at": now, "detail": detail})

    def _head(self, branch: str) -> Commit:
        return self.house.source.resolve(branch)

    def _is_excused(self, name: str, head: Commit) -> bool:
        """Say whether a newer commit may stay where it is: it is fresh, on its way, or was taken back."""
        key = self.context.key(name)
        intent, _ = self.context.journal.state(f"rollout/{key}")
        held, _ = self.context.journal.state(f"held/{key}/git:{head.revision}")
        under_way = isinstance(intent, Mapping) and intent.get("phase") != "ended"
        return bool(under_way or held or self.context.clock.now() - head.at < SETTLES)


def _as_far_as_seen(check: Check) -> tuple[Status, str]:
    """Make a check: the host's silence proves nothing, and what the token may not see is no fault of anything."""
    try:
        return check()
    except TemporaryError as error:
        return "unknown", error.message
    except (RefusedError, NotFound) as error:
        return "passed", f"Not seen with this token: {error.message}"


def _name(path: str) -> str:
    return path.rpartition("/")[2]
