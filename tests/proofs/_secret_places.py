"""Where a value comes from and where it goes to, on other machines: Secret Manager by Google's own client, Secret and
ConfigMap of a real cluster, Actions secrets (sealed, and opened by the stand-in for GitHub) and variables."""

from __future__ import annotations

import base64
import itertools
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dreamnet_actions.adapters.gcp.options import SecretManagerOptions, SecretManagerSourceOptions
from dreamnet_actions.adapters.gcp.secrets import SecretManagerSource
from dreamnet_actions.adapters.github.secretsink import GitHubSecretsSink
from dreamnet_actions.adapters.github.shelf import What
from dreamnet_actions.adapters.github.variablesink import GitHubVariablesSink
from dreamnet_actions.adapters.kubernetes.platform import KubernetesPlatform
from dreamnet_actions.adapters.kubernetes.secrets import KubernetesConfigMapSink, KubernetesSecretSink
from dreamnet_actions.adapters.system.clock import SystemClock
from dreamnet_actions.bootstrap.assembly import JournalKeep
from dreamnet_actions.domain.secret import SecretValue
from dreamnet_actions.domain.spec.models import Config
from dreamnet_actions.ports.secrets import SecretSink, SecretSource
from dreamnet_actions.ports.site import Site
from dreamnet_actions.ports.stores import Journal
from dreamnet_actions.testing.github.standin import StandIn
from dreamnet_actions.testing.google.secretmanager.refusals import Refusal
from dreamnet_actions.testing.google.standin import GoogleStandIn
from dreamnet_actions.testing.memory.clock import VirtualClock
from tests.cluster.client import Cluster
from tests.github.conftest import OPENAPI
from tests.github.test_setting_sinks import Bed
from tests.kubernetes.stage import staged
from tests.proofs._secret_ends import KEY, NAME, CannotHold, Ends, Place, Sink, Source

MINUTE = 60.0
"""Seconds between two runs at GitHub, by its own clock: its limits are those of an hour."""


@dataclass(frozen=True, kw_only=True)
class Elsewhere(Ends):
    """The ends on other machines. ``wrong`` is what is found at the end of all runs."""

    wrong: list[str] = field(default_factory=list)


@contextmanager
def elsewhere(folder: Path, cluster: Cluster | None) -> Iterator[Elsewhere]:
    """Have these ends for the block; those of Kubernetes only with a cluster."""
    wrong: list[str] = []
    with ExitStack() as stack:
        sources = {"Secret Manager": stack.enter_context(secret_manager(folder))}
        sinks = stack.enter_context(actions(folder, wrong))
        if cluster:
            sinks |= stack.enter_context(kubernetes(folder, cluster))
        silent = [one for one in sinks if one.startswith("Actions secret")]
        yield Elsewhere(sources=sources, sinks=sinks, silent=silent, wrong=wrong)


@contextmanager
def secret_manager(folder: Path) -> Iterator[Source]:
    """Have a Secret Manager that holds one secret at a time, asked by the official client over gRPC."""
    (folder / "google").mkdir()
    clock = VirtualClock()  # so that a minute's quota is no wait
    google = GoogleStandIn(folder / "google", lambda: time.time() + clock.monotonic())
    project = google.world.project
    reader = f"reader@{project}.iam.gserviceaccount.com"
    key = google.key_of(reader)
    for role in ("viewer", "secretAccessor"):
        google.secrets.grant(f"serviceAccount:{reader}", role)
    site = Site(
        root=folder, state=folder, environ=google.environment(), clock=clock, config=Config(version=1),
        hash_key=lambda: KEY,
    )  # fmt: skip
    options = SecretManagerOptions(project=project, credentials=str(key))
    source = SecretManagerSource.at(SecretManagerSourceOptions(gcp_secret_manager=options), site)
    whole = f"projects/{project}/secrets/{NAME}"

    def make(_: Path, value: SecretValue) -> SecretSource:
        if google.secrets.store.holds(whole):
            google.secrets.store.delete(whole, "")
        try:
            google.secrets.put(NAME, value.raw())
        except Refusal as refusal:
            raise CannotHold(refusal.message) from None
        return source

    try:
        yield make
    finally:
        source.close()
        google.close()


@contextmanager
def kubernetes(folder: Path, cluster: Cluster) -> Iterator[dict[str, Sink]]:
    """Have a namespace in which each value gets a Secret, or a ConfigMap, of its own."""
    (folder / "cluster").mkdir()
    numbers = itertools.count(1)
    with cluster.namespace() as namespace, staged(cluster, namespace, folder / "cluster") as stage:
        platform = stage.platform()

        def of(made: type[KubernetesSecretSink | KubernetesConfigMapSink]) -> Sink:
            def make(_: Path, __: Journal) -> Place:
                name = f"value-{next(numbers)}"
                return Place(
                    sink=made(name, platform, SystemClock()),
                    read=lambda: _raw(_object(platform, made.kind, name)),
                    shown=lambda: json.dumps((_object(platform, made.kind, name) or {}).get("metadata")),
                )

            return make

        yield {"Secret": of(KubernetesSecretSink), "ConfigMap": of(KubernetesConfigMapSink)}


def _object(platform: KubernetesPlatform, kind: str, name: str) -> dict[str, Any] | None:
    return platform.space.api.get("v1", kind, name)


def _raw(found: dict[str, Any] | None) -> bytes | None:
    text = ((found or {}).get("data") or {}).get(NAME)
    if text is not None and found and found["kind"] == "ConfigMap":
        return str(text).encode()
    coded = text if text is not None else ((found or {}).get("binaryData") or {}).get(NAME)
    return None if coded is None else base64.b64decode(coded, validate=True)


@contextmanager
def actions(folder: Path, wrong: list[str]) -> Iterator[dict[str, Sink]]:
    """Have secrets and variables of a repository and of an environment, empty for each value. What GitHub's
    description does not allow is ``wrong``."""
    clock = VirtualClock()
    with StandIn(clock=clock, root=folder / "github", check=OPENAPI) as github:
        github.create_repository("octo/shop", files={"README.md": "# shop\n"})

        def of(what: What, environment: str | None) -> Sink:
            bed = Bed(github, clock, what, environment)

            def make(root: Path, journal: Journal) -> Place:
                clock.advance(MINUTE)
                bed.records.clear()
                keep = JournalKeep(journal, lambda: None)
                sink: SecretSink = GitHubSecretsSink(bed.at, keep)
                if what == "variables":
                    sink = GitHubVariablesSink(bed.at, keep, root / "state" / "sinks", hash_key=lambda: KEY)
                return Place(
                    sink=sink,
                    read=lambda: bed.held()[NAME].encode() if NAME in bed.held() else None,
                    # A variable is there to be read.
                    shown=lambda: json.dumps(bed.hand.listed()) if what == "secrets" else "",
                )

            return make

        yield {
            "Actions secret": of("secrets", None),
            "Actions secret of an environment": of("secrets", "production"),
            "Actions variable": of("variables", None),
            "Actions variable of an environment": of("variables", "production"),
        }
        wrong += [f"GitHub's description does not allow {one}" for one in github.violations]
