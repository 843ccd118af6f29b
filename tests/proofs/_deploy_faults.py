"""The faults of the proof ``deploy-faults``: how each comes about, and what is right for a release that meets it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from tests.kubernetes.proxy import Proxy
from tests.kubernetes.trial import Trial
from tests.proofs import _deploy_troubles as troubles
from tests.proofs._deploy_troubles import after_apply

Meets = Callable[[Trial, Proxy], AbstractContextManager[Any]]
GOOD = frozenset({"done"})


@dataclass(frozen=True, kw_only=True)
class Fault:
    """``meets`` brings it about for the block; ``ends`` are the outcomes that are right. A run that does not end
    ``done`` has ``says`` (any of them) in its summary, and ``advises`` in what it tells a person to do. ``came`` says
    whether the fault was met at all; ``again``: the same request is right once it is over. ``own``: it ends parts of
    the cluster, which nobody else may use meanwhile."""

    meets: Meets
    came: Callable[[Trial, Proxy], bool]
    ends: frozenset[str] = GOOD
    says: tuple[str, ...] = ("",)
    advises: str = ""
    again: bool = True
    own: bool = False
    token: bool = False
    prepared: Mapping[str, Any] = field(default_factory=dict)


def told(fate: str, times: int = 1, of: str = "") -> Callable[[Trial, Proxy], bool]:
    """Say whether so many requests with this in them came to this."""
    return lambda trial, proxy: sum(one.endswith(f" {fate}") and of in one for one in proxy.told) >= times


# ── Between DreamNet and the API server ───────────────────────────────────────────────────────────────────


def streams(fate: str, times: int = 6) -> Meets:
    """Streams are cut in the middle of an event, and what is begun anew meets ``fate`` first."""

    def begin(proxy: Proxy) -> None:
        left = [times]

        def rule(method: str, path: str) -> str | None:
            if "watch=1" in path and left[0] > 0:
                left[0] -= 1
                return fate
            return None

        proxy.rule = rule
        proxy.cut_streams()

    return lambda trial, proxy: after_apply(proxy, lambda: begin(proxy))


def cut(trial: Trial, proxy: Proxy) -> AbstractContextManager[None]:
    """Streams are cut in the middle of an event, three times."""

    def again() -> None:
        for _ in range(3):
            proxy.cut_streams()
            time.sleep(0.4)

    return after_apply(proxy, again)


def away(seconds: float, fate: str) -> Meets:
    """The API server answers nothing (``drop``), or always this, for so long."""

    def run(proxy: Proxy) -> None:
        proxy.rule = lambda method, path: fate
        proxy.cut_streams()
        time.sleep(seconds)
        proxy.rule = lambda method, path: None

    return lambda trial, proxy: after_apply(proxy, lambda: run(proxy))


@contextmanager
def at_first(trial: Trial, proxy: Proxy) -> Iterator[None]:
    """DreamNet is started while the API server refuses everything, as for three seconds after its own start."""
    proxy.rule = lambda method, path: "403"

    def read() -> None:
        proxy.rule = lambda method, path: None

    timer = threading.Timer(3.0, read)
    timer.start()
    try:
        yield
    finally:
        timer.join()


def lost_answers(trial: Trial, proxy: Proxy) -> AbstractContextManager[Any]:
    """The workload's apply takes effect, and its answer is lost."""
    left = [1]

    def rule(method: str, path: str) -> str | None:
        if method == "PATCH" and "/deployments/web?" in path and "dryRun" not in path and left[0]:
            left[0] -= 1
            return "lost"
        return None

    proxy.rule = rule
    return nullcontext()


def conflicts(trial: Trial, proxy: Proxy) -> AbstractContextManager[Any]:
    """The first four writes of each object are too late by a moment: 409."""
    left: dict[str, int] = {}

    def rule(method: str, path: str) -> str | None:
        if method != "PATCH":
            return None
        left[path] = left.get(path, 4) - 1
        return "409" if left[path] >= 0 else None

    proxy.rule = rule
    return nullcontext()


