"""What goes out with a release, on the real cluster: by digest, with what it reads; seen before, tidied after."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dreamnet_actions.adapters.registry import NoSuchImage
from dreamnet_actions.domain.difference import Difference
from dreamnet_actions.errors import PlatformFailed
from dreamnet_actions.ports.platform import Platform
from tests.cluster.client import Cluster, workload
from tests.kubernetes.stage import Stage, staged

pytestmark = pytest.mark.slow


@pytest.fixture
def stage(cluster: Cluster, namespace: str, tmp_path: Path) -> Iterator[Stage]:
    with staged(cluster, namespace, tmp_path) as made:
        yield made


def config(kind: str, name: str, **values: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, "data": values}


def address(name: str, **labels: str) -> dict[str, Any]:
    spec = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "labels": labels}, "spec": spec}


def settled(platform: Platform, service: str = "web") -> None:
    until = time.monotonic() + 60
    while not (state := platform.observe().services[service]).stable.settled:
        assert time.monotonic() < until, state
        time.sleep(0.05)


def template(stage: Stage) -> dict[str, Any]:
    found: dict[str, Any] = stage.cluster.get("deployment", "web", namespace=stage.namespace)["spec"][
        "template"
    ]
    return found


def told(found: object) -> dict[str, Difference]:
    assert isinstance(found, list)
    return {one.object.partition("-")[0]: one for one in found}


def test_a_tag_goes_out_as_the_digest_that_it_means(stage: Stage) -> None:
    first = stage.cluster.image("moving", VERSION="a")
    tag = first.partition("@")[0] + ":moving"
    spec = stage.spec(image=tag)
    platform = stage.platform(web=spec)
    release = platform.configured("web", spec)
    assert release.image == first
    platform.apply("web", spec, release)
    assert template(stage)["spec"]["containers"][0]["image"] == first
    second = stage.cluster.image("moving", VERSION="b")
    assert platform.configured("web", spec).version == release.version, (
        "one process hears the same for a while"
    )
    later = stage.platform(web=spec).configured("web", spec)
    assert (later.image, later.version == release.version) == (second, False)
    wrong = stage.spec(image=first.partition("@")[0] + ":never-pushed")
    with pytest.raises(NoSuchImage, match="never-pushed"):
        platform.configured("web", wrong)


def test_copies_of_what_pods_read_come_back_byte_for_byte(stage: Stage) -> None:
    """Secret, ConfigMap and image change together; what is undone is what was there, whatever somebody wrote since."""
    deployment = workload("to-be-released", name="web")[0]
    del deployment["spec"]["replicas"]
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    container["envFrom"] = [{"secretRef": {"name": "keys"}}, {"configMapRef": {"name": "told"}}]
    container["envFrom"].append({"configMapRef": {"name": "not-there", "optional": True}})
    (stage.root / "deploy" / "web.json").write_text(json.dumps(deployment), "utf-8")
    spec = stage.spec(copy=("secrets", "configmaps"))
    platform = stage.platform(web=spec)
    with pytest.raises(PlatformFailed, match="'keys'"):
        platform.configured("web", spec)

    def write(word: str) -> None:
        things = [config("ConfigMap", "told", GREETING=word)]
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "keys"},
            "stringData": {"KEY": word},
        }
        stage.cluster.apply(*things, secret, namespace=stage.namespace)

    def read() -> list[str]:
        (pod,) = [
            one["metadata"]["name"]
            for one in stage.cluster.get("pods", namespace=stage.namespace)
            if not one["metadata"].get("deletionTimestamp")
        ]
        where = f"/api/v1/namespaces/{stage.namespace}/pods/{pod}:8080/proxy/env"
        return [stage.cluster.kubectl("get", "--raw", f"{where}/{one}") for one in ("KEY", "GREETING")]

    write("one")
    platform.apply("web", spec, stage.release("one"))
    settled(platform)
    before = template(stage)
    assert read() == ["one", "one"]
    assert platform.preview("web", spec, stage.release("one")) == []
    write("two")
    (changed,) = platform.preview("web", spec, stage.release("one"))
    assert {one.path.rpartition(".")[2] for one in changed.fields} == {"name"}
    platform.apply("web", spec, stage.release("two"))
    settled(platform)
    assert read() == ["two", "two"]
    write("three")
    platform.undo("web", token="back")
    settled(platform)
    assert template(stage) == before
    assert read() == ["one", "one"]
    for kind in ("secrets", "configmaps"):
        copies = [
            one
            for one in stage.cluster.get(kind, namespace=stage.namespace, labels="dreamnet.dev/service=web")
            if one["metadata"]["annotations"]["dreamnet.dev/copy-of"] in ("keys", "told")
        ]
        assert [one["immutable"] for one in copies] == [True, True]


def test_a_service_that_is_called_otherwise_keeps_its_releases(stage: Stage) -> None:
    spec = stage.spec(0)
    platform = stage.platform(web=spec)
    for name in ("one", "two"):
        platform.apply("web", spec, stage.release(name))
    before = template(stage)
    platform = stage.platform(shop=spec)
    state = platform.observe().services["shop"]
    assert [one.version for one in (state.stable.release, *state.former)] == ["dir:two", "dir:one"]
    assert platform.undo("shop", token="back").version == "dir:one"
    platform.apply("shop", spec, stage.release("two"))
    state = platform.observe().services["shop"]
    assert [one.version for one in (state.stable.release, *state.former)][:2] == ["dir:two", "dir:one"]
    assert template(stage)["spec"] == before["spec"]


def test_a_dry_run_is_the_servers_own_word(stage: Stage) -> None:
    spec = stage.spec()
    stage.manifests(config("ConfigMap", "told", GREETING="hello"), address("old"))
    platform = stage.platform(web=spec)
    release = stage.release("one")
    effects = {name: one.effect for name, one in told(platform.preview("web", spec, release)).items()}
    assert effects == dict.fromkeys(
        ("ConfigMap/told", "Deployment/web", "Service/old", "Service/web"), "created"
    )
    assert stage.cluster.get("services", namespace=stage.namespace) == []
    platform.apply("web", spec, release)
    settled(platform)
    assert platform.preview("web", spec, release) == []

    stage.cluster.kubectl("label", "service", "web", "team=theirs", namespace=stage.namespace)
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "few"},
        "spec": {"hard": {"services": "2"}},
    }
    stage.cluster.apply(quota, namespace=stage.namespace)
    stage.cluster.wait(
        "the quota to count",
        lambda: stage.cluster.get("resourcequota", "few", namespace=stage.namespace)["status"].get("used"),
        30,
    )
    stage.manifests(config("ConfigMap", "told", GREETING="goodbye"), address("new"))
    file = stage.root / "deploy" / "web.json"
    things = json.loads(file.read_text("utf-8"))
    things["items"][0]["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "MODE", "value": "x"}]
    things["items"][1]["metadata"]["labels"] = {"team": "ours"}
    file.write_text(json.dumps(things), "utf-8")
    found = told(platform.preview("web", spec, release))
    assert [(one.path, one.before, one.after) for one in found["ConfigMap/told"].fields] == [
        ("data.GREETING", "hello", "goodbye")
    ]
    mode = "spec.template.spec.containers[sample].env[MODE]"
    assert [(one.path, one.after) for one in found["Deployment/web"].fields] == [
        (f"{mode}.name", "MODE"), (f"{mode}.value", "x")
    ]  # fmt: skip
    assert found["Service/old"].effect == "deleted"
    assert found["Service/new"].effect == "refused"
    assert "exceeded quota" in found["Service/new"].why
    assert found["Service/web"].effect == "refused"
    assert "kubectl-label" in found["Service/web"].why


def test_what_left_the_manifests_goes_and_nothing_else(stage: Stage) -> None:
    shared, old = address("shared"), address("old")
    spec, other = stage.spec(0), stage.spec(0, workload="deployment/api", manifests="api")
    (stage.root / "api").mkdir()
    api = workload("x", name="api", replicas=0)[0]
    (stage.root / "api" / "all.json").write_text(
        json.dumps({"kind": "List", "items": [api, shared]}), "utf-8"
    )
    stage.cluster.apply(address("theirs"), namespace=stage.namespace)
    platform = stage.platform(web=spec, api=other)
    platform.apply("api", other, stage.release("one"))
    stage.manifests(old, shared)
    platform.apply("web", spec, stage.release("one"))
    assert platform.tidy("web", spec) == []
    stage.manifests()
    platform.apply("web", spec, stage.release("two"))
    assert platform.tidy("web", stage.spec(0, prune=False)) == ()
    assert platform.tidy("web", spec) == ["Service/old"]
    assert platform.tidy("web", spec) == []

    def services() -> set[str]:
        found = stage.cluster.get("services", namespace=stage.namespace)
        return {one["metadata"]["name"] for one in found}

    assert services() == {"web", "shared", "theirs"}
    platform.undo("web", token="back")
    assert services() == {"web", "shared", "theirs", "old"}

    for number in range(24):
        stage.manifests(config("ConfigMap", "told", NUMBER=str(number)))
        platform.apply("web", spec, stage.release(f"r{number}"))
    mine = stage.cluster.get("configmaps", namespace=stage.namespace, labels="dreamnet.dev/service=web")
    assert len({one["data"]["NUMBER"] for one in mine}) == 21, (
        "the present one, and those of twenty former releases"
    )
    assert "0" not in {one["data"]["NUMBER"] for one in mine}
