"""The bed's parts: what each is started with, and its configuration where it reads one."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cluster import processes
from tests.cluster.identities import NODE_NAME
from tests.cluster.places import Bed

CONTROL = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
NODE = ("registry", "containerd", "kubelet", "kube-proxy")
ALL = (*CONTROL, *NODE)


def start(bed: Bed, part: str, built: dict[str, Path]) -> None:
    """Start one part, as it was started before if it was."""
    command, environment = _COMMANDS[part](bed, built)
    processes.start(bed, part, command, environment)


Command = tuple[list[str], dict[str, str]]


def _etcd(bed: Bed, built: dict[str, Path]) -> Command:
    return [
        str(built["etcd"]),
        f"--data-dir={bed.home}/etcd",
        "--listen-client-urls=http://127.0.0.1:2379",
        "--advertise-client-urls=http://127.0.0.1:2379",
        "--listen-peer-urls=http://127.0.0.1:2380",
        "--unsafe-no-fsync",  # the data need not outlive the machine
    ], {}


def _apiserver(bed: Bed, built: dict[str, Path]) -> Command:
    pki = bed.home / "pki"
    return [
        str(built["kube-apiserver"]),
        "--etcd-servers=http://127.0.0.1:2379",
        "--authorization-mode=Node,RBAC",
        "--enable-admission-plugins=NodeRestriction",
        f"--advertise-address={bed.node}",
        "--secure-port=6443",
        f"--service-cluster-ip-range={bed.services}",
        f"--client-ca-file={pki}/ca.crt",
        f"--tls-cert-file={pki}/apiserver.crt",
        f"--tls-private-key-file={pki}/apiserver.key",
        f"--kubelet-certificate-authority={pki}/ca.crt",
        f"--kubelet-client-certificate={pki}/apiserver-kubelet.crt",
        f"--kubelet-client-key={pki}/apiserver-kubelet.key",
        "--kubelet-preferred-address-types=InternalIP",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={pki}/service-accounts.key",
        f"--service-account-signing-key-file={pki}/service-accounts.key",
        "--allow-privileged=true",
    ], {}


def _controller_manager(bed: Bed, built: dict[str, Path]) -> Command:
    pki = bed.home / "pki"
    return [
        str(built["kube-controller-manager"]),
        f"--kubeconfig={pki}/kube-controller-manager.kubeconfig",
        "--leader-elect=false",
        "--secure-port=0",
        "--use-service-account-credentials=true",
        f"--service-account-private-key-file={pki}/service-accounts.key",
        f"--root-ca-file={pki}/ca.crt",
    ], {}


def _scheduler(bed: Bed, built: dict[str, Path]) -> Command:
    return [
        str(built["kube-scheduler"]),
        f"--kubeconfig={bed.home}/pki/kube-scheduler.kubeconfig",
        "--leader-elect=false",
        "--secure-port=0",
    ], {}


def _registry(bed: Bed, built: dict[str, Path]) -> Command:
    configuration = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": f"{bed.home}/registry"}},
        "http": {"addr": bed.registry},
        "log": {"level": "warn", "accesslog": {"disabled": True}},
    }
    return ["docker-registry", "serve", _json(bed.home / "registry.json", configuration)], {}


def _containerd(bed: Bed, built: dict[str, Path]) -> Command:
    home = bed.home / "containerd"
    (home / "cni").mkdir(parents=True, exist_ok=True)
    _json(
        home / "cni" / "10-pods.conflist",
        {
            "cniVersion": "1.0.0",
            "name": bed.namespace,
            "plugins": [
                {
                    "type": "bridge",
                    "bridge": "pods0",
                    "isGateway": True,
                    "hairpinMode": True,
                    "ipam": {
                        "type": "host-local",
                        "dataDir": str(home / "addresses"),
                        "ranges": [[{"subnet": str(bed.pods)}]],
                        # To the Services, the node and, for what comes from outside, this machine. Not a default route.
                        "routes": [{"dst": str(bed.services)}, {"dst": str(bed.nodes)}],
                    },
                },
                {"type": "portmap", "capabilities": {"portMappings": True}},
            ],
        },
    )
    hosts = home / "registries" / bed.registry
    hosts.mkdir(parents=True, exist_ok=True)
    (hosts / "hosts.toml").write_text(f'server = "http://{bed.registry}"\n', encoding="utf-8")
    (home / "config.toml").write_text(
        f"""\
