"""The whole of DreamNet in memory, on virtual time: the real keepers and the real pipe over doubles of every port.

::

    home = memory_system(config)
    home.start()                       # every service runs its configured command
    home.platforms["local"].kill("web")
    home.submit({"agent": "dreamkeeper", "input": {"action": "check"}})
    home.pipe.drain()                  # restart, verify, resolved: no real second has passed

What the probe sees follows from the platform: a service without a ready replica refuses, and one whose version or
values are in ``sick`` fails with the words found there. ``again`` assembles new keepers on the same stores, as the
next run after a crash does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from dreamnet_actions.domain.actions import Agent
from dreamnet_actions.domain.flag import Flag
from dreamnet_actions.domain.health import Report
from dreamnet_actions.domain.release import Replica, ServiceState
from dreamnet_actions.domain.result import AgentResult
from dreamnet_actions.domain.secret import Versioned
from dreamnet_actions.domain.spec.models import Check, Config
from dreamnet_actions.keepers.context import Context
from dreamnet_actions.keepers.deploykeeper import DeployKeeper
from dreamnet_actions.keepers.dreamkeeper import DreamKeeper
from dreamnet_actions.keepers.dreamkeeper.hosted import House
from dreamnet_actions.keepers.envkeeper import EnvKeeper
from dreamnet_actions.keepers.envkeeper.entries import Entry
from dreamnet_actions.keepers.relaybot import RelayBot
from dreamnet_actions.pipe import Keeper, Pipe
from dreamnet_actions.ports.gate import STATE, Gate
from dreamnet_actions.ports.notices import Notices
from dreamnet_actions.ports.probe import Look
from dreamnet_actions.testing.memory.clock import CountingIds, VirtualClock
from dreamnet_actions.testing.memory.delivery import (
    MemoryBuilder,
    MemorySource,
    RecordingReleaseReporter,
    RecordingReporter,
)
from dreamnet_actions.testing.memory.flags import MemoryFlagStore, MemoryFlagTarget
from dreamnet_actions.testing.memory.metrics import MemoryMetrics
from dreamnet_actions.testing.memory.notifier import MemoryNotifier
from dreamnet_actions.testing.memory.platform import MemoryPlatform
from dreamnet_actions.testing.memory.probe import ScriptedProbe
from dreamnet_actions.testing.memory.secrets import MemorySecretSink, MemorySecretSource
from dreamnet_actions.testing.memory.stores import (
    MemoryDreamStore,
    MemoryJournal,
    MemoryLock,
    MemoryMessageBus,
)

P = TypeVar("P")


class ServiceSink(MemorySecretSink):
    """Values that one service reads: what is written to it is what the service starts with from then on."""

    def __init__(self, service: str, platform: MemoryPlatform) -> None:
        super().__init__(f"{platform.name}/{service}", (service,))
        self._service, self._platform = service, platform

    def write(self, values: Mapping[str, Versioned], keep: Mapping[str, str] | None = None) -> str:
        revision = super().write(values, keep)
        self._platform.environments[self._service] = revision
        return revision

    def restore(self, revision: str) -> None:
        super().restore(revision)
        self._platform.environments[self._service] = revision


@dataclass(kw_only=True)
class MemorySystem:
    """Everything of one DreamNet in memory, open to a test's hand. Build it with ``memory_system``."""

    config: Config
    clock: VirtualClock
    ids: CountingIds
    journal: MemoryJournal
    dreams: MemoryDreamStore
    bus: MemoryMessageBus
    lock: MemoryLock
    gate: Gate
    platforms: dict[str, MemoryPlatform]
    sources: dict[str, MemorySource]
    builders: dict[str, MemoryBuilder]
    values: dict[str, MemorySecretSource]
    sinks: dict[str, list[MemorySecretSink]]
    flags: MemoryFlagStore | None
    releases: RecordingReleaseReporter
    reporter: RecordingReporter
    probe: ScriptedProbe
    sick: dict[str, str] = field(default_factory=dict)
    """What is wrong, by a release's version or the id of a set of values: a service that runs with it fails so."""
    house: House | None = None
    """The host that this DreamNet lives at; call ``again`` after it was set."""
    notices: Notices | None = None
    """What people announced of maintenance; call ``again`` after it was set."""
    metrics: MemoryMetrics = field(default_factory=lambda: MemoryMetrics())
    """The numbers that canaries are judged by."""
    notifiers: dict[str, MemoryNotifier] = field(default_factory=dict)
    """Who is told when a dream waits for a person; call ``again`` after one was added."""
    flag_targets: list[MemoryFlagTarget] = field(default_factory=list)
    """Where flags are published to; call ``again`` after one was added."""
    pipe: Pipe = field(init=False)
    keepers: dict[Agent, Keeper] = field(init=False)

    def again(self, wrap: Callable[[Any], Any] = lambda port: port) -> MemorySystem:
        """Assemble pipe and keepers anew on the same stores; ``wrap`` is put around every port (to count, to cut)."""
        dreams, bus = (wrap(self.gate.before(one)) for one in (self.dreams, self.bus))
        journal, lock = wrap(self.journal), wrap(self.lock)
        platforms = {name: wrap(self.gate.before(one, outside=True)) for name, one in self.platforms.items()}
        context = Context(
            config=self.config,
            platforms=platforms,
            clock=self.clock,
            ids=self.ids,
            journal=journal,
            lock=lock,
            reporter=self.reporter,
        )
        probe = wrap(self.probe)
        self.keepers = {}
        self.pipe = Pipe(
            keepers=self.keepers,
            journal=journal,
            bus=bus,
            lock=lock,
            clock=self.clock,
            ids=self.ids,
            gate=self.gate,
            hide=self.reporter.hide,
        )
        entries = {
            name: Entry(
                name=name,
                spec=spec,
                source=wrap(self.values[name]),
                sinks=[wrap(self.gate.before(sink, outside=True)) for sink in self.sinks[name]],
            )
            for name, spec in self.config.env.items()
        }
        flags = wrap(self.gate.before(self.flags, outside=True)) if self.flags is not None else None
        self.keepers |= {
            "dreamkeeper": DreamKeeper(
                context=context,
                dreams=dreams,
                bus=bus,
                probe=probe,
                house=self.house,
                notices=self.notices,
                notifiers={name: wrap(self.gate.before(one)) for name, one in self.notifiers.items()},
            ),
            "deploykeeper": DeployKeeper(
                context=context,
                probe=probe,
                sources={name: wrap(one) for name, one in self.sources.items()},
                builders={name: wrap(self.gate.before(one)) for name, one in self.builders.items()},
                reporter=wrap(self.gate.before(self.releases)),
                metrics=lambda: wrap(self.metrics),
            ),
            "envkeeper": EnvKeeper(
                context=context,
                entries=entries,
                flag_store=flags,
                flag_targets=[wrap(self.gate.before(one, outside=True)) for one in self.flag_targets],
            ),
            "relaybot": RelayBot(context=context, bus=bus, dreams=dreams, submit=self.pipe.submit),
        }
        return self

    def start(self) -> None:
        """Let every service run what the configuration says."""
        for name, spec in self.config.services.items():
            platform = self.platforms[spec.platform]
            platform.apply(name, spec, platform.configured(name, spec))
            platform.observe()

    def submit(self, raw: object, **more: Any) -> AgentResult:
        """Hand a request to the pipe."""
        return self.pipe.submit(raw, **more)

    def ask(self, agent: Agent, action: str, **given: Any) -> AgentResult:
        """Write a request and hand it to the pipe: ``ask("deploykeeper", "deploy", service="web")``."""
        return self.submit({"agent": agent, "input": {"action": action, **given}})

    def pause(self, by: str = "somebody") -> None:
        """Stop every write, as ``dreamnet pause`` does."""
        self.journal.set_state(STATE, {"by": by, "at": self.clock.now(), "reason": "a test"})

    def resume(self) -> None:
        """Allow writes again."""
        self.journal.set_state(STATE, None)

    def round(self, *, pause: float | None = None) -> AgentResult:
        """Make one round of the watch: check, hand out all messages, then wait (``watch.every``)."""
        result = self.ask("dreamkeeper", "check")
        self.pipe.drain()
        self.clock.advance(self.config.watch.every if pause is None else pause)
        return result

    def state(self, service: str) -> ServiceState | None:
        """Answer the platform's view of a service."""
        return self.platforms[self.config.services[service].platform].observe().services.get(service)

    def story(self, *kinds: str) -> list[str]:
        """Answer the journal's kinds of facts in order; with ``kinds``, only those."""
        return [fact.kind for fact in self.journal.read(kinds=kinds)]

    def look(self, look: Look) -> Report | None:
        """Answer a look from what the platform shows; None where nothing is wrong."""
        for platform in self.platforms.values():
            for state in platform.observe().services.values():
                if look.address is None and state.service == look.service:
                    return self._whole(look, state)
                for replica in state.stable.replicas + (state.canary.replicas if state.canary else ()):
                    if look.address is not None and replica.address == look.address:
                        return self._replica(look, state, replica)
        return None

    def _whole(self, look: Look, state: ServiceState) -> Report | None:
        if state.stable.ready == 0 and (state.canary is None or state.canary.ready == 0):
            return _failed(look, "refused", "connection refused")
        ready = [one for one in state.stable.replicas if one.state == "ready"]
        return next((told for one in ready if (told := self._replica(look, state, one))), None)

    def _replica(self, look: Look, state: ServiceState, replica: Replica) -> Report | None:
        known = [state.stable.release, *state.former, *([state.canary.release] if state.canary else [])]
        release = next((one for one in known if one.version == replica.version), state.stable.release)
        for name in (replica.version, release.environment or ""):
            if name in self.sick:
                return _failed(look, "status-5xx", self.sick[name])
        return None


