"""The example's own workflow, run by act: a push deploys to the real cluster, with nothing but the job's own token."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from dreamnet_actions.testing.google.standin import GoogleStandIn, job_claims
from tests.actions.bed import SHOP, bed, told
from tests.cluster.client import Cluster

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
EXAMPLE = Path(__file__).parents[2] / "examples" / "gke"
MEMBER = (
    "principalSet://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/github"
)


def test_a_push_deploys_without_a_key(
    cluster: Cluster, namespace: str, google: GoogleStandIn, tmp_path: Path
) -> None:
    kubeconfig = json.loads(cluster.kubectl("config", "view", "--raw", "--flatten", "--minify", "-ojson"))
    google.cluster("autopilot-cluster-1", "europe-west1", kubeconfig)
    google.provider(
        condition="assertion.repository_owner_id == '123456' && assertion.ref == 'refs/heads/main'"
    )
    email = google.account("deployer", f"{MEMBER}/attribute.repository_id/456789")
    who = f"--user={email}"
    role = (EXAMPLE.parent / "kubernetes" / "rbac.yaml").read_text("utf-8")
    cluster.kubectl("apply", "-f-", namespace=namespace, given=role)
    cluster.kubectl("create", "rolebinding", "dreamnet", "--role=dreamnet", who, namespace=namespace)
    files = {one.relative_to(EXAMPLE).as_posix(): one.read_text("utf-8") for one in EXAMPLE.rglob("*.y*ml")}
    config = re.sub(r"image: \S+", f"image: {cluster.image('one')}", files.pop("dreamnet.yml"))
    files[".github/dreamnet.yml"] = config.replace("namespace: web", f"namespace: {namespace}")
    workflow = ".github/workflows/dreamnet-deploy.yml"
    files[workflow] = files[workflow].replace("dreamnet/dreamnet@v1", "dreamnet/dreamnet@main")  # of the test
    job = google.job(**job_claims(SHOP, "refs/heads/main", immutable=True))
    lead = {name: text for name, text in google.environment().items() if name != "SSL_CERT_FILE"}
    with bed(tmp_path, environment={**lead, **job}) as story:
        story.shop(files=files)
        story.push("one")
        story.settle()
        run = next(one for one in story.runs() if one.event.name == "push")
        assert run.conclusion == "success", told(run)
        result = json.loads(cluster.kubectl("get", "deployment", "web", "-ojson", namespace=namespace))
        assert result["status"]["readyReplicas"] == 2
        assert "ya29." not in told(run)
        assert story.github.violations == []
    assert {one.user for one in google.asked} == {email}
