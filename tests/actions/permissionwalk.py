"""A walk over the permissions of the keepers' jobs: with one taken away its story ends with an error that names it.

Then the permission is given back, and the same thing succeeds: nothing was left half done, nothing came twice, and no
dream says of the shop what was a fault of ours. The suite takes a few (``test_permissions.py``), ``scripts/prove
permissions`` all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from dreamnet_actions.entrances.setup.called import CALLED
from dreamnet_actions.testing.github.actions.runs import Run
from tests.actions.bed import Bed, bed, told
from tests.actions.permitted import asks, changed, made, messages, relay, shop, without

Act = Callable[[Bed], Run]


def pressed(agent: str, action: str, **fields: str) -> Act:
    """Answer the press of a keeper's button."""
    return lambda story: story.press(CALLED[agent].file, action=action, **fields)


def asked(to: str, name: str, number: int) -> Act:
    """Answer the sending of a message, each time the same one."""
    return lambda story: asks(story, name, to, "restart", number)


def next_version(story: Bed) -> Run:
    """Push another version of the shop; answers the run that deploys it."""
    before = len(story.runs())
    story.push(str(before + 1))
    story.settle()
    return story.runs()[before]


class Pair(NamedTuple):
    """One permission of one keeper's own job: what it has instead, and what needs it. ``goes_on``: without it the work
    is done all the same, and a warning tells."""

    agent: str
    permission: str
    level: str
    instead: str | None
    act: Act
    goes_on: bool = False


RESTART, RESTORE = "health-check-failed-needs-restart", "health-check-failed-needs-config-restore"
DEPLOY = [
    Pair("deploykeeper", "contents", "write", "read", pressed("deploykeeper", "restart")),
    Pair("deploykeeper", "deployments", "write", "read", next_version, goes_on=True),
    Pair("deploykeeper", "statuses", "write", "read", next_version, goes_on=True),
    Pair("deploykeeper", "issues", "read", None, asked("deploykeeper", RESTART, 2)),
]
DREAM = [
    Pair("dreamkeeper", "issues", "write", "read", pressed("dreamkeeper", "check")),
    Pair("dreamkeeper", "contents", "write", "read", pressed("dreamkeeper", "check")),
]
ENV = [
    Pair("envkeeper", "contents", "write", "read", pressed("envkeeper", "sync")),
    Pair("envkeeper", "issues", "read", None, asked("envkeeper", RESTART, 3)),
]
RELAY = [
    Pair("relaybot", "contents", "write", "read", pressed("relaybot", "publish", event="something-happened")),
    Pair("relaybot", "issues", "read", None, relay),
]


def taken_away(story: Bed, pair: Pair) -> None:
    """Do without the permission what needs it: the run's page names it, with all the lines of its job."""
    with changed(story, without(pair.agent, pair.permission, pair.instead)):
        run = pair.act(story)
    shown = told(run)
    assert run.conclusion == ("success" if pair.goes_on else "failure"), shown
    level = "warning" if pair.goes_on else "error"
    named = f"{pair.permission}: {pair.level}"
    lines = "".join(f"\n  {name}: {level}" for name, level in CALLED[pair.agent].own.items())
    notes = [one for one in run.annotations if named in one.message.partition("\n")[0]]
    assert notes, shown
    assert {one.level for one in notes} <= {level, "warning"}, shown  # what waits for it is a warning, too
    for text in (
        *(one.message for one in notes),
        "\n".join(line.strip(" ") for line in run.summary.split("\n")),
    ):
        assert f"permissions:{lines}" in text or f"permissions:{lines.replace('  ', '')}" in text, shown
    assert named in run.summary, shown
    assert "Traceback" not in run.log, shown


def not_checked_out(story: Bed, act: Act, agent: str) -> None:
    """Without ``contents`` a private repository cannot be read: no step of ours runs, and GitHub's own words are all
    there is. `dreamnet doctor` knows them (``tests/entrances/test_doctor_permissions.py``)."""
    with changed(story, without(agent, "contents", None)):
        run = act(story)
    assert run.conclusion == "failure"
    assert "remote: Repository not found." in run.log, told(run)
    assert "exec python3" not in run.log, told(run)
    assert run.summary == ""


