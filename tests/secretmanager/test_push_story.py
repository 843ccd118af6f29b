"""A version is added in Secret Manager, and some moments later the value is where services read it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dreamnet_actions.testing.google.secretmanager.refusals import Refusal
from dreamnet_actions.testing.google.secretmanager.store import Secret
from dreamnet_actions.testing.google.standin import GoogleStandIn
from tests.secretmanager.conftest import PROJECT
from tests.secretmanager.pushed import Pushed, until


@pytest.fixture
def pushed(tmp_path: Path, google: GoogleStandIn) -> Iterator[Pushed]:
    made = Pushed(tmp_path, google)
    yield made
    made.kill()


@pytest.mark.slow
def test_a_new_version_arrives_and_a_kill_in_a_burst_loses_none(pushed: Pushed) -> None:
    pushed.subscribe(pushed.serve())
    pubsub, server = pushed.server.pubsub, pushed.server
    server.put("shop-currency", "usd")
    until(lambda: pushed.written("CURRENCY") == "usd")
    assert pushed.written("TOKEN", "other.env") == "", "of an entry that nothing was told of"

    for number in range(20):
        server.put("shop-currency", f"value-{number}")
        server.put("shop-max-items", str(number))
        if number == 9:
            pushed.kill()  # some were acknowledged, some are under way, and some nobody takes
    pushed.serve()
    until(lambda: (pushed.written("CURRENCY"), pushed.written("MAX_ITEMS")) == ("value-19", "19"))
    assert pubsub.settled(60), "all were taken in the end"
    assert {status for _, status in pubsub.pushes} <= {0, 202, 503}


@pytest.mark.slow
def test_an_event_that_is_faster_than_latest_is_no_event_for_nothing(pushed: Pushed) -> None:
    """Secret Manager knows a new version at once by its number only; ``latest`` follows."""
    pushed.subscribe(pushed.serve())
    server = pushed.server
    server.put("shop-currency", "usd")
    until(lambda: pushed.written("CURRENCY") == "usd")
    secret = server.store.get(f"projects/{PROJECT}/secrets/shop-currency")
    secret.lags = 1
    server.ledger.reset()
    server.put("shop-currency", "chf")
    until(lambda: server.ledger.calls["GetSecretVersion"] >= 5)
    assert pushed.written("CURRENCY") == "usd"
    secret.lags = 0
    until(lambda: pushed.written("CURRENCY") == "chf")


def test_a_topic_must_let_secret_manager_publish(pushed: Pushed) -> None:
    server = pushed.server
    strange = f"projects/{PROJECT}/topics/strange"
    with pytest.raises(Refusal) as refused:
        server.put("more", "x", topics=(strange,))
    assert "may not publish" in refused.value.message
    assert not server.store.holds(f"projects/{PROJECT}/secrets/more")

    def edit(secret: Secret) -> None:
        secret.topics = (strange,)

    with pytest.raises(Refusal):
        server.store.change(f"projects/{PROJECT}/secrets/shop-currency", "", edit)
    assert server.store.get(f"projects/{PROJECT}/secrets/shop-currency").topics == (pushed.topic,)
