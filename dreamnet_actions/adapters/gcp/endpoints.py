"""Which address a cluster's API server is asked at, read off what the container API says of it.

https://cloud.google.com/kubernetes-engine/docs/reference/rest/v1/projects.locations.clusters (``endpoint``,
``masterAuth``, ``controlPlaneEndpointsConfig``, ``privateClusterConfig``, ``fleet``).
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

from dreamnet_actions.errors import ConfigError, TemporaryError
from dreamnet_actions.ports.cluster import Endpoint

Cluster = Mapping[str, Any]


def endpoint(cluster: Cluster, wanted: str, gateway: Callable[[str], str]) -> Endpoint:
    """Answer where to ask. ``wanted`` is the option's word; ``gateway(location)`` answers where the Connect gateway is.

    Raises ConfigError where the cluster has no such address, TemporaryError while it is being made.
    """
    if cluster.get("status") == "PROVISIONING":
        raise TemporaryError(f"The cluster {cluster.get('name')} is still being made.", retry_after=60.0)
    config = cluster.get("controlPlaneEndpointsConfig") or {}
    dns = config.get("dnsEndpointConfig") or {}
    by_address = config.get("ipEndpointsConfig") or {}
    old = cluster.get("privateClusterConfig") or {}
    private = by_address.get("privateEndpoint") or old.get("privateEndpoint")
    open_to_all = bool(dns.get("endpoint") and dns.get("allowExternalTraffic"))
    closed = by_address.get("enabled") is False
    if wanted == "connect-gateway":
        return _gateway(cluster, gateway)
    if wanted == "dns" or (wanted == "auto" and (open_to_all or closed)):
        if not open_to_all:
            raise _none(cluster, "a DNS endpoint that may be used from outside", "--enable-dns-access")
        return Endpoint(url=f"https://{dns['endpoint']}", authority=None, kind="DNS endpoint")
    address = private if wanted == "private-ip" else cluster.get("endpoint")
    if not address or closed:
        kind = "a private address" if wanted == "private-ip" else "an address"
        raise _none(cluster, kind, "--enable-ip-access")
    kind = "private address" if address == private else "public address"
    try:
        authority = base64.b64decode(cluster["masterAuth"]["clusterCaCertificate"]).decode("ascii")
    except (KeyError, ValueError) as error:
        raise TemporaryError(f"Google says no authority for the cluster {cluster.get('name')}.") from error
    return Endpoint(url=f"https://{address}", authority=authority, kind=kind)


def advice(cluster: str, found: Endpoint | None) -> str:
    """Answer what to look at where the API server cannot be reached. ``cluster`` is its whole name."""
    _, project, _, location, _, name = cluster.split("/")
    update = f"gcloud container clusters update {name} --location {location} --project {project}"
    if found is None or found.kind == "DNS endpoint":
        return f"The DNS endpoint has to be open to outside: {update} --enable-dns-access"
    if found.kind == "Connect gateway":
        return (
            "The Connect gateway needs roles/gkehub.gatewayEditor, and the cluster in the fleet: docs/gke.md"
        )
    return (
        f"The cluster's {found.kind} takes requests only from its network or its authorized networks; hosted runners "
        f"are in neither. Open its DNS endpoint, which checks who asks and not from where: {update} --enable-dns-access"
    )


def _gateway(cluster: Cluster, gateway: Callable[[str], str]) -> Endpoint:
    """Answer the address at the Connect gateway (https://cloud.google.com/kubernetes-engine/enterprise/multicluster-
    management/gateway): of the membership by which the cluster is in its fleet."""
    membership = str((cluster.get("fleet") or {}).get("membership", "")).removeprefix(
        "//gkehub.googleapis.com/"
    )
    parts = membership.split("/")
    if len(parts) != 6:
        raise _none(cluster, "a place in a fleet", "--enable-fleet")
    _, number, _, location, _, name = parts
    place = gateway("" if location == "global" else location)
    url = f"{place}/v1/projects/{number}/locations/{location}/gkeMemberships/{name}"
    return Endpoint(url=url, authority=None, kind="Connect gateway")


def _none(cluster: Cluster, what: str, flag: str) -> ConfigError:
    name, location = cluster.get("name", "NAME"), cluster.get("location", "LOCATION")
    return ConfigError(
        f"The cluster {name} has not {what}.",
        hint=f"Run: gcloud container clusters update {name} --location {location} {flag}\n"
        "or choose another 'endpoint' of the platform (docs/gke.md).",
    )
