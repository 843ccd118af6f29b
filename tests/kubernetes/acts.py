"""Every action on a real cluster, each by an account that has that action's Role and nothing else.

The accounts are Google's (the stand-in's), and their requests pass the stand-in's front, so what each used is known.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from dreamnet_actions.adapters.kubernetes.access import configuration
from dreamnet_actions.adapters.kubernetes.namespace import Namespace
from dreamnet_actions.adapters.kubernetes.needs import ACTIONS, Permission, needed
from dreamnet_actions.adapters.kubernetes.options import KubernetesPlatformOptions, KubernetesWorkload
from dreamnet_actions.adapters.kubernetes.record import SERVICE, Record
from dreamnet_actions.adapters.system.clock import SystemClock
from dreamnet_actions.bootstrap import Options, assemble
from dreamnet_actions.domain.result import AgentResult
from dreamnet_actions.testing.google.front import Asked
from dreamnet_actions.testing.google.standin import GoogleStandIn
from tests.cluster.client import Cluster, workload

KINDS = {"web": "Deployment", "db": "StatefulSet", "agent": "DaemonSet"}
BATCH = {"load": "Job", "nightly": "CronJob"}
"""Services of another play (``acts_beside.py``, ``test_batch.py``)."""
DONE = {"CRASH_AFTER": "200ms", "EXIT_CODE": "0"}
"""How the image of a run behaves where nobody says otherwise."""
_PATH = re.compile(
    r"/(?:api|apis/(?P<group>[^/]+))/[^/]+/namespaces/[^/]+/(?P<kind>[^/?]+)(?:/(?P<name>[^/?]+)(?:/(?P<sub>[^/?]+))?)?"
)


@dataclass(kw_only=True)
class Acts:
    """Three services in one namespace, one of each kind. ``root`` is where their configuration is."""

    cluster: Cluster
    namespace: str
    root: Path
    google: GoogleStandIn
    only: tuple[str, ...] = tuple(KINDS)
    """Which of the services there are."""
    leases_stay: bool = False
    """Whether whoever is next finds the Lease of whoever was before, and has to change it."""
    results: list[AgentResult] = field(default_factory=list)
    """What came of each action so far."""
    keys: dict[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.google.cluster("autopilot-cluster-1", "europe-west1", self.kubeconfig())
        self.batch = bool(set(self.only) & set(BATCH))
        for action in ACTIONS:
            email = self.google.account(f"can-{action}")
            self.keys[action] = self.google.key_of(email).rename(self.google.folder / f"{action}.json")
        things = [one for action in ACTIONS for one in self._given(action, self.needs(action))]
        self.cluster.apply(*things, namespace=self.namespace)
        for name in self.only:
            self.manifests(name)

    def kubeconfig(self) -> dict[str, Any]:
        """The administrator's."""
        told: dict[str, Any] = json.loads(
            self.cluster.kubectl("config", "view", "--raw", "--flatten", "--minify", "-ojson")
        )
        return told

    def needs(self, action: str) -> frozenset[Permission]:
        """Answer all that the account of an action is given."""
        return needed([action], batch=self.batch)

    def email(self, action: str) -> str:
        return f"can-{action}@{self.google.world.project}.iam.gserviceaccount.com"

    def allow(self, action: str, permissions: frozenset[Permission]) -> None:
        """Make the action's Role hold these permissions and no others."""
        self.cluster.apply(*self._given(action, permissions), namespace=self.namespace)

    def _given(self, action: str, permissions: frozenset[Permission]) -> list[dict[str, Any]]:
        """Answer the Role of an action with these permissions, and the binding to its account."""
        group = "rbac.authorization.k8s.io"
        head = {"apiVersion": f"{group}/v1", "metadata": {"name": f"dreamnet-{action}"}}
        rules = [
            {"apiGroups": [p.group], "resources": [p.resource], "verbs": [p.verb]}
            for p in sorted(permissions)
        ]
        who = {"kind": "User", "name": self.email(action), "apiGroup": group}
        role = {"kind": "Role", "name": f"dreamnet-{action}", "apiGroup": group}
        return [
            {**head, "kind": "Role", "rules": rules},
            {**head, "kind": "RoleBinding", "roleRef": role, "subjects": [who]},
        ]

    # ── The services ────────────────────────────────────────────────────────────────────────────────────

    def manifests(self, name: str, *, more: str = "") -> None:
        """Write a service's manifests; ``more``: with another Service and another ConfigMap."""
        deployment, service = workload("to-be-released", name=name)
        if name in BATCH:
            self._write(name, [_batch(name, deployment["spec"]["template"]["spec"]["containers"][0])])
            return
        deployment["kind"] = KINDS[name]
        del deployment["spec"]["replicas"]
        if KINDS[name] == "StatefulSet":
            deployment["spec"]["serviceName"] = name
        things = [deployment, service]
        if name == "web":
            container = deployment["spec"]["template"]["spec"]["containers"][0]
            container["envFrom"] = [{"configMapRef": {"name": "web"}}]
            things.append(
                {
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "metadata": {"name": "web"},
                    "data": {"A": more},
                }
            )
        if more:
            things.append({**service, "metadata": {"name": f"{name}-{more}"}})
        self._write(name, things)

    def _write(self, name: str, things: list[dict[str, Any]]) -> None:
        folder = self.root / "deploy" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "all.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": things}))

    def configure(self, action: str, tag: str, *, canary: bool = False, **behaviour: str) -> None:
        """Write the configuration by which the account of ``action`` works, with the images of ``tag``."""
        options = {
            "project": self.google.world.project, "location": "europe-west1", "cluster": "autopilot-cluster-1",
            "namespace": self.namespace, "credentials": str(self.keys[action]),
        }  # fmt: skip
        services: dict[str, Any] = {}
        for name in self.only:
            image = self.cluster.image(tag, **(behaviour or (DONE if name in BATCH else {})))
            services[name] = {
                "platform": "production", "workload": f"{(KINDS | BATCH)[name].lower()}/{name}",
                "manifests": f"deploy/{name}", "image": image, "checks": {"pods": {"workload": "ready"}},
            }  # fmt: skip
        if action == "restart":
            services["old"] = {"platform": "production", "workload": "deployment/old"}
        if canary:
            address = self.cluster.get("service", "web", namespace=self.namespace)["spec"]["clusterIP"]
            services["web"]["checks"] = {"home": {"http": f"http://{address}/"}}
            services["web"]["release"] = {"strategy": {"canary": ["50%"], "soak": "60s"}}
        config = {"version": 1, "platforms": {"production": {"gke": options}}, "services": services}
        (self.root / "dreamnet.yml").write_text(yaml.safe_dump(config), encoding="utf-8")

    def do(self, action: str, **keys: Any) -> AgentResult:
        """Run an action in a system of its own."""
        system = assemble(Options(root=self.root, environ=self.google.environment()))
        try:
            agent = "dreamkeeper" if action == "check" else "deploykeeper"
            return system.pipe.submit({"agent": agent, "input": {"action": action, **keys}})
        finally:
            for one in system.platforms.values():
                one.close()  # type: ignore[attr-defined]
            system.close()

    # ── The play ────────────────────────────────────────────────────────────────────────────────────────

    def play(self) -> None:
        """Have every action done so that each of its needs comes up."""
        self.first()
        self.status()
        self.second()
        self.bad()
        self.left()
        self.rollback()
        self.restart()
        self.scale()
        self.canary()

    def expect(self, verdict: str | None, action: str, **keys: Any) -> None:
        """Do an action, and see how it ends."""
        result = self.do(action, **keys)
        self.results.append(result)
        assert result.verdict == verdict if verdict else result.outcome == "done", result.to_json()

    def first(self) -> None:
        """By the account of ``deploy``: the services come."""
        self.manifests(self.only[0], more="first")
        self.configure("deploy", "one")
        self.expect("deployed", "deploy")

    def second(self) -> None:
        """By the account of ``deploy``: another release, which holds less, after more of them than are remembered, and
        after one that got stuck."""
        self.manifests(self.only[0])
        self.grow(self.only[0], 20)
        if "db" in self.only:
            self.stick()
        self.configure("deploy", "two")
        self.expect("deployed", "deploy")

    def bad(self) -> None:
        """By the account of ``deploy``: a release that crashes is taken back, and it is told why."""
        if "web" not in self.only:
            return
        self.configure("deploy", "bad", CRASH_AFTER="0s", EXIT_CODE="3", MESSAGE="no table")
        result = self.do("deploy", service="web")
        self.results.append(result)
        assert result.verdict == "rolled-back", result.to_json()
        told = {one["check"] for one in result.findings[0]["checks"]}
        assert {"event", "log"} <= told, result.to_json()

    def status(self) -> None:
        self.configure("status", "one")
        self.expect(None, "status")
        self.expect("healthy", "check")

    def left(self) -> None:
        """By the account of ``canary``: a canary is left, as by a run that was cut off, and much else is gone."""
        if "web" in self.only:
            self.configure("canary", "three")
            self.begin("web", canary=True)
        if "db" in self.only:
            self.stick()
        self.lose()

    def rollback(self) -> None:
        self.configure("rollback", "two")
        for name in self.only:
            self.expect(None, "rollback", service=name)

    def restart(self) -> None:
        """Of services that DreamNet has deployed, and of one that was there before it."""
        self.configure("restart", "two")
        if "web" in self.only:
            deployment, _ = workload(self.cluster.image("two"), name="old")
            self.cluster.apply(deployment, namespace=self.namespace)
            self.expect(None, "restart", service="old")
        for name in self.only:
            self.expect(None, "restart", service=name)

    def scale(self) -> None:
        """Of services that nobody has deployed lately: their Leases are gone."""
        self.configure("scale", "two")
        self.unlease()
        if "web" in self.only:  # then an HPA owns its number: the bounds are moved
            self.expect(None, "scale", service="web", replicas=2)
            target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
            hpa = {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 2}
            head = {
                "apiVersion": "autoscaling/v2",
                "kind": "HorizontalPodAutoscaler",
                "metadata": {"name": "web"},
            }
            self.cluster.apply({**head, "spec": hpa}, namespace=self.namespace)
        for name in self.only:
            if KINDS.get(name) in ("Deployment", "StatefulSet"):
                self.expect(None, "scale", service=name, replicas=3)

    def canary(self) -> None:
        self.unlease()
        self.manifests("web", more="later")
        self.configure("canary", "three", canary=True)
        self.expect("deployed", "deploy")

    # ── What happens to the services ────────────────────────────────────────────────────────────────────

    def grow(self, name: str, releases: int) -> None:
        """Note so many former releases in a service's record."""
        options = KubernetesPlatformOptions(kubeconfig=self.cluster.kubeconfig)
        keys = KubernetesWorkload(workload=f"{KINDS[name].lower()}/{name}")
        space = Namespace(
            self.namespace,
            lambda: configuration(options, {}, self.root),
            {name: keys},
            SystemClock(),
            "a test",
        )

        def want(_: object, record: Record | None) -> Record:
            assert record is not None
            return replace(record, former=(record.stable,) * releases)

        try:
            record = space.write(name, keys, want)
            # And one release that nothing speaks of any more, with a ConfigMap that only it reads.
            kept = space.revisions.get(name, record.stable.revision)
            text = json.dumps(list(kept.objects))
            for one in kept.objects:
                if one["kind"] == "ConfigMap":
                    text = text.replace(one["metadata"]["name"], f"{name}-0000000000")
            objects = json.loads(text)
            space.revisions.keep(
                name, replace(kept, objects=objects, release=replace(kept.release, version="dir:zero"))
            )
            for one in objects:
                if one["kind"] == "ConfigMap":
                    self.cluster.apply(one, namespace=self.namespace)
        finally:
            space.close()

    def begin(self, name: str, *, canary: bool = False) -> None:
        """Have a release begun, as a run leaves one that is cut off."""
        system = assemble(Options(root=self.root, environ=self.google.environment()))
        platform, spec = system.platforms["production"], system.config.services[name]
        try:
            release = platform.configured(name, spec)
            platform.apply(name, spec, release, canary=canary, replicas=1 if canary else 0)
        finally:
            platform.close()  # type: ignore[attr-defined]
            system.close()

    def stick(self) -> None:
        """Have a StatefulSet wait for a pod of a release that never becomes ready."""
        self.configure("deploy", "stuck", NEVER_READY="1")
        self.begin("db")

        def waits() -> bool:
            image = self.cluster.image("stuck", NEVER_READY="1")
            pods = self.cluster.get("pods", namespace=self.namespace, labels="app=db")
            return any(one["spec"]["containers"][0]["image"] == image for one in pods)

        self.cluster.wait("a pod that is stuck", waits, 60, namespace=self.namespace)

    def lose(self) -> None:
        """Take away what a release has beside its workload."""
        self.cluster.kubectl("delete", "configmap,service", "-l", SERVICE, "--wait", namespace=self.namespace)
        self.unlease()

    def unlease(self) -> None:
        """Take the Leases away: whoever is next has to make its own."""
        if self.leases_stay:
            return
        self.cluster.kubectl("delete", "lease", "-l", SERVICE, "--wait", namespace=self.namespace)

    # ── What was used ───────────────────────────────────────────────────────────────────────────────────

    def used(self, action: str) -> frozenset[Permission]:
        """Answer what the account of an action was let do so far."""
        mine = [one for one in list(self.google.asked) if one.user == self.email(action)]
        return frozenset(p for one in mine if one.status < 400 or one.status == 404 for p in permissions(one))