def deploykeepers(folder: Path) -> None:
    """Walk over the permissions of DeployKeeper's job."""
    with bed(folder) as story:
        shop(story)
        story.github.world.public_reads = False  # as a private repository
        for pair in DEPLOY:
            page, pids = story.page(), story.pids()
            taken_away(story, pair)
            if not pair.goes_on:
                assert (story.page(), story.pids()) == (page, pids), "the shop is as it was"
        newest = story.page()
        assert newest != "shop 1", "a release that cannot be told of is done"
        assert len(deployments(story)) == 2, (
            "and stands nowhere: one is the first version's, one the last one's"
        )
        for pair in DEPLOY:  # with each back the same succeeds
            run = pair.act(story)
            assert run.conclusion == "success", told(run)
            assert not [one for one in run.annotations if "permission" in one.message], told(run)
        assert story.page() not in ("shop 1", newest)
        assert len(deployments(story)) == 4, "each that goes on is a release"
        assert story.issues() == [], "none of it was a fault of the shop's"
        kept = [(RESTART, "done"), ("restart-finished", "done")]
        assert messages(story) == kept, "each came once"


def deployments(story: Bed) -> list[dict[str, str]]:
    """Answer the deployments of the shop, newest first."""
    story.github.world.public_reads = True
    try:
        return list(story.get("/deployments"))
    finally:
        story.github.world.public_reads = False


def dreamkeepers(folder: Path) -> None:
    """Walk over those of DreamKeeper's."""
    with bed(folder) as story:
        shop(story)
        story.github.world.public_reads = False
        story.kill()  # so that it has something to do
        for pair in DREAM:
            taken_away(story, pair)
            assert "no answer" in story.page(), "nobody was asked to heal it"
        run = DREAM[0].act(story)
        story.github.world.public_reads = True
        assert run.conclusion == "success", told(run)
        assert story.page() == "shop 1", "\n\n".join(map(told, story.runs()[-3:]))
        # One dream, about the shop, which was down; it is closed, and one message healed it.
        assert [(one["number"], one["state"]) for one in story.issues()] == [(1, "closed")]
        assert messages(story) == [(RESTART, "done"), ("restart-finished", "done")]


def envkeepers(folder: Path) -> None:
    """Walk over those of EnvKeeper's."""
    with bed(folder) as story:
        made(story)
        for pair in ENV:
            if (
                pair.permission == "issues"
            ):  # a message about the shop is answered by a look at it: it has to run
                story.push("1")
                story.settle()
            story.github.world.public_reads = False
            pids = story.pids()
            taken_away(story, pair)
            assert story.pids() == pids, "the shop is as it was"
            run = pair.act(story)
            assert run.conclusion == "success", told(run)
        story.github.world.public_reads = True
        assert story.page() == "shop 1"
        assert story.issues() == []
        assert messages(story) == [(RESTART, "done"), ("sync-finished", "done")]


def relaybots(folder: Path) -> None:
    """Walk over those of RelayBot's."""
    with bed(folder) as story:
        made(story)
        story.github.world.public_reads = False
        for pair in RELAY:
            taken_away(story, pair)
            run = pair.act(story)
            assert run.conclusion == "success", told(run)
        story.github.world.public_reads = True
        assert story.issues() == []
        assert [name for name, _ in messages(story)] == ["something-happened"]


def unreadable(folder: Path) -> None:
    """Take ``contents`` away altogether, in a private repository."""
    with bed(folder) as story:
        made(story)
        story.github.world.public_reads = False
        not_checked_out(story, pressed("dreamkeeper", "check"), "dreamkeeper")
        not_checked_out(story, pressed("relaybot", "publish", event="x"), "relaybot")
        story.github.world.public_reads = True
        assert story.issues() == []


WALKS: tuple[Callable[[Path], None], ...] = (deploykeepers, dreamkeepers, envkeepers, relaybots, unreadable)
"""All of it, in stories that need nothing of each other. Each raises AssertionError where something does not hold."""
