"""A commit becomes an image by buildah, goes to a registry, and out to the real cluster: what a push sets off."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cluster.builds import MODULES, built
from tests.cluster.client import Cluster
from tests.kubernetes.test_story import Shop, account, without_git

pytestmark = [pytest.mark.slow, pytest.mark.timeout(480)]
CONTAINERFILE = """\
FROM scratch
COPY sample /sample
ARG VERSION
ENV VERSION=$VERSION
COPY behaviour /behaviour
EXPOSE 8080
USER 65534:65534
ENTRYPOINT ["/sample"]
"""


@pytest.fixture
def shop(cluster: Cluster, namespace: str, tmp_path: Path) -> Shop:
    root = tmp_path / "shop"
    without_git(root)
    made = Shop(root, cluster, namespace, account(cluster, namespace, tmp_path))
    made.say("{namespace: default}", f"{{namespace: {namespace}, plain-http: ['{cluster.registry}']}}")
    config = root / "dreamnet.yml"
    lines = [one for one in config.read_text("utf-8").splitlines() if "image:" not in one]
    config.write_text("\n".join(lines) + "\n", "utf-8")
    build = (
        f"{{push: {cluster.registry}/{namespace}/web, build: app, plain-http: true, args: {{VERSION: one}}}}"
    )
    made.say("    replicas: 2", f"    replicas: 1\n    release:\n      image: {build}")
    sample = next(
        one
        for one in built(next(one for one in MODULES if one.name == "samples")).iterdir()
        if one.name == "sample"
    )
    (root / "app").mkdir()
    shutil.copy2(sample, root / "app" / "sample")
    (root / "app" / "Containerfile").write_text(CONTAINERFILE, "utf-8")
    (root / "app" / "behaviour").write_text("good\n", "utf-8")
    (root / ".gitignore").write_text(".dreamnet/\n", "utf-8")
    made.git("init", "-q", "-b", "main")
    made.git("add", ".")
    made.git("commit", "-qm", "first")
    return made


def image_of(shop: Shop) -> str:
    found: str = shop.live()["spec"]["template"]["spec"]["containers"][0]["image"]
    return found


def test_from_a_commit_to_a_rollout_and_back(shop: Shop) -> None:
    plan = shop.dreamnet("deploy", "--dry-run")
    assert plan["outcome"] == "planned", plan
    assert {one["object"].partition("-")[0]: one["effect"] for one in plan["findings"]} == dict.fromkeys(
        ("ConfigMap/web", "Deployment/web", "Service/web"), "created"
    )
    assert shop.cluster.get("deployments", namespace=shop.namespace) == []
    assert shop.dreamnet("deploy")["verdict"] == "deployed"
    first = image_of(shop)
    assert first.startswith(f"{shop.cluster.registry}/{shop.namespace}/web@sha256:")
    assert shop.get("/").startswith("sample one")
    assert shop.dreamnet("deploy")["outcome"] == "unchanged"

    config = json.dumps({"VERSION": "two", "CRASH_AFTER": "0s"})
    shop.say("args: {VERSION: one}", f"args: {config}")
    file = shop.root / "app" / "Containerfile"
    file.write_text(
        file.read_text("utf-8").replace("COPY b", "ARG CRASH_AFTER\nENV CRASH_AFTER=$CRASH_AFTER\nCOPY b")
    )
    shop.git("commit", "-qam", "second")
    assert shop.dreamnet("deploy", status=10)["verdict"] == "rolled-back"
    assert image_of(shop) == first
    assert shop.get("/").startswith("sample one")

    file.write_text(file.read_text("utf-8").replace("COPY sample", "COPY not-there"))
    shop.git("commit", "-qam", "third")
    failed = shop.dreamnet("deploy", status=5)
    assert failed["error"]["code"] == "permanent.command-failed"
    assert "not-there" in failed["error"]["message"]
    assert image_of(shop) == first
