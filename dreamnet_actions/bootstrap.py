"""The composition root: configuration → adapters → keepers → pipe. The only place that knows all of them.

Adapters are imported when they are chosen, never before: what a request does not use costs it nothing.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from dreamnet_actions.adapters.table import ROWS, Row
from dreamnet_actions.config.compose import Composed, Slots, compose
from dreamnet_actions.config.load import Loaded, find, load
from dreamnet_actions.domain.actions import Agent
from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.domain.spec.models import Config, MetricCheck, WorkloadCheck
from dreamnet_actions.errors import ConfigMissing
from dreamnet_actions.keepers.context import Context
from dreamnet_actions.pipe import Keeper, Pipe
from dreamnet_actions.ports.delivery import Builder, Source
from dreamnet_actions.ports.gate import STATE, Gate
from dreamnet_actions.ports.platform import Platform
from dreamnet_actions.ports.secrets import SecretSink, SecretSource

if TYPE_CHECKING:
    from dreamnet_actions.keepers.envkeeper.entries import Entry
    from dreamnet_actions.ports.flags import FlagStore
    from dreamnet_actions.ports.probe import Probe
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
    closing: Callable[[], None]

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

    def close(self) -> None:
        """Let go of files and connections. Services run on."""
        self.closing()

    def _note(self, kind: str, text: str) -> None:
        self.journal.append(Fact(kind=kind, at=self.clock.now(), text=text))


def composed() -> Composed:
    """Join the configuration's models with those of every adapter family in the table."""
    checks: dict[str, type] = {row.kind: row.options for row in ROWS if row.port == "Probe" and row.options}
    return compose(
        Slots(
            platforms=_options("Platform"),
            workloads={row.kind: row.workload for row in ROWS if row.workload},
            checks=checks | {"workload": WorkloadCheck, "metric": MetricCheck},
            sources=_options("SecretSource"),
            sinks=_options("SecretSink"),
        )
    )


def schema() -> dict[str, Any]:
    """Answer the JSON Schema of the configuration."""
    return composed().json_schema()


def check_config(where: Path) -> Loaded:
    """Read and validate a configuration file, or the one of a root; raises ConfigError. Starts nothing."""
    return load(find(where) if where.is_dir() else where, composed())


def assemble(options: Options) -> System:
    """Join a configuration with its adapters. Raises ConfigError before anything is opened."""
    file = options.config or find(options.root)
    if not file.exists():
        raise ConfigMissing([str(file)])
    state = _state_directory(options, file)
    loaded = load(file, composed(), cache_in=state / "cache")
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    return _Assembly(options, loaded, state).system()


def _options(port: str) -> dict[str, type]:
    return {row.kind: row.options for row in ROWS if row.port == port and row.options is not None}


def _state_directory(options: Options, file: Path) -> Path:
    if options.state is not None:
        return options.state.resolve()
    if given := options.environ.get("DREAMNET_STATE"):
        return Path(given).resolve()
    folder = file.resolve().parent
    return (folder.parent if folder.name == ".github" else folder) / STATE_DIRECTORY


