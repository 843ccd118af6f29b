"""Syncs from Secret Manager by an account that has the two documented roles, less one of their permissions."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from dreamnet_actions.bootstrap import Options, assemble
from dreamnet_actions.domain.result import AgentResult
from dreamnet_actions.testing.google.secretmanager import rights
from dreamnet_actions.testing.google.standin import GoogleStandIn

VIEWER, ACCESSOR = "roles/secretmanager.viewer", "roles/secretmanager.secretAccessor"
"""The roles that docs/secret-manager.md has people give."""
NAMES = ("a", "b", "c")
WITH = frozenset({"secrets.get", "secrets.getIamPolicy"})
"""What comes with ``viewer`` and is not used: Google has no smaller role that has the rest."""


@dataclass(kw_only=True)
class Shop:
    """A project with three secrets, and an entry over them, in one of three ways."""

    root: Path
    google: GoogleStandIn
    project: str
    key: Path

    def configure(self, way: str) -> None:
        """``keys``: each secret is named. ``whole``: they are listed. ``former``: the newest version of one cannot be
        read, and the one before it will do."""
        source = {"project": self.project, "credentials": str(self.key)}
        entry: dict[str, object] = {"to": [{"dotenv": "shop.env"}]}
        if way == "former":
            source["disabled"] = "former"
        if way != "whole":
            entry["keys"] = {one.upper(): one for one in NAMES}
        entry["from"] = {"gcp-secret-manager": source}
        (self.root / "dreamnet.yml").write_text(
            yaml.safe_dump({"version": 1, "env": {"shop": entry}}), "utf-8"
        )

    def sync(self) -> AgentResult:
        """Sync, in a system of its own."""
        system = assemble(Options(root=self.root, environ=self.google.environment()))
        try:
            return system.pipe.submit({"agent": "envkeeper", "input": {"action": "sync"}})
        finally:
            system.close()

    @property
    def written(self) -> str:
        """What the sink holds."""
        file = self.root / "shop.env"
        return file.read_text("utf-8") if file.exists() else ""


@contextmanager
def shop_in(folder: Path, way: str) -> Iterator[Shop]:
    """Have the shop; its account has both roles on each of the three secrets, and where they are listed on the
    project."""
    (folder / "google").mkdir(parents=True)
    google = GoogleStandIn(folder / "google", time.time)
    try:
        project = google.world.project
        reader = f"reader@{project}.iam.gserviceaccount.com"
        for name in NAMES:
            google.secrets.put(name, f"value-of-{name}-1")
        for role in ("viewer", "secretAccessor"):
            for name in ("",) if way == "whole" else NAMES:
                google.secrets.grant(f"serviceAccount:{reader}", role, secret=name)
        shop = Shop(root=folder, google=google, project=project, key=google.key_of(reader))
        shop.configure(way)
        yield shop
    finally:
        google.close()


def _change(shop: Shop, way: str) -> None:
    for name in NAMES:
        shop.google.secrets.put(name, f"value-of-{name}-2")
    if way == "former":
        shop.google.secrets.put("b", "value-of-b-3")
        shop.google.secrets.store.turn(f"projects/{shop.project}/secrets/b/versions/3", "DISABLED", "")


@contextmanager
def _without(role: str, permission: str) -> Iterator[None]:
    whole = rights.ROLES[role]
    rights.ROLES[role] = whole - {permission}
    try:
        yield
    finally:
        rights.ROLES[role] = whole


WAYS = ("keys", "whole", "former")


def without_each(folder: Path, tell: Callable[[str], None] = print) -> bool:
    """Take each permission of the two roles away in each way; tell where it is missed. Answers whether each that has
    to be is, nothing is written then, and a rerun with the whole role ends it."""
    held = True
    for role in (ACCESSOR, VIEWER):
        for permission in sorted(rights.ROLES[role]):
            where = []
            for way in WAYS:
                with shop_in(folder / f"{permission}-{way}", way) as shop:
                    wrong = missed(shop, way, role, permission)
                if wrong == "not missed":
                    continue
                where.append(way)
                if wrong:
                    held = False
                    tell(f"NOT HELD {permission}, {way}: {wrong}")
            if bool(where) == (permission in WITH):
                held = False
                tell(f"NOT HELD {permission}: missed in {where}")
            tell(f"{role.rpartition('.')[2]}: secretmanager.{permission}: "
                 f"{'missed where ' + ', '.join(where) if where else 'comes with the role'}")  # fmt: skip
    used = rights.ROLES[VIEWER] - WITH
    smaller = [one for one, given in rights.ROLES.items() if used <= given < rights.ROLES[VIEWER]]
    return held and not smaller


def missed(shop: Shop, way: str, role: str, permission: str) -> str:
    """Sync without a permission of a role; answer what is wrong with what came of it, ``not missed``, or nothing."""
    if (first := shop.sync()).outcome != "done":
        return f"the documented roles are not enough: {first.to_json()}"
    before = shop.written
    _change(shop, way)
    with _without(role, permission):
        result = shop.sync()
    words = json.dumps(result.to_json())
    if result.outcome == "done":
        return "not missed"
    wrong = [] if result.outcome == "refused" else [f"it ended {result.outcome}: {words[:500]}"]
    wrong += [] if shop.written == before else ["something was written"]
    wrong += [] if role in words else [f"the role is not named: {words[:700]}"]
    wrong += ["a value is told"] if "value-of" in words else []
    again = shop.sync()
    if again.outcome != "done" or "value-of-a-2" not in shop.written:
        wrong.append(f"with the whole role: {again.to_json()}")
    return "; ".join(wrong)