def expired(trial: Trial, proxy: Proxy) -> AbstractContextManager[None]:
    """The token is taken no longer."""

    def refuse() -> None:
        proxy.rule = lambda method, path: "401"
        proxy.cut_streams()

    return after_apply(proxy, refuse)


# ── The list ──────────────────────────────────────────────────────────────────────────────────────────────

FAULTS: dict[str, Fault] = {
    "watch cut mid-JSON": Fault(meets=cut, came=lambda trial, proxy: proxy.cut >= 1),
    "410 on watches": Fault(meets=streams("410"), came=told("410")),
    "410 in a stream": Fault(meets=streams("gone"), came=told("gone")),
    "504 on watches": Fault(meets=streams("504"), came=told("504")),
    "no answer for 3 s": Fault(
        meets=away(3.0, "drop"), came=told("drop"), ends=frozenset({"done", "deferred"}),
        says=("cannot be reached",), advises="That is no fault of the service.",
    ),
    "403 for 3 s": Fault(
        meets=away(3.0, "403"), came=told("403"), ends=frozenset({"done", "deferred"}),
        says=("no longer allows",), advises="That is no fault of the service.",
    ),
    "403 for 3 s at first": Fault(meets=at_first, came=told("403")),
    "answer lost": Fault(
        meets=lost_answers, came=told("lost"), ends=frozenset({"deferred"}), says=("cannot be reached",),
        advises="That is no fault of the service.",
    ),
    "409 on every write": Fault(meets=conflicts, came=told("409", 8)),
    "409 storm": Fault(meets=troubles.storm, came=told("409", of="deployments/web")),
    "token expired": Fault(
        meets=expired, came=told("401"), ends=frozenset({"refused"}), token=True,
        says=("does not take our credentials",), advises="Look at the kubeconfig's user",
    ),
    "evictions and a PDB": Fault(
        meets=lambda trial, proxy: after_apply(proxy, lambda: troubles.evictions(trial)),
        came=troubles.evicted,
    ),
    "an HPA that fights": Fault(
        meets=troubles.autoscaler, came=troubles.scaled,
    ),
    "paused": Fault(
        meets=troubles.paused, came=troubles.always,
        ends=frozenset({"deferred"}), says=("is paused; to let it go on: kubectl rollout resume deployment/web",),
        advises="nothing is taken back", prepared={"ready-within": "5s"},
    ),
    "immutable selector": Fault(
        meets=troubles.selector, came=told("422"), ends=frozenset({"failed"}),
        says=("field is immutable",), advises="Put it back as it was",
    ),
    "namespace deleted": Fault(
        meets=troubles.deleted, again=False,
        came=troubles.always,
        ends=frozenset({"failed", "deferred", "refused"}),
        says=("is being deleted", "is gone", "does not take our credentials", "does not allow this"),
    ),
    "namespace terminating": Fault(
        meets=troubles.terminating, came=told("403"), again=False,
        ends=frozenset({"failed"}), says=("is being deleted",), advises="Make the namespace anew",
    ),
    "API server killed": Fault(
        meets=lambda trial, proxy: after_apply(proxy, lambda: troubles.restarted(trial, "kube-apiserver")),
        came=troubles.always, ends=frozenset({"done", "deferred"}), says=("cannot be reached",),
        advises="That is no fault of the service.", own=True,
    ),
    "node gone": Fault(
        meets=troubles.gone, came=troubles.always,
        ends=frozenset({"deferred"}), says=("the node",), advises="nothing is taken back", own=True,
        prepared={"ready-within": "5s"},
    ),
    "node not ready": Fault(
        meets=troubles.unheard, came=troubles.always,
        ends=frozenset({"deferred"}), says=("node",), advises="nothing is taken back", own=True,
        prepared={"ready-within": "5s"},
    ),
    "node cordoned": Fault(
        meets=troubles.cordoned, came=troubles.always,
        ends=frozenset({"deferred"}), says=("node",), advises="nothing is taken back", own=True,
        prepared={"ready-within": "5s"},
    ),
}  # fmt: skip
