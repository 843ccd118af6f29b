"""The bed's network: a namespace without a default route, and one veth pair to this machine.

Nothing that runs inside can leave the machine: the only addresses that it has a route to are its own and the other
end of the veth pair. This machine reaches node, pods and Services by three routes over that pair.
"""

from __future__ import annotations

import subprocess

from tests.cluster.errors import BedError
from tests.cluster.places import Bed

INSIDE = "outside0"
"""The end of the veth pair in the namespace."""


def up(bed: Bed) -> None:
    """Make the namespace and the ways in."""
    _ip("netns", "add", bed.namespace)
    _inside(bed, "link", "set", "lo", "up")
    _ip("link", "add", bed.link, "type", "veth", "peer", "name", INSIDE, "netns", bed.namespace)
    prefix = bed.nodes.prefixlen
    _inside(bed, "address", "add", f"{bed.node}/{prefix}", "dev", INSIDE)
    _inside(bed, "link", "set", INSIDE, "up")
    # A packet to a Service needs some route before kube-proxy's rules turn it to a pod; what no rule turns ends here.
    _inside(bed, "link", "add", "services0", "type", "bridge")
    _inside(bed, "link", "set", "services0", "up")
    _inside(bed, "route", "add", str(bed.services), "dev", "services0")
    _ip("address", "add", f"{bed.outside}/{prefix}", "dev", bed.link)
    _ip("link", "set", bed.link, "up")
    for reached in (bed.pods, bed.services):
        _ip("route", "add", str(reached), "via", bed.node, "dev", bed.link)
    # Packets from this machine to a Service go on to a pod; and what one pod answers another by way of a Service passes
    # kube-proxy's rules on the bridge too, where the kernel has them there.
    _run(*enter(bed), "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")
    bridged = "/proc/sys/net/bridge/bridge-nf-call-iptables"
    _run(*enter(bed), "sh", "-c", f"[ ! -e {bridged} ] || echo 1 >{bridged}")


def down(bed: Bed) -> None:
    """Take all of it away; what is not there is passed over."""
    # The link first: the kernel would take it away some time after the namespace.
    if bed.link in links():
        _ip("link", "delete", bed.link)
    if bed.namespace_file.exists():
        _ip("netns", "delete", bed.namespace)


def links() -> set[str]:
    """Answer the names of this machine's own network devices that beds made."""
    lines = _ip("-oneline", "link", "show", "type", "veth").splitlines()
    return {line.split(":")[1].strip().split("@")[0] for line in lines}


def enter(bed: Bed) -> list[str]:
    """Answer the words before a command that shall run in the bed's network.

    Not ``ip netns exec``: that mounts /sys afresh, and the kubelet would not find the cgroups.
    """
    return ["nsenter", f"--net={bed.namespace_file}", "--"]


def _inside(bed: Bed, *words: str) -> str:
    return _ip("-netns", bed.namespace, *words)


def _ip(*words: str) -> str:
    return _run("ip", *words)


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    if done.returncode:
        raise BedError(f"`{' '.join(command)}` ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout
