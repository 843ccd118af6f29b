"""Where things are: the cache of what was built, and each bed's folder, names and addresses.

A *bed* is one cluster on this machine. Beds belong to the machine, not to a checkout: two of them never share a
name, a folder or an address. Everything that a bed makes carries its name, so that it can be found again after a
SIGKILL, without any record.
"""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.errors import BedError

SOURCES = Path(__file__).resolve().parent
"""This folder: the Go modules are below it."""

BEDS = Path("/var/lib/dreamnet-cluster")
"""The beds' folders. Not in a home: root owns what is in them, and the paths of Unix sockets must stay short."""

MARK = "DREAMNET_CLUSTER_BED"
"""Variable that each process of a bed has in its environment; its value is the bed's name."""

NETWORK = ipaddress.ip_network("198.18.0.0/15")
"""Set aside for tests between networks (RFC 2544): no host that anybody means has such an address."""

SLOTS = 128
"""How many beds fit in there: each has a /22, of which the first /24 is the node's, then pods, then Services."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,29}")


def cache() -> Path:
    """Answer the folder of what was built: the user's, also where sudo made us root."""
    given = os.environ.get("XDG_CACHE_HOME")
    return (Path(given) if given else Path.home() / ".cache") / "dreamnet" / "cluster"


@dataclass(frozen=True)
class Bed:
    """Names and addresses of one bed; nothing of it needs to be there.

    Attributes:
        name: Small letters, digits and hyphens, at most 30.
        slot: Which part of the network is its own, 0 to 127.
    """

    name: str
    slot: int

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise BedError(
                f"'{self.name}' is no name for a bed: small letters, digits and hyphens, at most 30"
            )

    @property
    def home(self) -> Path:
        """Its folder."""
        return BEDS / self.name

    @property
    def logs(self) -> Path:
        """One file for each part."""
        return self.home / "logs"

    @property
    def kubeconfig(self) -> Path:
        """For its administrator; it also works from outside of the network namespace."""
        return self.home / "kubeconfig"

    @property
    def namespace(self) -> str:
        """Its network namespace."""
        return f"dreamnet-{self.name}"

    @property
    def namespace_file(self) -> Path:
        """What ``nsenter --net`` takes."""
        return Path("/run/netns") / self.namespace

    @property
    def link(self) -> str:
        """The end of its veth pair in the machine's own network."""
        return f"dreamnet{self.slot}"

    @property
    def cgroup(self) -> str:
        """Below each controller: all that the kubelet starts is in there."""
        return f"dreamnet-{self.name}"

    def _range(self, number: int) -> ipaddress.IPv4Network:
        first = int(NETWORK.network_address) + self.slot * 1024 + number * 256
        return ipaddress.IPv4Network((first, 24))

    @property
    def nodes(self) -> ipaddress.IPv4Network:
        """The veth pair's network."""
        return self._range(0)

    @property
    def pods(self) -> ipaddress.IPv4Network:
        """The pods' addresses."""
        return self._range(1)

    @property
    def services(self) -> ipaddress.IPv4Network:
        """The Services' addresses."""
        return self._range(2)

    @property
    def outside(self) -> str:
        """This machine's address as the bed sees it."""
        return str(self.nodes[1])

    @property
    def node(self) -> str:
        """The node's address; API server and registry listen there too."""
        return str(self.nodes[2])

    @property
    def server(self) -> str:
        """The API server's address."""
        return f"https://{self.node}:6443"

    @property
    def registry(self) -> str:
        """Host and port of the registry, which speaks plain http."""
        return f"{self.node}:5000"
