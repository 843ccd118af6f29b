"""A process platform for one test: its parts at hand, and proof that nothing of it is left."""

from __future__ import annotations

import http.client
import json
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dreamnet_actions.adapters.process.identity import Identity, marked
from dreamnet_actions.adapters.process.options import ProcessWorkload, Ready
from dreamnet_actions.adapters.process.platform import ProcessPlatform
from dreamnet_actions.domain.release import Release, ServiceState, TrackState
from dreamnet_actions.domain.spec.models import Service

APP = Path(__file__).with_name("app.py")
WITHIN = 15.0


@dataclass(frozen=True, kw_only=True)
class ProcessService(Service, ProcessWorkload):
    """A service as the composed configuration has it."""


class Home:
    """One state directory with its platform and a service ``web``."""

    def __init__(self, state: Path, name: str = "local") -> None:
        self.state, self.name = state, name
        self.platform = self.again()
        self.port = free_port()
        self.instances: set[str] = set()

    def again(self) -> ProcessPlatform:
        """The same platform, as the next command sees it."""
        return ProcessPlatform(self.name, self.state, self.state)

    @property
    def directory(self) -> Path:
        return self.state / f"platform-{self.name}"

    def spec(self, replicas: int = 1, **keys: Any) -> ProcessService:
        given = {
            "port": self.port,
            "ready": Ready(http="/ready", within=0.3),
            "stop_grace": 2.0,
            "back_off": 0.1,
            "command": command("cmd"),
        }
        return ProcessService(platform=self.name, replicas=replicas, **(given | keys))

    def release(self, name: str, **keys: Any) -> Release:
        return Release(service="web", version=f"dir:{name}", command=command(name), **keys)

    def run(self, name: str = "one", replicas: int = 1, **keys: Any) -> TrackState:
        """Apply a release of ``web`` and watch until it has settled."""
        self.platform.apply("web", self.spec(replicas, **keys), self.release(name))
        return self.settled()

    def state_of(self, service: str = "web") -> ServiceState:
        return self.platform.observe().services[service]

    def until(self, holds: Callable[[ServiceState], object], *, service: str = "web") -> ServiceState:
        deadline = time.monotonic() + WITHIN
        while True:
            state = self.platform.observe().services.get(service)
            if state is not None and holds(state):
                return state
            if time.monotonic() > deadline:
                log = self.directory / "supervisor.log"
                raise AssertionError(
                    f"did not come about: {state}\n{log.read_text() if log.exists() else ''}"
                )
            time.sleep(0.01)

    def settled_state(self) -> ServiceState:
        return self.until(
            lambda state: state.stable.settled and (state.canary is None or state.canary.settled)
        )

    def settled(self) -> TrackState:
        return self.until(lambda state: state.stable.settled).stable

    def get(self, path: str = "/", *, port: int | None = None, timeout: float = 5.0) -> tuple[int, str]:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=timeout)
        try:
            connection.request("GET", path, headers={"Connection": "close"})
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def runtime(self) -> dict[str, Any]:
        data: dict[str, Any] = json.loads((self.directory / "runtime.json").read_text())
        return data

    def supervisor(self) -> Identity:
        found = self.runtime()["supervisor"]
        return Identity(found["pid"], found["started"])

    def processes(self) -> list[Identity]:
        """Everything that carries this platform's mark."""
        path = self.directory / "state.json"
        if path.exists():
            self.instances.add(json.loads(path.read_text())["instance"])
        return marked(lambda mark: mark.partition(".")[0] in self.instances)

    def end(self) -> None:
        """End it all, and prove it."""
        self.processes()
        self.platform.shutdown()
        gone(lambda: not self.processes(), "a process of the platform is left")


def command(name: str) -> tuple[str, ...]:
    return (sys.executable, "-S", str(APP), "{port}", name)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def gone(holds: Callable[[], object], what: str, within: float = WITHIN) -> None:
    """Wait until it holds."""
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def is_there(pid: int) -> bool:
    """Tell whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (OSError, IndexError):
        return False


@contextmanager
def at_home(state: Path) -> Iterator[Home]:
    """A home for the time of a test; whatever happens in it, nothing stays."""
    home = Home(state)
    try:
        yield home
    finally:
        home.end()
