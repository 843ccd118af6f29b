"""Canaries by the weights of an HTTPRoute, on the real API server with the Gateway API's own CRDs: the example as a
user runs it, a deployer that is killed, and owners who do not give way."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dreamnet_actions.bootstrap import Options, assemble
from dreamnet_actions.ports.cluster import Seen
from tests.cluster.client import Cluster
from tests.cluster.gateway_api import GROUP, Controller, controlled, route
from tests.kubernetes.proxy import Proxy
from tests.kubernetes.test_story import ROOT, Shop, account

pytestmark = [pytest.mark.slow, pytest.mark.timeout(480)]
EXAMPLE = ROOT / "examples" / "gateway"
STEPS = [{"web": 1}, {"web": 90, "web-canary": 10}, {"web": 50, "web-canary": 50}, {"web": 1}]


@pytest.fixture
def gateway(cluster: Cluster, namespace: str) -> Iterator[Controller]:
    with controlled(cluster, namespace) as made:
        yield made


@pytest.fixture
def shop(cluster: Cluster, namespace: str, tmp_path: Path) -> Shop:
    root = tmp_path / "shop"
    shutil.copytree(EXAMPLE, root)
    key = account(cluster, namespace, tmp_path, **{"dreamnet-route": EXAMPLE / "rbac.yaml"})
    made = Shop(root, cluster, namespace, key)
    made.say("namespace: default", f"namespace: {namespace}")
    made.say("soak: 30s", "soak: 20s, max-error-rate: 20%")  # as little evidence as that needs
    made.image(cluster.image("one"))
    return made


def known(shop: Shop) -> None:
    """Let the check ask the Service by its address: there is no name server here."""
    shop.say("http://web.default/", f"http://{shop.cluster.address('web', shop.namespace)}/")


def deployed(shop: Shop) -> None:
    """Bring the first version out, and let the check know where it is."""
    shop.say("http: http://web.default/", "workload: ready")
    assert shop.dreamnet("deploy")["verdict"] == "deployed"
    shop.say("workload: ready", "http: http://web.default/")
    known(shop)


@contextmanager
def between(shop: Shop) -> Iterator[Proxy]:
    """Have a proxy between DreamNet and the API server for the block."""
    kept = shop.kubeconfig.read_text("utf-8")
    config = json.loads(kept)
    (one,) = config["clusters"]
    proxy = Proxy(
        one["cluster"]["server"], base64.b64decode(one["cluster"]["certificate-authority-data"]).decode()
    )
    one["cluster"] = {"server": proxy.url}
    shop.kubeconfig.write_text(json.dumps(config), "utf-8")
    try:
        yield proxy
    finally:
        shop.kubeconfig.write_text(kept, "utf-8")
        proxy.close()


def owned(shop: Shop) -> None:
    """Have a route that a person applied, which is in no manifest of the service's."""
    file = shop.root / "deploy" / "web.yaml"
    parts = file.read_text("utf-8").split("---\n")
    file.write_text("---\n".join(one for one in parts if "HTTPRoute" not in one), "utf-8")
    shop.cluster.apply(route(), namespace=shop.namespace)


def adopted(shop: Shop) -> None:
    """Let the configuration take the weights over."""
    shop.say("    http-route: web", "    adopt: [weights]\n    http-route: web")


def none_left(shop: Shop) -> bool:
    """Say whether nothing of a canary is there."""
    found = shop.cluster.get("deployments,services", namespace=shop.namespace, labels="dreamnet.dev/track")
    return found == []


def inspected(shop: Shop) -> list[Seen]:
    """Answer what the doctor sees of the cluster."""
    system = assemble(Options(root=shop.root, environ={"KUBECONFIG": str(shop.kubeconfig)}))
    platform = system.platforms["production"]
    try:
        return list(platform.inspect())  # type: ignore[attr-defined]
    finally:
        platform.close()  # type: ignore[attr-defined]
        system.close()


