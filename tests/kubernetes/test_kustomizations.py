"""Manifests from a kustomization, by the real program, and what no manifests may hold."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dreamnet_actions.adapters.kubernetes.options import KubernetesWorkload
from dreamnet_actions.adapters.kubernetes.record import Revision
from dreamnet_actions.adapters.kubernetes.rendering import rendered
from dreamnet_actions.domain.release import Release
from dreamnet_actions.errors import CommandFailed, ConfigError
from dreamnet_actions.errors.configuration import ConfigInvalid
from tests.cluster.builds import programs
from tests.cluster.client import Cluster
from tests.kubernetes.stage import Stage, staged
from tests.kubernetes.test_going_out import settled

BASE = """\
resources: [web.yaml]
configMapGenerator:
  - name: told
    literals: [GREETING=base, KEPT=yes]
"""
OVERLAY = """\
resources: [../../base]
namePrefix: eu-
labels: [{pairs: {tier: front}}]
configMapGenerator:
  - name: told
    behavior: merge
    literals: [GREETING=overlay]
"""
WEB = """\
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: sample
          image: to-be-released
          envFrom: [{configMapRef: {name: told}}]
          readinessProbe: {httpGet: {path: /readyz, port: 8080}, periodSeconds: 1}
"""
PLACE = "k/overlays/production"


def write(root: Path) -> None:
    for path, text in (
        ("base/kustomization.yaml", BASE),
        ("base/web.yaml", WEB),
        ("overlays/production/kustomization.yaml", OVERLAY),
    ):
        file = root / "k" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")


def render(root: Path, environ: dict[str, str], place: str = PLACE) -> Revision:
    keys = KubernetesWorkload(workload="deployment/eu-web", manifests=place, container="sample")
    release = Release(service="web", version="dir:x", image="r/web@sha256:" + "0" * 64)
    return rendered("web", keys, release, root, "default", environ)


@pytest.fixture
def stage(cluster: Cluster, namespace: str, tmp_path: Path) -> Iterator[Stage]:
    with staged(cluster, namespace, tmp_path) as made:
        path = f"{programs()['kubectl'].parent}:{os.environ['PATH']}"
        made.environ = {"PATH": path, "HOME": str(tmp_path)}
        yield made


@pytest.mark.slow
def test_a_kustomization_goes_out_with_its_own_names_and_ours(stage: Stage) -> None:
    write(stage.root)
    spec = stage.spec(workload="deployment/eu-web", manifests=PLACE, container="sample")
    platform = stage.platform(web=spec)
    platform.apply("web", spec, stage.release("one"))
    settled(platform)
    live = stage.cluster.get("deployment", "eu-web", namespace=stage.namespace)
    container = live["spec"]["template"]["spec"]["containers"][0]
    assert container["image"] == stage.release("one").image
    (told,) = stage.cluster.get("configmaps", namespace=stage.namespace, labels="dreamnet.dev/service=web")
    assert container["envFrom"] == [{"configMapRef": {"name": told["metadata"]["name"]}}]
    assert (told["immutable"], told["data"]) == (True, {"GREETING": "overlay", "KEPT": "yes"})
    assert live["metadata"]["labels"]["tier"] == "front"
    assert platform.preview("web", spec, stage.release("one")) == []


def test_without_a_program_for_it_the_error_says_what_to_install(tmp_path: Path) -> None:
    write(tmp_path)
    with pytest.raises(ConfigError, match="neither kustomize nor kubectl") as caught:
        render(tmp_path, {"PATH": str(tmp_path)})
    assert "Install" in caught.value.hint


@pytest.mark.slow
def test_what_the_program_says_is_told(stage: Stage) -> None:
    write(stage.root)
    (stage.root / "k" / "base" / "web.yaml").unlink()
    with pytest.raises(CommandFailed, match=r"web\.yaml"):
        render(stage.root, dict(stage.environ))


def test_kinds_of_the_whole_cluster_are_refused_where_they_stand(tmp_path: Path) -> None:
    things = (
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: a}\n---\n"
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: b}\n---\n"
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nmetadata: {name: c}\n---\n"
        "apiVersion: example.com/v1\nkind: Node\nmetadata: {name: d}\n---\n"
    )
    (tmp_path / "all.yaml").write_text(things + WEB.replace("name: web}", "name: eu-web}"), "utf-8")
    with pytest.raises(ConfigInvalid) as caught:
        render(tmp_path, {}, "all.yaml")
    lines = [one for one in caught.value.message.splitlines() if one.startswith("all.yaml")]
    assert [one.split(":")[1] for one in lines] == ["1", "5", "9"], "another group's Node is another kind"
    assert "whole cluster" in lines[0]
    assert "CustomResourceDefinition 'a'" in lines[0]


@pytest.mark.slow
def test_a_kind_that_the_cluster_has_not_stops_a_release_before_it_begins(stage: Stage) -> None:
    foreign = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "x"}, "spec": {}}
    stage.manifests(foreign)
    spec = stage.spec()
    with pytest.raises(Exception, match=r"example\.com"):
        stage.platform(web=spec).apply("web", spec, stage.release("one"))
    assert stage.cluster.get("all", namespace=stage.namespace) == []