def _failed(look: Look, cause: Any, detail: str) -> Report:
    return Report(service=look.service, check=look.name, status="failed", cause=cause, detail=detail)


def memory_system(
    config: Config,
    *,
    values: Mapping[str, Mapping[str, str]] | None = None,
    flags: Sequence[Flag] | None = None,
    start: float = 1_700_000_000.0,
    starts_in: float = 0.5,
) -> MemorySystem:
    """Join keepers, pipe and memory doubles for a configuration.

    ``values`` are what the sources of its env entries hold, by entry. A sink whose options have ``process`` (or are a
    service's name) is read by that service. A service with ``release.git`` gets a repository to commit to. A replica
    takes ``starts_in`` seconds to become ready.
    """
    clock = VirtualClock(start)
    journal = MemoryJournal()
    platforms = {
        name: MemoryPlatform(name, kind=one.kind, clock=clock, starts_in=starts_in)
        for name, one in config.platforms.items()
    }
    released = [name for name, spec in config.services.items() if spec.release and spec.release.repository]
    sources = {name: MemorySource() for name in released}
    probe = ScriptedProbe((Check,), lambda look: system.look(look))
    system = MemorySystem(
        config=config,
        clock=clock,
        ids=CountingIds(),
        journal=journal,
        dreams=MemoryDreamStore(),
        bus=MemoryMessageBus(clock),
        lock=MemoryLock(clock),
        gate=Gate(journal),
        platforms=platforms,
        sources=sources,
        builders={name: MemoryBuilder(source) for name, source in sources.items()},
        values={name: MemorySecretSource((values or {}).get(name)) for name in config.env},
        sinks={
            name: [_sink(config, platforms, name, one.options) for one in spec.to]
            for name, spec in config.env.items()
        },
        flags=MemoryFlagStore(*flags) if flags is not None else None,
        releases=RecordingReleaseReporter(),
        reporter=RecordingReporter(),
        probe=probe,
    )
    return system.again()


def _sink(
    config: Config, platforms: Mapping[str, MemoryPlatform], entry: str, options: object
) -> MemorySecretSink:
    service = options if isinstance(options, str) else getattr(options, "process", None)
    if service is None:
        return MemorySecretSink(f"{entry}.values")
    return ServiceSink(service, platforms[config.services[service].platform])
