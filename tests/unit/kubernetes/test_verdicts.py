"""What pods' states mean: recorded on a real cluster (1.37, containerd 2.4), as the API server had them."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from dreamnet_actions.adapters.kubernetes.refusals import refusal, refused
from dreamnet_actions.adapters.kubernetes.verdicts import exit_words, judge

RECORDED: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parent / "recorded.json").read_text("utf-8")
)
PODS = {name: states for name, states in RECORDED.items() if " " not in name}
FATAL = {
    "config-map-missing": 'configmap "settings" not found',
    "crashes": "container app ended with exit code 3 again and again",
    "ends-well": "container app ended with exit code 0 again and again",
    "image-digest-gone": "was not found",
    "image-name-invalid": "InvalidImageName",
    "image-never-pulled": "not present with pull policy of Never",
    "image-repository-gone": "nothing:v1 was not found",
    "init-crashes": "container migrate ended with exit code 7 again and again",
    "init-image-gone": "was not found",
    "key-missing": "couldn't find key nothing in ConfigMap",
    "liveness-fails": "again and again",
    "post-start-fails": "container app",
    "program-missing": 'exec: "/nope": stat /nope: no such file or directory',
    "root-refused": "runAsUser breaks non-root policy",
    "secret-missing": 'secret "hidden" not found',
    "working-directory-is-a-file": "not a directory",
}
"""What no waiting mends: in each of its states, with these words."""
WAITS = {
    "never-ready": "does not pass its readiness probe",
    "no-node": "no node takes it: 0/1 nodes are available",
    "registry-refuses": "connection refused",
    "registry-unknown-host": "waits: ",
}
"""What may pass by itself."""


@pytest.mark.parametrize("name", FATAL)
def test_what_no_waiting_mends_is_fatal_at_once(name: str) -> None:
    for state in PODS[name]:
        judged = judge({"status": state})
        assert judged.fatal, state
        assert FATAL[name] in judged.fatal
        assert judged.state in ("back-off", "exited")


@pytest.mark.parametrize("name", WAITS)
def test_what_may_pass_is_waited_for_and_named(name: str) -> None:
    for state in PODS[name]:
        judged = judge({"status": state})
        assert judged.fatal is None
        assert WAITS[name] in (judged.why or "")


def test_the_others_are_well_or_come_and_go() -> None:
    assert [judge({"status": one}).state for one in PODS["well"]] == ["ready"]
    assert {judge({"status": one}).state for one in PODS["crashes-later"]} == {"ready", "back-off"}
    assert {judge({"status": one}).state for one in PODS["memory-runs-out"]} == {"ready", "back-off"}
    assert any("out of memory" in (judge({"status": one}).fatal or "") for one in PODS["memory-runs-out"])
    waits = judge({"status": PODS["volume-config-map-missing"][0]})
    assert (waits.state, waits.fatal, waits.why) == ("starting", None, None)  # only its events tell why
    told = {*FATAL, *WAITS, "well", "crashes-later", "memory-runs-out", "volume-config-map-missing"}
    assert told == set(PODS), "every recorded pod is judged by a test"


def container(**state: Any) -> dict[str, Any]:
    """A pod's status with one container."""
    return {"phase": "Running", "containerStatuses": [{"name": "app", "image": "shop:1", **state}]}


def waiting(reason: str, message: str = "", **more: Any) -> dict[str, Any]:
    """The status of a pod whose container waits."""
    return container(state={"waiting": {"reason": reason, "message": message}}, **more)


@pytest.mark.parametrize(
    ("reason", "message"),
    [
        ("ErrImagePull", "429 Too Many Requests: toomanyrequests: you have reached your pull rate limit"),
        ("ErrImagePull", "rpc error: code = Canceled desc = context canceled"),
        (
            "ErrImagePull",
            'failed to resolve reference "shop:1": unexpected status code 503 Service Unavailable',
        ),
        ("ErrImagePull", "pull QPS exceeded"),
        ("RegistryUnavailable", "shop:1 not found"),
        ("CreateContainerConfigError", "failed to sync configmap cache: timed out waiting for the condition"),
        ("CreateContainerError", "context deadline exceeded"),
        ("CreateContainerError", "failed to reserve container name app_0: name is reserved"),
        ("ContainerCreating", ""),
        ("PodInitializing", ""),
    ],
)
def test_words_of_what_may_pass(reason: str, message: str) -> None:
    assert judge({"status": waiting(reason, message)}).fatal is None


@pytest.mark.parametrize(
    "message",
    [
        "pull access denied, repository does not exist or may require authorization",
        "unexpected status from HEAD request to https://registry.example/v2/shop/manifests/1: 401 Unauthorized",
        "manifest unknown: manifest unknown",
        "no match for platform in manifest: not found",
    ],
)
def test_words_of_an_image_that_will_not_come(message: str) -> None:
    assert "shop:1" in (judge({"status": waiting("ErrImagePull", message)}).fatal or "")


def ended(code: int, seconds: int = 1, reason: str = "Error") -> dict[str, Any]:
    """How a container ended that ran so long."""
    stamps = {
        "startedAt": "2026-01-01T00:00:00Z",
        "finishedAt": f"2026-01-01T00:{seconds // 60:02}:{seconds % 60:02}Z",
    }
    return {"terminated": {"exitCode": code, "reason": reason, **stamps}}


