"""``dreamnet trace``: any id of a story leads to the whole of it."""

from __future__ import annotations

import json

import pytest

from dreamnet_actions.bootstrap import System
from dreamnet_actions.domain.dream import Dream
from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.domain.message import Message
from tests.entrances.conftest import Run


@pytest.fixture
def story(system: System) -> str:
    """A dream whose remedy was refused; answers the key of its dream."""
    dream = system.dreams.open(Dream(key="gke/web", because="it was seen"))
    system.journal.append(
        Fact(
            kind="dream-opened",
            at=1.0,
            text="gke/web: failing",
            dream="dream-1-0",
            correlation_id="dream-1-0",
        ),
        Fact(kind="tick", at=1.0, text="of another story"),
    )
    asked = Message(
        id="m-1",
        sender="dreamkeeper",
        name="unheard-of",
        to="deploykeeper",
        time="2026-11-23T11:38:03.250Z",
        correlation_id="dream-1-0",
        causation_id="check-1",
    )
    system.bus.publish(
        asked, Message(id="m-2", sender="user", name="push", to="deploykeeper", time="\x1b[31mnow")
    )
    system.pipe.submit({"agent": "relaybot", "input": {"action": "deliver", "limit": 1}})
    return dream.key


@pytest.mark.parametrize("name", ["1", "gke/web", "dream-1-0", "m-1", "check-1"])
def test_any_id_of_a_story_leads_to_all_of_it(run: Run, story: str, name: str) -> None:
    told = run("trace", name)
    assert told.exit_code == 0, told.output
    lines = [line.strip() for line in told.stdout.split("\n")]
    assert lines[:2] == ["Story dream-1-0", f"Dream 1: {story}, open"]
    assert "00:00:01  gke/web: failing" in lines
    assert "11:38:03  dreamkeeper → deploykeeper: unheard-of (dead, 1 attempt)" in lines
    assert "again: dreamnet replay m-1" in lines
    assert any(line.startswith("why: No route takes 'unheard-of'") for line in lines)
    assert "another" not in told.stdout
    assert "push" not in told.stdout.replace("push, webhook", "").split("Known:")[0]


def test_the_same_as_data_and_as_a_diagram(run: Run, story: str) -> None:
    data = json.loads(run("trace", story, "--json").stdout)
    assert data["stories"] == ["dream-1-0"]
    assert data["dreams"] == [{"number": 1, "key": story, "state": "open", "link": ""}]
    assert [one["kind"] for one in data["steps"]] == ["fact", "message", "fact"]
    assert data["steps"][2]["causes"] == [data["steps"][1]["key"]]
    diagram = run("trace", story, "--mermaid").stdout
    assert diagram.startswith("sequenceDiagram\n")
    assert "p0-xp1: unheard-of – dead: No route takes" in diagram
    both = run("trace", story, "--mermaid", "--json")
    assert both.exit_code == 3


def test_a_request_leads_to_what_it_caused_and_what_is_unknown_is_near_something(
    run: Run, story: str
) -> None:
    assert story
    relayed = run(
        *("relay", "dreamkeeper", "deploykeeper", "health-check-failed-needs-restart"),
        *("--service", "web", "--id", "by-hand", "--no-deliver"),
    )
    assert relayed.exit_code == 0, relayed.output
    steps = json.loads(run("trace", "by-hand", "--json").stdout)["steps"]
    assert [(one["kind"], one["name"]) for one in steps] == [
        ("request", "relay"),
        ("message", "health-check-failed-needs-restart"),
    ]
    assert steps[1]["causes"] == [steps[0]["key"]]
    assert run("trace", "m-2").exit_code == 0
    assert "\x1b" not in run("trace", "m-2").output
    missing = run("trace", "by-hamd")
    assert missing.exit_code == 3
    assert "by-hand" in missing.output
