"""Secret and ConfigMap as sinks, on the real cluster."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dreamnet_actions.adapters.kubernetes import sets
from dreamnet_actions.adapters.kubernetes.copies import COPY_OF
from dreamnet_actions.adapters.kubernetes.platform import KubernetesPlatform
from dreamnet_actions.adapters.kubernetes.readers import live_names
from dreamnet_actions.adapters.kubernetes.secrets import (
    KubernetesConfigMapSink,
    KubernetesSecretSink,
    KubernetesSink,
)
from dreamnet_actions.adapters.system.clock import SystemClock
from dreamnet_actions.domain.secret import SecretValue, Versioned
from dreamnet_actions.errors import NotFound, PlatformFailed, StateDamaged
from dreamnet_actions.ports.secrets import SecretSink
from dreamnet_actions.testing.contracts.secrets import SecretSinkContract, versioned
from tests.cluster.client import Cluster, workload
from tests.kubernetes.stage import Stage, staged
from tests.proofs._env_steps import broken_at_every_step
from tests.unit.domain.pems import CERTIFICATE, RSA_KEY

pytestmark = pytest.mark.slow
MADE = {"secret": KubernetesSecretSink, "configmap": KubernetesConfigMapSink}

ONE = pytest.mark.parametrize("made", ["secret"], indirect=True)
"""For what does not depend on the kind."""


@pytest.fixture(scope="module")
def stage(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One for all tests of this module: each has an object of its own."""
    with (
        cluster.namespace() as namespace,
        staged(cluster, namespace, tmp_path_factory.mktemp("root")) as made,
    ):
        yield made


@pytest.fixture(scope="module")
def platform(stage: Stage) -> KubernetesPlatform:
    return stage.platform(web=stage.spec())


@pytest.fixture(params=sorted(MADE))
def made(request: pytest.FixtureRequest, platform: KubernetesPlatform) -> KubernetesSink:
    """A sink of each kind."""
    return MADE[request.param](f"app-{secrets.token_hex(4)}", platform, SystemClock())


@pytest.fixture
def hand(stage: Stage, made: KubernetesSink) -> Hand:
    return Hand(stage.cluster, stage.namespace, made.kind, made.name.rpartition("/")[2])


@dataclass
class Hand:
    """Somebody's hand, with kubectl."""

    cluster: Cluster
    namespace: str
    kind: str
    name: str

    def data(self, **values: str) -> dict[str, Any]:
        """Write values as the kind has them."""
        secret = self.kind == "Secret"
        return {
            "data": {
                one: base64.b64encode(text.encode()).decode() if secret else text
                for one, text in values.items()
            }
        }

    def patch(self, **change: Any) -> None:
        words = ("patch", self.kind, self.name, "--type=merge", f"-p={json.dumps(change)}")
        self.cluster.kubectl(*words, namespace=self.namespace)

    def objects(self) -> dict[str, dict[str, Any]]:
        """Answer the object and all that is called after it, by name."""
        found = self.cluster.get(self.kind.lower(), namespace=self.namespace)
        return {
            one["metadata"]["name"]: one for one in found if one["metadata"]["name"].startswith(self.name)
        }


class TestKubernetesSinks(SecretSinkContract):
    @pytest.fixture
    def sink(self, made: KubernetesSink) -> SecretSink:
        return made

    @pytest.fixture
    def tamper(self, hand: Hand) -> Callable[[str, str], None]:  # type: ignore[override]
        return lambda name, value: hand.patch(**hand.data(**{name: value}))


def texts(sink: KubernetesSink) -> dict[str, str]:
    return {name: one.reveal() for name, one in sink.read_back().items()}


def binary(**values: bytes) -> dict[str, Versioned]:
    return {name: Versioned(value=SecretValue.of(one), version="1") for name, one in values.items()}


def again(made: KubernetesSink, **options: Any) -> KubernetesSink:
    """The same sink, as the next run makes it."""
    name = made.name.rpartition("/")[2]
    return type(made)(name, made._platform, SystemClock(), **options)


def test_its_key_is_the_same_for_every_machine_and_never_another_objects(
    made: KubernetesSink, hand: Hand
) -> None:
    """It lies in the record, so who writes first decides; before, who has the same hash key makes the same."""
    mine = again(made, hash_key=lambda: b"mine-4711")
    key = mine.state().key
    assert key == again(made, hash_key=lambda: b"mine-4711").state().key
    assert key != again(made, hash_key=lambda: b"another").state().key
    assert (
        key
        != KubernetesSecretSink("other", made._platform, SystemClock(), hash_key=lambda: b"mine-4711")
        .state()
        .key
    )
    mine.write(versioned({"A": "1"}))
    others = again(made, hash_key=lambda: b"another")
    assert others.state().key == key
    others.remove()
    assert again(made, hash_key=lambda: b"a third").state().key == key, "what was taken away comes back"
    assert b"mine-4711" not in json.dumps(hand.objects()).encode()