def test_a_crash_counts_when_it_comes_again_soon() -> None:
    once = container(state=ended(3), lastState={}, restartCount=0)
    assert judge({"status": once}).fatal is None
    assert judge({"status": once}).why == "container app ended with exit code 3"
    twice = container(state=ended(3), lastState=ended(3), restartCount=1)
    assert judge({"status": twice}).fatal
    rare = container(state=ended(3, 1200), lastState=ended(3, 1200), restartCount=1)
    assert judge({"status": rare}).fatal is None, "the kubelet forgives a crash after ten minutes"
    done = container(state=ended(0), lastState=ended(3), restartCount=1)
    assert judge({"status": done, "spec": {"restartPolicy": "OnFailure"}}).fatal is None
    assert judge({"status": done, "spec": {"restartPolicy": "Always"}}).fatal


def test_a_pod_that_was_ready_has_fallen_and_one_on_a_silent_node_has_not() -> None:
    running = {"running": {"startedAt": "2026-01-01T00:00:10Z"}}

    def pod(changed: str, containers: str = "False") -> dict[str, Any]:
        conditions = [
            {"type": "Ready", "status": "False", "lastTransitionTime": changed},
            {"type": "ContainersReady", "status": containers},
        ]
        return {
            "spec": {},
            "status": {**container(state=running, ready=containers == "True"), "conditions": conditions},
        }

    assert judge(pod("2026-01-01T00:00:05Z")).state == "starting"
    assert judge(pod("2026-01-01T00:00:30Z")).state == "unready"
    silent = judge(pod("2026-01-01T00:00:30Z", "True"))
    assert (silent.state, silent.why) == ("starting", "its node does not answer")


def test_signals_and_evictions_are_named() -> None:
    assert [exit_words(code) for code in (1, 137, 143, 255)] == [
        "exit code 1",
        "exit code 137 (SIGKILL)",
        "exit code 143 (SIGTERM)",
        "exit code 255",
    ]
    evicted = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}
    assert judge({"status": evicted}).why == "ended: Evicted: The node was low on resource: memory."
    assert judge({"status": evicted}).fatal is None


@given(some.data())
def test_no_state_is_too_strange(data: some.DataObject) -> None:
    """Whatever a status lacks, it is judged; and what lacks a reason is not fatal."""
    name = data.draw(some.sampled_from(sorted(PODS)))
    status = copy.deepcopy(data.draw(some.sampled_from(PODS[name])))
    for one in [*status.get("containerStatuses", []), *status.get("initContainerStatuses", [])]:
        for key in data.draw(some.lists(some.sampled_from(sorted(one)), max_size=3)):
            one.pop(key, None)
        waits = (one.get("state") or {}).get("waiting") or {}
        if data.draw(some.booleans()):
            waits.pop("message", None)
    judged = judge({"status": status})
    assert judged.state in ("starting", "ready", "unready", "exited", "back-off")
    assert judged.fatal is None or name not in WAITS


@pytest.mark.parametrize(
    ("name", "final", "ours"),
    [("over-quota", True, False), ("insecure", True, False), ("account-missing", False, False)],
)
def test_pods_that_may_not_be_made(name: str, final: bool, ours: bool) -> None:
    [state] = RECORDED[f"replicaset {name}"]
    [said] = [one["message"] for one in state["conditions"] if one["type"] == "ReplicaFailure"]
    judged = refusal(said)
    assert (judged.final, judged.ours) == (final, ours)
    assert judged.text.startswith("no pod can be made: ")


@pytest.mark.parametrize(
    ("message", "final", "ours"),
    [
        ('admission webhook "policy.example.com" denied the request: no owner label', True, False),
        (
            'Internal error occurred: failed calling webhook "policy.example.com": connection refused',
            False,
            True,
        ),
        ("etcdserver: request timed out", False, True),
    ],
)
def test_a_webhook_that_says_no_is_one_and_a_silent_one_is_none(
    message: str, final: bool, ours: bool
) -> None:
    assert (refusal(message).final, refusal(message).ours) == (final, ours)


def test_a_deadline_is_told_of_the_rollout_that_missed_it() -> None:
    """After a rollout is taken back its Deployment says for a while that it is late: of the ReplicaSet before."""
    [state] = RECORDED["deployment late"]
    deployment = {
        "kind": "Deployment",
        "metadata": {"uid": "d", "name": "late"},
        "spec": {"template": {"metadata": {}}},
        "status": state,
    }

    def made(name: str, revision: int) -> dict[str, Any]:
        meta = {
            "name": name,
            "ownerReferences": [{"uid": "d", "controller": True}],
            "annotations": {"deployment.kubernetes.io/revision": str(revision)},
        }
        return {"metadata": meta, "spec": {"template": {"metadata": {}}}}

    late = made("late-5787b55f5f", 2)
    judged = refused(deployment, [made("late-1", 1), late])
    assert judged is not None
    assert (judged.final, judged.deadline) == (True, True)
    assert refused(deployment, [made("late-1", 3), late]) is None
