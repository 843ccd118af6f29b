"""One replica: started, looked at, ended, started again. One task is its whole life.

States: ``starting`` → ``ready`` ⇄ ``unready``; when its process ends, ``back-off`` until it is started again (policy
``always``) or ``exited`` for good (``never``, until ``rouse``). ``stopping`` takes it out of rotation at once and lets
the connections that it has finish before its process is told to end.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from dreamnet_actions.adapters.process.connection import Connection
from dreamnet_actions.adapters.process.identity import REPLICA_VARIABLE
from dreamnet_actions.adapters.process.logs import ReplicaLog, ServiceLog
from dreamnet_actions.adapters.process.loopback import HOST, free_port
from dreamnet_actions.adapters.process.plan import ALIVE
from dreamnet_actions.adapters.process.processes import Child, Nursery
from dreamnet_actions.adapters.process.ready import look
from dreamnet_actions.adapters.process.spawn import NoProgram, StartFailed, resolve_program
from dreamnet_actions.adapters.process.state import Run
from dreamnet_actions.adapters.process.traffic import Counter
from dreamnet_actions.domain.release import ReplicaState, Track

LONGEST_BACK_OFF = 300.0
HEALTHY_RUN = 60.0
"""Seconds that a replica must have been up and ready for its back-off to begin anew."""
WORKER_READY_AFTER = 1.0
"""Seconds that a replica without a port must have run to count as ready."""
FAILED_LOOKS = 2
_FIRST_LOOK, _LOOK_STARTING, _LOOK_RUNNING = 0.04, 0.25, 1.0
_DRAIN_POLL = 0.03


class House(Protocol):
    """What a replica needs of its supervisor."""

    nursery: Nursery

    def synced(self, service: str, run: Run) -> dict[str, str]:
        """The values that EnvKeeper synced for this run; raises StartFailed where they cannot be read."""

    def environment(self, service: str, run: Run) -> dict[str, str]:
        """Answer the variables that a replica of this run starts with. Raises StartFailed."""

    def ports(self) -> set[int]:
        """Answer the ports that are given out."""


class Replica:
    """A running copy of one run of a service. ``changed`` is called after each change of its state."""

    def __init__(
        self,
        house: House,
        service: str,
        run: Run,
        track: Track,
        *,
        order: int,
        counter: Counter,
        log: ServiceLog,
        changed: Callable[[], None],
    ) -> None:
        self.id = f"{service}-{os.urandom(4).hex()}"
        self.service, self.run, self.track, self.order, self.counter = service, run, track, order, counter
        self.state: ReplicaState = "starting"
        self.stopping = False
        self.port: int | None = None
        self.connections: set[Connection] = set()
        self.chosen = 0
        """The forwarder's turn at which it last got a connection."""
        self.restarts = 0
        self.exit_status: int | None = None
        self.failure: str | None = None
        self.hopeless = False
        """Its program cannot even be started: no waiting mends that."""
        self.child: Child | None = None
        self._house, self._log, self._changed = house, log, changed
        self._loop = asyncio.get_running_loop()
        self._started_at: float | None = None
        self._ready_at: float | None = None
        self._failures_in_a_row = 0
        self._stop, self._rouse, self._doubt = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.task = self._loop.create_task(self._live())

    # ── What others tell it ─────────────────────────────────────────────────────────────────────────────

    def retire(self) -> None:
        """Take it out of rotation, and end it."""
        if not self.stopping:
            self.stopping = True
            self._stop.set()

    def rouse(self) -> None:
        """Start it again at once if it has exited for good."""
        if self.state == "exited":
            self._rouse.set()

    def doubt(self) -> None:
        """It did not take a connection: look at it now."""
        self._doubt.set()

    def view(self) -> dict[str, Any]:
        """Answer the fields of the domain's ``Replica``."""
        running = self.child is not None and self.state in ALIVE
        return {
            "id": self.id,
            "track": self.track,
            "version": self.run.release.version,
            "state": self.state,
            "address": f"{HOST}:{self.port}" if running and self.port else None,
            "pid": self.child.pid if running and self.child else None,
            "restarts": self.restarts,
            "exit_status": self.exit_status,
            "age": round(self._loop.time() - self._started_at, 3) if running and self._started_at else 0.0,
        }

    # ── Its life ────────────────────────────────────────────────────────────────────────────────────────

    async def _live(self) -> None:
        log = self._log.replica(self.id)
        try:
            while not self.stopping:
                await self._run_once(log)
                if not self.stopping:
                    await self._rest()
        finally:
            log.close()
            self._log.close(self.id)

    async def _run_once(self, log: ReplicaLog) -> None:
        """Start the process, look at it until it ends or is to end, and end all of it."""
        self._ready_at = None
        self._set("starting")
        try:
            self.child = self._spawn(log)
            self.hopeless = False
        except (StartFailed, OSError) as error:  # OSError: no port, no file descriptor
            self.exit_status, self.hopeless = None, isinstance(error, NoProgram)
            self._ended(str(error))
            return
        self._started_at = self._loop.time()
        looks, stop = self._loop.create_task(self._watch()), self._loop.create_task(self._stop.wait())
        watched: set[asyncio.Future[Any]] = {self.child.exited, looks, stop}
        try:
            await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
            if self.child.exited.done():
                log.flush()
                self.exit_status = self.child.exited.result()
                self._ended(_in_words(self.exit_status, log.last_line))
            elif looks.done():
                self._ended(looks.result() if looks.exception() is None else f"look: {looks.exception()!r}")
            else:
                await self._drain()
        finally:
            looks.cancel()
            stop.cancel()
            await self._house.nursery.end(self.child, self.run.workload.stop_grace)
            for connection in list(self.connections):
                connection.close()
            self.child, self.port = None, None

    def _spawn(self, log: ReplicaLog) -> Child:
        workload = self.run.workload
        variables = self._house.environment(self.service, self.run) | {REPLICA_VARIABLE: self.id}
        log.mask(self._house.synced(self.service, self.run).values())
        self.port = free_port(self._house.ports()) if workload.listens else None
        port = str(self.port or "")
        if self.port:
            variables["PORT"] = port
        command = self.run.release.command or workload.command
        return self._house.nursery.spawn(
            self.id,
            resolve_program([part.replace("{port}", port) for part in command], variables.get("PATH", "")),
            directory=workload.directory,
            environment=variables,
            output=log.write,
        )

    async def _rest(self) -> None:
        """Wait until it is to be started again, or is to stop."""
        workload = self.run.workload
        pause: float | None = None
        if workload.restart_policy == "always":
            pause = min(LONGEST_BACK_OFF, workload.back_off * 2.0 ** (self._failures_in_a_row - 1))
        else:
            self._set("exited")
        waits = [self._loop.create_task(event.wait()) for event in (self._stop, self._rouse)]
        await asyncio.wait(waits, timeout=pause, return_when=asyncio.FIRST_COMPLETED)
        for one in waits:
            one.cancel()
        self._rouse.clear()
        self.restarts += 1

    async def _drain(self) -> None:
        """Let the connections that it serves finish, for at most the grace that it has to stop."""
        deadline = self._loop.time() + self.run.workload.stop_grace
        while self.connections and self._loop.time() < deadline:
            if self.child and self.child.exited.done():
                return
            for connection in [one for one in self.connections if one.is_quiet(self._loop.time())]:
                connection.close()
            await asyncio.sleep(_DRAIN_POLL)

    async def _watch(self) -> str:
        """Look at it again and again; answers (why not) only when it has not become ready in its time."""
        workload = self.run.workload
        if self.port is None:
            await asyncio.sleep(WORKER_READY_AFTER)
            self._is_ready()
            await asyncio.Event().wait()
        deadline = self._loop.time() + workload.start_within
        pause, failed = _FIRST_LOOK, 0
        while True:
            self._doubt.clear()
            why = await look(self.port or 0, workload.ready_http, workload.ready_within)
            failed = failed + 1 if why else 0
            if why is None:
                self._is_ready()
            elif self.state == "starting" and self._loop.time() > deadline:
                return f"not ready within {workload.start_within:g} s: {why}"
            elif self.state == "ready" and failed >= FAILED_LOOKS:
                self._ready_at = None
                self._fail(f"no longer ready: {why}")
                self._set("unready")
            workload = self.run.workload
            pause = min(_LOOK_STARTING, pause * 1.5) if self.state == "starting" else _LOOK_RUNNING
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._doubt.wait()
            if self._doubt.is_set():
                await asyncio.sleep(_FIRST_LOOK)  # many connections may doubt it at once

    def _is_ready(self) -> None:
        if self.state != "ready":
            self._ready_at = self._loop.time()
            self.failure = None
            self._set("ready")

    def _ended(self, why: str) -> None:
        if self._ready_at is not None and self._loop.time() - self._ready_at >= HEALTHY_RUN:
            self._failures_in_a_row = 0
        self._failures_in_a_row += 1
        self._fail(why)
        self._set("back-off" if self.run.workload.restart_policy == "always" else "exited")

    def _fail(self, why: str) -> None:
        self.failure = why

    def _set(self, state: ReplicaState) -> None:
        self.state = state
        self._changed()


def _in_words(status: int, last_line: str) -> str:
    if status < 0:
        names: Mapping[int, str] = {int(one): one.name for one in signal.Signals}
        text = f"killed by {names.get(-status, f'signal {-status}')}"
    else:
        text = f"exited with status {status}"
    return f"{text}: {last_line[:300]}" if last_line else text
