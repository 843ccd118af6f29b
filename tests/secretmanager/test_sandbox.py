"""The sandbox's Secret Manager: seeded from the configuration and a file, found by steps, changed on a page."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from pathlib import Path

import httpx2
import pytest

from dreamnet_actions.bootstrap.sandbox import make_sandbox
from dreamnet_actions.bootstrap.sandbox_google import MADE_UP, made_up, wishes
from dreamnet_actions.domain.secret import SecretValue, Versioned
from dreamnet_actions.domain.spec.env import Chosen, EnvEntry
from dreamnet_actions.domain.spec.validation import Form, Rule
from dreamnet_actions.domain.validation import troubles
from dreamnet_actions.errors import RequestInvalid
from dreamnet_actions.errors.configuration import ConfigInvalid

CONFIG = """
version: 1
services: {web: {platform: local, command: [sleep, "100"]}}
platforms: {local: {process: {}}}
env:
  web:
    from: {gcp-secret-manager: {project: my-shop-1, service-account: reader@my-shop-1.iam.gserviceaccount.com}}
    to: [{process: web}]
    keys: {DATABASE_URL: db-url, MAX_ITEMS: max-items@latest}
    rules: {MAX_ITEMS: integer, DATABASE_URL: url}
"""
STEP = """
on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - run: env | grep -E '^(CLOUDSDK|GCE|SSL_CERT)' | sort
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    (folder / ".github/workflows").mkdir(parents=True)
    (folder / ".github/workflows/step.yml").write_text(STEP)
    (folder / "dreamnet.yml").write_text(CONFIG)
    for arguments in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "first"]):
        subprocess.run(
            ["git", "-c", "user.name=m", "-c", "user.email=m@example.com", "-C", folder, *arguments],
            check=True,
        )
    return folder


def test_what_is_wanted_is_read_off_configuration_and_file(repository: Path, tmp_path: Path) -> None:
    said: list[str] = []
    found = wishes(repository, None, said.append)
    assert found is not None
    assert {one.name: one.value for one in found.secrets} == {
        "db-url": "https://example.com/made-up",
        "max-items": "1",
    }
    assert found.projects == ("my-shop-1",)
    assert found.accounts == {"reader@my-shop-1.iam.gserviceaccount.com"}
    assert said == ["Made up the values of db-url, max-items; --gcp-secrets FILE gives them others."]
    file = tmp_path / "secrets.env"
    file.write_text("db-url=postgres://shop\nextra=x\n")
    given = wishes(repository, file, lambda _: None)
    assert given is not None
    assert {one.name: one.value for one in given.secrets} == {
        "db-url": "postgres://shop",
        "max-items": "1",
        "extra": "x",
    }
    assert "postgres" not in repr(given)
    file.write_text("a\n")
    with pytest.raises(ConfigInvalid):
        wishes(repository, file, lambda _: None)
    file.write_text("a=\n")
    with pytest.raises(RequestInvalid, match="no empty values"):
        wishes(repository, file, lambda _: None)
    (repository / "dreamnet.yml").write_text("version: 1\n")
    assert wishes(repository, None, lambda _: None) is None


@pytest.mark.parametrize("form", sorted(MADE_UP))
def test_what_is_made_up_is_valid(form: Form) -> None:
    low, high = (2000.0, 3000.0) if form in ("integer", "number", "port") else (None, None)
    rules = {
        "KEY": Rule(type_=form, min=low, max=high),
        "LONG": Rule(min_length=30),
        "ONE": Rule(allowed=("b", "c")),
    }
    place = Chosen("memory", None)
    spec = EnvEntry(from_=place, to=(place,), keys={name: name.lower() for name in rules}, rules=rules)
    made = {
        name.upper(): Versioned(value=SecretValue(one), version="1") for name, one in made_up(spec).items()
    }
    assert troubles(spec, made, set(made), 0.0) == []


@pytest.mark.slow
def test_steps_find_it_and_its_page_gives_it_new_versions(repository: Path) -> None:
    path = os.environ.get("PATH", "/usr/bin:/bin")
    with make_sandbox(repository, path=path, say=lambda _: None) as running:
        assert running.google is not None
        running.start("push", None, {})
        (run,) = running.finish(threading.Event(), 60.0)
        assert f"OVERRIDES_SECRETMANAGER={running.google.address}" in run.log
        assert "GCE_METADATA_HOST=127.0.0.1:" in run.log
        assert "SSL_CERT_FILE" not in run.log
        where = running.github.server_url + "/secret-manager"
        shown = httpx2.get(where).text
        assert '"/secret-manager"' in httpx2.get(running.github.server_url).text
        assert "my-shop-1/db-url" in shown
        assert "made-up" not in shown
        secret = re.search(r'name=secret value="([^"]+)"', shown)
        assert secret is not None
        name = next(one.name for _, one in running.google.secrets() if one.id == "db-url")
        form = {"secret": secret[1], "name": name}
        assert httpx2.post(where, data=form | {"value": "https://new"}).status_code == 303
        assert httpx2.post(where, data=form | {"state": "DISABLED"}).status_code == 303
        assert "2, disabled" in httpx2.get(where).text
        assert httpx2.post(where, data=form | {"value": ""}).status_code == 422
        assert httpx2.post(where, data={"name": name, "value": "x"}).status_code == 403
        with_value = running.google.server.store.version(f"{name}/versions/2")[1]
        assert with_value.data == b"https://new"
