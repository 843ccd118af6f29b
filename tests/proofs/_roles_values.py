"""Syncs by an account that has the Roles ``status`` and ``sync``, less one permission (``scripts/prove roles``)."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from dreamnet_actions.adapters.kubernetes.needs import Permission, needed
from dreamnet_actions.bootstrap import Options, assemble
from dreamnet_actions.domain.result import AgentResult
from tests.cluster.client import Cluster
from tests.proofs._env_steps import KINDS

FULL = needed(["status", "sync"])
COMES_UP: Mapping[str, tuple[str, ...]] = {
    "get": ("first", "change", "restore", "removal"),
    "create": ("first", "change"),
    "patch": ("change", "restore"),
    "delete": ("eleventh", "removal"),
}
"""Where a verb on Secrets or ConfigMaps is needed: a first sync, a changed value, one that has the oldest set be
forgotten, the way back, a source that is empty under ``deletion: delete``."""
BEFORE = {"first": (), "change": ("1",), "restore": ("1", "2"), "removal": ("1",),
          "eleventh": tuple(map(str, range(1, 12)))}  # fmt: skip
NAMES = ("A", "B", "C")


@dataclass(kw_only=True)
class Desk:
    """One account in one namespace, and entries of three names each that go to a Secret and a ConfigMap."""

    cluster: Cluster
    namespace: str
    root: Path
    turn: int = 0
    token: str = field(default="", repr=False)
    allowed: frozenset[Permission] = frozenset()
    """What the account may do now."""

    def __post_init__(self) -> None:
        self.cluster.kubectl("create", "serviceaccount", "sync", namespace=self.namespace)
        self.token = self.cluster.kubectl("create", "token", "sync", namespace=self.namespace).strip()
        raw = json.loads(self.cluster.kubectl("config", "view", "--raw", "--flatten", "--minify", "-ojson"))
        raw["users"][0]["user"] = {"token": self.token}
        (self.root / "kubeconfig").write_text(json.dumps(raw), "utf-8")
        self.allow(FULL)

    @property
    def app(self) -> str:
        """The objects of now."""
        return f"app-{self.turn}"

    def allow(self, permissions: frozenset[Permission]) -> None:
        """Let the account do this and no more, from now on."""
        group = "rbac.authorization.k8s.io"
        head = {"apiVersion": f"{group}/v1", "metadata": {"name": "sync"}}
        rules = [
            {"apiGroups": [one.group], "resources": [one.resource], "verbs": [one.verb]}
            for one in sorted(permissions)
        ]
        who = {"kind": "ServiceAccount", "name": "sync", "namespace": self.namespace}
        bound = {"kind": "Role", "name": "sync", "apiGroup": group}
        self.cluster.apply(
            {**head, "kind": "Role", "rules": rules},
            {**head, "kind": "RoleBinding", "roleRef": bound, "subjects": [who]},
            namespace=self.namespace,
        )
        changed, self.allowed = permissions ^ self.allowed, permissions
        for one in changed & needed(["sync"]):
            may = one in permissions
            self.cluster.wait(f"{one} to be {may}", lambda one=one, may=may: self._may(one) == may, 60)

    def _may(self, one: Permission) -> bool:
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": f"system:serviceaccount:{self.namespace}:sync",
                "resourceAttributes": {
                    "namespace": self.namespace, "verb": one.verb, "group": one.group, "resource": one.resource,
                },
            },
        }  # fmt: skip
        path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
        answer = self.cluster.kubectl("create", "--raw", path, "-f-", given=json.dumps(review))
        return bool(json.loads(answer)["status"]["allowed"])

    def begin(self) -> None:
        """Go on to other objects, of which nothing is there."""
        self.turn += 1
        platform = {"namespace": self.namespace, "kubeconfig": str(self.root / "kubeconfig")}
        entry: dict[str, Any] = {
            "from": {"dotenv": "app.env"},
            "to": [{"kubernetes-secret": self.app}, {"kubernetes-configmap": self.app}],
            "deletion": "delete",
        }
        config = {
            "version": 1,
            "platforms": {"production": {"kubernetes": platform}},
            "env": {self.app: entry},
        }
        (self.root / "dreamnet.yml").write_text(yaml.safe_dump(config), "utf-8")

    def given(self, value: str) -> dict[str, str]:
        """Let the source hold this in each name; "" for a source that is empty."""
        values = {name: f"value-{value}-of-{name}" for name in NAMES} if value else {}
        (self.root / "app.env").write_text("".join(f"{n}={v}\n" for n, v in values.items()), "utf-8")
        return values

    def ask(self, action: str = "sync", **keys: Any) -> AgentResult:
        """Do an action, in a system of its own."""
        system = assemble(Options(root=self.root, environ={"PATH": os.environ["PATH"]}))
        try:
            return system.pipe.submit({"agent": "envkeeper", "input": {"action": action, **keys}})
        finally:
            for one in system.platforms.values():
                one.close()  # type: ignore[attr-defined]
            system.close()

    def held(self) -> dict[str, dict[str, str]]:
        """Answer what the two objects hold, as an administrator sees it."""
        found = {}
        for kind in KINDS:
            there = self.cluster.get(kind, namespace=self.namespace)
            names = [one["metadata"]["name"] for one in there]
            found[kind] = _texts(self.cluster, self.namespace, kind, self.app) if self.app in names else {}
        return found


def _texts(cluster: Cluster, namespace: str, kind: str, name: str) -> dict[str, str]:
    data = cluster.get(kind, name, namespace=namespace).get("data") or {}
    return {one: base64.b64decode(text).decode() if kind == "secret" else text for one, text in data.items()}


def missed_in(desk: Desk, permission: Permission, doing: str) -> str:
    """Do one thing without a permission; answer what is wrong with what came of it, or nothing."""
    desk.allow(FULL)
    desk.begin()
    before: dict[str, str] = {}
    values: dict[str, dict[str, str]] = {}
    for value in BEFORE[doing]:
        before = values[value] = desk.given(value)
        if (done := desk.ask()).outcome != "done":
            return f"before it: {done.to_json()}"
    wanted = values["1"] if doing == "restore" else desk.given("" if doing == "removal" else "new")
    do: Callable[[], AgentResult] = (
        (lambda: desk.ask("restore", entry=desk.app)) if doing == "restore" else desk.ask
    )
    desk.allow(FULL - {permission})
    result = do()
    wrong = list(_told(result, permission))
    kind = "secret" if permission.resource == "secrets" else "configmap"
    for one, held in desk.held().items():
        if held not in (before, wanted):
            wrong.append(f"the {one} is half of it: {sorted(held)}")
        elif one == kind and held != before:
            wrong.append(f"the {one} was written all the same")
    desk.allow(FULL)
    again = do()
    if again.outcome not in ("done", "unchanged"):
        wrong.append(f"with the whole Role it ends {again.outcome}: {again.to_json()}")
    if any(held != wanted for held in desk.held().values()):
        wrong.append("with the whole Role it does not get there")
    return "; ".join(wrong)


def _told(result: AgentResult, permission: Permission) -> Iterator[str]:
    words = json.dumps(result.to_json()).replace("\\", "").replace('"', "")
    if result.outcome != "refused":
        yield f"it ended {result.outcome}"
    if f"cannot {permission.verb} resource {permission.resource}" not in words:
        yield f"the words name something else: {words[:900]}"
    elif "dreamnet roles" not in words:
        yield f"there is no advice: {words[:900]}"
    if "value-" in words:
        yield "a value is told"


def without_each(cluster: Cluster, folder: Path) -> tuple[int, int]:
    """Take every permission of the Role ``sync`` away, wherever it comes up; answer cases that held, and all."""
    good = every = 0
    with cluster.namespace() as namespace:
        desk = Desk(cluster=cluster, namespace=namespace, root=folder)
        for permission in sorted(needed(["sync"])):
            for doing in COMES_UP[permission.verb]:
                wrong = missed_in(desk, permission, doing)
                every, good = every + 1, good + (not wrong)
                if wrong:
                    print(
                        f"NOT MISSED sync: {permission.verb} {permission.resource}, {doing}: {wrong}",
                        flush=True,
                    )
    return good, every
