"""The demo's story: what is done to the system, step by step, and what must be seen before a step counts as proved.

A step does what a bad day does (a signal, an edit, a load, a commit) and then only watches. Each may be cut off
anywhere and taken up again: what it is about is stored first, and doing it twice is doing it once.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dreamnet_actions.bootstrap import System
from dreamnet_actions.domain.dream import Dream
from dreamnet_actions.domain.release import ServiceState
from dreamnet_actions.domain.units import format_duration
from dreamnet_actions.entrances.demo.client import Client, Counts
from dreamnet_actions.entrances.demo.workspace import Workspace

Data = dict[str, Any]
CALM, CROWD = 25.0, 130.0
"""Requests a second of the ordinary client, and with the crowd."""
HOLD = 4.0
"""Seconds for which the number of replicas must stay as it is under steady load."""
CANARY_SHARE = 0.1
"""The first canary step of the demo's configuration: no more of the client's requests may fail."""


@dataclass
class Stage:
    """What a step plays on. ``run`` names this story in ids and commits."""

    system: System
    space: Workspace
    client: Client
    run: str

    def state(self, service: str) -> ServiceState | None:
        """Answer the platform's view of a service."""
        return self.system.platforms["local"].observe().services.get(service)

    def pid(self, service: str) -> int:
        """Answer the process id of the first replica, 0 where there is none."""
        state = self.state(service)
        return next((one.pid for one in (state.stable.replicas if state else ()) if one.pid), 0)

    def wait_for_pid(self, service: str) -> int:
        """Answer the first replica's process id as soon as there is one, 0 after 10 s."""
        deadline = time.monotonic() + 10
        while not (pid := self.pid(service)) and time.monotonic() < deadline:
            self.system.clock.sleep(0.1)
        return pid

    def calm(self) -> bool:
        """Say whether every service is ready, in its place, and without an open dream."""
        states = [self.state(name) for name in self.space.ports]
        ready = all(state is not None and state.stable.settled and state.canary is None for state in states)
        return ready and all(one.ended for one in self.system.dreams.search(limit=50))

    def answers(self, service: str, path: str) -> bool:
        """Say whether the service's address answers 200."""
        try:
            with urllib.request.urlopen(self.space.url(service, path), timeout=1.5) as answer:
                return bool(answer.status == 200)
        except (OSError, ValueError):
            return False

    def healed(self, service: str, since: float, remedy: str) -> Dream | None:
        """Answer the dream that was opened on a service after ``since``, healed by ``remedy`` and resolved."""
        dream = self.system.dreams.find(f"local/{service}")
        if dream is None or dream.opened_at < since or dream.state != "resolved" or dream.remedy != remedy:
            return None
        return dream

    def facts(self, since: float, *kinds: str) -> list[Any]:
        """Answer the journal's facts of these kinds after ``since``."""
        return list(self.system.journal.read(kinds=set(kinds), since=since))


@dataclass(frozen=True)
class Step:
    """One thing that happens. ``prepare`` says what it is about (stored first), ``do`` does it (again, if need be),
    ``proof`` answers the sentence that proves it, or None while it is not seen yet. ``limit`` is in seconds."""

    name: str
    scenario: str
    title: str
    expects: str
    limit: float
    do: Callable[[Stage, Data], None]
    proof: Callable[[Stage, Data], str | None]
    prepare: Callable[[Stage], Data] = lambda _: {}


# ── auto-healing ─────────────────────────────────────────────────────────────────────────────────────────


def _victim(service: str) -> Callable[[Stage], Data]:
    return lambda stage: {"pid": stage.pid(service)}


def _signal(service: str, number: signal.Signals) -> Callable[[Stage, Data], None]:
    def send(stage: Stage, data: Data) -> None:
        pid = stage.wait_for_pid(service)
        dream = stage.system.dreams.find(f"local/{service}")
        unseen = dream is None or dream.opened_at < data["at"]
        if unseen:
            data["pid"] = (
                pid  # the one that was meant may have gone with a run that was cut off: then its successor
            )
        if data["pid"] and data["pid"] == pid:  # never somebody else's process
            os.kill(pid, number)

    return send


