"""Flags in a ConfigMap, on the real cluster."""

from __future__ import annotations

import json
import re
import secrets
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from dreamnet_actions.adapters.kubernetes.copies import point_at_copies
from dreamnet_actions.adapters.kubernetes.flagmaps import FlagConfigMap
from dreamnet_actions.adapters.kubernetes.needs import needed
from dreamnet_actions.adapters.kubernetes.platform import KubernetesPlatform
from dreamnet_actions.adapters.kubernetes.roles import roles
from dreamnet_actions.adapters.system.clock import SystemClock
from dreamnet_actions.domain.flag import evaluate, flags_of
from dreamnet_actions.errors import PlatformFailed
from dreamnet_actions.ports.flags import FlagTarget
from dreamnet_actions.testing.contracts.flags import FlagTargetContract
from tests.cluster.client import Cluster, workload
from tests.kubernetes.hosted import pods
from tests.kubernetes.stage import Stage, staged
from tests.kubernetes.test_story import ROOT, Shop, kubeconfig

pytestmark = pytest.mark.slow
KEY = "flags.json"
FLAGS = {
    "flags": {
        "new-home": {
            "state": "ENABLED",
            "variants": {"on": True, "off": False},
            "defaultVariant": "off",
            "targeting": {},
        }
    }
}


@pytest.fixture(scope="module")
def stage(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One for all tests of this module: each has an object of its own."""
    with (
        cluster.namespace() as namespace,
        staged(cluster, namespace, tmp_path_factory.mktemp("root")) as made,
    ):
        yield made


@pytest.fixture(scope="module")
def platform(stage: Stage) -> KubernetesPlatform:
    return stage.platform(web=stage.spec())


@pytest.fixture
def place(platform: KubernetesPlatform) -> FlagConfigMap:
    return FlagConfigMap(platform, SystemClock(), f"flags-{secrets.token_hex(4)}", KEY)


@pytest.fixture
def hand(stage: Stage, place: FlagConfigMap) -> Callable[..., Any]:
    """Somebody's merge patch by kubectl; answers the object as it is then."""

    def patch(**change: Any) -> Any:
        name = place.name.rpartition("/")[2]
        if change:
            words = ("patch", "configmap", name, "--type=merge", f"-p={json.dumps(change)}")
            stage.cluster.kubectl(*words, namespace=stage.namespace)
        return stage.cluster.get("configmap", name, namespace=stage.namespace)

    return patch


class TestFlagConfigMap(FlagTargetContract):
    @pytest.fixture
    def target(self, place: FlagConfigMap) -> FlagTarget:
        return place

    @pytest.fixture
    def tamper(self, hand: Callable[..., Any]) -> Callable[[str], None]:  # type: ignore[override]
        return lambda text: hand(data={KEY: text}) and None


def test_what_is_of_others_is_refused_until_its_key_is_adopted(
    stage: Stage, platform: KubernetesPlatform, place: FlagConfigMap, hand: Callable[..., Any]
) -> None:
    name = place.name.rpartition("/")[2]
    theirs = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/managed-by": "Helm"}},
        "data": {KEY: "{}", "theirs": "1"},
    }
    stage.cluster.kubectl("apply", "--server-side", "-f-", namespace=stage.namespace, given=theirs)
    for do in (place.current, lambda: place.publish("{}")):
        with pytest.raises(PlatformFailed, match="not made for flags: it is of kubectl") as told:
            do()
        assert "adopt: true" in str(told.value.hint)
    taken = FlagConfigMap(platform, SystemClock(), name, KEY, adopt=True)
    taken.publish('{"flags": {}}')
    place.publish('{"flags": {}}\n')
    found = hand()
    assert found["data"] == {KEY: '{"flags": {}}\n', "theirs": "1"}
    assert found["metadata"]["labels"] == theirs["metadata"]["labels"]  # type: ignore[index]
    other = FlagConfigMap(platform, SystemClock(), name, "other.json")
    assert other.current() is None
    other.publish("{}")
    assert hand()["data"] == {"other.json": "{}", "theirs": "1"}


def test_what_does_not_fit_and_what_cannot_change_is_told(
    place: FlagConfigMap, hand: Callable[..., Any]
) -> None:
    place.publish("x" * 1024 * 1024)
    with pytest.raises(PlatformFailed, match="holds 1048576 bytes, and they are 1048577"):
        place.publish("x" * (1024 * 1024 + 1))
    place.publish("{}")
    hand(data={"theirs": "12345678"}, binaryData={KEY: None})
    with pytest.raises(PlatformFailed, match="beside 8 of others"):
        place.publish("x" * 1024 * 1024)
    hand(data={KEY: None}, binaryData={KEY: "e30="})
    assert place.current() is None
    place.publish("{}")
    assert hand().get("binaryData") is None
    hand(immutable=True)
    with pytest.raises(PlatformFailed, match="immutable"):
        place.publish("{ }")


def test_others_who_write_at_the_same_time_lose_nothing(
    place: FlagConfigMap, hand: Callable[..., Any]
) -> None:
    place.publish("0")

    def write(who: str) -> None:
        for turn in range(10):
            place.publish(f"{who} {turn}")

    with ThreadPoolExecutor(2) as pool:
        writers = [pool.submit(write, who) for who in ("a", "b")]
        for turn in range(5):
            hand(data={f"theirs-{turn}": "1"})
        for one in writers:
            one.result(60)
    found = hand()["data"]
    assert {f"theirs-{turn}" for turn in range(5)} < found.keys()
    assert found[KEY] in ("a 9", "b 9")


