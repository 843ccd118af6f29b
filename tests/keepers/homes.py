"""Configurations for the keepers' tests, and a way to cut a run off at any call of a port."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from dreamnet_actions.adapters.probes.options import HttpCheck
from dreamnet_actions.domain.spec.models import (
    Chosen,
    Config,
    EnvEntry,
    Heal,
    MetricCheck,
    ReleaseRules,
    Route,
    Scale,
    Service,
    Strategy,
    Thresholds,
    Watch,
    WorkloadCheck,
)
from dreamnet_actions.testing.memory.system import MemorySystem, memory_system

HOME = HttpCheck(http="http://127.0.0.1:1/", timeout=1.0)
READY = WorkloadCheck(workload="ready")


@dataclass(frozen=True)
class Cluster:
    """Options of a platform that names its cluster."""

    cluster: str | None = None


def service(**more: Any) -> Service:
    """A service with an HTTP check and quick thresholds."""
    given: dict[str, Any] = {
        "platform": "local",
        "checks": {"home": HOME},
        "thresholds": Thresholds(failures=2, successes=1, again_after=1.0),
        "heal": Heal(recover_within=10.0),
    }
    return Service(**{**given, **more})


def released(*shares: float, **more: Any) -> Service:
    """A service that is released from a repository, by canary where shares are given."""
    strategy = Strategy(canary=shares or None, soak=5.0)
    return service(release=ReleaseRules(git=".", ready_within=10.0, strategy=strategy), **more)


def scaled(low: int = 1, high: int = 10, target: float = 100.0, **more: Any) -> Service:
    """A service that is scaled by its requests."""
    scale = Scale(target=target, min=low, max=high, down_after=60.0)
    load = MetricCheck(metric="requests-per-second", scale=scale)
    return service(checks={"home": HOME, "load": load}, **more)


def config(
    services: Mapping[str, Service],
    *,
    env: Mapping[str, tuple[str | None, ...]] | None = None,
    routes: tuple[Route, ...] = (),
    **watch: Any,
) -> Config:
    """A configuration; ``env`` names, by entry, the services whose values it holds (None: a file)."""
    entries = {
        name: EnvEntry(from_=Chosen("memory", None), to=tuple(Chosen("memory", one) for one in to))
        for name, to in (env or {}).items()
    }
    names = {one.platform for one in services.values()} | {"local"}
    return Config(
        version=1,
        services=dict(services),
        platforms={name: Chosen("process", Cluster()) for name in sorted(names)},
        env=entries,
        routes=routes,
        watch=Watch(**watch),
    )


def home(*, values: Mapping[str, Mapping[str, str]] | None = None, **services: Service) -> MemorySystem:
    """A started system of these services (``web`` alone where none is named)."""
    system = memory_system(config(services or {"web": service()}), values=values)
    system.start()
    system.clock.advance(1.0)
    return system


def with_env(text: str = "good", **more: Service) -> MemorySystem:
    """A started system whose ``web`` reads ``KEY`` from the entry ``app``; synced once, and restarted with it."""
    services = {"web": service(), **more}
    system = memory_system(config(services, env={"app": ("web",)}), values={"app": {"KEY": text}})
    system.start()
    system.ask("envkeeper", "sync")
    system.pipe.drain()
    system.clock.advance(3600.0)
    return system


class Cut(BaseException):
    """The process is gone: what SIGKILL looks like from inside."""


class Knife:
    """Counts the calls of all ports that it is put around, and ends the run before or after one of them."""

    def __init__(self, at: int = -1) -> None:
        self.at = at
        self.calls: list[str] = []

    def reach(self, name: str) -> None:
        """Come to the next point where the run may be cut."""
        self.calls.append(name)
        if len(self.calls) - 1 == self.at:
            raise Cut(name)

    def around(self, port: Any) -> Any:
        """Put the knife around a port: each call has a point before it and one after it."""
        return _Cuttable(port, self)


class _Cuttable:
    def __init__(self, port: Any, knife: Knife) -> None:
        self._port, self._knife = port, knife

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if not callable(found) or name in ("lease", "probe", "sleep"):
            return found
        kind = type(getattr(self._port, "_port", self._port)).__name__
        return self._guard(f"{kind}.{name}", found)

    def _guard(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(*args: Any, **kwargs: Any) -> Any:
            self._knife.reach(f"before {name}")
            answer = method(*args, **kwargs)
            self._knife.reach(f"after {name}")
            return answer

        return guarded


def cuts(
    make: Callable[[], MemorySystem], act: Callable[[MemorySystem], object]
) -> Iterator[tuple[str, MemorySystem]]:
    """Run ``act`` on a fresh system for each point where it can be cut, cut it there, and hand the system over with
    fresh keepers, as the next run finds it: leases of the dead run are free, its messages wait again."""
    whole = Knife()
    act(make().again(whole.around))
    for at in range(len(whole.calls)):
        knife = Knife(at)
        system = make()
        try:
            act(system.again(knife.around))
        except Cut:
            system.again()
            free(system)
            yield f"{at} {knife.calls[-1]}", system


def free(system: MemorySystem) -> None:
    """Give back what the dead run held, as every store does that can see that its holder is dead."""
    system.lock._until.clear()
    for row in system.bus._rows:
        if row.state == "leased":
            row.state = "waiting"


def facts(system: MemorySystem, *kinds: str) -> list[dict[str, Any]]:
    """Answer the data of the journal's facts of these kinds, with kind and service."""
    return [
        {"kind": one.kind, "service": one.service, **one.data} for one in system.journal.read(kinds=kinds)
    ]


def changed(spec: Service, **more: Any) -> Service:
    """Answer the service with other fields."""
    return replace(spec, **more)
