"""What the tests of permissions share: the shop, messages by hand, and workflows in which a job has one less."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from dreamnet_actions.entrances.setup.called import CALLED
from dreamnet_actions.entrances.setup.workflows import Wanted
from dreamnet_actions.testing.github.actions.runs import Run
from tests.actions.bed import CONFIG, OURS, ROOT, SHOP, Bed

ENV = "env:\n  app: {from: {dotenv: secrets.env}, to: [{process: web}], require: [GREETING]}\n"
ROUTES = "routes:\n  - {on: health-check-failed-needs-restart, to: envkeeper, input: {action: sync}}\n"
"""So that a message about a dream has EnvKeeper do something that is soon done."""
MESSAGE = {
    "specversion": "1.0", "source": "/dreamnet/dreamkeeper", "type": "dreamnet.message.v1",
    "time": "2026-11-01T00:00:00Z", "hops": 0,
}  # fmt: skip
QUIETLY = "[skip ci]"
"""What a commit says that starts no workflow: https://docs.github.com/en/actions/how-tos/manage-workflow-runs/skip-workflow-runs"""


def made(story: Bed) -> None:
    """Make the shop, with values to be kept in step; nothing runs yet."""
    config = CONFIG.format(port=story.port, python=sys.executable) + ENV + ROUTES
    story.shop(
        files={".github/dreamnet.yml": config, "secrets.env": "GREETING=hello\n"},
        wanted=Wanted(branch="main", services=("web",), with_env=True, ref="main"),
    )


def shop(story: Bed) -> None:
    """Make the shop, and bring its first version out."""
    made(story)
    story.push("1")
    story.settle()


def relay(story: Bed) -> Run:
    """Press RelayBot's button: a message without a subject, for whoever's dream asks for it."""
    return story.press(
        CALLED["relaybot"].file,
        **{"action": "relay", "from": "dreamkeeper", "to": "deploykeeper"},
        message="health-check-failed-needs-restart",
    )


def asks(story: Bed, name: str, to: str, remedy: str, number: int) -> Run:
    """Send what DreamKeeper sends for a dream; answers RelayBot's run."""
    data = {
        "key": "here/web",
        "dream": "1",
        "remedy": remedy,
        "attempt": 1,
        "target": "here",
        "service": "web",
    }
    story_of = {"id": f"m-{number}", "subject": name, "to": to, "correlationid": "dream-1-0"}
    event = {**MESSAGE, **story_of, "data": data}
    before = len(story.runs())
    story.dispatch("dreamnet.message.v1", {"dreamnet": event})
    story.settle()
    return story.runs()[before]


def granted(agent: str, job: str) -> dict[str, str]:
    """Answer what the file of a reusable workflow gives to a job of its own."""
    _, _, block = _block(f".github/workflows/{agent}.yml", job)
    return dict(re.findall(r"^ {6}([a-z-]+): (read|write)", block, re.MULTILINE))


def without(agent: str, permission: str, instead: str | None, job: str = "") -> dict[str, str | bytes | None]:
    """Answer a reusable workflow's file in which a job (its own, or the named) has one permission less."""
    path = f".github/workflows/{agent}.yml"
    before, after, block = _block(path, job or ("relay" if agent == "relaybot" else agent))
    put = f"      {permission}: {instead}\n" if instead else ""
    changed = re.sub(rf"^ {{6}}{permission}: .*\n", put, block, flags=re.MULTILINE)
    assert changed != block
    return {path: before + changed + after}


def _block(path: str, job: str) -> tuple[str, str, str]:
    """Answer what stands before and after the permissions of a job, and these."""
    text = (ROOT / path).read_text(encoding="utf-8")
    found = re.search(rf"^  {job}:\n(?:    .*\n)*?    permissions:.*\n((?:      .*\n)+)", text, re.MULTILINE)
    assert found is not None
    return text[: found.start(1)], text[found.end(1) :], found[1]


@contextmanager
def changed(story: Bed, files: Mapping[str, str | bytes | None]) -> Iterator[None]:
    """Have files of DreamNet's own repository be others within the block."""
    right: dict[str, str | bytes | None] = {path: (ROOT / path).read_bytes() for path in files}
    story.github.commit(OURS, files, f"less {QUIETLY}")
    try:
        yield
    finally:
        story.github.commit(OURS, right, f"all again {QUIETLY}")


def messages(story: Bed) -> list[tuple[str, str]]:
    """Answer the name and the state of every message there is, oldest first, as a person sees them."""
    command = [sys.executable, "-m", "dreamnet_actions", "--home", "github", "messages", "--json"]
    clone = story.folder / "person"
    token = story.github.person("octocat", "admin")
    if not clone.exists():
        url = story.github.server_url.replace("://", f"://x:{token}@")
        subprocess.run(["git", "clone", "-q", f"{url}/{SHOP}.git", clone], check=True, timeout=60)
    done = subprocess.run(
        command, cwd=clone, env={**story.environ(token), "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [(one["message"]["subject"], one["state"]) for one in json.loads(done.stdout)]
