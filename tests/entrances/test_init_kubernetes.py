"""`dreamnet init` where services are workloads of a cluster: repositories as people have them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from dreamnet_actions.adapters.kubernetes.options import KubernetesWorkload
from dreamnet_actions.adapters.kubernetes.rendering import rendered
from dreamnet_actions.bootstrap import check_config
from dreamnet_actions.domain.release import Release
from tests.entrances.repositories import DEPLOYMENT, FLASK, repository, snapshot
from tests.entrances.test_init import CONFIG, PIN, init


def workload(kind: str, name: str, more: str = "") -> str:
    template = f"{{spec: {{restartPolicy: {'Never' if 'Job' in kind else 'Always'}, "
    template += f"containers: [{{name: {name}, image: 'registry.example/{name}:1'}}]}}}}"
    spec = f"  template: {template}"
    if kind == "CronJob":
        spec = f"  schedule: 0 4 * * *\n  jobTemplate: {{spec: {{template: {template}}}}}"
    group = "batch/v1" if "Job" in kind else "apps/v1"
    return f"apiVersion: {group}\nkind: {kind}\nmetadata: {{name: {name}{more}}}\nspec:\n{spec}\n"


def thing(kind: str, name: str, version: str = "v1") -> str:
    return f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: {name}}}\n"


SECRET, NAMESPACE = thing("Secret", "shop"), thing("Namespace", "shop")
BASE = {
    "k8s/base/kustomization.yaml": "resources: [web.yaml]\n",
    "k8s/base/web.yaml": workload("Deployment", "web"),
}
CASES: Mapping[str, tuple[Mapping[str, str], dict[str, tuple[str, str]], str, str]] = {
    "one folder": (
        {"app.py": FLASK, "deploy/shop.yaml": DEPLOYMENT, "deploy/hpa.yaml": thing("Ingress", "shop", "n/v1")},
        {"shop": ("deployment/shop", "deploy")}, "default", "for: Ingress",
    ),
    "a folder each": (
        {"k8s/web/d.yaml": workload("Deployment", "web", ", namespace: prod"),
         "k8s/db/s.yaml": workload("StatefulSet", "db", ", namespace: prod")},
        {"web": ("deployment/web", "k8s/web"), "db": ("statefulset/db", "k8s/db")}, "prod", "--namespace prod",
    ),
    "several in a folder": (
        {"k8s/web.yaml": workload("Deployment", "web"), "k8s/api.yaml": workload("Deployment", "api"),
         "k8s/config.yaml": thing("ConfigMap", "shared")},
        {"web": ("deployment/web", "k8s/web.yaml"), "api": ("deployment/api", "k8s/api.yaml")},
        "default", "k8s/config.yaml: ConfigMap is in no service's manifests",
    ),
    "with what is refused": (
        {"k8s/web.yaml": workload("Deployment", "web"), "k8s/secret.yaml": SECRET, "k8s/ns.yaml": NAMESPACE},
        {"web": ("deployment/web", "k8s/web.yaml")}, "default", "Secret shop is left to you",
    ),
    "values beside it": (
        {"deploy/web.yaml": workload("Deployment", "web"), "deploy/values.yaml": "replicas: 3\n"},
        {"web": ("deployment/web", "deploy/web.yaml")}, "default", "What to apply to the cluster",
    ),
    "at the root": (
        {"web.yaml": workload("DaemonSet", "web"), "README.md": "x"},
        {"web": ("daemonset/web", "web.yaml")}, "default", "dreamnet roles --namespace default",
    ),
    "a migration": (
        {"deploy/web.yaml": workload("Deployment", "web"), "deploy/migrate.yaml": workload("Job", "migrate")},
        {"web": ("deployment/web", "deploy")}, "default", "dreamnet roles --namespace",
    ),
    "a CronJob": (
        {"jobs/report.yaml": workload("CronJob", "report")},
        {"report": ("cronjob/report", "jobs")}, "default", "dreamnet roles --batch",
    ),
    "overlays": (
        {**BASE,
         "k8s/overlays/staging/kustomization.yaml": "resources: [../../base]\nnamespace: staging\n",
         "k8s/overlays/production/kustomization.yaml":
             "resources: [../../base]\nnamespace: live\nnamePrefix: eu-\n"},
        {"eu-web": ("deployment/eu-web", "k8s/overlays/production")}, "live", "there are also k8s/overlays/staging",
    ),
    "a kustomization alone": (
        {"deploy/kustomization.yaml": "resources: [web.yaml, svc.yaml]\n",
         "deploy/web.yaml": workload("Deployment", "web"), "deploy/svc.yaml": thing("Service", "web"),
         "tests/fixtures/other.yaml": workload("Deployment", "other")},
        {"web": ("deployment/web", "deploy")}, "default", "What to apply",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_repository_with_manifests_is_set_up_for_kubernetes(case: str, tmp_path: Path) -> None:
    files, services, namespace, said = CASES[case]
    root = repository(tmp_path, files)
    done = init(root, "--yes", "--ref", PIN)
    assert done.exit_code == 0, done.output
    assert said in done.stdout
    assert "the cluster that a secret of the repository leads to" in done.stdout
    config: Any = check_config(root).config
    assert {name: (one.workload, one.manifests) for name, one in config.services.items()} == services
    (platform,) = config.platforms.values()
    assert (platform.kind, platform.options.namespace) == ("kubernetes", namespace)
    for name, one in config.services.items():
        assert [check.workload for check in one.checks.values()] == ["ready"]
        assert (one.release.git, one.release.branch) == (".", "main")
        if not list(
            (root / one.manifests).glob("kustomization.yaml")
        ):  # what it takes is what DreamNet reads
            keys = KubernetesWorkload(workload=one.workload, manifests=one.manifests)
            made = rendered(name, keys, Release(service=name, version="cmd:1"), root, namespace)
            assert made.workload["metadata"]["name"] == one.workload.partition("/")[2]
    again = init(root, "--yes", "--ref", PIN)
    assert again.exit_code == 0
    assert f"kept: {CONFIG}" in again.stdout


def test_a_cluster_of_googles_and_a_workload_that_is_there(tmp_path: Path) -> None:
    root = repository(tmp_path, {"README.md": "x", "Dockerfile": "FROM scratch\n"})
    done = init(
        root, "--yes", "--ref", PIN, "--platform", "gke", "--cluster", "shop-4711/europe-west1/web",
        "--service", "web", "--check", "https://shop.example/healthz",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "a Dockerfile is here" in done.stdout
    config: Any = check_config(root).config
    options = config.platforms["production"].options
    assert (options.project, options.location, options.cluster) == ("shop-4711", "europe-west1", "web")
    web = config.services["web"]
    assert (web.workload, web.manifests, web.release) == ("deployment/web", None, None)
    assert web.checks["home"].http == "https://shop.example/healthz"


def test_who_wants_processes_says_so(tmp_path: Path) -> None:
    root = repository(tmp_path, {"app.py": FLASK, "deploy/shop.yaml": DEPLOYMENT})
    done = init(root, "--yes", "--ref", PIN, "--platform", "here")
    assert done.exit_code == 0, done.output
    assert "Deployment shop. What init writes are processes (for Kubernetes" in done.stdout
    config: Any = check_config(root).config
    assert config.services["shop"].port == 5050
    assert config.platforms["here"].kind == "process"


def test_a_service_that_no_manifest_holds_is_told_the_nearest(tmp_path: Path) -> None:
    root = repository(tmp_path, {"deploy/shop.yaml": DEPLOYMENT})
    before = snapshot(root)
    done = init(root, "--yes", "--service", "shp")
    assert done.exit_code == 3
    assert "Did you mean 'shop'?" in done.output
    assert snapshot(root) == before
