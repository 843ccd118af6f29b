"""Each job's permissions: none is unused, and with one taken away its story ends with an error that names it."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dreamnet_actions.entrances.setup.called import CALLED
from dreamnet_actions.entrances.setup.workflows import Wanted
from dreamnet_actions.testing.github.actions.runs import Run
from tests.actions.bed import CONFIG, OURS, ROOT, Bed, bed, told

pytestmark = pytest.mark.slow

ENV = "env:\n  app: {from: {dotenv: secrets.env}, to: [{process: web}], require: [GREETING]}\n"
MESSAGE = {
    "specversion": "1.0", "source": "/dreamnet/dreamkeeper", "type": "dreamnet.message.v1",
    "time": "2026-11-01T00:00:00Z", "hops": 0,
}  # fmt: skip


def shop(story: Bed) -> None:
    """Make the shop, with values to be kept in step, and bring its first version out."""
    config = CONFIG.format(port=story.port, python=sys.executable) + ENV
    story.shop(
        files={".github/dreamnet.yml": config, "secrets.env": "GREETING=hello\n"},
        wanted=Wanted(branch="main", services=("web",), with_env=True, ref="main"),
    )
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
    """Send what DreamKeeper sends for a dream."""
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


def test_none_is_unused(tmp_path: Path) -> None:
    """By all stories together, each job that the four workflows define used each permission at its level."""
    with bed(tmp_path) as story:
        shop(story)
        story.kill()
        story.tick()  # files the dream, and the relayed messages heal and verify it
        story.settle()
        story.press(CALLED["envkeeper"].file, action="sync")
        relay(story)
        asks(story, "health-check-failed-needs-config-restore", "envkeeper", "restore-config", 1)
        request = {"agent": "deploykeeper", "input": {"action": "deploy"}}
        story.dispatch("dreamnet.request.v1", {"dreamnet": request})
        story.settle()
        tokens = story.github.tokens
        used: dict[str, dict[str, str]] = {}
        for job in tokens.jobs():
            used.setdefault(job.rpartition("/")[2], {}).update(tokens.used(job))
        wanted = {
            ("relay" if agent == "relaybot" else agent): granted(
                agent, "relay" if agent == "relaybot" else agent
            )
            for agent in CALLED
        }
        assert {job: used[job] for job in wanted} == wanted
        assert story.github.violations == []


def granted(agent: str, job: str) -> dict[str, str]:
    """Answer what the file of a reusable workflow gives to a job of its own."""
    text = (ROOT / f".github/workflows/{agent}.yml").read_text(encoding="utf-8")
    block = re.search(rf"^  {job}:\n(?:    .*\n)*?    permissions:.*\n((?:      .*\n)+)", text, re.MULTILINE)
    assert block is not None
    return dict(re.findall(r"^      ([a-z-]+): (read|write)", block[1], re.MULTILINE))


def without(agent: str, permission: str, instead: str | None) -> dict[str, str | bytes | None]:
    """Answer a reusable workflow's file whose own job has one permission less."""
    path = f".github/workflows/{agent}.yml"
    text = (ROOT / path).read_text(encoding="utf-8")
    line = re.search(rf"^      {permission}: .*\n", text, re.MULTILINE)
    assert line is not None  # the first is that of the workflow's own job
    put = f"      {permission}: {instead}\n" if instead else ""
    return {path: text[: line.start()] + put + text[line.end() :]}


Act = Callable[[Bed], Run]


def pressed(agent: str, action: str, **fields: str) -> Act:
    """Answer the press of a keeper's button."""
    return lambda story: story.press(CALLED[agent].file, action=action, **fields)


WALK: list[tuple[str, str, str, str | None, Act]] = [
    ("deploykeeper", "contents", "write", "read", pressed("deploykeeper", "restart")),
    ("deploykeeper", "deployments", "write", "read", pressed("deploykeeper", "deploy")),
    ("deploykeeper", "issues", "read", None,
     lambda s: asks(s, "health-check-failed-needs-restart", "deploykeeper", "restart", 2)),
    ("dreamkeeper", "issues", "write", "read", pressed("dreamkeeper", "check")),
    ("dreamkeeper", "contents", "write", "read", pressed("dreamkeeper", "check")),
    ("envkeeper", "contents", "write", "read", pressed("envkeeper", "sync")),
    ("envkeeper", "issues", "read", None,
     lambda s: asks(s, "health-check-failed-needs-config-restore", "envkeeper", "restore-config", 3)),
    ("relaybot", "contents", "write", "read",
     pressed("relaybot", "publish", event="something-happened")),
    ("relaybot", "issues", "read", None, relay),
]  # fmt: skip
"""The keeper; the permission with its level; what it gets instead; what needs it."""


@pytest.mark.parametrize("agents", [("deploykeeper", "dreamkeeper"), ("envkeeper", "relaybot")], ids="+".join)
def test_one_taken_away_is_named(agents: tuple[str, ...], tmp_path: Path) -> None:
    walk = [one for one in WALK if one[0] in agents]
    missing = []
    with bed(tmp_path) as story:
        shop(story)
        story.github.world.public_reads = False  # as a private repository
        for agent, permission, level, instead, act in walk:
            story.github.commit(OURS, without(agent, permission, instead), f"without {permission}")
            story.kill()  # so that each keeper has something to do
            run = act(story)
            said = "\n".join([*(one.message for one in run.annotations), run.summary])
            wanted = "failure"
            if permission == "deployments":
                # That a release cannot be told of does not break it: the log names what is missing.
                said, wanted = run.log, "success"
            if run.conclusion != wanted or f"{permission}: {level}" not in said or "permissions:" not in said:
                missing.append(f"{agent} without {permission}: {level}: {run.conclusion}: {said[-1500:]}")
            assert "Traceback" not in run.log, told(run)
            whole = {path: (ROOT / path).read_bytes() for path in without(agent, permission, instead)}
            story.github.commit(OURS, dict(whole), "all again")
        story.github.world.public_reads = True
        assert not missing, "\n\n".join(missing)
        # With all of them back it works, and nothing that was begun stands in the way.
        run = story.press(CALLED["deploykeeper"].file, action="restart")
        assert run.conclusion == "success", told(run)
        assert story.page() == "shop 1"
