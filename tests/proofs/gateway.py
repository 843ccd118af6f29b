"""``scripts/prove gateway``: canaries by the weights of an HTTPRoute, with real requests through Envoy Gateway.

A client asks a Gateway all the time, on a new connection each time. Each answer names the version that gave it, so the
shares that clients meet are counted beside the weights that the route has: those of a good release at 1, 10 and 50 %,
of one that is bad, and of one whose deployer is killed.
"""

from __future__ import annotations

import argparse
import http.client
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.cluster.client import Cluster, script
from tests.cluster.errors import BedError
from tests.cluster.places import BEDS
from tests.kubernetes.test_gateway import EXAMPLE
from tests.kubernetes.test_story import Shop, account
from tests.proofs._envoy import PORT, envoy_gateway, gateway

SETTLED = 3.0
"""Seconds before and after a change of weights was seen that count for none of both: it was a moment before."""


@dataclass
class Client:
    """Asks a Gateway all the time; ``share`` is what the route gives the canary, by its weights, and 0 where stable
    is no longer what it was: both are of one version then."""

    address: str
    shop: Shop
    changes: list[tuple[float, float]] = field(default_factory=lambda: [(time.monotonic(), 0.0)])
    """When another share was seen, and which."""
    answers: list[tuple[float, str]] = field(default_factory=list)
    """When somebody answered, and who (``failed``: nobody, or with an error)."""

    def __post_init__(self) -> None:
        self.stable = self.runs()
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self._ask) for _ in range(4)]
        self.threads.append(threading.Thread(target=self._look))
        for one in self.threads:
            one.start()

    def close(self) -> None:
        self.stop.set()
        for one in self.threads:
            one.join(30)

    def _ask(self) -> None:
        while not self.stop.wait(0.01):
            said = "failed"
            connection = http.client.HTTPConnection(self.address, PORT, timeout=10)
            try:
                connection.request("GET", "/", headers={"Host": "web.example.com"})
                answer = connection.getresponse()
                text = answer.read().decode("utf-8", "replace")
                said = text.split()[1] if answer.status == 200 else "failed"
            except (OSError, http.client.HTTPException):
                pass
            finally:
                connection.close()
            self.answers.append((time.monotonic(), said))

    def _look(self) -> None:
        while not self.stop.wait(0.2):
            try:
                route = self.shop.cluster.get("httproute", "web", namespace=self.shop.namespace)
                same = self.runs() == self.stable
            except BedError:  # nothing was seen; what it was before counts on
                continue
            weights = [one["weight"] for one in route["spec"]["rules"][0]["backendRefs"]]
            now = weights[1] / sum(weights) if len(weights) > 1 and same else 0.0
            if now != self.share:
                self.changes.append((time.monotonic(), now))

    @property
    def share(self) -> float:
        """The share of now."""
        return self.changes[-1][1]

    def runs(self) -> str:
        """Answer the image that stable is to run."""
        return str(self.shop.live()["spec"]["template"]["spec"]["containers"][0]["image"])

    def taken(self) -> list[tuple[float, bool, str]]:
        """Answer what there was since the last time: the share at that time, whether it was so before and after, and
        who answered."""
        found, self.answers = self.answers, []
        return [(*self._at(when), said) for when, said in found]

    def _at(self, when: float) -> tuple[float, bool]:
        share = next(share for since, share in reversed(self.changes) if since <= when)
        return share, all(abs(when - since) > SETTLED for since, _ in self.changes)


def counted(what: str, answers: list[tuple[float, bool, str]], version: str, most_failed: float) -> bool:
    """Print the shares that clients met; answer whether they are those of the weights, and few enough failed."""
    well = True
    for share in sorted({one[0] for one in answers}):
        mine = Counter(one[2] for one in answers if one[0] == share and one[1])
        whole = sum(mine.values())
        if not whole or not share:
            continue
        met = (mine[version] + (mine["failed"] if version == "bad" else 0)) / whole
        # Four standard deviations of independent requests: Envoy draws by chance for each.
        near = abs(met - share) <= 4 * math.sqrt(share * (1 - share) / whole)
        well = well and near
        print(
            f"{what:<10} weight {share:>4.0%}: {met:.1%} of {whole} requests met it{'' if near else '  NOT NEAR'}"
        )
    failed = sum(one[2] == "failed" for one in answers)
    few = failed <= most_failed * len(answers)
    print(f"{what:<10} failed {failed} of {len(answers)}{'' if few else '  TOO MANY'}", flush=True)
    return well and few


