"""Bringing a bed up and taking it down."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil

from tests.cluster import identities, images, leftovers, network, parts, processes, tuning
from tests.cluster.api import Api
from tests.cluster.builds import Say, programs, say
from tests.cluster.errors import BedError
from tests.cluster.places import BEDS, SLOTS, Bed

TOOLS = ("ip", "nsenter", "iptables", "runc", "buildah", "docker-registry")
"""What comes from the distribution; scripts/cluster installs it."""


def up(name: str, *, owner: int | None = None, tell: Say = say) -> Bed:
    """Make a bed, which takes some ten seconds once its programs are built.

    What a killed run left under this name is taken away first, and so are beds whose owner is gone.

    Args:
        name: Its name.
        owner: The process that it is for: a later ``up`` takes it away once that process is gone.
        tell: Where progress goes.

    Raises:
        BedError: Something did not come up within its limit. What came up stays, for a look; ``down`` ends it.
    """
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        raise BedError(
            f"{', '.join(missing)}: not on this machine; scripts/cluster installs what it needs on Debian"
        )
    built = programs(tell)
    sweep(tell)
    began = time.monotonic()
    bed = _claim(name, owner)
    tuning.keep()
    network.up(bed)
    identities.make(bed)
    _cgroup(bed)
    for part in ("etcd", "registry", "containerd"):
        parts.start(bed, part, built)
    processes.wait_for(
        "etcd to serve",
        lambda: "ready to serve client requests" in (bed.logs / "etcd.log").read_text(encoding="utf-8"),
        30,
        bed=bed,
        needs=["etcd"],
    )
    parts.start(bed, "kube-apiserver", built)
    # Meanwhile the images: a pod cannot begin without the one that holds its namespaces.
    wait_for_registry(bed)
    images.pause(bed, built)
    api = wait_for_api(bed)
    tell(f"API server ready after {time.monotonic() - began:.1f} s")
    for part in ("kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy"):
        parts.start(bed, part, built)
    wait_for_node(bed, api)
    shutil.copy(bed.home / "pki" / "admin.kubeconfig", bed.kubeconfig)
    if sudoer := os.environ.get("SUDO_UID"):  # who asked for it by sudo shall be able to use it
        os.chown(bed.kubeconfig, int(sudoer), -1)
    tell(f"bed {bed.name} ready after {time.monotonic() - began:.1f} s")
    return bed


def wait_for_registry(bed: Bed) -> None:
    """Wait until images can be pushed."""

    def answers() -> bool:
        with urllib.request.urlopen(f"http://{bed.registry}/v2/", timeout=5) as answer:
            return answer.status == 200

    processes.wait_for("the registry to answer", answers, 30, bed=bed, needs=["registry"])


def wait_for_api(bed: Bed) -> Api:
    """Wait until the API server is ready."""
    api = Api(bed)
    processes.wait_for(
        "the API server to be ready", api.ready, 90, bed=bed, needs=["etcd", "kube-apiserver"], every=0.1
    )
    return api


def wait_for_node(bed: Bed, api: Api) -> None:
    """Wait until pods can run and Services answer."""
    processes.wait_for(
        "the node to be Ready",
        lambda: api.node_ready(identities.NODE_NAME),
        90,
        bed=bed,
        needs=["kubelet", "containerd", "kube-apiserver"],
        every=0.1,
        state=lambda: f"the node: {(api.get(f'/api/v1/nodes/{identities.NODE_NAME}') or {}).get('status')}",
    )
    processes.wait_for(
        "the account that pods run as",
        lambda: api.get("/api/v1/namespaces/default/serviceaccounts/default"),
        60,
        bed=bed,
        needs=["kube-controller-manager", "kube-apiserver"],
        every=0.1,
    )

    def proxied() -> bool:
        with urllib.request.urlopen(f"http://{bed.node}:10256/healthz", timeout=5) as answer:
            return answer.status == 200

    processes.wait_for("kube-proxy to be well", proxied, 60, bed=bed, needs=["kube-proxy"], every=0.1)


def down(name: str, tell: Say = say) -> None:
    """Take a bed away, in whatever state it is; one that is not there is no error."""
    began = time.monotonic()
    with _claiming():  # two may have found the same bed without an owner
        bed = find(name)
        if bed is None:
            _drop_half(name)
            return
        leftovers.clean(bed)
    if rest := leftovers.left(bed):
        raise BedError(f"bed {name} is not quite gone: {'; '.join(rest)}")
    tell(f"bed {name} gone after {time.monotonic() - began:.1f} s")


def sweep(tell: Say = say) -> None:
    """Take away the beds whose owner is gone."""
    for bed in all_beds():
        if not _owner_lives(bed):
            tell(f"taking away bed {bed.name}, whose owner is gone")
            down(bed.name, tell)


def find(name: str) -> Bed | None:
    """Answer a bed that was claimed, up or not. It only looks: whoever claims or ends a bed may be at work."""
    bed = Bed(name, 0)
    with contextlib.suppress(FileNotFoundError):
        return Bed(name, int((bed.home / "slot").read_text(encoding="ascii")))
    return None


def all_beds() -> list[Bed]:
    """Answer every bed of this machine."""
    names = sorted(path.name for path in BEDS.iterdir() if path.is_dir()) if BEDS.is_dir() else []
    return [bed for name in names if (bed := find(name)) is not None]


def _claim(name: str, owner: int | None) -> Bed:
    with _claiming():
        old = find(name)
        if old is not None:
            leftovers.clean(old)
        _drop_half(name)
        taken = {bed.slot for bed in all_beds()}
        slot = next((slot for slot in range(SLOTS) if slot not in taken), None)
        if slot is None:
            raise BedError(f"there are {SLOTS} beds already; `scripts/cluster status` lists them")
        bed = Bed(name, slot)
        bed.home.mkdir(mode=0o755)
        if owner is not None:
            born = psutil.Process(owner).create_time()
            (bed.home / "owner").write_text(f"{owner} {born}\n", encoding="ascii")
        (bed.home / "slot").write_text(f"{slot}\n", encoding="ascii")
    return bed


def _drop_half(name: str) -> None:
    """Take away the folder that a kill left between two lines of `_claim` or of `clean`; the lock must be held."""
    home = Bed(name, 0).home
    if home.exists() and not (home / "slot").exists():
        shutil.rmtree(home)


@contextlib.contextmanager
def _claiming() -> Iterator[None]:
    BEDS.mkdir(parents=True, exist_ok=True)
    with (BEDS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _owner_lives(bed: Bed) -> bool:
    try:
        pid, born = (bed.home / "owner").read_text(encoding="ascii").split()
        return psutil.Process(int(pid)).create_time() == float(born)
    except FileNotFoundError:  # nobody's: up until somebody says `down`
        return True
    except psutil.NoSuchProcess:
        return False


def _cgroup(bed: Bed) -> None:
    """Make the group that the kubelet's groups go into, below each controller."""
    if (leftovers.CGROUPS / "cgroup.controllers").exists():  # version 2: one tree
        top = leftovers.CGROUPS / bed.cgroup
        top.mkdir(exist_ok=True)
        return
    for controller in leftovers.CGROUPS.iterdir():
        if controller.is_dir() and not controller.is_symlink() and (controller / "cgroup.procs").exists():
            (controller / bed.cgroup).mkdir(exist_ok=True)


def run_inside(bed: Bed, command: list[str], environment: dict[str, str]) -> int:
    """Run a person's command in the bed's network; answer its status."""
    return subprocess.run([*network.enter(bed), *command], env=environment, check=False).returncode


def restart(bed: Bed, part: str, built: dict[str, Path]) -> None:
    """Start a part again that was killed, and wait until it serves."""
    if processes.running(bed, part) is not None:
        raise BedError(f"{part} is running")
    parts.start(bed, part, built)
    if part in ("etcd", "kube-apiserver"):
        wait_for_api(bed)
    elif part == "registry":
        wait_for_registry(bed)
    else:
        wait_for_node(bed, wait_for_api(bed))
