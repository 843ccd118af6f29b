"""One service on the supervisor: its replicas, its address, and the way from what is wanted to what is.

``reconcile`` may be called at any time and as often as one likes; it starts and retires what the plan says and waits
for nothing. ``view`` is the service as ``observe`` tells it.

A replica that is being stopped is out of rotation and no longer shown: a track is settled when all that is in rotation
is as wanted, while connections to the former release may still be finishing. Where a service has no address of its own
(a worker), settled also waits until the former processes have ended, since only that ends their work.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from dreamnet_actions.adapters.process.forwarder import Forwarder
from dreamnet_actions.adapters.process.logs import ServiceLog
from dreamnet_actions.adapters.process.loopback import HOST
from dreamnet_actions.adapters.process.plan import Seen, plan_track
from dreamnet_actions.adapters.process.replica import House, Replica
from dreamnet_actions.adapters.process.state import Run, Wanted
from dreamnet_actions.adapters.process.traffic import Counter, Shares
from dreamnet_actions.domain.release import Track

_RETRY_LISTEN = 1.0
_RANK = {"ready": 0, "unready": 1, "starting": 2}


class RunningService:
    """A service that was applied. ``changed`` asks the supervisor to reconcile it soon."""

    def __init__(
        self, house: House, name: str, wanted: Wanted, log: ServiceLog, changed: Callable[[], None]
    ) -> None:
        self.name, self.wanted, self.log = name, wanted, log
        self.replicas: list[Replica] = []
        self.shares = Shares()
        self._house, self._changed = house, changed
        self._forwarder = Forwarder(self)
        self._listening: asyncio.Task[None] | None = None
        self._counters: dict[int, Counter] = {}
        self._order = 0
        self._turn = 0
        self._loop = asyncio.get_running_loop()

    # ── From wanted to is ───────────────────────────────────────────────────────────────────────────────

    def want(self, wanted: Wanted) -> None:
        """Change what is wanted."""
        if wanted.stable.generation != self.wanted.stable.generation and not (
            self.wanted.canary and wanted.stable.generation == self.wanted.canary.generation
        ):
            self._counters.pop(wanted.stable.generation, None)  # an undone-to release counts from now on
        self.wanted = wanted

    def rouse(self) -> None:
        """Start again what has exited for good."""
        for replica in self.replicas:
            replica.rouse()

    def reconcile(self) -> None:
        """Start and retire what the plan says; take connections on the wanted port."""
        self._place()
        self.shares.set({"stable": 1.0 - self._share, "canary": self._share})
        self._step("stable", self.wanted.stable, self.wanted.replicas)
        if self.wanted.canary:
            self._step("canary", self.wanted.canary, self.wanted.canary_replicas)
        else:
            self._retire(one.id for one in self._serving("canary"))
        self._listen()

    async def end(self) -> None:
        """Take no more connections, let those that are open finish, and end every replica."""
        if self._listening:
            self._listening.cancel()
        self._forwarder.close()
        self._retire(one.id for one in self.replicas)
        while self.replicas:
            await asyncio.wait({one.task for one in self.replicas})
        self._forwarder.abort()

    @property
    def _share(self) -> float:
        return self.wanted.share if self.wanted.canary else 0.0

    def _place(self) -> None:
        """Give each replica its track: a promoted canary's replicas are stable ones from now on, and a replica gets the
        newest settings of its run (a port, a limit) that do not need another process."""
        runs: dict[int, tuple[Track, Run]] = {self.wanted.stable.generation: ("stable", self.wanted.stable)}
        if self.wanted.canary:
            runs[self.wanted.canary.generation] = ("canary", self.wanted.canary)
        for replica in self.replicas:
            if found := runs.get(replica.run.generation):
                replica.track = found[0]
                if replica.run.key == found[1].key:
                    replica.run = found[1]
        wanted = {*runs, *(one.run.generation for one in self.replicas)}
        self._counters = {key: counter for key, counter in self._counters.items() if key in wanted}
        for replica in self.replicas:
            replica.counter = self._counter_of(replica.run)

    def _step(self, track: Track, run: Run, replicas: int) -> None:
        seen = [Seen(one.id, one.run.key, one.state, one.order) for one in self._serving(track)]
        steps = plan_track(run.key, replicas, seen)
        for _ in range(steps.start):
            self._start(track, run)
        self._retire(steps.retire)

    def _start(self, track: Track, run: Run) -> None:
        self._order += 1
        replica = Replica(
            self._house,
            self.name,
            run,
            track,
            order=self._order,
            counter=self._counter_of(run),
            log=self.log,
            changed=self._changed,
        )
        self.replicas.append(replica)
        replica.task.add_done_callback(lambda _: self._gone(replica))

    def _retire(self, ids: Iterable[str]) -> None:
        chosen = set(ids)
        for replica in self.replicas:
            if replica.id in chosen:
                replica.retire()

    def _gone(self, replica: Replica) -> None:
        self.replicas.remove(replica)
        self._changed()

    def _serving(self, track: Track) -> list[Replica]:
        return [one for one in self.replicas if one.track == track and not one.stopping]

    # ── The address ─────────────────────────────────────────────────────────────────────────────────────

    def candidates(self, track: str) -> list[Replica]:
        """Answer the replicas of a track for the next connection, the best first: ready ones with the fewest open
        connections, in turn; then, when none of those takes it, all others that run (failing open)."""
        running = [
            one for one in self.replicas if one.track == track and not one.stopping and one.state in _RANK
        ]
        running.sort(key=lambda one: (_RANK[one.state], len(one.connections), one.chosen))
        if running:
            self._turn += 1
            running[0].chosen = self._turn
        return running

    def counter(self, track: str) -> Counter:
        """Answer the counter of the release that the track is to run."""
        run = self.wanted.canary if track == "canary" and self.wanted.canary else self.wanted.stable
        return self._counter_of(run)

    def _counter_of(self, run: Run) -> Counter:
        return self._counters.setdefault(run.generation, Counter())

    def _listen(self) -> None:
        port = self.wanted.stable.workload.port
        if port is None:
            self._forwarder.close()
            self._forwarder.failure = None
        elif not (self._forwarder.listening and self._forwarder.port == port) and not self._listening:
            self._listening = self._loop.create_task(self._keep_trying(port))
            self._listening.add_done_callback(self._listened)

    async def _keep_trying(self, port: int) -> None:
        while True:
            before = self._forwarder.failure
            await self._forwarder.listen(port)
            if self._forwarder.failure != before:
                self._changed()
            if self._forwarder.failure is None or self.wanted.stable.workload.port != port:
                return
            await asyncio.sleep(_RETRY_LISTEN)

    def _listened(self, _: object) -> None:
        self._listening = None
        self._changed()

    # ── What observe tells ──────────────────────────────────────────────────────────────────────────────

    def view(self) -> dict[str, Any]:
        """Answer the fields of the domain's ``ServiceState`` as plain data."""
        port = self.wanted.stable.workload.port
        canary = self.wanted.canary
        return {
            "service": self.name,
            "address": f"{HOST}:{port}" if port else None,
            "stable": self._view("stable", self.wanted.stable, self.wanted.replicas, 1.0 - self._share),
            "canary": canary and self._view("canary", canary, self.wanted.canary_replicas, self._share),
            "former": [run.release.to_json() for run in self.wanted.former],
        }

    def _view(self, track: Track, run: Run, desired: int, weight: float) -> dict[str, Any]:
        shown = self._serving(track)
        as_wanted = [one for one in shown if one.run.key == run.key]
        settled = len(shown) == len(as_wanted) == desired and all(one.state == "ready" for one in shown)
        if run.workload.port is None:
            settled = settled and not any(one.stopping and one.track == track for one in self.replicas)
        elif track == "stable":
            settled = settled and self._forwarder.listening
        failures = [one.failure for one in as_wanted if one.failure]
        if track == "stable" and self._forwarder.failure:
            failures.insert(0, self._forwarder.failure)
        return {
            "release": run.release.to_json(),
            "desired": desired,
            "weight": weight,
            "replicas": [one.view() for one in sorted(shown, key=lambda one: one.order)],
            "traffic": self.counter(track).to_json(self._loop.time()),
            "settled": settled,
            "failure": failures[0] if failures else None,
            "hopeless": sum(one.hopeless for one in as_wanted),
            "updated": sum(one.state == "ready" for one in as_wanted),
        }
