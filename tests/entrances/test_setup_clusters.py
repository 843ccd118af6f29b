"""`dreamnet init` and `dreamnet doctor` where services run on a cluster: how jobs get in there."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from dreamnet_actions.entrances.doctor.check import Finding
from dreamnet_actions.entrances.doctor.examine import examine, surroundings
from dreamnet_actions.entrances.setup.called import CALLED
from tests.docs import federated
from tests.docs.pages import ROOT
from tests.entrances.repositories import repository
from tests.entrances.test_init import PIN, gates, init

GKE = (ROOT / "examples/gke/dreamnet.yml").read_text("utf-8")
KUBERNETES = (ROOT / "examples/kubernetes/dreamnet.yml").read_text("utf-8")
ENV = "env: {a: {from: {dotenv: a.env}, to: [{kubernetes: web}]}}\n"
FOLDER = ".github/workflows"
FILES = {called.file: keeper for keeper, called in CALLED.items() if keeper != "envkeeper"}


def written(root: Path) -> dict[str, dict[str, Any]]:
    """Answer the calling job of each workflow that was written, by its keeper."""
    return {
        keeper: yaml.safe_load((root / FOLDER / file).read_text("utf-8"))["jobs"][keeper]
        for file, keeper in FILES.items()
    }


def looked(root: Path) -> list[Finding]:
    """Answer what the doctor finds wrong, asking nobody."""
    at = surroundings(root, None, {"GITHUB_REPOSITORY": "octo/shop"}, None, offline=True)
    return [one for one in examine(at, because="offline").findings if one.status in ("failed", "warning")]


@pytest.fixture
def gke(tmp_path: Path) -> Path:
    """A repository with a service on GKE, as ``dreamnet init`` leaves it."""
    root = repository(tmp_path, {"dreamnet.yml": GKE})
    (root / "deploy").mkdir()
    said = init(root, "--yes", "--ref", PIN)
    assert said.exit_code == 0, said.output
    assert "Where it runs: in your cluster" in said.stdout
    return root


@pytest.mark.slow
def test_jobs_show_a_cloud_who_they_are(gke: Path) -> None:
    gates(gke)
    for keeper, job in written(gke).items():
        assert job["uses"] == f"dreamnet/dreamnet/{FOLDER}/{keeper}-oidc.yml@{PIN}"
        assert job["permissions"] == {**CALLED[keeper].permissions, "id-token": "write"}
        assert "secrets" not in job
    assert looked(gke) == []


@pytest.mark.slow
def test_a_kubeconfig_is_handed_over(tmp_path: Path) -> None:
    root = repository(tmp_path, {"dreamnet.yml": KUBERNETES})
    (root / "deploy").mkdir()
    said = init(root, "--yes", "--ref", PIN)
    assert "gh secret set KUBECONFIG" in said.stdout
    gates(root)
    for keeper, job in written(root).items():
        assert job["secrets"] == {"kubeconfig": "${{ secrets.KUBECONFIG }}"}
        assert job["permissions"] == CALLED[keeper].permissions
    assert looked(root) == []


SECRETS = (ROOT / "examples/secret-manager/dreamnet.yml").read_text("utf-8")
PROVIDER = "projects/123456789012/locations/global/workloadIdentityPools/github/providers/github"


def test_only_who_reads_values_shows_their_cloud_who_it_is(tmp_path: Path) -> None:
    """Where services run on no cloud and values are kept in one."""
    config = SECRETS.replace("project: shop-4711", f"project: shop-4711, identity-provider: {PROVIDER}")
    assert config != SECRETS
    root = repository(tmp_path, {"dreamnet.yml": config})
    assert init(root, "--yes", "--ref", PIN).exit_code == 0
    path = root / FOLDER / CALLED["envkeeper"].file
    found = written(root) | {"envkeeper": yaml.safe_load(path.read_text("utf-8"))["jobs"]["envkeeper"]}
    for keeper, job in found.items():
        shows = keeper in ("envkeeper", "relaybot")
        assert job["uses"] == f"dreamnet/dreamnet/{FOLDER}/{keeper}{'-oidc' * shows}.yml@{PIN}"
        assert ("id-token" in job["permissions"]) == shows
    assert looked(root) == []
    path.write_text(path.read_text("utf-8").replace("-oidc", "").replace(", id-token: write", ""), "utf-8")
    (lacking,) = looked(root)
    assert (lacking.status, lacking.what) == ("failed", "federation of shop")
    assert f"uses: dreamnet/dreamnet/{FOLDER}/envkeeper-oidc.yml" in lacking.fix


METRICS = "metrics: {prometheus: {url: https://p.example.com, token-variable: DREAMNET_PROMETHEUS_TOKEN}}\n"


@pytest.mark.parametrize("file", FILES)
def test_the_doctor_sees_what_a_job_is_not_handed(tmp_path: Path, file: str) -> None:
    root = repository(tmp_path, {"dreamnet.yml": KUBERNETES + METRICS})
    (root / "deploy").mkdir()
    said = init(root, "--yes", "--ref", PIN)
    assert "gh secret set KUBECONFIG" in said.stdout
    assert "gh secret set PROMETHEUS_TOKEN" in said.stdout
    assert looked(root) == []
    path = root / FOLDER / file
    right = path.read_text("utf-8")
    (secrets,) = [one for one in right.split("\n") if one.startswith("    secrets:")]
    given = yaml.safe_load(secrets)["secrets"]
    assert given == {
        "kubeconfig": "${{ secrets.KUBECONFIG }}",
        "prometheus-token": "${{ secrets.PROMETHEUS_TOKEN }}",
    }
    path.write_text(right.replace(f"{secrets}\n", ""), "utf-8")
    found = looked(root)
    assert [(one.status, one.what, one.file) for one in found] == [
        ("warning", "kubeconfig of production", f"{FOLDER}/{file}"),
        ("warning", "token for Prometheus", f"{FOLDER}/{file}"),
    ]
    for one in found:  # each of them can be written as it is told
        path.write_text(right.replace(secrets, one.fix.split("\n")[1]), "utf-8")
        assert [other.what for other in looked(root)] == [other.what for other in found if other is not one]
    path.write_text(right.replace(secrets, "    secrets: inherit"), "utf-8")
    assert looked(root) == []
    # Who has a machine has its files and variables, too.
    path.write_text(right.replace(secrets, "").replace("with: {", "with: {runs-on: mine, "), "utf-8")
    assert looked(root) == []


def test_the_doctor_sees_a_variable_that_no_called_job_has(tmp_path: Path) -> None:
    metrics = METRICS.replace("DREAMNET_PROMETHEUS_TOKEN", "PROMETHEUS_TOKEN")
    root = repository(tmp_path, {"dreamnet.yml": KUBERNETES + metrics})
    (root / "deploy").mkdir()
    init(root, "--yes", "--ref", PIN)
    found = looked(root)
    assert {(one.status, one.what) for one in found} == {("warning", "token for Prometheus")}
    assert sorted(one.file.rpartition("/")[2] for one in found if one.file) == sorted(FILES)
    assert all("token-variable: DREAMNET_PROMETHEUS_TOKEN" in one.fix for one in found)


@pytest.mark.parametrize("file", FILES)
def test_the_doctor_sees_a_job_that_has_nothing_to_show(gke: Path, file: str) -> None:
    path = gke / FOLDER / file
    right = path.read_text("utf-8")
    path.write_text(right.replace(", id-token: write", ""), "utf-8")
    (found,) = looked(gke)
    assert "lacks the permission id-token: write, so GitHub starts no job" in found.detail
    path.write_text(right.replace("-oidc", "").replace(", id-token: write", ""), "utf-8")
    (found,) = looked(gke)
    assert (found.status, found.what, found.file) == (
        "failed",
        "federation of production",
        f"{FOLDER}/{file}",
    )
    # Its lines are those that init wrote, but for the ref of this very version.
    lines = re.sub(r"@\S+", f"@{PIN}", found.fix).split("\n")[1:]
    uses = next(one for one in right.split("\n") if one.strip().startswith("uses:"))
    assert [one.strip() for one in lines][1] == uses.split(" #")[0].strip()
    granted = next(one for one in right.split("\n") if one.startswith("    permissions:"))
    assert lines[0].strip() == granted.split(" #")[0].strip()


def test_a_job_that_works_itself_shows_it_too(gke: Path) -> None:
    for file in FILES:
        (gke / FOLDER / file).unlink()
    none = [one for one in looked(gke) if one.what.startswith("federation")]
    assert "no workflow has a keeper work" in none[0].detail
    own = {**CALLED["deploykeeper"].own, "id-token": "write"}
    text = "\n".join(f"      {name}: {level}" for name, level in own.items())
    (gke / FOLDER / "mine.yml").write_text(
        "on: {push: {branches: [main]}, workflow_dispatch: }\njobs:\n  mine:\n    runs-on: x\n"
        f"    permissions:\n{text}\n"
        f"    steps:\n      - uses: dreamnet/dreamnet@{PIN}\n        with: {{agent: deploykeeper}}\n"
    )
    assert [one for one in looked(gke) if one.what in ("deploykeeper", "federation of production")] == []


def test_the_repository_that_publishes_them_calls_nobody_by_them(tmp_path: Path) -> None:
    """They are there for others: no event starts one, and none is missed there."""
    shutil.copytree(ROOT / FOLDER, tmp_path / FOLDER)
    (tmp_path / "dreamnet.yml").write_text("version: 1\n")
    assert [one for one in looked(tmp_path) if one.status == "failed"] == []
    path = tmp_path / federated.path("relaybot")
    path.write_text(
        path.read_text("utf-8").replace("      id-token: write", "      id-token: read", 1), "utf-8"
    )
    assert any("id-token" in one.detail for one in looked(tmp_path))