def main() -> int:
    """Have the releases; answers 1 where clients met something else than the weights say."""
    chosen = argparse.ArgumentParser(prog="scripts/prove gateway")
    chosen.add_argument(
        "--rate", default="2%", help="max-error-rate; less makes longer steps (default: %(default)s)"
    )
    options = chosen.parse_args()
    bed = f"proof-{os.getpid()}"
    try:
        script("up", "--name", bed, "--owner", str(os.getpid()))
        facts = json.loads(script("status", "--name", bed, "--json"))
        cluster = Cluster(facts["kubeconfig"], facts["registry"], bed)
        address = facts["registry"].rpartition(":")[0]
        with (
            tempfile.TemporaryDirectory() as folder,
            envoy_gateway(cluster, bed, Path(folder)) as log,
            cluster.namespace() as namespace,
        ):
            try:
                gateway(cluster, namespace, address)
                with serving(_shop(cluster, namespace, Path(folder), options.rate), address) as client:
                    good = _story(client)
            except BaseException:
                print(log.read_text("utf-8", "replace")[-3000:])
                raise
    finally:
        if (BEDS / bed).exists():
            script("down", "--name", bed)
    return 0 if good else 1


def _shop(cluster: Cluster, namespace: str, folder: Path, rate: str) -> Shop:
    root = folder / "shop"
    shutil.copytree(EXAMPLE, root)
    key = account(cluster, namespace, folder, **{"dreamnet-route": EXAMPLE / "rbac.yaml"})
    shop = Shop(root, cluster, namespace, key)
    shop.say("namespace: default", f"namespace: {namespace}")
    shop.say("canary: [10%, 50%], soak: 30s", f"canary: [1%, 10%, 50%], soak: 60s, max-error-rate: {rate}")
    _image(shop, "one")
    shop.say("http: http://web.default/", "workload: ready")
    assert shop.dreamnet("deploy")["verdict"] == "deployed"
    address = cluster.address("web", namespace)
    shop.say("workload: ready", f"http: http://{address}/")
    return shop


def _image(shop: Shop, tag: str, **behaviour: str) -> None:
    """Another version, whose pods serve for two seconds more when they are told to end."""
    shop.image(shop.cluster.image(tag, TERM="drain", DRAIN="2s", **behaviour))


@contextmanager
def serving(shop: Shop, address: str) -> Iterator[Client]:
    """A client that asks as soon as the route leads to the first version."""
    client = Client(address, shop)
    try:
        shop.cluster.wait("an answer", lambda: any(one[1] == "one" for one in client.answers), 60)
        client.taken()
        yield client
    finally:
        client.close()


def _story(client: Client) -> bool:
    shop = client.shop
    began = time.monotonic()
    _image(shop, "two")
    assert shop.dreamnet("deploy")["verdict"] == "deployed"
    took = time.monotonic() - began
    time.sleep(SETTLED)
    well = counted("good", client.taken(), "two", 0.0)
    print(f"good       deployed in {took:.1f} s")
    client.stable = client.runs()

    began = time.monotonic()
    _image(shop, "bad", ERROR_RATE="1")
    assert shop.dreamnet("deploy", status=10)["verdict"] == "rolled-back"
    took = time.monotonic() - began
    time.sleep(SETTLED)
    well = counted("bad", client.taken(), "bad", 0.02) and well
    print(f"bad        taken back in {took:.1f} s")

    _image(shop, "three")
    environ = {**os.environ, "KUBECONFIG": str(shop.kubeconfig)}
    command = [sys.executable, "-m", "dreamnet_actions", "deploy"]
    deployer = subprocess.Popen(
        command, cwd=shop.root, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    shop.cluster.wait("a share of 10%", lambda: abs(client.share - 0.1) < 1e-9, 120)
    deployer.send_signal(signal.SIGKILL)
    deployer.wait(30)
    client.taken()
    time.sleep(10 + SETTLED)  # what clients meet while nobody watches
    well = counted("killed", client.taken(), "three", 0.0) and well
    assert shop.dreamnet("abort", "web")["outcome"] == "done"
    time.sleep(SETTLED)
    return counted("aborted", client.taken(), "three", 0.0) and well


if __name__ == "__main__":
    raise SystemExit(main())
