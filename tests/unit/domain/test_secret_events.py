"""Events of Secret Manager: what they say, and which entries they are about."""

from __future__ import annotations

from typing import Any

import pytest

from dreamnet_actions.adapters.gcp.options import SecretManagerOptions, SecretManagerSourceOptions
from dreamnet_actions.domain.secretevents import SecretEvent, read, seen_versions, told_version
from dreamnet_actions.domain.spec.env import Chosen, EnvEntry, Find

SECRET = "projects/123456789012/secrets/db"


def entry(kind: str = "gcp-secret-manager", source: Any = None, **more: Any) -> EnvEntry:
    options = SecretManagerOptions(**({"project": "shop-4711"} | (source or {})))
    chosen = Chosen(kind, SecretManagerSourceOptions(gcp_secret_manager=options))
    return EnvEntry(from_=chosen, to=(Chosen("dotenv", None),), **more)


ENTRIES = {
    "by-key": entry(keys={"A": "db"}),
    "by-version": entry(keys={"A": "db@3"}),
    "by-part": entry(keys={"A": "db@live#user.name"}),
    "extracted": entry(extract=("db",)),
    "found": entry(find=Find(name="^d")),
    "by-label": entry(find=Find(labels={"app": "shop"})),
    "all": entry(source={"filter": "name:d"}),
    "other-key": entry(keys={"A": "dbx", "B": "d"}),
    "found-not": entry(find=Find(name="^x")),
    "regional": entry(source={"location": "europe-west1"}, keys={"A": "db"}),
    "of-a-file": entry("dotenv", keys={"A": "db"}),
    "elsewhere": entry(source={"project": "other-4711"}, keys={"A": "db"}),
}
HERE = ["by-key", "by-version", "by-part", "extracted", "found", "by-label", "all"]


@pytest.mark.parametrize(
    ("secret", "entries"),
    [
        (SECRET, [*HERE, "elsewhere"]),  # whose number it is, nobody can tell
        ("projects/shop-4711/secrets/db", HERE),
        ("projects/other-4711/secrets/db", ["elsewhere"]),
        ("projects/123456789012/locations/europe-west1/secrets/db", ["regional"]),
        ("projects/123456789012/locations/europe-west4/secrets/db", []),
        ("projects/123456789012/secrets/nobody", ["by-label", "all"]),
    ],
)
def test_an_event_is_about_the_entries_that_may_read_the_secret(secret: str, entries: list[str]) -> None:
    found = read({"eventType": "SECRET_UPDATE", "secretId": secret})
    assert isinstance(found, SecretEvent)
    assert found.about(ENTRIES) == entries


@pytest.mark.parametrize(
    ("kind", "changed"),
    [
        ("SECRET_VERSION_ADD", f"{SECRET}/versions/7"),
        ("SECRET_VERSION_ENABLE", f"{SECRET}/versions/7"),
        ("SECRET_VERSION_DISABLE", SECRET),
        ("SECRET_VERSION_DESTROY", SECRET),
    ],
)
def test_only_a_version_that_can_be_read_is_waited_for(kind: str, changed: str) -> None:
    told = {"eventType": kind, "secretId": SECRET, "versionId": "projects/shop-4711/secrets/db/versions/7"}
    found = read(told)
    assert isinstance(found, SecretEvent)
    assert found.changed == changed
    assert told_version(changed) == (("db", 7) if changed != SECRET else None)


def test_versions_are_seen_in_a_syncs_findings() -> None:
    labels = {"db": "7", "A": "db@9#user", "B": "db@8~base64", "C": "other@2", "D": "t:3fa9c1d2", "E": None}
    labels |= {"F": "3fa9c1d2", "G": "a@x", "H": "12"}
    findings = [{"keys": [{"name": name, "to": label} for name, label in labels.items()]}, {"plan": "x"}]
    assert seen_versions(findings) == {"db": 9, "other": 2, "H": 12}