def as_told(thing: dict[str, Any]) -> dict[str, Any]:
    """Answer what of a route is not the server's, and who manages what of it."""
    meta = thing["metadata"]
    entries = sorted((one["manager"], one["operation"], json.dumps(one["fieldsV1"], sort_keys=True))
                     for one in meta["managedFields"] if "subresource" not in one)  # fmt: skip
    return {
        "spec": thing["spec"],
        "notes": meta.get("annotations"),
        "labels": meta.get("labels"),
        "who": entries,
    }


def begun(shop: Shop, gateway: Controller, weights: dict[str, int]) -> subprocess.Popen[bytes]:
    """Start a deploy of its own, and answer it once the route has these weights."""
    environ = {**os.environ, "KUBECONFIG": str(shop.kubeconfig)}
    command = [sys.executable, "-m", "dreamnet_actions", "deploy"]
    process = subprocess.Popen(
        command, cwd=shop.root, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    shop.cluster.wait("a share", lambda: gateway.weights["web"][-1] == weights, 60, namespace=shop.namespace)
    return process


def leads_to(shop: Shop, service: str) -> set[str]:
    """Answer the pods that a Service leads to."""
    slices = shop.cluster.get(
        "endpointslices", namespace=shop.namespace, labels=f"kubernetes.io/service-name={service}"
    )
    found = [one for part in slices for one in part.get("endpoints") or []]
    return {one["targetRef"]["name"] for one in found if one["conditions"]["ready"]}


def test_shares_are_weights_and_the_route_comes_back(shop: Shop, gateway: Controller) -> None:
    """The example: 10 %, 50 %, all; then one that is bad, and all is as it was."""
    by_shares(shop, gateway)
    before = as_told(gateway.get("web"))
    shop.image(shop.cluster.image("bad", ERROR_RATE="1"))
    result = shop.dreamnet("deploy", status=10)
    assert "its canary failed" in result["summary"]
    assert gateway.weights["web"] == [*STEPS, STEPS[1], STEPS[0]]
    assert as_told(gateway.get("web")) == before
    assert shop.get("/").startswith("sample two")


def by_shares(shop: Shop, gateway: Controller) -> None:
    """Bring the first version out, and the second by canary."""
    deployed(shop)
    before = as_told(gateway.get("web"))
    shop.image(shop.cluster.image("two"))
    led: list[tuple[set[str], set[str]]] = []

    def look(route: dict[str, Any]) -> None:
        if len(route["spec"]["rules"][0]["backendRefs"]) == 2 and not led:
            led.append((leads_to(shop, "web"), leads_to(shop, "web-canary")))

    gateway.then = look
    assert shop.dreamnet("deploy")["verdict"] == "deployed"
    assert gateway.weights["web"] == STEPS
    assert as_told(gateway.get("web")) == before
    ((stable, canary),) = led
    assert (len(stable), len(canary)) == (2, 1)
    assert not stable & canary  # who asks the Service itself does not meet the canary
    assert none_left(shop)
    assert shop.get("/").startswith("sample two")


def killed(shop: Shop, gateway: Controller) -> None:
    """Have a deployer die while the canary has its first share."""
    process = begun(shop, gateway, STEPS[1])
    process.send_signal(signal.SIGKILL)
    process.wait(30)


def test_a_killed_deployer_leaves_a_route_that_the_next_one_mends(shop: Shop, gateway: Controller) -> None:
    """Of a route that somebody else applied: it serves on at its share, and goes back to them in the end."""
    owned(shop)
    deployed(shop)
    before = as_told(gateway.get("web"))
    shop.image(shop.cluster.image("two"))
    refused = shop.dreamnet("deploy", status=5)
    assert "Others manage the weights of the HTTPRoute 'web': kubectl (spec.rules)" in refused["summary"]
    assert as_told(gateway.get("web")) == before
    adopted(shop)

    killed(shop, gateway)
    canary = shop.dreamnet("deploykeeper", "status", "web")["findings"][0]["canary"]
    assert (canary["share"], canary["real_share"]) == (0.1, 0.1)
    # What happens to the weights while nobody watches is mended, too.
    rules = [{"backendRefs": [{"name": "web", "port": 80}]}]
    change = json.dumps({"spec": {"rules": rules}})
    shop.cluster.kubectl("patch", "httproute", "web", "--type=merge", "-p", change, namespace=shop.namespace)
    assert shop.dreamnet("deploy")["verdict"] == "deployed"
    assert gateway.weights["web"] == [*STEPS[:2], STEPS[0], *STEPS[1:]]
    assert as_told(gateway.get("web"))["spec"] == before["spec"]
    assert shop.get("/").startswith("sample two")


def test_a_route_is_mended_after_its_canary_was_deleted_and_left_to_who_does_not_give_way(
    shop: Shop, gateway: Controller
) -> None:
    owned(shop)
    adopted(shop)
    deployed(shop)
    before = as_told(gateway.get("web"))
    shop.image(shop.cluster.image("two"))
    killed(shop, gateway)
    shop.cluster.kubectl("delete", "deployment", "web-canary", namespace=shop.namespace)
    assert shop.dreamnet("abort", "web")["outcome"] == "unchanged"
    assert as_told(gateway.get("web")) == before

    gateway.then = flux = Flux(gateway)
    shop.image(shop.cluster.image("two"))
    result = shop.dreamnet("deploy", status=5)
    assert "kustomize-controller has set the weights of the HTTPRoute 'web' back 3 times" in result["summary"]
    assert "kustomize.toolkit.fluxcd.io/ssa" in result["error"]["hint"]
    assert flux.times >= 3
    assert "annotations" not in gateway.get("web")["metadata"]
    assert gateway.get("web")["spec"] == before["spec"]
    assert none_left(shop)
    assert shop.get("/").startswith("sample one")


@dataclass
class Flux:
    """Writes the route as it stands in a repository, again and again."""

    gateway: Controller
    times: int = 0

    def __call__(self, now: dict[str, Any]) -> None:
        if len(now["spec"]["rules"][0]["backendRefs"]) > 1:
            self.gateway.apply(route(), manager="kustomize-controller")
            self.times += 1


def test_what_keeps_a_route_from_being_used_is_told_before_anything_changes(
    shop: Shop, gateway: Controller
) -> None:
    owned(shop)
    adopted(shop)
    deployed(shop)
    seen = {one.what: one.well for one in inspected(shop)}
    assert seen[f"role route in {shop.namespace}"]
    shop.image(shop.cluster.image("two"))

    def refused(what: str) -> None:
        assert what in shop.dreamnet("deploy", status=5)["summary"]
        assert none_left(shop)

    gateway.says = ("Accepted", "NoMatchingParent")
    shop.cluster.apply(route(hostnames=["web.example.com"]), namespace=shop.namespace)
    planned = shop.dreamnet("deploy", "--dry-run", status=5)
    (told,) = [one for one in planned["findings"] if one.get("object") == "HTTPRoute/web"]
    assert "Accepted is False at public (NoMatchingParent: a test says so)" in told["why"]

    with between(shop) as proxy:
        proxy.rule = lambda method, path: "404" if path.startswith(f"/apis/{GROUP}/") else None
        refused("The cluster has no Gateway API")
    gateway.says = ("ResolvedRefs", "RefNotPermitted")
    shop.cluster.apply(route(hostnames=["www.example.com"]), namespace=shop.namespace)
    refused("ResolvedRefs is False at public (RefNotPermitted: a test says so)")
    gateway.says = None
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "only-home"},
        "spec": {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Egress"], "egress": []},
    }
    shop.cluster.apply(policy, namespace=shop.namespace)
    refused("The network policy only-home")
    shop.cluster.kubectl("delete", "networkpolicy", "only-home", namespace=shop.namespace)
    shop.cluster.apply(route(service="other"), namespace=shop.namespace)
    refused("No rule of the HTTPRoute 'web' leads to web; they lead to other")
    shop.cluster.kubectl("delete", f"httproutes.{GROUP}", "web", namespace=shop.namespace)
    refused("There is no HTTPRoute 'web'")
