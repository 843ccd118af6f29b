"""A hosted service whose values EnvKeeper keeps in a Secret: where they come from, the request, what its pods have."""

from __future__ import annotations

import base64
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from dreamnet_actions.adapters.kubernetes.secrets import KubernetesSecretSink
from dreamnet_actions.adapters.system.clock import SystemClock
from dreamnet_actions.testing.contracts.secrets import versioned
from dreamnet_actions.testing.github.actions.runs import Run
from dreamnet_actions.testing.google.seeded import SeededGoogle, Wishes
from tests.cluster.client import Cluster
from tests.kubernetes.hosted import Hosted, Values
from tests.kubernetes.stage import Stage

PROJECT = "my-shop-1"


@dataclass
class Vault:
    """The source: Secret Manager, as Google's own client asks it from within a workflow's step. Names that are given
    no value are deleted there."""

    google: SeededGoogle
    held: dict[str, str] = field(default_factory=dict)
    name: str = "gcp-secret-manager"
    """What the request calls it."""

    def values(self, **options: tuple[str, ...]) -> Values:
        """Answer what the configuration says of it, and what leads a step there."""
        source = {self.name: {"project": PROJECT}}
        return Values(source=source, environment=self.google.environment(), **options)

    def put(self, **values: str | None) -> None:
        """Set values; None takes one away."""
        for name, value in values.items():
            if value is None:
                self.google.server.store.delete(f"projects/{PROJECT}/secrets/{name}", "")
            elif self.held.get(name) != value:
                self.google.server.put(name, value, project=PROJECT)
        self.held = {name: one for name, one in {**self.held, **values}.items() if one is not None}


@contextmanager
def secret_manager(folder: Path) -> Iterator[Vault]:
    """Have a Secret Manager for the block."""
    google = SeededGoogle(folder / "google", time.time, Wishes(projects=(PROJECT,)))
    try:
        yield Vault(google)
    finally:
        google.close()


@dataclass
class Synced:
    """The service and its vault."""

    shop: Hosted
    vault: Vault

    def seed(self, cluster: Cluster) -> None:
        """Write the values of now once, as a person does from their own machine."""
        stage = Stage(cluster=cluster, namespace=self.shop.namespace, root=Path())
        try:
            sink = KubernetesSecretSink("shop", stage.platform(), SystemClock())
            sink.write(versioned(self.vault.held))
        finally:
            for one in stage.platforms:
                one.close()

    def sync(self) -> Run:
        """Send the mission's request, and wait for all that follows; answers the run that synced."""
        return self.shop.ask(agent="envkeeper", input={"action": "sync", "source": self.vault.name})

    def all_of(self, do: Callable[[], object]) -> list[Run]:
        """Do something, and answer all runs that came of it."""
        known = len(self.shop.story.runs())
        do()
        return self.shop.story.runs()[known:]

    def served(self, name: str) -> set[str]:
        """Answer what the pods have as the value of a variable."""
        found = set()
        for address in self.shop.pods().values():
            with urllib.request.urlopen(f"http://{address}:8080/env/{name}", timeout=10) as answer:
                found.add(answer.read().decode())
        return found

    def held(self) -> dict[str, str]:
        """Answer what the Secret holds."""
        found = self.shop.cluster.get("secret", "shop", namespace=self.shop.namespace)
        return {name: base64.b64decode(one).decode() for name, one in (found.get("data") or {}).items()}
