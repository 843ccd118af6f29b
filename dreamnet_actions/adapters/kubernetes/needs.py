"""What each action needs of a cluster: the one table behind the Roles that we ship, ``dreamnet roles`` and the doctor.

A new need is one line. ``tests/kubernetes/test_roles.py`` runs every action with exactly its Role on a real authorizer,
and compares what it used; ``scripts/prove roles`` takes each permission away in turn.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

ACTIONS = ("status", "deploy", "rollback", "restart", "scale", "canary")
"""What can be done on a platform. ``status`` is all that only looks: checks and verifying, too. What else can be done
looks, too; a canary is a deploy that takes longer."""
EXTRAS = ("route",)
"""What only some configurations need, beside the Roles of all actions that change a service: ``route``, where a service
has an ``http-route``."""
VALUES = ("sync",)
"""What EnvKeeper needs where it keeps values in the namespace, beside the Role of ``status``."""
PUBLISHES = ("flags",)
"""What EnvKeeper needs where it publishes flags to a ConfigMap of the namespace. It needs no other Role there."""
EVERY = ACTIONS
WRITES = ("deploy", "rollback", "restart")
RELEASES = ("deploy", "rollback", "canary")
OUT = ("deploy", "canary")
CHANGES = ("deploy", "rollback", "restart", "scale", "canary")


@dataclass(frozen=True, order=True)
class Permission:
    """One verb on one resource (``deployments/scale`` is one) of one API group; the core group is the empty text."""

    group: str
    resource: str
    verb: str


@dataclass(frozen=True)
class Need:
    """What some actions need: ``verbs`` on ``resources`` of ``group``, and why."""

    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    actions: tuple[str, ...]
    why: str

    def permissions(self) -> Iterator[Permission]:
        """Answer each verb on each resource."""
        for resource in self.resources:
            for verb in self.verbs:
                yield Permission(self.group, resource, verb)


def _need(group: str, resources: str, verbs: str, actions: tuple[str, ...], why: str) -> Need:
    return Need(group, tuple(resources.split()), tuple(verbs.split()), actions, why)


WORKLOADS = "deployments statefulsets daemonsets"
NEEDS: tuple[Need, ...] = (
    _need("apps", WORKLOADS, "list watch", EVERY, "workloads are seen"),
    _need("apps", "replicasets", "list watch", EVERY, "which pods are of which release"),
    _need("", "pods services", "list watch", EVERY, "why a pod is not well, and where a service is asked"),
    _need("apps", "controllerrevisions", "get", EVERY, "what each release consists of"),
    _need("apps", WORKLOADS, "get patch", WRITES, "a release, a restart or the way back is one write of the workload"),
    _need("apps", "deployments", "get patch", ("canary",), "a canary and what it becomes"),
    _need("apps", WORKLOADS, "create", ("deploy",), "a workload comes with its first release"),
    _need("apps", "deployments/scale statefulsets/scale", "patch", ("deploy", "scale"), "how many run"),
    _need("apps", "deployments statefulsets", "get", ("scale",), "how many run, as it is right after the write"),
    _need("autoscaling", "horizontalpodautoscalers", "list", ("deploy", "restart", "scale"), "who else says how many"),
    _need("autoscaling", "horizontalpodautoscalers", "patch", ("scale",), "an HPA's bounds are moved"),
    _need("policy", "poddisruptionbudgets", "list", ("restart", "scale"), "how many pods are to stay healthy"),
    _need("apps", "controllerrevisions", "create", (*OUT, "restart"), "a release is kept, so that it can come back"),
    _need("apps", "controllerrevisions", "list", OUT, "what other services' releases still hold stays"),
    _need("apps", "controllerrevisions", "delete", ("deploy",), "of many releases the oldest are forgotten"),
    _need("", "services configmaps", "create patch", RELEASES, "what the manifests hold beside the workload"),
    _need("", "services", "get delete", OUT, "what a release no longer holds goes; a dry run says so before"),
    _need("", "configmaps", "get delete", ("deploy",), "a ConfigMap goes with the last release that reads it"),
    _need("", "pods", "delete", ("deploy", "rollback"), "a StatefulSet waits for a pod that never became ready"),
    _need("apps", "deployments", "create", ("canary",), "a canary is a Deployment beside the service's own"),
    _need("apps", "deployments", "delete", ("canary", "rollback"), "a canary goes when it has served its purpose"),
    _need("apps", "deployments/scale", "patch", ("canary",), "the share of a canary is its number of pods"),
    _need("", "events", "list", ("deploy",), "why a release failed, where no status tells it"),
    _need("", "pods/log", "get", ("deploy",), "the last words of what failed"),
    _need("coordination.k8s.io", "leases", "get create patch", CHANGES, "one deployer a service at a time"),
    _need("", "pods/status", "patch", ("canary",), "which of a canary's pods serve"),
    _need("gateway.networking.k8s.io", "httproutes", "get list watch patch", EXTRAS, "a canary's share is its weights"),
    _need("gateway.networking.k8s.io", "httproutes", "create delete", EXTRAS, "one in the manifests comes and goes"),
    _need("", "services", "delete", EXTRAS, "a canary's own Service goes with it, also where going back ends it"),
    _need("networking.k8s.io", "networkpolicies", "list", EXTRAS, "what holds for a service has to for its canary"),
    _need("", "secrets configmaps", "get create patch delete", VALUES, "values, and the sets that were there before"),
    _need("", "configmaps", "get create patch", PUBLISHES, "flags are one key of a ConfigMap, changed in place"),
)  # fmt: skip
"""Each need in one line."""


BATCH: tuple[Need, ...] = (
    _need("batch", "jobs cronjobs", "list watch", EVERY, "services that are Jobs or CronJobs, and their runs"),
    _need("batch", "cronjobs", "get patch", WRITES, "a release of a CronJob, a run of it, or the way back"),
    _need("batch", "cronjobs", "create", ("deploy",), "a CronJob comes with its first release"),
    _need("batch", "jobs", "create", ("deploy", "restart"), "a release of a Job is a run, and so is each restart"),
    _need("batch", "jobs", "patch", WRITES, "the record is on the newest run; one that another replaces is suspended"),
    _need("batch", "jobs", "delete", ("deploy", "restart"), "of many runs the oldest go"),
)  # fmt: skip
"""What is needed beside where a service is a Job or a CronJob."""


def table(*, batch: bool) -> tuple[Need, ...]:
    """Answer the needs; with ``batch`` those of services that are Jobs or CronJobs, too."""
    return (*NEEDS, *BATCH) if batch else NEEDS


def needed(actions: Iterable[str] = ACTIONS, *, batch: bool = False) -> frozenset[Permission]:
    """Answer what actions need together; ``batch`` as for ``table``."""
    wanted = set(actions)
    return frozenset(
        one for need in table(batch=batch) if wanted & set(need.actions) for one in need.permissions()
    )
