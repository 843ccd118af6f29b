"""The example for Kubernetes, as a user runs it, on the real cluster: releases that prove themselves or go back."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.client import Cluster

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "kubernetes"
FROM_GIT = "    release: {git: .} # a push deploys\n"


@dataclass
class Shop:
    """A copy of the example, on a namespace of its own."""

    root: Path
    cluster: Cluster
    namespace: str
    kubeconfig: Path
    """Of an account that has the Role which the example ships, and nothing else."""

    def image(self, reference: str) -> None:
        """Write another image into the configuration."""
        config = self.root / "dreamnet.yml"
        text = re.sub(r"image: \S+", f"image: {reference}", config.read_text("utf-8"))
        config.write_text(text, encoding="utf-8")

    def say(self, former: str, text: str) -> None:
        """Change the configuration."""
        config = self.root / "dreamnet.yml"
        said = config.read_text("utf-8")
        assert former in said
        config.write_text(said.replace(former, text), encoding="utf-8")

    def git(self, *words: str) -> None:
        """Run git in the shop."""
        who = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
        subprocess.run(["git", *who, *words], cwd=self.root, check=True, capture_output=True, timeout=60)

    def greeting(self, text: str) -> None:
        """Write another greeting into the ConfigMap."""
        file = self.root / "deploy" / "web.yaml"
        file.write_text(re.sub(r"GREETING: \w+", f"GREETING: {text}", file.read_text("utf-8")), "utf-8")

    def dreamnet(self, *words: str, status: int = 0) -> dict[str, Any]:
        """Run a command; answer its result."""
        environ = {**os.environ, "KUBECONFIG": str(self.kubeconfig)}
        command = [sys.executable, "-m", "dreamnet_actions", *words, "--json"]
        done = subprocess.run(
            command, cwd=self.root, env=environ, capture_output=True, text=True, check=False, timeout=110
        )
        assert done.returncode == status, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    def live(self) -> dict[str, Any]:
        """Answer the Deployment as the cluster has it."""
        found: dict[str, Any] = self.cluster.get("deployment", "web", namespace=self.namespace)
        return found

    def get(self, path: str) -> str:
        """Ask the service itself, through the API server."""
        where = f"/api/v1/namespaces/{self.namespace}/services/web:80/proxy{path}"
        return self.cluster.kubectl("get", "--raw", where)


@pytest.fixture
def shop(cluster: Cluster, namespace: str, tmp_path: Path) -> Shop:
    return made_shop(cluster, namespace, tmp_path)


def made_shop(cluster: Cluster, namespace: str, tmp_path: Path, **more: Path) -> Shop:
    """Copy the example, for a namespace; ``more`` as ``account`` has it. What lies in the folder goes out."""
    root = tmp_path / "shop"
    without_git(root)
    config = root / "dreamnet.yml"
    config.write_text(
        config.read_text("utf-8").replace("namespace: default", f"namespace: {namespace}"), encoding="utf-8"
    )
    made = Shop(root, cluster, namespace, account(cluster, namespace, tmp_path, **more))
    made.image(cluster.image("one"))
    return made


def without_git(root: Path) -> None:
    """Copy the example to ``root``, for stories in which nobody commits."""
    shutil.copytree(EXAMPLE, root)
    config = root / "dreamnet.yml"
    text = config.read_text("utf-8")
    assert FROM_GIT in text
    config.write_text(text.replace(FROM_GIT, ""), "utf-8")


def account(cluster: Cluster, namespace: str, folder: Path, **more: Path) -> Path:
    """Make a service account with the example's Role, and with ``more``: a Role's name and its file. Answer a
    kubeconfig of it."""
    cluster.kubectl("create", "serviceaccount", "dreamnet", namespace=namespace)
    for role, file in {"dreamnet": EXAMPLE / "rbac.yaml", **more}.items():
        cluster.kubectl("apply", "-f-", namespace=namespace, given=file.read_text("utf-8"))
        bind = ("create", "rolebinding", role, f"--role={role}", f"--serviceaccount={namespace}:dreamnet")
        cluster.kubectl(*bind, namespace=namespace)
    return kubeconfig(cluster, namespace, folder)


def kubeconfig(cluster: Cluster, namespace: str, folder: Path) -> Path:
    """Write a kubeconfig of the service account ``dreamnet``."""
    token = cluster.kubectl("create", "token", "dreamnet", namespace=namespace).strip()
    config = json.loads(cluster.kubectl("config", "view", "--raw", "--flatten", "--minify", "-ojson"))
    config["users"][0]["user"] = {"token": token}
    file = folder / "kubeconfig"
    file.write_text(json.dumps(config), encoding="utf-8")
    return file


def template(live: dict[str, Any]) -> str:
    return json.dumps(live["spec"]["template"], sort_keys=True)


def test_a_bad_release_is_taken_back_with_its_configuration(shop: Shop) -> None:
    """Image and configuration change together; what comes back is what was there, byte for byte."""
    assert shop.dreamnet("deploy")["verdict"] == "deployed"
    before = shop.live()
    assert shop.get("/").startswith("sample one")
    assert shop.get("/env/GREETING") == "hello"

    shop.image(shop.cluster.image("two", CRASH_AFTER="0s", EXIT_CODE="3"))
    shop.greeting("goodbye")
    result = shop.dreamnet("deploy", status=10)
    assert result["verdict"] == "rolled-back", result
    assert "exit code 3" in result["summary"]
    after = shop.live()
    assert template(after) == template(before)
    assert after["spec"]["replicas"] == 2
    assert shop.get("/env/GREETING") == "hello"

    shop.image(shop.cluster.image("three"))
    assert shop.dreamnet("deploy")["verdict"] == "deployed"
    assert shop.get("/").startswith("sample three")
    assert shop.get("/env/GREETING") == "goodbye"
    assert shop.dreamnet("rollback", "web")["outcome"] == "done"
    assert template(shop.live()) == template(before)


def test_an_image_that_is_not_there_fails_at_once(shop: Shop) -> None:
    shop.dreamnet("deploy")
    shop.image(f"{shop.cluster.registry}/nothing@sha256:{'0' * 64}")
    result = shop.dreamnet("deploy", status=10)
    assert result["verdict"] == "rolled-back"
    assert "was not found" in result["summary"]
    assert shop.get("/").startswith("sample one")


def test_restart_scale_and_heal(shop: Shop) -> None:
    shop.dreamnet("deploy")
    first = {one["metadata"]["name"] for one in shop.cluster.get("pods", namespace=shop.namespace)}
    assert shop.dreamnet("restart", "web")["outcome"] == "done"
    assert shop.dreamnet("scale", "web", "3")["outcome"] == "done"
    assert shop.live()["spec"]["replicas"] == 3
    # The number lives on through a release.
    shop.image(shop.cluster.image("two"))
    shop.dreamnet("deploy")
    pods = [
        one for one in shop.cluster.get("pods", namespace=shop.namespace)
        if not one["metadata"].get("deletionTimestamp")
    ]  # fmt: skip
    assert len(pods) == 3
    assert not first & {one["metadata"]["name"] for one in pods}
    assert shop.dreamnet("check")["verdict"] == "healthy"


def test_a_workload_that_was_there_before_is_restarted_and_gets_its_image_where_that_is_ours(
    shop: Shop,
) -> None:
    """Without manifests only the image is DreamNet's; who else manages it is told, and nothing is taken by force."""
    config = shop.root / "dreamnet.yml"
    config.write_text(
        config.read_text("utf-8").replace("    manifests: deploy", "    # manifests: deploy"), "utf-8"
    )
    missing = shop.dreamnet("deploy", status=2)
    assert "has no deployment/web" in missing["summary"]
    container = {"name": "web", "image": shop.cluster.image("old"), "ports": [{"containerPort": 8080}]}
    labels = {"app": "web"}
    spec = {"replicas": 2, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}}}  # fmt: skip
    there = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}
    shop.cluster.apply(there, namespace=shop.namespace)
    assert shop.dreamnet("restart", "web")["outcome"] == "done"
    refused = shop.dreamnet("deploy", status=5)
    assert "kubectl" in refused["summary"]
    assert shop.live()["spec"]["template"]["spec"]["containers"][0]["image"] == container["image"]
    shop.say("    replicas: 2", "    replicas: 2\n    adopt: [image]")
    assert shop.dreamnet("deploy")["verdict"] == "deployed"
    assert shop.live()["spec"]["template"]["spec"]["containers"][0]["image"] == shop.cluster.image("one")
    assert shop.dreamnet("rollback", "web")["outcome"] == "done"
    assert shop.live()["spec"]["template"]["spec"]["containers"][0]["image"] == container["image"]


