"""The example with Secret Manager, as its page says: the seed's `sync` request under act, by Google's own client over
gRPC, into a running shop."""

from __future__ import annotations

import json
import shutil
import time
import urllib.request
from pathlib import Path

import pytest

from tests.actions.bed import free_port
from tests.actions.newcomer import DREAMNET, Sandbox, page, run

pytestmark = pytest.mark.slow
EXAMPLE = Path(__file__).parents[2] / "examples" / "secret-manager"
SYNC = {"agent": "envkeeper", "input": {"action": "sync", "source": "gcp-secret-manager"}}


def shop(folder: Path, port: int) -> Path:
    repository = folder / "shop"
    shutil.copytree(EXAMPLE, repository)
    config = repository / "dreamnet.yml"
    config.write_text(config.read_text().replace("8440", str(port)))
    run(repository, "git", "init", "-q", "-b", "main", ".")
    run(repository, "git", "remote", "add", "origin", "https://github.com/octo/shop.git")
    run(repository, *DREAMNET, "init", "--yes")
    run(repository, "git", "add", "-A")
    run(repository, "git", "-c", "user.name=o", "-c", "user.email=o@example.com", "commit", "-qm", "my shop")
    return repository


def press(sandbox: Sandbox, request: dict[str, object]) -> None:
    """Press the button of EnvKeeper's workflow with a whole request."""
    said = dict(line.split(maxsplit=1) for line in sandbox.lines[1:4])
    asked = urllib.request.Request(
        f"{said['API']}/repos/octo/shop/actions/workflows/dreamnet-env.yml/dispatches",
        data=json.dumps({"ref": "main", "inputs": {"request": json.dumps(request)}}).encode(),
        headers={
            "Authorization": f"Bearer {Path(said['token']).read_text()}",
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(asked, timeout=10) as answer:
        assert answer.status in (200, 204)


def serves(address: str, words: str, seconds: float = 90) -> str:
    """Wait until the shop's page holds these words."""
    end = time.monotonic() + seconds
    while words not in (found := page(address)):
        assert time.monotonic() < end, found
        time.sleep(0.2)
    return found


def test_the_example_syncs_from_secret_manager_in_the_sandbox(tmp_path: Path) -> None:
    port = free_port()
    address = f"http://127.0.0.1:{port}/"
    sandbox = Sandbox(shop(tmp_path, port), "--gcp-secrets", "secrets.env")
    try:
        told = sandbox.until("secrets  ")
        assert told.endswith("(2 in shop-4711)")
        sandbox.until(r"dreamnet-deploy\.yml #1 ended after .* success")
        assert page(address) == "at most 10 things, 3 € each\n"

        press(sandbox, SYNC)
        sandbox.until(r"dreamnet-env\.yml #1 ended after .* success")
        assert serves(address, "at most 20") == "at most 20 things, 3 € each\n"

        assert "EUR" not in page(told.split()[1])  # the page of secrets shows none
        assert "=EUR" not in "\n".join(sandbox.lines)
    finally:
        sandbox.close()
