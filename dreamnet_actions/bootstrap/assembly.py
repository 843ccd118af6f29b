"""One assembly: each part of a System, made in the order in which they need each other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from dreamnet_actions.bootstrap.hashing import key_of
from dreamnet_actions.bootstrap.inside import inside_repository
from dreamnet_actions.bootstrap.keepers import Keepers
from dreamnet_actions.bootstrap.late import Late, adapter
from dreamnet_actions.bootstrap.memory import memory_of
from dreamnet_actions.bootstrap.platforms import platform_at
from dreamnet_actions.bootstrap.releases import is_own
from dreamnet_actions.bootstrap.system import Options, System
from dreamnet_actions.config.load import Loaded
from dreamnet_actions.domain.secret import SecretValue
from dreamnet_actions.errors import ConfigError
from dreamnet_actions.pipe import Pipe
from dreamnet_actions.ports.gate import Gate
from dreamnet_actions.ports.platform import Platform
from dreamnet_actions.ports.site import Site

if TYPE_CHECKING:
    from dreamnet_actions.domain.spec.models import Check
    from dreamnet_actions.keepers.dreamkeeper.hosted import House
    from dreamnet_actions.ports.conversation import Conversation
    from dreamnet_actions.ports.flags import FlagStore
    from dreamnet_actions.ports.metrics import MetricSource
    from dreamnet_actions.ports.notifier import Notifier
    from dreamnet_actions.ports.probe import Probe
    from dreamnet_actions.ports.stores import DreamStore, Journal, Lock, MessageBus
    from dreamnet_actions.ports.system import Clock, Ids, Reporter


_FLAGS = "The file of flags"


class Assembly:
    """Builds one System. Each method makes one thing, in the order in which they need each other."""

    def __init__(self, options: Options, loaded: Loaded, state: Path) -> None:
        self.options = options
        self.loaded = loaded
        self.config = loaded.config
        self.state = state
        self.clock: Clock = adapter("Clock", "system")()
        self.ids: Ids = adapter("Ids", "uuid")()
        self.reporter: Reporter = options.reporter or adapter("Reporter", "console")(
            quiet=not options.aloud, github=options.environ.get("GITHUB_ACTIONS") == "true"
        )
        called = loaded.config.notify.needs_human
        self.memory = memory_of(options, state, self.clock, self.ids, self.reporter, called)
        hash_key, lasts = key_of(options, state, self.reporter)
        self.site = Site(
            root=loaded.root,
            state=state,
            environ=options.environ,
            clock=self.clock,
            config=loaded.config,
            hash_key=hash_key,
            hash_key_lasts=lasts,
            reporter=self.reporter,
            kept=lambda: JournalKeep(self.journal, self.memory.barrier),
        )
        self._metrics: MetricSource | None = None
        self.journal: Journal = self.memory.journal
        paused = options.environ.get("DREAMNET_PAUSED", "")
        outside = "DREAMNET_PAUSED" if paused.lower() not in ("", "0", "false", "no") else None
        self.gate = Gate(self.journal, always=outside, barrier=self.memory.barrier)
        self.lock: Lock = self.memory.lock
        self.dreams: DreamStore = self.gate.before(self.memory.dreams)
        self.bus: MessageBus = self.gate.before(self.memory.bus)
        self.conversation: Conversation | None = None
        if self.memory.conversation is not None:
            self.conversation = self.gate.before(self.memory.conversation)

    def system(self) -> System:
        """Join everything."""
        platforms = {name: self.platform(name) for name in self.config.platforms}
        flags = self.flags()
        keepers = Keepers(self, platforms, flags)
        pipe = keepers.pipe = Pipe(
            keepers=keepers,
            journal=self.journal,
            bus=self.bus,
            lock=self.lock,
            clock=self.clock,
            ids=self.ids,
            gate=self.gate,
            alarm=self.memory.alarm,
            hide=self.reporter.hide,
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
            memory=self.memory,
            conversation=self.conversation,
        )

    def probe(self) -> Probe:
        """Make the probe that looks from outside and asks for numbers, once it looks."""
        return cast("Probe", Late(self._probe))

    def _probe(self) -> Probe:
        outside: Probe = adapter("Probe", "http").at(self.site)
        if (source := self.metrics()) is None:
            return outside
        from dreamnet_actions.bootstrap.probes import Probes

        return Probes(outside, adapter("Probe", "prometheus")(source))

    @staticmethod
    def check_of_value(kind: str, address: str, limit: float) -> Check:
        """Make the check by which a value is tried: ``tcp``, ``tls`` or ``http``, of at most ``limit`` seconds."""
        from dreamnet_actions.adapters.probes.options import HttpCheck, HttpExpect, TcpCheck, TlsCheck

        if kind == "http":
            return HttpCheck(http=address, timeout=limit, expect=HttpExpect(status=tuple(range(200, 400))))
        if kind == "tls":
            return TlsCheck(tls=address, timeout=limit, expires_after=0.0)
        return TcpCheck(tcp=address, timeout=limit)

    def metrics(self) -> MetricSource | None:
        """Make the source of numbers about services, once; None where the configuration names none."""
        options = getattr(self.config.metrics, "prometheus", None)
        if options is None:
            return None
        if self._metrics is None:
            if options.token_variable and (text := self.options.environ.get(options.token_variable)):
                self.reporter.mask(SecretValue(text))
            self._metrics = adapter("MetricSource", "prometheus").at(options, self.site)
        return self._metrics

    def platform(self, name: str) -> Platform:
        """Make one platform of the configuration, behind the gate."""
        chosen = self.config.platforms[name]
        made = platform_at(name, chosen, self.site, self.reporter.mask)
        return self.gate.before(made, outside=True)

    def notifiers(self) -> dict[str, Notifier]:
        """Make the places that are told when a dream waits for a person, by a name that says which one it is; what they
        are reached by is never printed."""
        found: dict[str, Notifier] = {}
        for chosen in self.config.notify.needs_human.tell:
            kind = chosen.kind
            name = next(one for one in (kind, *(f"{kind}-{n}" for n in range(2, 99))) if one not in found)
            for field in ("url_variable", "secret_variable"):
                variable = getattr(chosen.options, field, None)
                if variable and (text := self.options.environ.get(variable)):
                    self.reporter.mask(SecretValue(text))
            made: Notifier = adapter("Notifier", kind).at(chosen.options, self.site)
            found[name] = self.gate.before(made)
        return found

    def house(self) -> House | None:
        """Answer the host that DreamNet itself lives at, with the services that are released from there; if any."""
        if self.memory.hosting is None or self.memory.watched is None:
            return None
        from dreamnet_actions.keepers.dreamkeeper.hosted import House

        released = {
            name
            for name, spec in self.config.services.items()
            if spec.release is not None and is_own(self, spec.release.repository)
        }
        hosting = self.gate.before(self.memory.hosting)
        return House(
            hosting=hosting,
            source=self.memory.watched,
            released=frozenset(released),
            notices=self.memory.notices,
            config=self._config_path(),
            judge=self._judge,
        )

    def _config_path(self) -> str:
        """Answer the configuration's path from the repository's root; empty where it is outside of it."""
        return inside_repository(self.loaded.file, self.options.root, self.options.environ)

    def _judge(self, text: str) -> str:
        """Answer the mistakes of a configuration's text; nothing where it is valid."""
        from dreamnet_actions.bootstrap import composed
        from dreamnet_actions.config.reader import read_bytes

        try:
            composed().validate(read_bytes(text.encode("utf-8", "surrogateescape"), self._config_path()))
        except ConfigError as error:
            return error.message
        return ""

    def flags(self) -> FlagStore | None:
        """Make the store of flags, where the configuration names a file."""
        if self.config.flags is None:
            return None
        file, hint = self.config.flags.file, "Create it with {\"flags\": {}}, or mend 'file' under 'flags'."
        if self.memory.document is not None:
            place = inside_repository(self.loaded.root / file, self.options.root, self.options.environ)
            document = self.memory.document(
                place or file, what=_FLAGS, hint=hint, change=self.config.flags.change
            )
        else:
            document = adapter("Document", "local")(
                self.loaded.root / file,
                what=_FLAGS,
                hint=hint,
                state_directory=self.state / "flags",
                shown=file,
            )
        store: FlagStore = adapter("FlagStore", "flagd-file")(document)
        return self.gate.before(store, outside=True)

    def account(self) -> str:
        """Answer who DreamNet runs as, for what is written down of a change: a name to ask, no proof of anything."""
        names = ("GITHUB_ACTOR", "USER", "LOGNAME")
        return next((given for one in names if (given := self.options.environ.get(one))), "somebody")


class JournalKeep:
    """The ``Keep`` of adapters, in the journal's shared state."""

    def __init__(self, journal: Journal, barrier: Callable[[], None]) -> None:
        self._journal, self._barrier = journal, barrier

    def get(self, key: str) -> Any:
        """Answer what is kept under a key."""
        return self._journal.state(key)[0]

    def put(self, key: str, data: Any, *, first: bool = False) -> None:
        """Keep it, and make it durable at once where it must be known first."""
        self._journal.set_state(key, data)
        if first:
            self._barrier()