class _Assembly:
    """Builds one System. Each method makes one thing, in the order in which they need each other."""

    def __init__(self, options: Options, loaded: Loaded, state: Path) -> None:
        self.options = options
        self.loaded = loaded
        self.config = loaded.config
        self.state = state
        open_database = _load("dreamnet_actions.adapters.sqlite.database:open_database")
        self.database = open_database(state / "dreamnet.db")
        self.clock: Clock = _adapter("Clock", "system")()
        self.ids: Ids = _adapter("Ids", "uuid")()
        self.reporter: Reporter = options.reporter or _adapter("Reporter", "console")(quiet=not options.aloud)
        self.journal: Journal = _adapter("Journal", "sqlite")(self.database)
        paused = options.environ.get("DREAMNET_PAUSED", "")
        outside = "DREAMNET_PAUSED" if paused.lower() not in ("", "0", "false", "no") else None
        self.gate = Gate(self.journal, always=outside)
        self.lock: Lock = _adapter("Lock", "sqlite")(self.database, self.clock)
        self.dreams: DreamStore = self.gate.before(_adapter("DreamStore", "sqlite")(self.database))
        self.bus: MessageBus = self.gate.before(_adapter("MessageBus", "sqlite")(self.database, self.clock))

    def system(self) -> System:
        """Join everything."""
        platforms = {name: self.platform(name) for name in self.config.platforms}
        flags = self.flags()
        keepers = _Keepers(self, platforms, flags)
        pipe = keepers.pipe = Pipe(
            keepers=keepers,
            journal=self.journal,
            bus=self.bus,
            lock=self.lock,
            clock=self.clock,
            ids=self.ids,
            gate=self.gate,
        )
        return System(
            loaded=self.loaded,
            state=self.state,
            pipe=pipe,
            gate=self.gate,
            dreams=self.dreams,
            journal=self.journal,
            bus=self.bus,
            lock=self.lock,
            platforms=platforms,
            flags=flags,
            environ=self.options.environ,
            clock=self.clock,
            ids=self.ids,
            reporter=self.reporter,
            closing=self.database.close,
        )

    def probe(self) -> Probe:
        """Make the probe that looks from outside, once it looks."""
        make = partial(
            _adapter_late,
            "Probe",
            "http",
            clock=self.clock,
            directory=self.loaded.root,
            environment=self.options.environ,
        )
        return cast("Probe", _Late(make))

    def platform(self, name: str) -> Platform:
        """Make one platform of the configuration, behind the gate."""
        chosen = self.config.platforms[name]
        adapter = _adapter("Platform", chosen.kind)
        made: Platform = adapter(name, self.state, self.loaded.root, chosen.options)
        return self.gate.before(made)

    def releases(self, platforms: Mapping[str, Platform]) -> tuple[dict[str, Source], dict[str, Builder]]:
        """Make the source and builder of each service that is released from a repository."""
        sources: dict[str, Source] = {}
        builders: dict[str, Builder] = {}
        for name, spec in self.config.services.items():
            if spec.release is None or spec.release.git is None:
                continue
            repository = self.loaded.root / spec.release.git
            sources[name] = _adapter("Source", "git")(repository, environment=self.options.environ)
            builder: Builder = _adapter("Builder", "directory")(
                sources[name],
                self.state,
                environment=self.options.environ,
                in_use=partial(_directories, platforms[spec.platform], name),
            )
            builders[name] = self.gate.before(builder)
        return sources, builders

    def entries(self) -> dict[str, Entry]:
        """Make the source and sinks of each env entry."""
        from dreamnet_actions.keepers.envkeeper.entries import Entry

        return {
            name: Entry(
                name=name,
                spec=spec,
                source=self.source(spec.from_.kind, spec.from_.options),
                sinks=[self.gate.before(self.sink(one.kind, one.options)) for one in spec.to],
            )
            for name, spec in self.config.env.items()
        }

    def source(self, kind: str, options: Any) -> SecretSource:
        """Make one source of values."""
        made: SecretSource = _adapter("SecretSource", kind)(
            self.loaded.root / options.dotenv, hash_key=self.key(), shown=options.dotenv
        )
        return made

    def sink(self, kind: str, options: Any) -> SecretSink:
        """Make one sink of values."""
        if kind == "process":
            spec = self.config.services[options.process]
            process: SecretSink = _adapter("SecretSink", kind)(options.process, spec.platform, self.state)
            return process
        made: SecretSink = _adapter("SecretSink", kind)(
            self.loaded.root / options.dotenv,
            state_directory=self.state / "sinks",
            hash_key=self.key(),
            name=options.dotenv,
        )
        return made

    def key(self) -> bytes:
        """Answer the key under which values are hashed: the given one, else this installation's own."""
        if given := self.options.environ.get("DREAMNET_HASH_KEY"):
            return given.encode()
        made: bytes = _load("dreamnet_actions.adapters.process.environment:installation_key")(self.state)
        return made

    def flags(self) -> FlagStore | None:
        """Make the store of flags, where the configuration names a file."""
        if self.config.flags is None:
            return None
        store: FlagStore = _adapter("FlagStore", "flagd-file")(
            self.loaded.root / self.config.flags.file,
            state_directory=self.state / "flags",
            shown=self.config.flags.file,
        )
        return self.gate.before(store)


class _Keepers(dict[Agent, Keeper]):
    """The four keepers, each made when it is asked for: a request pays for the one that it needs."""

    pipe: Pipe

    def __init__(
        self, assembly: _Assembly, platforms: Mapping[str, Platform], flags: FlagStore | None
    ) -> None:
        super().__init__()
        self._assembly, self._platforms, self._flags = assembly, platforms, flags

    def __missing__(self, agent: Agent) -> Keeper:
        made = self[agent] = self._make(agent)
        return made

    def _make(self, agent: Agent) -> Keeper:
        of = self._assembly
        context = Context(
            config=of.config,
            platforms=self._platforms,
            clock=of.clock,
            ids=of.ids,
            journal=of.journal,
            lock=of.lock,
            reporter=of.reporter,
        )
        if agent == "dreamkeeper":
            from dreamnet_actions.keepers.dreamkeeper import DreamKeeper

            return DreamKeeper(context=context, dreams=of.dreams, bus=of.bus, probe=of.probe())
        if agent == "deploykeeper":
            from dreamnet_actions.keepers.deploykeeper import DeployKeeper

            sources, builders = of.releases(self._platforms)
            reporter = of.gate.before(_adapter("ReleaseReporter", "console")(of.reporter))
            return DeployKeeper(
                context=context, probe=of.probe(), sources=sources, builders=builders, reporter=reporter
            )
        if agent == "envkeeper":
            from dreamnet_actions.keepers.envkeeper import EnvKeeper

            return EnvKeeper(context=context, entries=of.entries(), flag_store=self._flags)
        from dreamnet_actions.keepers.relaybot import RelayBot

        return RelayBot(context=context, bus=of.bus, dreams=of.dreams, submit=self.pipe.submit)


class _Late:
    """A port whose adapter is made at its first use: looking at a plan needs no probe, and so no TLS."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    def __getattr__(self, name: str) -> Any:
        if "_made" not in self.__dict__:
            self._made = self._make()
        return getattr(self._made, name)


def _directories(platform: Platform, service: str) -> set[str]:
    """Answer the directories that a service's releases, present and former, stand in."""
    state = platform.observe().services.get(service)
    if state is None:
        return set()
    releases = [track.release for track in state.tracks.values()] + list(state.former)
    return {release.directory for release in releases if release.directory}


def _row(port: str, kind: str) -> Row:
    return next(row for row in ROWS if (row.port, row.kind) == (port, kind))


def _adapter(port: str, kind: str) -> Any:
    """Import the class of one adapter, now that it is needed."""
    return _load(_row(port, kind).adapter)


def _adapter_late(port: str, kind: str, **options: Any) -> Any:
    return _adapter(port, kind)(**options)


def _load(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)
