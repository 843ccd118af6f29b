"""Auto-healing from end to end in memory: what happens, in which order, joined by one correlation id."""

from __future__ import annotations

from tests.keepers.homes import home


def test_a_killed_service_is_found_healed_proved_and_resolved() -> None:
    system = home()
    system.platforms["local"].kill("web")
    asked = system.ask("dreamkeeper", "check", service="web")
    system.pipe.drain()
    assert system.story() == [
        "check-ended",
        "dream-opened",
        "remedy-started",
        "message-sent",
        "request-ended",
        "restarted",
        "request-ended",
        "message-routed",
        "message-sent",
        "check-ended",
        "remedy-ended",
        "dream-resolved",
        "request-ended",
        "message-routed",
    ]
    dream = system.dreams.find("local/web")
    assert dream is not None
    assert (dream.state, dream.remedy, dream.attempt) == ("resolved", "restart", 1)
    facts_of_it = [fact for fact in system.journal.read() if fact.kind != "check-ended"]
    assert {fact.correlation_id for fact in facts_of_it} == {"dream-1-0", asked.id}
