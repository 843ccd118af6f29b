"""Syncs into a Secret and a ConfigMap at once, while the real API server dies (``scripts/prove env --deaths``)."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from dreamnet_actions.bootstrap import Options, assemble
from dreamnet_actions.domain.result import AgentResult
from tests.cluster import beds, processes
from tests.cluster.client import Cluster
from tests.proofs._env_steps import KINDS, Bench, before_the_server

SERVER = "kube-apiserver"
DEATHS = ("killed before", "killed meanwhile", "ended meanwhile")
"""SIGKILL before a request gets there, SIGKILL while it is under way, SIGTERM while it is under way."""
NAMES = [f"NAME_{number}" for number in range(12)]
SOON = 0.03
"""Seconds after a request was sent on, at most, that the server dies."""
LIMIT = 120.0
"""Seconds that the server may take to end after SIGTERM."""


@dataclass(kw_only=True)
class Died:
    """One death of the server, at one request of a sync."""

    request: str
    death: str
    outcome: str = ""
    took_effect: bool = False
    broken: list[str] = field(default_factory=list)


class Syncs:
    """An entry of twelve names that goes to a Secret and to a ConfigMap; ``bench`` has the proxy before the server."""

    def __init__(self, bench: Bench, root: Path) -> None:
        self.bench, self.root = bench, root
        root.mkdir(parents=True)
        platform = {"namespace": bench.namespace, "kubeconfig": str(bench.kubeconfig())}
        config = {
            "version": 1,
            "platforms": {"production": {"kubernetes": platform}},
            "env": {
                "app": {
                    "from": {"dotenv": "app.env"},
                    "to": [{"kubernetes-secret": "app"}, {"kubernetes-configmap": "app"}],
                }
            },
        }
        (root / "dreamnet.yml").write_text(yaml.safe_dump(config), "utf-8")

    def given(self, value: str) -> dict[str, str]:
        """Let the source hold these values from now on."""
        values = {name: f"{value}-{name}-{'x' * 200}" for name in NAMES}
        (self.root / "app.env").write_text("".join(f"{n}={v}\n" for n, v in values.items()), "utf-8")
        return values

    def sync(self) -> AgentResult:
        """Sync, in a system of its own."""
        system = assemble(Options(root=self.root, environ={"PATH": os.environ["PATH"]}))
        try:
            return system.pipe.submit({"agent": "envkeeper", "input": {"action": "sync"}})
        finally:
            for one in system.platforms.values():
                one.close()  # type: ignore[attr-defined]
            system.close()

    def held(self) -> dict[str, dict[str, str]]:
        """Answer what each object holds, and see that its record says the same."""
        found = {}
        for kind in KINDS:
            sink = Bench(
                cluster=self.bench.cluster, namespace=self.bench.namespace, folder=self.root, kind=kind,
                proxy=self.bench.proxy,
            ).sink("app", directly=True)  # fmt: skip
            found[kind] = {name: one.reveal() for name, one in sink.read_back().items()}
            if sink.state().drifted:
                found[kind]["drifted"] = "yes"
        return found


def died_at_every_write(
    cluster: Cluster, namespace: str, folder: Path, deaths: tuple[str, ...] = DEATHS
) -> Iterator[Died]:
    """Let the server die at each request of a sync that writes, in each way; answers what came of it."""
    chance = random.Random(7007)
    with closing(before_the_server(cluster)) as proxy:
        bench = Bench(
            cluster=cluster, namespace=namespace, folder=folder / "bench", kind="secret", proxy=proxy
        )
        syncs = Syncs(bench, folder / "shop")
        syncs.given("zero")
        assert syncs.sync().outcome == "done"
        proxy.asked.clear()
        now = syncs.given("one")
        assert syncs.sync().outcome == "done"
        writes = [at for at, one in enumerate(proxy.asked) if not one.startswith("GET")]
        for number, (at, death) in enumerate((at, death) for at in writes for death in deaths):
            before, now = now, syncs.given(f"turn-{number}")
            yield _one(syncs, at, death, chance.uniform(0, SOON), before, now)


def _one(
    syncs: Syncs, at: int, death: str, after: float, before: dict[str, str], now: dict[str, str]
) -> Died:
    cluster, proxy = syncs.bench.cluster, syncs.bench.proxy
    proxy.asked.clear()
    proxy.answered.clear()
    dying: list[threading.Thread] = []

    def rule(*_: str) -> None:
        if len(proxy.asked) != at + 1 or dying:
            return
        thread = threading.Thread(target=_end, args=(cluster, death, after))
        dying.append(thread)
        thread.start()
        if death == "killed before":
            thread.join()

    proxy.rule = rule
    try:
        result = syncs.sync()
    finally:
        proxy.rule = lambda *_: None
    met = Died(request=proxy.asked[at] if dying else "was never made", death=death, outcome=result.outcome)
    if not dying:
        return met
    dying[0].join()
    cluster.start(SERVER)
    found = syncs.held()
    met.took_effect = now in found.values()
    met.broken += [f"{kind} holds neither" for kind, one in found.items() if one not in (before, now)]
    if result.outcome not in ("done", "deferred"):
        met.broken.append(f"it ended {result.outcome}: {json.dumps(result.to_json())[:600]}")
    if result.outcome == "done" and any(one != now for one in found.values()):
        met.broken.append("it is called done and is not")
    again = syncs.sync()
    if again.outcome not in ("done", "unchanged"):
        met.broken.append(f"a rerun ended {again.outcome}: {json.dumps(again.to_json())[:600]}")
    met.broken += [f"{kind} is not there after a rerun" for kind, one in syncs.held().items() if one != now]
    if syncs.sync().outcome != "unchanged":
        met.broken.append("a third run finds something to do")
    return met


def _end(cluster: Cluster, death: str, after: float) -> None:
    """End the server by the signal, a moment later, and see it gone."""
    bed = beds.find(cluster.name)
    server = bed and processes.running(bed, SERVER)
    assert bed is not None
    assert server is not None
    if death != "killed before":
        time.sleep(after)  # the request is on its way meanwhile
    by = signal.SIGTERM if death.startswith("ended") else signal.SIGKILL
    command = ["kill", f"-{int(by)}", str(server.pid)]
    subprocess.run(command if os.geteuid() == 0 else ["sudo", "-n", *command], check=True)
    processes.wait_for(f"{SERVER} to be gone", lambda: processes.running(bed, SERVER) is None, LIMIT)
