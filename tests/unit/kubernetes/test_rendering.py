"""Manifests become the objects of one release; every mistake is told at its file and line."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from dreamnet_actions.adapters.kubernetes.options import KubernetesWorkload
from dreamnet_actions.adapters.kubernetes.rendering import name_by_content, rendered
from dreamnet_actions.domain.release import Release
from dreamnet_actions.errors.configuration import ConfigInvalid

KEYS = KubernetesWorkload(workload="deployment/web", manifests="deploy", image="r/web@sha256:1")
RELEASE = Release(service="web", version="cmd:1")
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      initContainers:
        - {name: first, image: busybox, envFrom: [{configMapRef: {name: settings}}]}
      containers:
        - {name: side, image: sidecar}
        - name: web
          image: to-be-released
          envFrom: [{configMapRef: {name: settings}}, {configMapRef: {name: not-ours}}]
          env: [{name: A, valueFrom: {configMapKeyRef: {name: settings, key: a}}}]
      volumes:
        - {name: one, configMap: {name: settings}}
        - {name: two, projected: {sources: [{configMap: {name: settings}}]}}
"""
SETTINGS = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: '1'}\n"


def folder(root: Path, **files: str) -> Path:
    (root / "deploy").mkdir(exist_ok=True)
    for name, text in files.items():
        (root / "deploy" / f"{name}.yaml").write_text(text, encoding="utf-8")
    return root


def test_configuration_goes_with_its_release(tmp_path: Path) -> None:
    first = rendered("web", KEYS, RELEASE, folder(tmp_path, web=DEPLOYMENT, settings=SETTINGS), "here")
    settings, deployment = first.objects
    name = settings["metadata"]["name"]
    assert name.startswith("settings-")
    assert settings["immutable"] is True
    text = yaml.safe_dump(deployment)
    assert text.count(f"name: {name}") == 5  # wherever it is read, and nowhere by its old name
    assert "name: settings\n" not in text
    assert "name: not-ours" in text
    second = rendered("web", KEYS, RELEASE, folder(tmp_path, settings=SETTINGS.replace("'1'", "'2'")), "here")
    assert second.objects[0]["metadata"]["name"] != name
    assert second.hash != first.hash
    again = rendered("web", KEYS, RELEASE, folder(tmp_path, settings=SETTINGS), "here")
    assert (again.hash, again.objects) == (first.hash, first.objects)


def test_the_image_goes_into_the_services_own_container_and_replicas_are_not_said(tmp_path: Path) -> None:
    made = rendered("web", KEYS, RELEASE, folder(tmp_path, web=DEPLOYMENT), "here").workload
    containers = made["spec"]["template"]["spec"]["containers"]
    assert [one["image"] for one in containers] == ["sidecar", "r/web@sha256:1"]
    assert "replicas" not in made["spec"]
    assert made["metadata"]["namespace"] == "here"


def test_what_others_need_comes_first(tmp_path: Path) -> None:
    more = "\n---\n".join(
        f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: web}}"
        for version, kind in [
            ("policy/v1", "PodDisruptionBudget"), ("v1", "Service"), ("v1", "ServiceAccount"),
            ("networking.k8s.io/v1", "Ingress"), ("example.com/v1", "Widget"),
        ]
    )  # fmt: skip
    made = rendered("web", KEYS, RELEASE, folder(tmp_path, web=DEPLOYMENT, settings=SETTINGS, more=more), "n")
    kinds = [one["kind"] for one in made.objects]
    assert kinds[:4] == ["ServiceAccount", "ConfigMap", "Service", "Widget"]
    assert kinds[-1] == "Deployment"


WRONG = """\
apiVersion: v1
kind: Secret
metadata: {name: password}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: elsewhere}
---
kind: Service
metadata: {}
---
just text
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
"""


def test_all_mistakes_are_told_at_once_where_they_stand(tmp_path: Path) -> None:
    root = folder(tmp_path, web=DEPLOYMENT, wrong=WRONG, broken="a: [1,\n  b: }\n")
    with pytest.raises(ConfigInvalid) as raised:
        rendered("web", KEYS, RELEASE, root, "here")
    told = [(one.file, one.line) for one in raised.value.mistakes]
    assert told == [("deploy/broken.yaml", 2), *(("deploy/wrong.yaml", line) for line in (1, 5, 9, 12, 14))]
    text = str(raised.value)
    for part in (
        "let an 'env' entry sync them",
        "'elsewhere'",
        "lacks apiVersion, metadata.name",
        "there twice",
    ):
        assert part in text


@pytest.mark.parametrize(
    ("keys", "part"),
    [
        (KubernetesWorkload(workload="deployment/api", manifests="deploy"), "there is no deployment/api"),
        (KubernetesWorkload(workload="deployment/web", manifests="nowhere", image="x"), "nowhere"),
        (
            KubernetesWorkload(workload="deployment/web", manifests="deploy", image="x", container="who"),
            "which of the containers side, web gets the image",
        ),
    ],
)
def test_what_is_not_there_is_named(keys: KubernetesWorkload, part: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match=part):
        rendered("web", keys, RELEASE, folder(tmp_path, web=DEPLOYMENT), "here")


def test_a_migration_gets_the_releases_image_and_a_name_of_its_content(tmp_path: Path) -> None:
    job = """\
apiVersion: batch/v1
kind: Job
metadata: {name: migrate}
spec:
  template:
    spec:
      containers:
        - {name: migrate, image: to-be-released, args: [up]}
        - {name: other, image: busybox}
"""
    names = {}
    for release in ("1", "2", "1"):
        keys = KubernetesWorkload(
            workload="deployment/web", manifests="deploy", image=f"r/web@sha256:{release}"
        )
        made = rendered("web", keys, RELEASE, folder(tmp_path, web=DEPLOYMENT, migrate=job), "here")
        [migration] = [one for one in made.objects if one["kind"] == "Job"]
        images = [one["image"] for one in migration["spec"]["template"]["spec"]["containers"]]
        assert images == [f"r/web@sha256:{release}", "busybox"]
        name_by_content(migration)
        name = migration["metadata"]["name"]
        assert name.startswith("migrate-")
        assert names.setdefault(release, name) == name, "the same Job has the same name"
    assert len(set(names.values())) == 2