def test_no_copy_is_made_of_it(stage: Stage, platform: KubernetesPlatform, place: FlagConfigMap) -> None:
    place.publish("{}")
    name = place.name.rpartition("/")[2]
    thing = workload("x", name=name)[0]
    thing["spec"]["template"]["spec"]["volumes"] = [{"name": "flags", "configMap": {"name": name}}]
    point_at_copies(platform.space.api, "web", [thing], ["configmaps"], write=True)
    assert thing["spec"]["template"]["spec"]["volumes"][0]["configMap"]["name"] == name


@pytest.mark.timeout(480)
def test_a_running_pod_reads_what_is_changed_and_the_role_is_just_enough(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    """By the page: what it says of the Role, the configuration and the pod."""
    shop = published(cluster, namespace, tmp_path)
    assert shop.dreamnet("publish-flags")["outcome"] == "done"
    ((pod, address),) = started(cluster, namespace).items()
    assert evaluated(address) == "off"
    changed = shop.dreamnet("set-flag", "new-home", "on", "--reason", "it is ready")
    assert changed["findings"] == []
    # The kubelet looks again at once where a pod changes; else within its sync period.
    cluster.kubectl("annotate", "pod", pod, "looked=1", namespace=namespace)
    cluster.wait("the pod to have it", lambda: evaluated(address) == "on", 100, namespace=namespace)
    assert list(pods(cluster, namespace)) == [pod]
    (status,) = cluster.get("pod", pod, namespace=namespace)["status"]["containerStatuses"]
    assert status["restartCount"] == 0
    assert shop.dreamnet("sync")["summary"].startswith("No env entry")
    cluster.kubectl("delete", "configmap", "flags", namespace=namespace)
    assert shop.dreamnet("sync")["summary"] == "The flags are in production/configmap/flags."
    for verb, words in (
        ("patch", ["toggle-flag", "new-home"]),
        ("create", ["publish-flags"]),
        ("get", ["publish-flags"]),
    ):
        if verb == "create":
            cluster.kubectl("delete", "configmap", "flags", namespace=namespace)
        verbs = sorted({one.verb for one in needed(["flags"])} - {verb})
        change = [{"op": "replace", "path": "/rules/0/verbs", "value": verbs}]
        patch = ("patch", "role", "dreamnet-flags", "--type=json", f"-p={json.dumps(change)}")
        cluster.kubectl(*patch, namespace=namespace)
        cluster.wait(f"no {verb}", partial(may_not, cluster, namespace, verb), 30)
        told = shop.dreamnet(*words, status=0 if words[0] == "toggle-flag" else 4)
        said = json.dumps(told)
        assert f"cannot {verb} resource" in said, said
        assert "dreamnet roles" in said


def may_not(cluster: Cluster, namespace: str, verb: str) -> bool:
    """Say whether the authorizer has heard that the account may not do this any more."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": f"system:serviceaccount:{namespace}:dreamnet",
            "resourceAttributes": {"namespace": namespace, "verb": verb, "resource": "configmaps"},
        },
    }
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    return (
        json.loads(cluster.kubectl("create", "--raw", path, "-f-", given=review))["status"]["allowed"]
        is False
    )


def published(cluster: Cluster, namespace: str, folder: Path) -> Shop:
    """A folder with flags that go to a ConfigMap, and an account that has the Role for it and no other."""
    root = folder / "shop"
    root.mkdir()
    (root / KEY).write_text(json.dumps(FLAGS, indent=1), "utf-8")
    config = block("kubernetes-configmap").replace("namespace: shop", f"namespace: {namespace}")
    (root / "dreamnet.yml").write_text(f"version: 1\n{config}", "utf-8")
    cluster.kubectl("create", "serviceaccount", "dreamnet", namespace=namespace)
    subjects = [f"serviceaccount:{namespace}:dreamnet"]
    given = roles(["flags"], namespace=namespace, subjects=subjects)
    cluster.kubectl("apply", "-f-", namespace=namespace, given=given)
    return Shop(root, cluster, namespace, kubeconfig(cluster, namespace, folder))


def block(word: str) -> str:
    """Answer the YAML on the page that has this word."""
    page = (ROOT / "docs/flags.md").read_text("utf-8")
    (found,) = (one for one in re.findall(r"```yaml\n(.*?)```", page, re.S) if word in one)
    return found


def started(cluster: Cluster, namespace: str) -> dict[str, str]:
    """Have a pod that mounts the flags as the page says; answer its name and address once it is ready."""
    deployment = workload(cluster.image("one"))[0]
    pod, said = deployment["spec"]["template"]["spec"], yaml.safe_load(block("volumeMounts"))["spec"]
    (container,) = said["containers"]
    pod["containers"][0]["volumeMounts"] = container["volumeMounts"]
    pod["volumes"] = said["volumes"]
    cluster.apply(deployment, namespace=namespace)
    wait = ("rollout", "status", "deployment/web", "--timeout=60s")
    cluster.kubectl(*wait, namespace=namespace, seconds=70)
    return pods(cluster, namespace)


def evaluated(address: str) -> str | None:
    """Answer the variant that the file in the pod gives."""
    with urllib.request.urlopen(f"http://{address}:8080/file/etc/flags/{KEY}", timeout=10) as answer:
        flags = flags_of(json.load(answer))
    return evaluate(flags["new-home"], {}, now=0).variant
