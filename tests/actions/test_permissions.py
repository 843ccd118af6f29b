"""Each job's permissions: none is unused, and with one taken away its story ends with an error that names it.

The walk over all of them is ``scripts/prove permissions``; here is one of each kind.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from dreamnet_actions.entrances.setup.called import CALLED
from tests.actions.bed import bed, told
from tests.actions.permissionwalk import DEPLOY, DREAM, ENV, RELAY, RESTORE, not_checked_out, taken_away
from tests.actions.permitted import asks, granted, messages, relay, shop

pytestmark = pytest.mark.slow


def test_none_is_unused(tmp_path: Path) -> None:
    """By all stories together, each job that the four workflows define used each permission at its level."""
    with bed(tmp_path) as story:
        shop(story)
        story.kill()
        story.tick()  # files the dream, and the relayed messages heal and verify it
        story.settle()
        story.press(CALLED["envkeeper"].file, action="sync")
        relay(story)
        asks(story, RESTORE, "envkeeper", "restore-config", 1)
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


def test_the_walk_is_over_every_permission() -> None:
    walked = {(one.agent, one.permission): one.level for one in (*DEPLOY, *DREAM, *ENV, *RELAY)}
    assert walked == {
        (agent, name): level
        for agent in CALLED
        for name, level in granted(agent, "relay" if agent == "relaybot" else agent).items()
    }


def test_one_that_lacks_is_named_and_given_back_the_same_succeeds(tmp_path: Path) -> None:
    """One without which nothing can be done, one without which the work goes on, and one without which nothing of ours
    is even there, in a private repository."""
    stops = next(one for one in RELAY if one.permission == "contents")
    goes_on = next(one for one in DEPLOY if one.permission == "statuses")
    with bed(tmp_path) as story:
        shop(story)
        story.github.world.public_reads = False
        not_checked_out(story, stops.act, "relaybot")
        pids = story.pids()
        taken_away(story, stops)
        assert story.pids() == pids, "the shop is as it was"
        taken_away(story, goes_on)
        assert story.page() != "shop 1", "a release that cannot be told of is done"
        for pair in (stops, goes_on):
            run = pair.act(story)
            assert run.conclusion == "success", told(run)
            assert not [one for one in run.annotations if "permission" in one.message], told(run)
        story.github.world.public_reads = True
        assert story.issues() == [], "none of it was a fault of the shop's"
        assert [name for name, _ in messages(story)] == ["something-happened"], "it came once"
