"""The cluster of the tests is a real one: pods run, Services answer, roles are held to."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.cluster.client import Cluster, workload
from tests.cluster.errors import BedError

pytestmark = pytest.mark.slow


def _page(address: str) -> str:
    with urllib.request.urlopen(f"http://{address}/", timeout=5) as answer:
        return str(answer.read().decode())


def _pods(cluster: Cluster, namespace: str) -> list[dict[str, Any]]:
    return list(cluster.get("pods", namespace=namespace, labels="app=web"))


def _state(cluster: Cluster, namespace: str, kind: str) -> list[dict[str, Any]]:
    statuses = [
        one for pod in _pods(cluster, namespace) for one in pod["status"].get("containerStatuses", [])
    ]
    return [one["state"][kind] for one in statuses if kind in one["state"]]


def _rolled_out(cluster: Cluster, namespace: str) -> None:
    cluster.kubectl("rollout", "status", "deployment/web", "--timeout=90s", namespace=namespace, seconds=100)


def test_the_node_is_ready_and_tells_its_version(cluster: Cluster) -> None:
    nodes = cluster.get("nodes")
    ready = [
        condition["status"]
        for node in nodes
        for condition in node["status"]["conditions"]
        if condition["type"] == "Ready"
    ]
    assert ready
    assert set(ready) == {"True"}
    versions = json.loads(cluster.kubectl("version", "-ojson"))
    assert versions["serverVersion"]["gitVersion"] == nodes[0]["status"]["nodeInfo"]["kubeletVersion"]


def test_a_deployment_rolls_out_by_digest_and_its_service_balances(cluster: Cluster, namespace: str) -> None:
    first, second = cluster.image("v1"), cluster.image("v2")
    assert "@sha256:" in first
    assert first != second
    cluster.apply(*workload(first, replicas=2), namespace=namespace)
    _rolled_out(cluster, namespace)
    address = cluster.address("web", namespace)
    pods = {pod["metadata"]["name"] for pod in _pods(cluster, namespace)}

    def answered() -> set[str]:  # asked from outside of the cluster's network
        return {" ".join(_page(address).split()[1:]) for _ in range(20)}

    both = {f"v1 {pod}" for pod in pods}
    cluster.wait("both pods to answer", lambda: answered() == both, 30, namespace=namespace)

    cluster.apply(*workload(second, replicas=2), namespace=namespace)
    _rolled_out(cluster, namespace)
    cluster.wait("v2 alone to answer", lambda: {one.split()[0] for one in answered()} == {"v2"}, 30)
    running = [
        one["imageID"] for pod in _pods(cluster, namespace) for one in pod["status"]["containerStatuses"]
    ]
    assert second.split("@")[1] in {image.split("@")[1] for image in running}


def test_a_pods_own_address_log_and_programs_are_reached(cluster: Cluster, namespace: str) -> None:
    cluster.apply(*workload(cluster.image("v1"), SECRET='a "b" $c'), namespace=namespace)
    _rolled_out(cluster, namespace)
    (pod,) = _pods(cluster, namespace)
    with urllib.request.urlopen(f"http://{pod['status']['podIP']}:8080/env/SECRET", timeout=5) as answer:
        assert answer.read().decode() == 'a "b" $c'
    name = pod["metadata"]["name"]
    assert "sample v1: listening on 8080" in cluster.kubectl("logs", name, namespace=namespace)
    with pytest.raises(BedError, match="flag provided but not defined"):
        cluster.kubectl("exec", name, "--", "/sample", "-no-such-flag", namespace=namespace)


def test_pods_reach_services_and_the_api_server(cluster: Cluster, namespace: str) -> None:
    cluster.apply(*workload(cluster.image("v1")), namespace=namespace)
    _rolled_out(cluster, namespace)
    address = cluster.address("web", namespace)
    api = cluster.get("service", "kubernetes", namespace="default")["spec"]["clusterIP"]

    def fetched(url: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://{address}/fetch?url={url}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()

    assert fetched(f"http://{address}/")[1].startswith("sample v1")  # itself, by way of its Service
    assert "certificate" in fetched(f"https://{api}/")[1]


def test_an_account_without_a_role_may_do_nothing(cluster: Cluster, namespace: str) -> None:
    cluster.kubectl("create", "serviceaccount", "nobody", namespace=namespace)
    token = cluster.kubectl("create", "token", "nobody", namespace=namespace).strip()
    server = cluster.kubectl("config", "view", "--minify", "-ojsonpath={.clusters[0].cluster.server}")
    words = ("--token", token, "--server", server, "--kubeconfig", "/dev/null", "--insecure-skip-tls-verify")
    with pytest.raises(BedError, match=rf"{namespace}:nobody.* cannot list resource \"pods\""):
        cluster.kubectl(*words, "get", "pods", namespace=namespace)

    cluster.kubectl("create", "role", "reader", "--verb=list", "--resource=pods", namespace=namespace)
    bound = ("--role=reader", f"--serviceaccount={namespace}:nobody")
    cluster.kubectl("create", "rolebinding", "reader", *bound, namespace=namespace)

    def allowed() -> bool:
        try:
            return (
                "No resources" in cluster.kubectl(*words, "get", "pods", "-v=0", namespace=namespace) or True
            )
        except BedError:
            return False

    cluster.wait("the role to be in force", allowed, 20)
    with pytest.raises(BedError, match=r"cannot list resource \"secrets\""):
        cluster.kubectl(*words, "get", "secrets", namespace=namespace)


def test_a_crash_loop_is_seen_with_its_exit_code_and_last_words(cluster: Cluster, namespace: str) -> None:
    broken = cluster.image("broken", CRASH_AFTER="0s", EXIT_CODE="3", MESSAGE="no database")
    cluster.apply(*workload(broken), namespace=namespace)

    def looping() -> bool:
        return any(one["reason"] == "CrashLoopBackOff" for one in _state(cluster, namespace, "waiting"))

    cluster.wait("a CrashLoopBackOff", looping, 60, namespace=namespace)
    (pod,) = _pods(cluster, namespace)
    last = pod["status"]["containerStatuses"][0]["lastState"]["terminated"]
    assert (last["reason"], last["exitCode"]) == ("Error", 3)
    said = cluster.kubectl("logs", pod["metadata"]["name"], "--previous", namespace=namespace)
    assert said.splitlines()[-1] == "no database"


def test_a_missing_image_is_seen(cluster: Cluster, namespace: str) -> None:
    name, digest = cluster.image("v1").split("@")
    absent = f"{name}@sha256:{'0' * len(digest.removeprefix('sha256:'))}"
    cluster.apply(*workload(absent), namespace=namespace)

    def missing() -> bool:
        reasons = {one["reason"] for one in _state(cluster, namespace, "waiting")}
        return bool(reasons & {"ErrImagePull", "ImagePullBackOff"})

    cluster.wait("an ErrImagePull", missing, 60, namespace=namespace)


def test_a_pod_that_is_never_ready_gets_no_traffic(cluster: Cluster, namespace: str) -> None:
    cluster.apply(*workload(cluster.image("v1"), NEVER_READY="true"), namespace=namespace)
    cluster.wait("the pod to run", lambda: _state(cluster, namespace, "running"), 60, namespace=namespace)
    address = cluster.get("service", "web", namespace=namespace)["spec"]["clusterIP"]
    with pytest.raises((urllib.error.URLError, OSError)):
        _page(address)


def test_a_pod_that_takes_too_much_memory_is_killed(cluster: Cluster, namespace: str) -> None:
    deployment, _ = workload(cluster.image("v1"), MEMORY_PER_SECOND=str(200 * 2**20))
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    container["resources"] = {"limits": {"memory": "48Mi"}}
    cluster.apply(deployment, namespace=namespace)

    def killed() -> bool:
        statuses = [
            one for pod in _pods(cluster, namespace) for one in pod["status"].get("containerStatuses", [])
        ]
        ended = [one[state].get("terminated", {}) for one in statuses for state in ("state", "lastState")]
        return any(one.get("reason") == "OOMKilled" for one in ended)

    cluster.wait("an OOMKilled", killed, 60, namespace=namespace)
