"""The configuration that ``dreamnet init`` writes for services on Kubernetes, and the Role that it takes. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from dreamnet_actions.entrances.setup.choose import Asked, name
from dreamnet_actions.entrances.setup.manifests import BY_ROLE, Clustered, Found
from dreamnet_actions.entrances.setup.yaml import flow, scalar
from dreamnet_actions.errors import RequestInvalid
from dreamnet_actions.errors.words import nearest

PLATFORM = "production"
KINDS = {"kubernetes": "kubernetes", "kube": "kubernetes", "k8s": "kubernetes", "gke": "gke"}
"""The words for --platform that mean a cluster, and its kind."""
_CLUSTER = re.compile(r"(?P<project>[^/\s]+)/(?P<location>[^/\s]+)/(?P<cluster>[^/\s]+)")


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Which cluster: its ``kind`` of platform, and Google's names of it where that is ``gke``."""

    kind: str = "kubernetes"
    project: str = ""
    location: str = ""
    cluster: str = ""


def cluster(word: str | None, where: str | None) -> Cluster | None:
    """Read --platform and --cluster; None where they name no cluster. Raises RequestInvalid."""
    kind = KINDS.get((word or "").lower())
    if kind is None and where is not None:
        kind = "gke"
    if kind is None:
        return None
    if kind == "kubernetes":
        if where is not None:
            raise RequestInvalid(
                ["--cluster is for --platform gke; a cluster that KUBECONFIG names needs none."],
                hint="Leave --cluster out, or write --platform gke.",
            )
        return Cluster()
    found = _CLUSTER.fullmatch(where or "")
    if found is None:
        said = f"{where!r} names no cluster" if where else "--platform gke does not say which cluster"
        raise RequestInvalid([f"{said}."], hint="Write --cluster PROJECT/LOCATION/NAME.")
    return Cluster(kind="gke", **found.groupdict())


def chosen(found: Found, asked: Asked) -> list[Clustered]:
    """Choose the services to set up: all of them, or the one that --service names; one that no manifest holds has to
    be in the cluster already. Raises RequestInvalid where there is none."""
    if asked.service is None:
        if not found.services:
            raise RequestInvalid(
                [
                    "There are no manifests here (*.yaml with a Deployment, StatefulSet, DaemonSet, CronJob or Job)."
                ],
                hint="Name the workload that is in the cluster already: dreamnet init --platform kubernetes "
                "--service web",
            )
        return list(found.services)
    wanted = name(asked.service, "--service")
    for one in found.services:
        if one.name == wanted:
            return [one]
    if found.services:
        names = [one.name for one in found.services]
        near = nearest(wanted, names)
        raise RequestInvalid(
            [f"No manifest holds {wanted!r}; there are {', '.join(names)}."],
            hint=f"Did you mean {near!r}?" if near else "Name one of these, or leave --service out.",
        )
    return [Clustered(name=wanted, workload=f"deployment/{wanted}", manifests=None, why="as asked for")]


def write(
    services: Sequence[Clustered],
    at: Cluster,
    *,
    platform: str,
    branch: str | None,
    check: str | None = None,
) -> str:
    """Write the configuration's file."""
    space = namespace(services)
    options: dict[str, object] = {"namespace": space}
    if at.kind == "gke":
        options = {"project": at.project, "location": at.location, "cluster": at.cluster, **options}
    where = "" if at.kind == "gke" else " # of the cluster that KUBECONFIG names, or that the runner is in"
    lines = [
        "# Written by `dreamnet init`. Every option: docs/configuration.md; after a change: dreamnet validate",
        "version: 1",
        "platforms:",
        f"  {scalar(platform)}: {flow({at.kind: options})}{where}",
        "services:",
    ]
    for one in services:
        lines += _service(one, platform, branch, check if len(services) == 1 else None)
    return "\n".join(lines) + "\n"


def namespace(services: Sequence[Clustered]) -> str:
    """Answer the namespace that the services are in."""
    return next((one.namespace for one in services if one.namespace), "default")


def needs(services: Sequence[Clustered]) -> Iterator[str]:
    """Say, line by line, what an administrator applies for it."""
    batch = " --batch" if any(one.batch for one in services) else ""
    space = namespace(services)
    yield f"dreamnet roles{batch} --namespace {space} --to serviceaccount:{space}:dreamnet | kubectl apply -f -"
    if more := sorted({kind for one in services for kind in one.kinds} - BY_ROLE):
        yield f"and beside it a rule of yours (get, create, patch, delete) for: {', '.join(more)}"
    yield "(name with --to who DreamNet is there: user:NAME, group:NAME; `dreamnet doctor` says what lacks)"


def _service(one: Clustered, platform: str, branch: str | None, check: str | None) -> list[str]:
    lines = [
        f"  {scalar(one.name)}:",
        f"    platform: {scalar(platform)}",
        f"    workload: {scalar(one.workload)}",
    ]
    if one.manifests is not None:
        together = "all of it goes out, and back, together"
        lines.append(f"    manifests: {scalar(one.manifests)} # {together}")
    else:
        lines.append(
            "    # It is in the cluster already: only its image is changed. Write 'image', or 'manifests'."
        )
    checks: dict[str, object] = {"runs" if one.batch else "pods": {"workload": "ready"}}
    if check is not None:
        checks["home"] = {"http": check}
    lines += ["    checks:", *(f"      {key}: {flow(value)}" for key, value in checks.items())]
    if branch is not None and one.manifests is not None:
        lines.append(f"    release: {flow({'git': '.', 'branch': branch})}")
    return lines


def named(services: Sequence[Clustered], asked: Asked) -> list[Clustered]:
    """Refuse flags that are for processes. Raises RequestInvalid."""
    for flag, value in (("--command", asked.command), ("--port", asked.port)):
        if value is not None:
            raise RequestInvalid(
                [f"{flag} is for processes; on Kubernetes the manifests say it."], hint=f"Leave {flag} out."
            )
    if asked.check is not None and len(services) > 1:
        raise RequestInvalid(
            [f"--check is of one service, and there are {', '.join(one.name for one in services)}."],
            hint=f"Name it with --service {services[0].name}, or leave --check out.",
        )
    return [replace(one) for one in services]
