"""The example for GKE on the real cluster, as a job of GitHub's runs it: no key, no kubeconfig, no gcloud."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dreamnet_actions.testing.google.standin import GoogleStandIn, job_claims
from tests.cluster.client import Cluster

pytestmark = [pytest.mark.slow, pytest.mark.timeout(480)]
ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "gke"
MAIN = "refs/heads/main"
POOL = "iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/github"
ME = f"principal://{POOL}/subject/repo:octocat@123456/shop@456789:ref:{MAIN}"


@dataclass(kw_only=True)
class Shop:
    """A copy of the example in a namespace of the real cluster, and the Google that hands the cluster out."""

    root: Path
    cluster: Cluster
    namespace: str
    google: GoogleStandIn
    told: dict[str, Any]
    """The cluster as the container API tells of it."""

    def say(self, former: str, text: str) -> None:
        """Change the configuration."""
        config = self.root / "dreamnet.yml"
        said = config.read_text("utf-8")
        assert re.search(former, said)
        config.write_text(re.sub(former, text, said), encoding="utf-8")
        self.git("commit", "-qam", "another configuration")

    def git(self, *words: str) -> None:
        """Run git there."""
        who = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
        subprocess.run(["git", *who, *words], cwd=self.root, check=True, capture_output=True, timeout=60)

    def allow(self, user: str) -> None:
        """Give a user of the cluster's the Roles, as docs/gke.md does it: by what `dreamnet roles` prints."""
        roles = self.run("roles", "--namespace", self.namespace, "--to", f"user:{user}").stdout
        self.cluster.kubectl("apply", "-f-", given=roles)

    def run(self, *words: str, job: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command with a job's variables and nothing that leads to a cluster."""
        kept = {name: value for name, value in os.environ.items() if name not in ("KUBECONFIG", "HOME")}
        environ = {**kept, "HOME": str(self.root), **self.google.environment(), **(job or {})}
        return subprocess.run(
            [sys.executable, "-m", "dreamnet_actions", *words],
            cwd=self.root,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
        )

    def dreamnet(self, *words: str, job: Mapping[str, str], status: int = 0) -> dict[str, Any]:
        """Run a command; answer its result."""
        done = self.run(*words, "--json", job=job)
        assert done.returncode == status, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "ya29." not in done.stdout + done.stderr
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    def doctor(self, job: Mapping[str, str]) -> dict[str, tuple[str, str]]:
        """Answer what the doctor says: status and fix of each thing."""
        found = json.loads(self.run("doctor", "--json", job=job).stdout)["findings"]
        return {one["what"]: (one["status"], one["fix"]) for one in found}


@pytest.fixture
def shop(cluster: Cluster, namespace: str, google: GoogleStandIn, tmp_path: Path) -> Shop:
    root = tmp_path / "shop"
    shutil.copytree(EXAMPLE, root)
    config = json.loads(cluster.kubectl("config", "view", "--raw", "--flatten", "--minify", "-ojson"))
    told = google.cluster("autopilot-cluster-1", "europe-west1", config)
    google.provider(
        condition="assertion.repository_owner_id == '123456' && assertion.ref == 'refs/heads/main'"
    )
    made = Shop(root=root, cluster=cluster, namespace=namespace, google=google, told=told)
    made.git("init", "-q", "-b", "main")
    made.git("add", ".")
    made.say("namespace: web", f"namespace: {namespace}")
    made.say(r"image: \S+", f"image: {cluster.image('one')}")
    return made


def when(condition: Callable[[], bool], then: Callable[[], object]) -> threading.Thread:
    """Do something as soon as something is so; a minute at most."""

    def wait() -> None:
        end = time.monotonic() + 60
        while not condition() and time.monotonic() < end:
            time.sleep(0.02)
        then()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def test_the_example_deploys_by_federation_though_its_token_ends_mid_rollout(shop: Shop) -> None:
    """The service account by both forms of the subject; every token there is ends once the workload is written."""
    email = shop.google.account("deployer", ME, f"principal://{POOL}/subject/repo:octocat/shop:ref:{MAIN}")
    shop.allow(email)
    job = shop.google.job(**job_claims("octocat/shop", MAIN, immutable=True))
    shop.say(r"image: \S+", f"image: {shop.cluster.image('slow', START_AFTER='3s')}")
    ended: list[int] = []

    def written() -> bool:
        asked = list(shop.google.asked)
        return any(one.method == "PATCH" and "/deployments/web" in one.path for one in asked)

    ender = when(written, lambda: ended.append(shop.google.world.end_tokens()))
    assert shop.dreamnet("deploy", job=job)["verdict"] == "deployed"
    ender.join(60)
    assert ended
    assert ended[0] >= 2  # GitHub's was swapped, and the service account's was in use
    assert shop.google.world.issued >= 2  # both were had again
    assert {one.user for one in shop.google.asked} == {email}
    # The same by the older form, with a release that fails and goes back; tokens that live for seconds only.
    job = shop.google.job(**job_claims("octocat/shop", MAIN))
    shop.google.world.lifetime = 4
    shop.say(r"image: \S+", f"image: {shop.cluster.image('broken', CRASH_AFTER='0s', EXIT_CODE='3')}")
    result = shop.dreamnet("deploy", job=job, status=10)
    assert result["verdict"] == "rolled-back"
    assert "exit code 3" in result["summary"]


def test_a_job_without_a_service_account_by_the_dns_endpoint_and_the_gateway(shop: Shop) -> None:
    """The cluster's roles know the job by its own identity; the DNS endpoint's certificate is one machines trust."""
    shop.say("      service-account: .*\n", "")
    shop.told["controlPlaneEndpointsConfig"]["dnsEndpointConfig"]["allowExternalTraffic"] = True
    job = shop.google.job(**job_claims("octocat/shop", MAIN, immutable=True))
    refused = shop.dreamnet("deploy", job=job, status=4)
    assert f"principal://{POOL}/subject/repo:octocat@123456" in refused["error"]["hint"]
    shop.google.world.bind("projects/shop-4711", "roles/container.clusterViewer", ME)
    refused = shop.dreamnet("deploy", job=job, status=4)
    assert "dreamnet roles" in refused["error"]["hint"]
    told = shop.doctor(job)
    assert told["cluster of production"] == ("ok", "")
    assert told["federation of production"] == ("ok", "")
    status, fix = told[f"role restart in {shop.namespace}"]
    assert status == "failed"
    assert fix == (
        f"Run: dreamnet roles --action restart --namespace {shop.namespace} --to 'user:{ME}' | kubectl apply -f -"
    )
    # What the doctor says is done: that Role is whole then, and the others are lacking as before.
    words = shlex.split(fix.removeprefix("Run: dreamnet ").partition(" | ")[0])
    shop.cluster.kubectl("apply", "-f-", given=shop.run(*words).stdout)
    roles = {what: status for what, (status, _) in shop.doctor(job).items() if what.startswith("role")}
    assert [what.split()[1] for what, status in roles.items() if status == "ok"] == ["status", "restart"]
    shop.allow(ME)
    workflow = shop.root / ".github/workflows/dreamnet-dream.yml"
    workflow.write_text(
        workflow.read_text("utf-8").replace("-oidc", "").replace(", id-token: write", ""), "utf-8"
    )
    told = shop.doctor(job)
    assert {status for what, (status, _) in told.items() if what.startswith("role")} == {"ok"}
    assert "id-token: write" in told["federation of production"][1]
    assert shop.dreamnet("deploy", job=job)["verdict"] == "deployed"
    assert {one.user for one in shop.google.asked} == {ME}
    shop.say("      namespace:", "      endpoint: connect-gateway\n      namespace:")
    assert shop.dreamnet("check", job=job)["verdict"] == "healthy"
