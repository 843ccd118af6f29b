"""What the doctor asks a cluster: whether it answers, who we are there, and what we may do (SelfSubjectAccessReview).

Each permission is asked for by itself: a SelfSubjectRulesReview says only what RBAC allows, and on GKE much comes from
IAM, whose answer it leaves out (``incomplete``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dreamnet_actions.adapters.kubernetes.api import Api, Object
from dreamnet_actions.adapters.kubernetes.needs import ACTIONS, EXTRAS, Permission, needed
from dreamnet_actions.errors import PermissionMissing, PlatformFailed
from dreamnet_actions.ports.cluster import Seen

_ACCOUNT = "system:serviceaccount:"


def inspect(
    api: Api, platform: str, *, routes: bool = False, batch: bool = False, more: Sequence[str] = ()
) -> Iterator[Seen]:
    """Look at the cluster and namespace of a platform; ``routes``: it has services with an HTTPRoute, ``batch``: it has
    services that are Jobs or CronJobs, ``more`` are further Roles that it needs there.

    Raises what keeps us from asking anything."""
    told = api.request("GET", "/version")
    me = _me(api)
    yield Seen(
        well=True,
        what=f"cluster of {platform}",
        detail=f"{api.where} answers, Kubernetes {told.get('gitVersion')}; there we are {me or 'somebody'}",
    )
    actions = (*ACTIONS, *(EXTRAS if routes else ()), *more)
    may = {one: _may(api, one) for one in sorted(needed(actions, batch=batch))}
    for action in actions:
        lacking = [one for one in sorted(needed([action], batch=batch)) if not may[one]]
        what = f"role {action} in {api.namespace}"
        if lacking:
            yield Seen(
                well=False, what=what, detail=f"lacking: {', '.join(map(_words, lacking))}",
                fix=f"Run: dreamnet roles {'--batch ' if batch else ''}--action {action} "
                f"--namespace {api.namespace} --to {_subject(me)} | kubectl apply -f -",
            )  # fmt: skip
        else:
            yield Seen(well=True, what=what, detail="all that it needs")


def _me(api: Api) -> str:
    """Answer who the cluster takes us for; empty where it does not say (before Kubernetes 1.28)."""
    wanted = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    try:
        told = api.request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", body=wanted)
    except (PlatformFailed, PermissionMissing):
        return ""
    return str(told.get("status", {}).get("userInfo", {}).get("username", ""))


def _may(api: Api, permission: Permission) -> bool:
    """Ask whether we may do one thing."""
    resource, _, sub = permission.resource.partition("/")
    asked = {
        "namespace": api.namespace, "group": permission.group, "resource": resource, "subresource": sub,
        "verb": permission.verb,
    }  # fmt: skip
    wanted: Object = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": asked},
    }
    told = api.request("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body=wanted)
    return bool(told.get("status", {}).get("allowed"))


def _words(permission: Permission) -> str:
    return f"{permission.verb} {permission.resource}"


def _subject(me: str) -> str:
    """Answer an account as ``dreamnet roles --to`` takes it."""
    if me.startswith(_ACCOUNT):
        return f"serviceaccount:{me.removeprefix(_ACCOUNT)}"
    return f"'user:{me}'" if me else "user:NAME"