def test_any_bytes_arrive_and_come_back(made: KubernetesSink, hand: Hand) -> None:
    values = binary(NUL=b"a\0b", BYTES=bytes(range(256)), TEXT="Grüße 🌙".encode(), EMPTY=b"")
    first = made.write(values)
    assert {name: one.raw() for name, one in made.read_back().items()} == {
        name: one.value.raw() for name, one in values.items()
    }
    live = hand.objects()[hand.name]
    if made.kind == "ConfigMap":
        assert (set(live["data"]), set(live["binaryData"])) == ({"NUL", "TEXT", "EMPTY"}, {"BYTES"})
    made.write(binary(BYTES=b"text now", TEXT=b"\xff bytes now"))
    assert {name: one.raw() for name, one in made.read_back().items()} == {
        "BYTES": b"text now",
        "TEXT": b"\xff bytes now",
    }
    made.restore(first)
    assert made.read_back()["BYTES"].raw() == bytes(range(256))


@ONE
def test_keys_of_a_typed_secret_are_written_under_their_own_names(made: KubernetesSink, hand: Hand) -> None:
    typed = again(made, type_="kubernetes.io/tls")
    first = typed.write(binary(**{"tls.crt": CERTIFICATE.encode(), "tls.key": RSA_KEY.encode()}))
    live = hand.objects()[hand.name]
    assert (live["type"], set(live["data"])) == ("kubernetes.io/tls", {"tls.crt", "tls.key"})
    typed.write(binary(**{"tls.crt": CERTIFICATE.encode(), "tls.key": b"another", "ca.pem": b"c"}))
    assert set(typed.former_set(first)) == {"tls.crt", "tls.key"}
    typed.restore(first)
    assert texts(typed) == {"tls.crt": CERTIFICATE, "tls.key": RSA_KEY}


def test_what_cannot_be_held_is_told_at_once_and_nothing_is_written(made: KubernetesSink, hand: Hand) -> None:
    bad = versioned({"a b": "1", "..": "2", "ok-._": "3", "": "4", "ü": "5", "x" * 254: "6"})
    with pytest.raises(PlatformFailed) as told:
        made.write(bad | versioned({"LARGE": "x" * 1024 * 1024}))
    for name in ("'a b'", "'..'", "''", "'ü'", "'xxx", "1048576 bytes", "LARGE"):
        assert name in told.value.message
    assert "ok-._" not in told.value.message
    assert hand.objects() == {}
    made.write(versioned({"ok-._": "x" * (1024 * 1024 - 10)}))
    hand.patch(**hand.data(THEIRS="12345678"))
    with pytest.raises(PlatformFailed, match="8 of them of others"):
        made.write(versioned({"ok-._": "x" * (1024 * 1024 - 4)}))
    with pytest.raises(PlatformFailed, match="what is remembered of them"):
        made.write(versioned({f"{one:0240}": "" for one in range(1100)}))
    assert set(made.read_back()) == {"ok-._"}


@ONE
def test_what_is_of_others_is_never_taken_over_and_its_owner_is_named(
    made: KubernetesSink, hand: Hand
) -> None:
    theirs = {
        "apiVersion": "v1",
        "kind": made.kind,
        "metadata": {"name": hand.name},
        **hand.data(A="0", B="1"),
    }
    hand.cluster.kubectl("apply", "--server-side", "-f-", namespace=hand.namespace, given=theirs)
    for creation in ("owner", "orphan"):
        with pytest.raises(PlatformFailed, match="not made by DreamNet: it is of kubectl"):
            again(made, creation=creation).write(versioned({"C": "2"}))
    sink = again(made, creation="merge")
    with pytest.raises(PlatformFailed, match="A of kubectl") as told:
        sink.write(versioned({"A": "mine", "B": "1", "C": "2"}))
    assert "B of" not in told.value.message, "the same value is no quarrel"
    first = sink.write(versioned({"C": "2"}))
    sink.write(versioned({"C": "3", "D": "4"}))
    assert hand.objects()[hand.name]["data"].keys() == {"A", "B", "C", "D"}
    sink.restore(first)
    sink.remove()
    assert hand.objects()[hand.name]["data"] == hand.data(A="0", B="1")["data"]
    hand.cluster.kubectl("delete", made.kind, hand.name, namespace=hand.namespace)
    with pytest.raises(PlatformFailed, match="'creation: merge' makes none"):
        sink.write(versioned({"C": "2"}))
    again(made, creation="create-or-merge").write(versioned({"C": "2"}))
    hand.patch(immutable=True)
    with pytest.raises(PlatformFailed, match="immutable"):
        made.write(versioned({"C": "3"}))


@ONE
def test_removing_takes_the_object_where_it_is_ours_alone(made: KubernetesSink, hand: Hand) -> None:
    for creation, left in (("owner", False), ("orphan", True), ("create-or-merge", False)):
        sink = again(made, creation=creation)
        revision = sink.write(versioned({"A": "1"}))
        sink.remove()
        assert (hand.name in hand.objects()) == left, creation
        sink.restore(revision)
        assert texts(sink) == {"A": "1"}
    hand.patch(**hand.data(THEIRS="t"))
    made.remove()
    assert hand.objects()[hand.name]["data"].keys() == {"THEIRS"}