def test_a_commit_is_a_release(shop: Shop) -> None:
    """The example as it is: the manifests go out as they are at the commit, whatever the working copy holds."""
    shop.say("    replicas: 2", f"{FROM_GIT}    replicas: 2")
    shop.git("init", "-q", "-b", "main")
    shop.git("add", ".")
    shop.git("commit", "-qm", "first")
    shop.greeting("uncommitted")
    assert shop.dreamnet("deploy")["verdict"] == "deployed"
    assert shop.get("/env/GREETING") == "hello"
    shop.git("commit", "-qam", "second")
    assert shop.dreamnet("deploy")["verdict"] == "deployed"
    assert shop.get("/env/GREETING") == "uncommitted"
    version = shop.live()["spec"]["template"]["metadata"]["annotations"]["dreamnet.dev/version"]
    assert version.startswith("git:")


def test_a_canary_that_fails_is_withdrawn_and_one_that_does_not_takes_over(shop: Shop) -> None:
    """Nobody but our own probes asks it: they are the traffic."""
    shop.dreamnet("deploy")
    address = shop.cluster.get("service", "web", namespace=shop.namespace)["spec"]["clusterIP"]
    check = f"checks:\n      home: {{http: 'http://{address}/'}}"
    shop.say("checks:", check)
    shop.say("    replicas: 2", "    replicas: 2\n    release: {strategy: {canary: [50%], soak: 30s}}")
    before = shop.live()
    shop.image(shop.cluster.image("failing", ERROR_RATE="0.5"))
    result = shop.dreamnet("deploy", status=10)
    assert "its canary failed" in result["summary"]
    assert template(shop.live()) == template(before)
    deployments = shop.cluster.get("deployments", namespace=shop.namespace)
    assert [one["metadata"]["name"] for one in deployments] == ["web"]
    shop.image(shop.cluster.image("good"))
    assert shop.dreamnet("deploy")["verdict"] == "deployed"
    assert shop.get("/").startswith("sample good")
    shop.cluster.wait(
        "the canary to be gone",
        lambda: len(shop.cluster.get("deployments", namespace=shop.namespace)) == 1,
        20,
    )


