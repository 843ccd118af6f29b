"""A release that changed image and configuration goes back whole: the template, what its pods read, what they serve."""

from __future__ import annotations

import base64
import json
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.client import Cluster
from tests.kubernetes.test_story import ROOT, Shop, made_shop

pytestmark = pytest.mark.slow
TEXTS = {
    "ENDS": "{0} without a line's end",
    "LINES": "{0}\r\n\n  two \t\n",
    "SCRIPTS": "{0} grüße, 世界, \u202e🙂",
    "SIGNS": "{0} $(ENDS) ${{ENDS}} '\"\\ # : - | >",
    "EMPTY": "",
}
"""What is easily lost on the way, with the number of a release in it."""


@dataclass(frozen=True)
class Seen:
    """What there is of a release: ``read`` are the objects that its template names, ``served`` what each pod got."""

    template: dict[str, Any]
    read: dict[str, Any]
    served: list[dict[str, bytes]]


@dataclass
class Store:
    """The shop, with a ConfigMap in its manifests, and with a ConfigMap and two Secrets that others write."""

    shop: Shop

    def write(self, release: str, **behaviour: str) -> None:
        """Change all of it: the image, the manifests' ConfigMap, and what others write."""
        texts = {name: text.format(release) for name, text in TEXTS.items()}
        raw = base64.b64encode(release.encode() + bytes(range(256))).decode()
        mine, theirs = (
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "binaryData": {"raw": raw}}
            for name in ("web", "told")
        )
        mine["data"] = texts
        secrets = [
            {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "data": {"KEY": data}}
            for name, data in (("keys", base64.b64encode(texts["LINES"].encode()).decode()), ("raw", raw))
        ]
        self.shop.cluster.apply(theirs, *secrets, namespace=self.shop.namespace)
        file = self.shop.root / "deploy" / "web.yaml"
        _, service, deployment = file.read_text("utf-8").split("---\n")
        if "secretRef" not in deployment:
            whole = "[{configMapRef: {name: web}}, {secretRef: {name: keys}}]\n          volumeMounts: "
            whole += "[{name: told, mountPath: /told}, {name: raw, mountPath: /raw}]"
            deployment = deployment.replace("[{configMapRef: {name: web}}]", whole)
            deployment += "      volumes:\n        - {name: told, configMap: {name: told}}\n"
            deployment += "        - {name: raw, secret: {secretName: raw}}\n"
        file.write_text(
            "---\n".join([json.dumps(mine, ensure_ascii=False) + "\n", service, deployment]), "utf-8"
        )
        self.shop.image(self.shop.cluster.image(release, **behaviour))

    def seen(self) -> Seen:
        """Look at the Deployment, at what its template reads, and ask each of its pods."""
        cluster, namespace = self.shop.cluster, self.shop.namespace
        template = self.shop.live()["spec"]["template"]
        sources = [*template["spec"]["containers"][0]["envFrom"], *template["spec"]["volumes"]]
        read = {}
        for key, kind in (
            ("configMapRef", "configmap"), ("secretRef", "secret"), ("configMap", "configmap"), ("secret", "secret")
        ):  # fmt: skip
            named = next(one[key] for one in sources if key in one)
            name = named.get("name") or named["secretName"]
            read[key] = cluster.get(kind, name, namespace=namespace)
            read[key]["metadata"].pop("managedFields", None)
        pods = [
            one["status"]["podIP"]
            for one in cluster.get("pods", namespace=namespace)
            if not one["metadata"].get("deletionTimestamp")
        ]
        return Seen(template, read, [_asked(one) for one in pods])


def _asked(address: str) -> dict[str, bytes]:
    found = {}
    for path in ("", *(f"env/{name}" for name in (*TEXTS, "KEY"))):
        with urllib.request.urlopen(f"http://{address}:8080/{path}", timeout=10) as answer:
            found[path] = answer.read()
    found[""] = found[""].rsplit(b" ", 1)[0]  # without the pod's own name
    return found


@pytest.fixture
def store(cluster: Cluster, namespace: str, tmp_path: Path) -> Store:
    shop = made_shop(
        cluster, namespace, tmp_path, **{"dreamnet-copies": ROOT / "examples/statefulset/rbac.yaml"}
    )
    shop.say("    replicas: 2\n", "    replicas: 2\n    copy: [secrets, configmaps]\n")
    return Store(shop)


def test_image_and_configuration_come_back_byte_for_byte(store: Store) -> None:
    store.write("one")
    assert store.shop.dreamnet("deploy")["verdict"] == "deployed"
    first = store.seen()
    assert [one["env/LINES"] for one in first.served] == [b"one\r\n\n  two \t\n"] * 2
    assert [one["env/KEY"] for one in first.served] == [b"one\r\n\n  two \t\n"] * 2

    store.write("two", CRASH_AFTER="0s", EXIT_CODE="3")
    assert store.shop.dreamnet("deploy", status=10)["verdict"] == "rolled-back"
    assert asdict(store.seen()) == asdict(first), "taken back by itself"

    store.write("three")
    assert store.shop.dreamnet("deploy")["verdict"] == "deployed"
    third = store.seen()
    changed = [one for one in first.served[0] if one != "env/EMPTY"]
    assert all(third.served[0][one] != first.served[0][one] for one in changed)
    assert all(
        third.read[one]["metadata"]["name"] != first.read[one]["metadata"]["name"] for one in first.read
    )

    assert store.shop.dreamnet("rollback", "web")["outcome"] == "done"
    assert asdict(store.seen()) == asdict(first), "taken back because somebody asked for it"