version = 3
root = "{home}/root"
state = "{home}/state"
[grpc]
address = "{home}/containerd.sock"
[plugins.'io.containerd.internal.v1.opt']
path = "{home}/opt"
[plugins.'io.containerd.nri.v1.nri']
disable = true
[plugins.'io.containerd.cri.v1.images']
[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = "{bed.registry}/pause:1"
[plugins.'io.containerd.cri.v1.images'.registry]
config_path = "{home}/registries"
[plugins.'io.containerd.cri.v1.runtime']
# Without it runc fails where root may not lower the score: "failed to update /proc/self/oom_score_adj".
restrict_oom_score_adj = true
# Beside the bed's other mounts, where they are found when it goes.
netns_mounts_under_state_dir = true
[plugins.'io.containerd.cri.v1.runtime'.cni]
bin_dirs = ["/usr/lib/cni", "/opt/cni/bin"]
conf_dir = "{home}/cni"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
Root = "{home}/runc"
SystemdCgroup = false
""",
        encoding="utf-8",
    )
    # The shim is found beside containerd.
    path = f"{built['containerd'].parent}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return [str(built["containerd"]), f"--config={home}/config.toml"], {"PATH": path}


def _kubelet(bed: Bed, built: dict[str, Path]) -> Command:
    pki = bed.home / "pki"
    home = bed.home / "kubelet"
    home.mkdir(exist_ok=True)
    configuration = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": f"{pki}/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": f"{pki}/kubelet-server.crt",
        "tlsPrivateKeyFile": f"{pki}/kubelet-server.key",
        "containerRuntimeEndpoint": f"unix://{bed.home}/containerd/containerd.sock",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{bed.cgroup}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "oomScoreAdj": 0,
        # A machine of developers is often nearly full; the bed needs little.
        "evictionHard": {"memory.available": "50Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
        "serializeImagePulls": False,
        # There is no name server in the bed; with the address a pod's resolv.conf is as in other clusters.
        "clusterDNS": [str(bed.services[10])],
        "clusterDomain": "cluster.local",
        "resolvConf": "",
        "podLogsDir": f"{home}/logs",
        "volumePluginDir": f"{home}/plugins",
    }
    return [
        str(built["kubelet"]),
        f"--config={_json(home / 'config.json', configuration)}",
        f"--kubeconfig={pki}/kubelet.kubeconfig",
        f"--root-dir={home}",
        f"--cert-dir={home}/pki",
        f"--hostname-override={NODE_NAME}",
        f"--node-ip={bed.node}",
    ], {}


def _proxy(bed: Bed, built: dict[str, Path]) -> Command:
    configuration = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": f"{bed.home}/pki/kube-proxy.kubeconfig"},
        "hostnameOverride": NODE_NAME,
        "mode": "iptables",
        "clusterCIDR": str(bed.pods),
        "healthzBindAddress": f"{bed.node}:10256",
        "oomScoreAdj": 0,
        # The machine's own table of connections is left as it is.
        "conntrack": {
            "maxPerCore": 0,
            "min": 0,
            "tcpEstablishedTimeout": "0s",
            "tcpCloseWaitTimeout": "0s",
        },
        "iptables": {"syncPeriod": "10s", "minSyncPeriod": "0s"},
    }
    return [str(built["kube-proxy"]), f"--config={_json(bed.home / 'kube-proxy.json', configuration)}"], {}


def _json(path: Path, content: object) -> str:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return str(path)


_COMMANDS = {
    "etcd": _etcd,
    "kube-apiserver": _apiserver,
    "kube-controller-manager": _controller_manager,
    "kube-scheduler": _scheduler,
    "registry": _registry,
    "containerd": _containerd,
    "kubelet": _kubelet,
    "kube-proxy": _proxy,
}
