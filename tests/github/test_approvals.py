"""``/approve`` on an issue: what waits for a person's word, who may give it, and words that come at the wrong time."""

from __future__ import annotations

import pytest

from dreamnet_actions.domain.spec.models import Heal
from tests.github.dreams_home import issue, labels
from tests.github.test_comments import Shop, shop  # noqa: F401 - the fixture
from tests.keepers.homes import service
from tests.keepers.test_healing import remedies

pytestmark = pytest.mark.slow
HOUR = 3600.0


@pytest.fixture
def waits(shop: Shop) -> Shop:  # noqa: F811
    """A shop whose dream waits for a restart to be approved."""
    heal = Heal(steps=("restart",), approval=("restart",), approve_within=HOUR, recover_within=10.0)
    shop.system.config.services["web"] = service(heal=heal)
    shop.system.ask("dreamkeeper", "reopen", dream="local/web")
    shop.system.ask("dreamkeeper", "check")
    assert shop.dream.asks is not None
    return shop


def test_the_issue_tells_what_waits_and_an_approval_does_just_that(waits: Shop) -> None:
    found = issue(waits.person, waits.dream.number)
    assert labels(found) == {"dream", "dream: needs-human", "needs-approval"}
    for word in (
        "**Wants to:** restart",
        "it is the one remedy that is configured",
        "`/approve`",
        "2023-11-14 23:",
    ):
        assert word in found["body"], found["body"]
    result, comment = waits.say("/approve")
    assert (result.outcome, waits.dream.state, waits.dream.remedy) == ("done", "healing", "restart")
    assert waits.receipts(comment) == ["eyes", "rocket"]
    assert "needs-approval" not in labels(issue(waits.person, waits.dream.number))
    waits.system.pipe.drain()
    assert waits.dream.state == "resolved"
    (said,) = waits.system.journal.read(kinds={"command"})
    assert said.text == "local/web: alice wrote /approve"


def test_a_comment_from_before_the_asking_approves_nothing(waits: Shop) -> None:
    comment, before = waits.write("/approve"), waits.dream
    result = waits.hear(comment, "/approve", at=before.asks.asked_at - 2.0)  # type: ignore[union-attr]
    assert (result.outcome, waits.dream, remedies(waits.system)) == ("unchanged", before, [])
    assert waits.receipts(comment) == ["-1", "eyes"]
    assert "said before restart was asked for" in waits.answers()[0]


def test_a_comment_of_the_same_second_counts(waits: Shop) -> None:
    asked = waits.dream.asks
    assert asked is not None
    result = waits.hear(waits.write("/approve"), "/approve", at=float(int(asked.asked_at)))
    assert result.outcome == "done"


def test_after_its_time_and_for_another_remedy_it_does_nothing(waits: Shop) -> None:
    waits.say("/approve rollback")
    assert "It is restart that waits for an approval, not rollback" in waits.answers()[0]
    waits.system.clock.advance(HOUR)
    waits.say("/approve")
    assert "The time for it was over" in waits.answers()[1]
    assert remedies(waits.system) == []


def test_who_may_only_read_approves_nothing(waits: Shop) -> None:
    before = waits.dream
    _, comment = waits.say("/approve", by="mallory", role="read")
    assert (waits.dream, waits.receipts(comment), remedies(waits.system)) == (before, ["-1"], [])


def test_a_run_that_was_cut_before_it_told_is_told_by_the_next(waits: Shop) -> None:
    comment = waits.write("/approve")
    assert waits.talk(comment, "/approve").perform().outcome == "done"  # and then the runner is gone
    waits.system.pipe.drain()
    assert waits.hear(comment, "/approve").outcome == "done"
    assert (remedies(waits.system), len(waits.answers())) == (["restart"], 1)
