"""What people say to a canary that waits, as comments on its dream."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dreamnet_actions.domain.dream import Dream
from tests.github.test_comments import Shop, shop  # noqa: F401 - the fixture

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", ["approve", "promote", "abort"])
def test_what_is_said_to_a_waiting_canary_goes_to_deploykeeper(
    shop: Shop,  # noqa: F811
    name: str,
) -> None:
    """On the canary's own dream, by who may write; on a dream about nothing of the kind it is not understood."""
    store, now = shop.system.dreams, shop.system.clock.now()
    made = store.open(Dream(key="self/canary-api", health="failing", opened_at=now, changed_at=now))
    store.update(replace(made, state="needs-human"))
    text, number = f"/{name}", made.number
    stranger = shop.write(text, by="mallory", role="read", issue=number)
    shop.hear(stranger, text, by="mallory", issue=number)
    assert shop.receipts(stranger) == ["-1"]
    assert shop.system.bus.list(states={"waiting"}) == []
    comment = shop.write(text, issue=number)
    result = shop.hear(comment, text, issue=number)
    assert (result.agent, result.outcome) == ("relaybot", "done")
    (sent,) = shop.system.bus.list(states={"waiting"})
    assert (sent.message.to, sent.message.data["service"]) == ("deploykeeper", "api")
    assert sent.message.data["reason"] == f"alice said: {text}"
    assert shop.receipts(comment) == ["eyes", "rocket"]
    assert f"**/{name}** by alice: done." in shop.answers(number)[-1]
    ours = store.open(Dream(key="self/journal", health="failing", opened_at=now, changed_at=now))
    other = shop.write(text, issue=ours.number)
    shop.hear(other, text, issue=ours.number)
    assert len(shop.system.bus.list(states={"waiting"})) == 1
    assert "rocket" not in shop.receipts(other)
