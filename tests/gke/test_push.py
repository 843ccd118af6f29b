"""The example for GKE in a repository: its three workflows, word for word, run by act with no key and no kubeconfig."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dreamnet_actions.entrances.setup.called import FEDERATED
from dreamnet_actions.testing.github.actions.runs import Run
from dreamnet_actions.testing.google.standin import GoogleStandIn, job_claims
from tests.actions.bed import SHOP, Bed, bed, told
from tests.cluster.client import Cluster
from tests.gke.test_cluster import EXAMPLE, MAIN, POOL, ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@dataclass(kw_only=True)
class Repository:
    """The example in a repository on the stand-in for GitHub, and who its jobs are in the cluster."""

    story: Bed
    cluster: Cluster
    namespace: str
    google: GoogleStandIn
    config: str
    email: str

    def image(self, reference: str) -> Run:
        """Push another image; answers the run that deploys it."""
        config = re.sub(r"image: \S+", f"image: {reference}", self.config)
        self.story.github.commit(SHOP, {"dreamnet.yml": config}, f"deploy {reference[-8:]}")
        self.story.settle()
        return self.story.runs()[-1]

    def pods(self) -> set[str]:
        """Answer the pods that are there and not ending."""
        found = self.cluster.get("pods", namespace=self.namespace)
        return {one["metadata"]["name"] for one in found if not one["metadata"].get("deletionTimestamp")}


@pytest.fixture
def shop(cluster: Cluster, namespace: str, google: GoogleStandIn, tmp_path: Path) -> Iterator[Repository]:
    admin = json.loads(cluster.kubectl("config", "view", "--raw", "--flatten", "--minify", "-ojson"))
    google.cluster("autopilot-cluster-1", "europe-west1", admin)
    google.provider(
        condition="assertion.repository_owner_id == '123456' && assertion.ref == 'refs/heads/main'"
    )
    email = google.account("deployer", f"principal://{POOL}/subject/repo:{SHOP}:ref:{MAIN}")
    words = ("roles", "--namespace", namespace, "--to", f"user:{email}")
    roles = subprocess.run(
        [sys.executable, "-m", "dreamnet_actions", *words],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=60,
    ).stdout  # fmt: skip
    cluster.kubectl("apply", "-f-", given=roles)
    files = {
        str(one.relative_to(EXAMPLE)): one.read_text("utf-8").replace("@v1", "@main")
        for one in EXAMPLE.rglob("*")
        if one.is_file()
    }
    config = files["dreamnet.yml"].replace("namespace: web", f"namespace: {namespace}")
    # The installer of a step has to trust the package index, too; the cluster's own authority is told by Google.
    places = {name: value for name, value in google.environment().items() if name != "SSL_CERT_FILE"}
    identity = google.job(**job_claims(SHOP, MAIN))
    with bed(tmp_path / "bed", environment=places, identity=identity) as story:
        story.repository({**files, "dreamnet.yml": config})
        yield Repository(
            story=story, cluster=cluster, namespace=namespace, google=google, config=config, email=email
        )


def test_a_push_deploys_a_schedule_looks_and_a_dispatch_restarts(shop: Repository) -> None:
    run = shop.image(shop.cluster.image("one"))
    assert run.conclusion == "success", told(run)
    assert {one.user for one in shop.google.asked} == {shop.email}
    assert shop.story.get("/deployments")[0]["environment"] == "production"
    shop.story.tick()
    shop.story.settle()
    (_, looked) = shop.story.runs()
    assert looked.conclusion == "success", told(looked)
    assert looked.job("dreamkeeper", "dreamkeeper").outputs["verdict"] == "healthy"
    before = shop.pods()
    request = {"agent": "deploykeeper", "input": {"action": "restart", "service": "web"}}
    shop.story.dispatch("dreamnet.request.v1", {"dreamnet": request})
    shop.story.settle()
    relayed = shop.story.runs()[2]
    assert relayed.conclusion == "success", told(relayed)
    assert not before & shop.pods()
    assert {one.user for one in shop.google.asked} == {shop.email}

    # A release that fails is taken back; and without the permission no job is anybody.
    run = shop.image(shop.cluster.image("broken", CRASH_AFTER="0s", EXIT_CODE="3"))
    assert run.job("deploykeeper", "deploykeeper").outputs["verdict"] == "rolled-back", told(run)
    path = ".github/workflows/dreamnet-deploy.yml"
    text = (EXAMPLE / path).read_text("utf-8").replace("@v1", "@main")
    text = text.replace(FEDERATED, "").replace(", id-token: write", "")
    shop.story.github.commit(SHOP, {path: text}, "less [skip ci]")
    lacking = shop.story.press("dreamnet-deploy.yml", action="status")
    assert lacking.conclusion == "failure", told(lacking)
    assert "id-token: write" in told(lacking)
    assert shop.story.github.violations == []
