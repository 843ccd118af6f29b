"""Looking at services and at DreamNet itself: what counts, what does not, and what the platform knows better."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from dreamnet_actions.domain.health import Report
from dreamnet_actions.domain.message import Message
from dreamnet_actions.errors import TemporaryError
from tests.keepers.homes import READY, home, service

HEALTH = {"agent": "dreamkeeper", "input": {"check": "dreamnet-health", "target": "self"}}


def test_the_platform_says_why_a_client_was_refused() -> None:
    system = home()
    system.platforms["local"].kill("web")
    result = system.ask("dreamkeeper", "verify", service="web")
    checks = result.findings[0]["checks"]
    assert [(one["check"], one["cause"]) for one in checks] == [("home", "refused"), ("platform", "crash")]
    assert "killed by SIGKILL" in checks[1]["detail"]


def test_a_platform_that_cannot_be_asked_is_our_fault_and_not_the_services() -> None:
    system = home(web=service(checks={"pods": READY}))
    system.platforms["local"].fail_observe(TemporaryError("no route to it"))
    result = system.ask("dreamkeeper", "check", service="web")
    assert (result.verdict, result.exit_status) == ("unknown", 0)
    assert "no route to it" in result.summary
    assert system.dreams.search() == []


def test_a_look_without_an_answer_proves_nothing() -> None:
    system = home()

    def silent(*_: Any) -> Iterator[Report]:
        return iter(())

    system.probe.probe = silent  # type: ignore[method-assign]
    assert system.ask("dreamkeeper", "check", service="web").verdict == "unknown"


def test_one_check_that_could_not_be_made_leaves_the_service_unknown() -> None:
    checks = {"home": service().checks["home"], "deep": service().checks["home"]}
    system = home(web=service(checks=checks))
    system.probe._answer = None
    system.probe.tell("web", "unknown", check="deep")
    assert system.ask("dreamkeeper", "check", service="web").verdict == "unknown"
    system.probe.tell("web", "failed", "refused", check="home")
    assert system.ask("dreamkeeper", "check", service="web").verdict == "failing"


def test_untrusted_text_is_cut() -> None:
    system = home()
    system.probe._answer = None
    system.probe.tell("web", "failed", "body", "x" * 100_000)
    result = system.ask("dreamkeeper", "check", service="web")
    assert len(result.summary) < 2000
    assert len(system.dreams.search()[0].evidence[0].detail) == 300


@pytest.mark.parametrize(
    "given",
    [
        {"check": "hom"},
        {"check": "dreamnet-helth"},
        {"check": "dreamnet-health", "target": "local"},
        {"check": "home", "target": "self"},
        {"target": "gke"},
        {"service": "wbe"},
        {"target": "local", "cluster": "autopilot-cluster-1"},
    ],
)
def test_what_is_not_there_is_named_with_what_is(given: dict[str, str]) -> None:
    result = home().ask("dreamkeeper", "check", **given)
    assert result.outcome == "refused"
    assert result.exit_status in (2, 3)
    assert result.error is not None
    assert result.error["message"]


def test_a_target_may_be_a_kind_or_this_system() -> None:
    system = home()
    assert system.ask("deploykeeper", "status", target="process").findings[0]["service"] == "web"
    assert system.ask("deploykeeper", "status", target="self").findings[0]["service"] == "web"
    lacks = system.ask("deploykeeper", "deploy", target="gke", cluster="autopilot-cluster-1")
    assert (lacks.exit_status, lacks.outcome) == (2, "refused")
    assert lacks.error is not None
    assert "platforms:\n  gke:" in lacks.error["hint"]


def test_this_system_is_well() -> None:
    result = home().submit(HEALTH)
    assert (result.outcome, result.verdict) == ("done", "healthy")
    assert {one["service"] for one in result.findings} == {
        "self/journal",
        "self/messages",
        "self/needs-human",
        "self/ticks",
        "self/platforms",
    }


def test_every_part_of_this_system_that_ails_is_a_dream_and_ends_with_it() -> None:
    system = home()
    system.platforms["local"].fail_observe(TemporaryError("away"))
    post = {"sender": "user", "name": "health-check-failed-needs-restart", "to": "deploykeeper"}
    system.bus.publish(Message(id="m", time="2023-11-14T22:00:00.000Z", **post))
    result = system.submit(HEALTH)
    assert result.verdict == "failing"
    assert {one.key for one in system.dreams.search()} == {"self/platforms", "self/messages"}
    system.platforms["local"].fail_observe(None)
    system.pipe.drain()
    assert system.submit(HEALTH).verdict == "healthy"
    assert {one.state for one in system.dreams.search()} == {"resolved"}


def test_a_dream_that_waits_for_a_human_is_told_of() -> None:
    system = home(web=service(heal=service().heal.__class__(steps=())))
    system.platforms["local"].kill("web")
    system.ask("dreamkeeper", "check", service="web")
    assert "wait" in system.submit(HEALTH).summary
