"""The supervisor's work: keeping what is wanted and what runs the same, and answering requests about both.

Every write is on the disk before it is answered and brought about afterwards, from the same state that a supervisor
after this one would read. ``supervisor.py`` is the program around it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
from collections.abc import Callable, Sequence
from typing import Any

from dreamnet_actions.adapters.process import changes, control
from dreamnet_actions.adapters.process.durable import write_atomic
from dreamnet_actions.adapters.process.environment import current_environment, read_set
from dreamnet_actions.adapters.process.guardian import Guardian
from dreamnet_actions.adapters.process.identity import PLATFORM_VARIABLE, boot_id, identity_of
from dreamnet_actions.adapters.process.logs import ServiceLog
from dreamnet_actions.adapters.process.places import Places
from dreamnet_actions.adapters.process.processes import Nursery
from dreamnet_actions.adapters.process.service import RunningService
from dreamnet_actions.adapters.process.spawn import StartFailed, inherited
from dreamnet_actions.adapters.process.state import PlatformState, Run, Wanted, Workload, save
from dreamnet_actions.domain.release import Release
from dreamnet_actions.errors import DreamNetError, NotFound, PlatformFailed, TemporaryError

log = logging.getLogger("dreamnet.process")

_TEND = 1.0
"""Seconds between looks at the guardian and at the state directory."""
_IDLE_EXIT = 30.0
"""Seconds after which a supervisor that has nothing to supervise ends by itself."""


class Supervisor:
    """What is wanted and what runs, side by side. ``lock`` is the descriptor that holds the flock."""

    def __init__(self, places: Places, state: PlatformState, lock: int) -> None:
        self._places, self._state, self._lock = places, state, lock
        self._loop = asyncio.get_running_loop()
        self._base = inherited(dict(os.environ)) | {"PYTHONUNBUFFERED": "1"}
        self.nursery = Nursery(self._record)
        self._services: dict[str, RunningService] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._guardian = Guardian(places.runtime, self.mark)
        self._reconciles = False
        self._stop = asyncio.Event()
        self._idle_since: float | None = None

    @property
    def mark(self) -> str:
        """What this run of the supervisor marks its processes with."""
        return f"{self._state.instance}.{self._state.epoch}"

    async def run(self, announce: Callable[[], None]) -> None:
        """Bring back what is wanted, serve until told to stop, then end everything."""
        self.nursery.prepare()
        self._record()
        self._look_after_guardian()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._stop.set)
        path = self._places.prepare_socket()
        server = await control.serve(path, self._handle, lambda error: log.error("bug", exc_info=error))
        for name, wanted in self._state.services.items():
            self._services[name] = self._service(name, wanted)
        self._reconcile()
        announce()
        log.info("serving %d services as %s", len(self._services), self.mark)
        await self._tend()
        log.info("ending")
        await asyncio.gather(*(one.end() for one in self._services.values()), *self._ending)
        server.close()
        with contextlib.suppress(OSError):
            path.unlink()
        self._guardian.dismiss()
        log.info("ended")

    # ── What replicas need of it (House) ────────────────────────────────────────────────────────────────

    def environment(self, service: str, run: Run) -> dict[str, str]:
        """Inherited, then configured, then synced variables, then our own marks."""
        synced = self.synced(service, run)
        return self._base | dict(run.workload.environment) | synced | {PLATFORM_VARIABLE: self.mark}

    def synced(self, service: str, run: Run) -> dict[str, str]:
        """The values that EnvKeeper synced for this run."""
        if not run.release.environment:
            return {}
        try:
            return read_set(self._places.environments / service, run.release.environment)
        except DreamNetError as error:
            raise StartFailed(f"start: its synced values cannot be read: {error.message}") from error

    def ports(self) -> set[int]:
        """The replicas' ports, and the services' own."""
        taken = {one.port for service in self._services.values() for one in service.replicas if one.port}
        return taken | {one.stable.workload.port or 0 for one in self._state.services.values()}

    # ── Keeping wanted and running the same ─────────────────────────────────────────────────────────────

    def _changed(self) -> None:
        """Reconcile soon, once for all that has changed in this turn of the loop."""
        if not self._reconciles:
            self._reconciles = True
            self._loop.call_soon(self._reconcile)

    def _reconcile(self) -> None:
        self._reconciles = False
        if not self._stop.is_set():
            for service in self._services.values():
                service.reconcile()

    def _service(self, name: str, wanted: Wanted) -> RunningService:
        return RunningService(self, name, wanted, ServiceLog(self._places.logs / name), self._changed)

    async def _tend(self) -> None:
        """Wait for the end, and look after what nobody tells us about."""
        while not self._stop.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TEND):
                    await self._stop.wait()
            self._look_after_guardian()
            if not self._is_home():
                log.warning("the state directory is gone: ending all services")
                self._stop.set()
            if self._services or self._ending:
                self._idle_since = None
            elif self._idle_since is None:
                self._idle_since = self._loop.time()
            elif self._loop.time() - self._idle_since > _IDLE_EXIT:
                self._stop.set()

    def _look_after_guardian(self) -> None:
        if not self._stop.is_set():
            pid = self._guardian.keep()
            self.nursery.others = {pid} if pid else set()

    def _is_home(self) -> bool:
        """Tell whether the lock that we hold is still the one in the state directory (nobody removed it)."""
        try:
            return os.path.samestat(self._places.lock.stat(), os.fstat(self._lock))
        except OSError:
            return False

    def _record(self) -> None:
        """Write down what runs, for the guardian and for people. Not synced: it means nothing after a reboot."""
        own = identity_of(os.getpid())
        data = {
            "boot": boot_id(),
            "mark": self.mark,
            "supervisor": {"pid": os.getpid(), "started": own.started if own else 0},
            "replicas": [
                {"id": one.replica, "pid": one.pid, "started": one.identity.started}
                for one in self.nursery.children.values()
            ],
        }
        with contextlib.suppress(OSError):
            write_atomic(self._places.runtime, json.dumps(data).encode(), sync=False)

    # ── Requests ────────────────────────────────────────────────────────────────────────────────────────

    async def _handle(self, request: dict[str, Any]) -> Any:
        do = request.pop("do")
        handlers: dict[str, Callable[..., Any]] = {
            "observe": self._observe,
            "logs": self._logs,
            "shutdown": self._shutdown,
            "apply": self._apply,
            "restart": self._restart,
            "scale": self._scale,
            "shift": self._shift,
            "promote": self._promote,
            "withdraw": self._withdraw,
            "undo": self._undo,
            "remove": self._remove,
        }
        if do not in handlers:
            raise PlatformFailed(
                f"The running supervisor does not know {do!r}: it is of another version of DreamNet.",
                hint="End it with 'dreamnet down', then try again.",
            )
        return handlers[do](**request)

    def _observe(self) -> dict[str, Any]:
        return {"services": {name: one.view() for name, one in self._services.items()}}

    def _logs(self, service: str, lines: int) -> list[str]:
        if service not in self._services:
            raise NotFound("service", service, self._services)
        return list(self._services[service].log.lines)[-lines:] if lines > 0 else []

    def _shutdown(self) -> dict[str, int]:
        self._stop.set()
        return {"pid": os.getpid()}

    def _apply(
        self,
        service: str,
        release: dict[str, Any],
        workload: dict[str, Any],
        canary: bool,
        replicas: int,
        configured: int,
    ) -> None:
        state = changes.apply(
            self._state,
            service,
            Release.from_json(release),
            Workload.from_json(workload),
            canary=canary,
            replicas=replicas,
            configured=configured,
            environment=current_environment(self._places.environments / service),
        )
        self._accept(state, service, rouse=True)

    def _restart(self, service: str, token: str) -> None:
        environment = current_environment(self._places.environments / service)
        self._accept(changes.restart(self._state, service, token, environment=environment), service)

    def _scale(self, service: str, replicas: int) -> None:
        self._accept(changes.scale(self._state, service, replicas), service, rouse=True)

    def _undo(self, service: str, token: str, skip: Sequence[str] = ()) -> dict[str, Any]:
        state, release = changes.undo(self._state, service, token, skip)
        self._accept(state, service)
        return release.to_json()

    def _shift(self, service: str, share: float) -> None:
        self._accept(changes.shift(self._state, service, share), service)

    def _promote(self, service: str) -> None:
        self._accept(changes.promote(self._state, service), service)

    def _withdraw(self, service: str) -> None:
        self._accept(changes.withdraw(self._state, service), service)

    def _remove(self, service: str) -> None:
        self._accept(changes.remove(self._state, service), service)
        if running := self._services.pop(service, None):
            task = self._loop.create_task(self._end(service, running))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def _end(self, name: str, service: RunningService) -> None:
        await service.end()
        if name not in self._services:
            service.log.remove()

    def _accept(self, state: PlatformState, service: str, *, rouse: bool = False) -> None:
        """Put the new state on the disk, then bring it about."""
        if self._stop.is_set():
            raise TemporaryError(
                "The process platform is being shut down.", hint="Try again when it has ended."
            )
        if state != self._state:
            try:
                save(self._places.wanted, state)
            except OSError as error:
                raise PlatformFailed(
                    f"{self._places.wanted} cannot be written ({error.strerror}); nothing was changed."
                ) from error
            self._state = state
        wanted = state.services.get(service)
        if wanted is None:
            return
        if service in self._services:
            self._services[service].want(wanted)
            if rouse:
                self._services[service].rouse()
        else:
            self._services[service] = self._service(service, wanted)
        self._changed()