def _batch(name: str, container: dict[str, Any]) -> dict[str, Any]:
    """Answer a Job or a CronJob that runs once, and is not tried again."""
    pod = {"containers": [{**container, "readinessProbe": None}], "restartPolicy": "Never"}
    job = {"backoffLimit": 0, "activeDeadlineSeconds": 60, "template": {"spec": pod}}
    spec = job if BATCH[name] == "Job" else {"schedule": "0 4 1 1 *", "jobTemplate": {"spec": job}}
    return {"apiVersion": "batch/v1", "kind": BATCH[name], "metadata": {"name": name}, "spec": spec}


def permissions(asked: Asked) -> Iterator[Permission]:
    """Answer what a request needed; an object that an apply makes needs ``create`` beside ``patch``."""
    parts = urlsplit(asked.path)
    found = _PATH.fullmatch(parts.path)
    if found is None:
        return
    resource = f"{found['kind']}/{found['sub']}" if found["sub"] else found["kind"]
    verbs = {"GET": ["get"], "POST": ["create"], "DELETE": ["delete"], "PATCH": ["patch"]}[asked.method]
    if asked.method == "GET" and not found["name"]:
        verbs = ["watch" if "watch=1" in parts.query else "list"]
    if asked.method == "PATCH" and asked.status == 201:
        verbs.append("create")
    for verb in verbs:
        yield Permission(found["group"] or "", resource, verb)


@contextmanager
def google_in(folder: Path) -> Iterator[tuple[GoogleStandIn, Path]]:
    """A stand-in for Google, and a folder for a configuration."""
    place = folder / "google"
    place.mkdir()
    google = GoogleStandIn(place, time.time)
    root = folder / "root"
    root.mkdir()
    try:
        yield google, root
    finally:
        google.close()


@contextmanager
def acts_on(
    cluster: Cluster, namespace: str, folder: Path, only: tuple[str, ...] = tuple(KINDS)
) -> Iterator[Acts]:
    """The acts in a namespace, with a stand-in for Google of their own."""
    with google_in(folder) as (google, root):
        yield Acts(cluster=cluster, namespace=namespace, root=root, google=google, only=only)
