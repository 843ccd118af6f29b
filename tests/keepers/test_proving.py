"""Proof before done: what counts as one, what does not, and whose result it is."""

from __future__ import annotations

from dreamnet_actions.domain.dream import Dream
from dreamnet_actions.domain.spec.models import Heal
from dreamnet_actions.errors import PermanentError, TemporaryError
from tests.keepers.homes import READY, facts, home, service
from tests.keepers.test_healing import dream, remedies


def test_a_late_result_is_not_held_against_the_remedy_under_way() -> None:
    system = home()
    system.platforms["local"].kill("web")
    system.ask("dreamkeeper", "check", service="web")
    told = {"service": "web", "dream": "1", "remedy": "rollback", "outcome": "failed"}
    result = system.ask("dreamkeeper", "verify", **told)
    assert result.findings[0]["because"] == "restart is still under way"
    assert facts(system, "remedy-ended") == []
    assert dream(system).state == "healing"


def test_unknown_proves_nothing_either_way() -> None:
    system = home()
    system.platforms["local"].kill("web")
    system.ask("dreamkeeper", "check", service="web")
    system.probe._answer = None
    system.probe.tell("web", "unknown", detail="our own network is down")
    system.pipe.drain()
    assert dream(system).state == "verifying"
    assert facts(system, "remedy-ended", "dream-resolved") == []
    system.probe.forget("web")
    system.probe._answer = system.look
    system.round()
    assert dream(system).state == "resolved"


def test_one_good_check_of_several_resolves_nothing() -> None:
    system = home(web=service(checks={"home": service().checks["home"], "pods": READY}, heal=Heal(steps=())))
    system.platforms["local"].kill("web")
    system.ask("dreamkeeper", "check", service="web")
    assert dream(system).state == "needs-human"
    system.probe._answer = None
    for _ in range(3):
        result = system.ask("dreamkeeper", "check", service="web", check="home")
        assert (result.verdict, dream(system).state) == ("healthy", "needs-human")
    assert system.ask("dreamkeeper", "check", service="web", check="pods").verdict == "failing"


def test_a_result_of_an_earlier_try_of_the_same_remedy_is_not_the_one_awaited() -> None:
    system = home(web=service(heal=Heal(steps=("restart",), recover_within=5.0, cool_down=0.0)))
    system.sick[system.platforms["local"]._known["web"].stable.release.version] = "HTTP 500"
    system.ask("dreamkeeper", "check", service="web")
    system.clock.advance(60.0)
    system.ask("dreamkeeper", "check", service="web")  # the first try gave no result: the second is asked for
    assert dream(system).attempt == 2
    told = {"service": "web", "dream": "1", "remedy": "restart", "outcome": "failed"}
    system.ask("dreamkeeper", "verify", **told, attempt=1)
    assert len(facts(system, "remedy-ended")) == 1
    system.ask("dreamkeeper", "verify", **told, attempt=2)
    assert len(facts(system, "remedy-ended")) == 2


def test_a_proof_that_fails_for_what_a_service_needs_files_nothing() -> None:
    system = home(db=service(), web=service(needs=("db",)))
    for name in ("db", "web"):
        system.platforms["local"].kill(name)
    system.ask("dreamkeeper", "check", service="db")
    result = system.ask("dreamkeeper", "verify", service="web")
    assert result.findings[0]["decision"] == "held"
    assert [one.key for one in system.dreams.search()] == ["local/db"]


def test_an_error_about_one_dream_hides_no_other() -> None:
    for error, outcome in ((PermanentError("gone"), "failed"), (TemporaryError("busy"), "deferred")):
        system = home(a=service(), b=service(), c=service(), d=service())
        for name in ("a", "b"):
            system.platforms["local"].kill(name)
        opened = system.dreams.open

        def refuse(given: Dream, error: Exception = error, opened: object = opened) -> Dream:
            if given.key == "local/a":
                raise error
            return opened(given)  # type: ignore[operator, no-any-return]

        system.dreams.open = refuse  # type: ignore[method-assign]
        result = system.again().ask("dreamkeeper", "check", target="local")
        assert result.outcome == outcome
        assert result.messages == ["dream-1-0-1"]
        assert remedies(system) == ["restart"]
        assert [one.key for one in system.dreams.search()] == ["local/b"]
        for name in ("a", "b"):
            system.platforms["local"].kill(name)
        verified = system.ask("dreamkeeper", "verify", target="local")
        assert {one["service"] for one in verified.findings} == {"a", "b", "c", "d"}


def test_only_a_change_of_the_verdict_is_a_fact() -> None:
    system = home()
    for _ in range(5):
        system.ask("dreamkeeper", "check", service="web")
    assert [one["health"] for one in facts(system, "check-ended")] == ["healthy"]
