"""A bed comes up after whatever was before, and leaves nothing."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import network, tuning
from tests.cluster.beds import find
from tests.cluster.census import alive, census
from tests.cluster.client import SCRIPT, Cluster, script, workload
from tests.cluster.errors import BedError
from tests.cluster.places import Bed
from tests.cluster.processes import running, wait_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),  # up, twice, on a busy machine
    # Programs are built with the run's own cluster, before any test's time counts.
    pytest.mark.usefixtures("cluster"),
]


@pytest.fixture
def name() -> Iterator[str]:
    """Answer the name of a bed of the test's own, and take it away afterwards. One at a time: a bed needs a core."""
    chosen = f"life-{os.getpid()}"
    with (Path(tempfile.gettempdir()) / "dreamnet-cluster-life").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield chosen
        script("down", "--name", chosen)


def _up(name: str) -> Cluster:
    script("up", "--name", name, "--owner", str(os.getpid()))
    facts = json.loads(script("status", "--name", name, "--json"))
    return Cluster(facts["kubeconfig"], facts["registry"], name)


def _deploy(cluster: Cluster) -> None:
    cluster.apply(*workload(cluster.image("v1")), namespace="default")
    cluster.kubectl("rollout", "status", "deployment/web", "--timeout=90s", namespace="default", seconds=100)


def test_a_bed_has_no_way_out_and_down_leaves_nothing(name: str) -> None:
    _deploy(_up(name))
    bed = find(name)
    assert bed is not None
    before = census(name)
    programs = {program for _, _, program in before["processes"]}
    assert {"etcd", "kube-apiserver", "kubelet", "containerd-shim-runc-v2", "sample", "pause"} <= programs
    assert before["things"], "the census looks in the right places"
    assert (before["networks"], before["ways out"]) == (2, [])
    script("down", "--name", name)
    after = census(name)
    assert alive(before["processes"]) == []
    assert (after["processes"], after["things"]) == ([], [])
    assert before["sockets"], "shims listen outside of the bed's folder"
    assert [path for path in before["sockets"] if Path(path).exists()] == []
    assert bed.link not in network.links()
    assert not bed.home.exists()


def test_down_of_what_is_not_there_is_well(name: str) -> None:
    script("down", "--name", name)
    with pytest.raises(BedError, match="status"):
        script("status", "--name", name)


def test_a_look_takes_nothing_away_and_a_half_made_claim_ends_with_down(name: str) -> None:
    home = Bed(name, 0).home
    home.mkdir(parents=True)  # as `up` does, just before it says which slot is its own
    assert find(name) is None
    assert home.is_dir(), "whoever is claiming it goes on"
    script("down", "--name", name)
    assert not home.exists()


def test_up_works_after_a_killed_run(name: str) -> None:
    first = subprocess.Popen(
        ["bash", str(SCRIPT), "up", "--name", name, "--owner", str(os.getpid())],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    bed = wait_for("the first run to claim its bed", lambda: find(name), 60)
    wait_for("the first run to start the kubelet", lambda: running(bed, "kubelet"), 120)
    first.kill()
    first.wait(timeout=20)
    left = census(name)["processes"]
    assert alive(left)
    cluster = _up(name)
    assert alive(left) == [], "what the killed run left is gone"
    _deploy(cluster)


def test_a_bed_whose_owner_is_gone_is_taken_away_by_the_next_up(name: str) -> None:
    owner = subprocess.Popen(["sleep", "600"])
    try:
        script("up", "--name", f"{name}-old", "--owner", str(owner.pid))
        old = find(f"{name}-old")
        assert old is not None
    finally:
        owner.kill()
        owner.wait(timeout=20)
    left = census(old.name)["processes"]
    assert alive(left)
    _up(name)
    assert alive(left) == []
    assert census(old.name)["things"] == []


def test_the_api_server_can_die_and_come_back(name: str) -> None:
    cluster = _up(name)
    _deploy(cluster)
    cluster.kill("kube-apiserver")
    with pytest.raises(BedError, match="refused"):
        cluster.get("pods", namespace="default")
    cluster.start("kube-apiserver")
    assert cluster.get("deployment", "web", namespace="default")["status"]["readyReplicas"] == 1


def test_what_did_not_come_up_is_told_with_its_last_words(name: str) -> None:
    cluster = _up(name)
    bed = find(name)
    assert bed is not None
    cluster.kill("kube-apiserver")
    certificate = bed.home / "pki" / "apiserver.crt"
    certificate.write_text("not a certificate", encoding="ascii")
    with pytest.raises(
        BedError, match=r"kube-apiserver ended while waiting for the API server[\s\S]*last lines of"
    ):
        cluster.start("kube-apiserver")


def test_the_kernels_settings_are_put_back_with_the_last_bed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, kept = tmp_path / "sys", tmp_path / "beds"
    (settings / "kernel").mkdir(parents=True)
    (settings / "kernel" / "panic").write_text("1\n", encoding="ascii")
    (kept / "one").mkdir(parents=True)
    (kept / "two").mkdir()
    monkeypatch.setattr(tuning, "_path", lambda name: settings / name)
    monkeypatch.setattr(tuning, "BEDS", kept)
    monkeypatch.setattr(tuning, "_KEPT", kept / "kernel.json")
    tuning.keep()
    (settings / "kernel" / "panic").write_text("10\n", encoding="ascii")
    tuning.keep()
    monkeypatch.setattr(Bed, "home", property(lambda bed: kept / bed.name))
    tuning.restore(Bed("one", 0))
    assert (settings / "kernel" / "panic").read_text(encoding="ascii") == "10\n", "another bed is up"
    (kept / "one").rmdir()
    tuning.restore(Bed("two", 1))
    assert (settings / "kernel" / "panic").read_text(encoding="ascii") == "1"
    assert not (kept / "kernel.json").exists()