def _healed(service: str, remedy: str, path: str = "/healthz") -> Callable[[Stage, Data], str | None]:
    def seen(stage: Stage, data: Data) -> str | None:
        dream = stage.healed(service, data["at"], remedy)
        if dream is None or not stage.answers(service, path):
            return None
        took = format_duration((dream.resolved_at or 0.0) - data["at"])
        return f"dream {dream.number} ({dream.cause}): {remedy}, proved {took} after the fault"

    return seen


def _spoil(stage: Stage, _: Data) -> None:
    # Another one each time: a value that was put back once is held, and never written again.
    stage.space.write_currency(f"EURO-{stage.run}")
    request = {"action": "publish", "event": "secret-changed", "from": "demo", "data": {"entry": "shop"}}
    stage.system.pipe.submit({"agent": "relaybot", "input": request}, id=f"{stage.run}-bad-config")


def _restored(stage: Stage, data: Data) -> str | None:
    proof = _healed("shop", "restore-config")(stage, data)
    if proof is not None:
        stage.space.write_currency("EUR")
    return proof


# ── auto-scaling ─────────────────────────────────────────────────────────────────────────────────────────


def _crowd(rate: float) -> Callable[[Stage, Data], None]:
    def come(stage: Stage, _: Data) -> None:
        stage.client.rate = rate

    return come


def _scaled_up(stage: Stage, data: Data) -> str | None:
    state = stage.state("shop")
    if state is None or state.stable.desired < 3 or state.stable.ready < state.stable.desired:
        return None
    took = format_duration(stage.system.clock.now() - data["at"])
    return f"1 → {state.stable.ready} replicas, all ready, {took} after the crowd came"


def _held(stage: Stage, data: Data) -> str | None:
    scaled = stage.facts(data["at"], "scaled")
    since = scaled[-1].at if scaled else data["at"]
    if stage.system.clock.now() - since < HOLD:
        return None
    state = stage.state("shop")
    return f"{state.stable.ready if state else 0} replicas, the same for {HOLD:g} s under steady load"


def _scaled_down(stage: Stage, data: Data) -> str | None:
    state = stage.state("shop")
    if state is None or state.stable.desired != 1 or not state.stable.settled:
        return None
    took = format_duration(stage.system.clock.now() - data["at"])
    return f"back to 1 replica {took} after the crowd went"


# ── auto-deployment ──────────────────────────────────────────────────────────────────────────────────────


def _push(subject: str, *, bug: bool) -> Callable[[Stage, Data], None]:
    def push(stage: Stage, data: Data) -> None:
        revision = stage.space.commit(f"{subject} ({stage.run})", bug=bug)
        data["revision"] = revision
        counts = stage.client.counts()
        data.setdefault("requests", counts.requests)
        data.setdefault("errors", counts.errors)
        _announce(stage, revision, f"{stage.run}-{revision[:12]}")

    return push


def _announce(stage: Stage, revision: str, delivery: str) -> None:
    """Send what GitHub would: a push event, signed with the webhook's secret (HMAC-SHA-256 over the body).

    https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
    """
    event = {
        "ref": "refs/heads/main",
        "before": stage.space.git("rev-parse", f"{revision}^"),
        "after": revision,
        "repository": {"full_name": "demo/shop", "default_branch": "main"},
        "head_commit": {"id": revision, "message": stage.space.git("log", "-1", "--format=%s", revision)},
        "sender": {"login": "demo"},
    }
    body = json.dumps(event).encode()
    signature = hmac.new(stage.space.secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": delivery,
        "X-Hub-Signature-256": f"sha256={signature}",
    }
    request = urllib.request.Request(
        stage.space.url("gateway", "/webhooks/github"), body, headers, method="POST"
    )
    deadline = time.monotonic() + 20
    while True:
        try:
            urllib.request.urlopen(request, timeout=10).read()
            return
        except urllib.error.HTTPError as error:
            if error.status != 503 or time.monotonic() > deadline:
                answer = f"{error.status} {error.read()[:300]!r}"
                raise RuntimeError(f"the gateway refused the webhook: {answer}") from error
        except OSError as error:
            if time.monotonic() > deadline:
                raise RuntimeError(f"the gateway does not answer: {error}") from error
        stage.system.clock.sleep(0.2)  # the gateway is on its way: deliver again, as a person would on GitHub