def test_a_release_that_is_ready_and_then_crashes_is_taken_back_with_its_last_line(shop: Shop) -> None:
    shop.say("    replicas: 2", "    replicas: 1\n    release: {soak: 20s}")
    shop.image(shop.cluster.image("two", CRASH_AFTER="4s", EXIT_CODE="7", MESSAGE="out of ideas"))
    first = shop.dreamnet("deploy", status=11)  # with nothing before it, it stays
    assert "no release before it" in first["summary"]
    assert "out of ideas" in first["summary"]
    shop.image(shop.cluster.image("three"))
    assert shop.dreamnet("deploy")["verdict"] == "deployed"
    before = shop.live()
    shop.image(shop.cluster.image("four", CRASH_AFTER="4s", EXIT_CODE="7", MESSAGE="out of ideas again"))
    result = shop.dreamnet("deploy", status=10)
    assert "out of ideas again" in result["summary"], result
    told = {(one["check"], one["detail"]) for one in result["findings"][0]["checks"]}
    assert ("log", "out of ideas again") in told
    assert template(shop.live()) == template(before)
    # The first release failed: whoever goes back comes to nothing, rather than to it.
    assert "no former release" in shop.dreamnet("rollback", "web", status=3)["summary"]
    assert template(shop.live()) == template(before)


JOB = """\
apiVersion: batch/v1
kind: Job
metadata: {name: migrate}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: migrate
          image: to-be-released
          env: [{name: CRASH_AFTER, value: 0s}, {name: EXIT_CODE, value: "STATUS"}, {name: MESSAGE, value: no table}]
"""


def test_a_migration_runs_before_its_release_and_one_that_fails_lets_nothing_out(shop: Shop) -> None:
    rights = ("create", "role", "jobs", "--verb=get,create,patch", "--resource=jobs.batch")
    shop.cluster.kubectl(*rights, namespace=shop.namespace)
    bind = ("create", "rolebinding", "jobs", "--role=jobs", f"--serviceaccount={shop.namespace}:dreamnet")
    shop.cluster.kubectl(*bind, namespace=shop.namespace)
    job = shop.root / "deploy" / "migrate.yaml"
    job.write_text(JOB.replace("STATUS", "0"), encoding="utf-8")
    assert shop.dreamnet("deploy")["verdict"] == "deployed"
    [done] = shop.cluster.get("jobs", namespace=shop.namespace)
    assert done["status"]["succeeded"] == 1
    assert done["spec"]["template"]["spec"]["containers"][0]["image"] == shop.cluster.image("one")
    assert done["status"]["completionTime"] <= shop.live()["metadata"]["creationTimestamp"]
    before = shop.live()
    shop.image(shop.cluster.image("two"))
    job.write_text(JOB.replace("STATUS", "4"), encoding="utf-8")
    result = shop.dreamnet("deploy", status=10)
    for words in ("The Job 'migrate-", "exit code 4", "its last line: no table"):
        assert words in result["summary"]
    assert shop.live()["metadata"]["generation"] == before["metadata"]["generation"]
    assert len(shop.cluster.get("jobs", namespace=shop.namespace)) == 2