@ONE
def test_ten_sets_are_kept_and_those_that_a_workload_names(
    made: KubernetesSink, hand: Hand, stage: Stage
) -> None:
    revisions = [made.write(versioned({"A": str(turn)})) for turn in range(3)]
    named = f"{hand.name}-{revisions[1]}"
    deployment = workload("x", name=hand.name, replicas=0)[0]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    reference = "secretRef" if made.kind == "Secret" else "configMapRef"
    container["envFrom"] = [{reference: {"name": named}}]
    stage.cluster.apply(deployment, namespace=stage.namespace)
    stage.cluster.wait("it to be seen", lambda: named in live_names(made._space, made.kind), 10)
    revisions += [made.write(versioned({"A": str(turn)})) for turn in range(3, 14)]
    kept = {revisions[1], *revisions[-sets.KEPT :]}
    assert {one for one in hand.objects() if one != hand.name} == {f"{hand.name}-{one}" for one in kept}
    made.restore(revisions[1])
    assert texts(made) == {"A": "1"}
    with pytest.raises(NotFound):
        made.restore(revisions[0])


@ONE
def test_a_set_that_a_hand_has_made_anew_is_not_brought_back(made: KubernetesSink, hand: Hand) -> None:
    first = made.write(versioned({"A": "1"}))
    made.write(versioned({"A": "2"}))
    name = f"{hand.name}-{first}"
    hand.cluster.kubectl("delete", made.kind, name, namespace=hand.namespace)
    forged = {"apiVersion": "v1", "kind": made.kind, "metadata": {"name": name}, **hand.data(A="forged")}
    hand.cluster.apply(forged, namespace=hand.namespace)
    with pytest.raises(StateDamaged, match="not the ones that were written"):
        made.restore(first)
    assert texts(made) == {"A": "2"}


def test_its_readers_are_found_by_every_way_that_a_pod_reads(
    made: KubernetesSink, hand: Hand, stage: Stage
) -> None:
    secret, name = made.kind == "Secret", hand.name
    word, volume = ("secretRef", "secretKeyRef"), {"secretName": name}
    if not secret:
        word, volume = ("configMapRef", "configMapKeyRef"), {"name": name}
    source = {"secret" if secret else "configMap": {"name": name}}
    container = {"name": "one", "image": "x"}
    pods: dict[str, dict[str, Any]] = {
        "all": {"containers": [{**container, "envFrom": [{word[0]: {"name": name}}]}]},
        "one": {"containers": [
            {**container, "env": [{"name": "A", "valueFrom": {word[1]: {"name": name, "key": "A"}}}]}]},
        "init": {"containers": [container],
                 "initContainers": [{"name": "two", "image": "x", "envFrom": [{word[0]: {"name": name}}]}]},
        "file": {"containers": [container],
                 "volumes": [{"name": "v", "secret" if secret else "configMap": volume}]},
        "many": {"containers": [container], "volumes": [{"name": "v", "projected": {"sources": [source]}}]},
        "copy": {"containers": [{**container, "envFrom": [{word[0]: {"name": f"{name}-0123456789"}}]}]},
        "none": {"containers": [{**container, "envFrom": [{word[0]: {"name": f"{name}-9876543210"}}]}]},
    }  # fmt: skip
    things = []
    for one, pod in pods.items():
        thing = workload("x", name=f"{name}-{one}", replicas=0)[0]
        thing["spec"]["template"]["spec"] = pod
        things.append(thing)
    copies = [
        {
            "apiVersion": "v1",
            "kind": made.kind,
            "metadata": {"name": f"{name}-{digest}", "annotations": notes},
        }
        for digest, notes in (("0123456789", {COPY_OF: name}), ("9876543210", {COPY_OF: "another"}))
    ]
    stage.cluster.apply(*things, *copies, namespace=stage.namespace)
    stage.manifests(name=f"{name}-to-be")
    folder = stage.root / f"{name}-to-be"
    planned = json.loads((folder / f"{name}-to-be.json").read_text("utf-8"))
    planned["items"][0]["spec"]["template"]["spec"] = pods["all"]
    (folder / f"{name}-to-be.json").write_text(json.dumps(planned), "utf-8")
    known = {one: stage.spec(workload=f"deployment/{name}-{one}", manifests=None) for one in pods}
    known["to-be"] = stage.spec(workload=f"deployment/{name}-to-be", manifests=folder.name)
    sink = type(made)(name, stage.platform(**known), SystemClock())
    assert sorted(sink.services) == sorted({*pods, "to-be"} - {"none"})


def test_a_write_that_breaks_at_any_request_is_whole_or_has_not_been(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    """A sample of ``scripts/prove env``."""
    faults = ("lost", "409", "killed after")
    met = list(broken_at_every_step(cluster, namespace, tmp_path, "secret", doings=["write"], faults=faults))
    assert [one for one in met if one.broken] == []
    assert len(met) >= 9