def _verdict(stage: Stage, data: Data) -> str | None:
    version = f"git:{data.get('revision')}"
    ended = [one for one in stage.facts(data["at"], "release-ended") if one.data.get("version") == version]
    return str(ended[-1].data["verdict"]) if ended else None


def _client_saw(stage: Stage, data: Data) -> Counts:
    before = Counts(data.get("requests", 0), data.get("errors", 0))
    now = stage.client.counts()
    return now.since(before) if now.requests >= before.requests else now


def _deployed(stage: Stage, data: Data) -> str | None:
    state = stage.state("shop")
    if _verdict(stage, data) != "deployed" or state is None or not state.stable.settled or state.canary:
        return None
    if state.stable.release.revision != data["revision"]:
        return None
    saw = _client_saw(stage, data)
    return f"{data['revision'][:7]} deployed and verified; clients: {saw.errors} errors in {saw.requests} requests"


def _taken_back(stage: Stage, data: Data) -> str | None:
    state = stage.state("shop")
    if _verdict(stage, data) != "rolled-back" or state is None or not state.stable.settled or state.canary:
        return None
    saw = _client_saw(stage, data)
    allowed = math.ceil(saw.requests * CANARY_SHARE)  # a request is whole
    if saw.errors > allowed:
        raise RuntimeError(
            f"the client saw {saw.errors} errors in {saw.requests} requests: more than the canary's share"
        )
    share = saw.errors / max(saw.requests, 1)
    seen = f"{saw.errors} errors in {saw.requests} requests, {share:.1%}"
    return f"{data['revision'][:7]} taken back, {state.stable.release.short} serves; clients: {seen}"


STEPS: tuple[Step, ...] = (
    Step(
        name="killed",
        scenario="auto-healing",
        title="The stock is killed (SIGKILL)",
        expects="DreamKeeper notices, files a dream, asks for a restart, and proves it",
        limit=20,
        prepare=_victim("stock"),
        do=_signal("stock", signal.SIGKILL),
        proof=_healed("stock", "restart"),
    ),
    Step(
        name="frozen",
        scenario="auto-healing",
        title="The stock is frozen (SIGSTOP): it connects, and never answers",
        expects="the same dream is reopened; a fresh replica takes over, the frozen one is ended",
        limit=25,
        prepare=_victim("stock"),
        do=_signal("stock", signal.SIGSTOP),
        proof=_healed("stock", "restart"),
    ),
    Step(
        name="bad-config",
        scenario="auto-healing",
        title="A wrong CURRENCY is synced into the shop's values",
        expects="DreamKeeper suspects the change: the former values come back, no blind restart",
        limit=30,
        do=_spoil,
        proof=_restored,
    ),
    Step(
        name="scale-up",
        scenario="auto-scaling",
        title="A crowd comes: 130 requests/s, the target is 40 a replica",
        expects="DreamKeeper asks for more replicas, DeployKeeper starts them",
        limit=25,
        do=_crowd(CROWD),
        proof=_scaled_up,
    ),
    Step(
        name="hold",
        scenario="auto-scaling",
        title="The crowd stays",
        expects="the number of replicas holds still",
        limit=25,
        do=_crowd(CROWD),
        proof=_held,
    ),
    Step(
        name="scale-down",
        scenario="auto-scaling",
        title="The crowd goes",
        expects="after the window of 5 s the replicas go too",
        limit=30,
        do=_crowd(CALM),
        proof=_scaled_down,
    ),
    Step(
        name="good-release",
        scenario="auto-deployment",
        title="A commit is pushed, told by a signed webhook",
        expects="build, canary at 10% and 50%, promotion, verification",
        limit=45,
        do=_push("feat: a new version", bug=False),
        proof=_deployed,
    ),
    Step(
        name="bad-release",
        scenario="auto-deployment",
        title="A commit with a bug is pushed",
        expects="the canary's errors are enough evidence: it is taken back, and the version is held",
        limit=35,
        do=_push("feat: a faster till", bug=True),
        proof=_taken_back,
    ),
    Step(
        name="gateway-killed",
        scenario="dreamnet-manages-dreamnet",
        title="DreamNet's own gateway is killed",
        expects="to DreamNet, it is one of the services",
        limit=25,
        prepare=_victim("gateway"),
        do=_signal("gateway", signal.SIGKILL),
        proof=_healed("gateway", "restart"),
    ),
)
"""The whole story, in order."""
