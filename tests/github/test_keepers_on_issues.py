"""The real keepers with their dreams on issues: a fault from first sight to a closed issue, and what it costs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dreamnet_actions.adapters.github.client import GitHubRepository
from dreamnet_actions.adapters.github.dreams import GitHubDreamStore
from dreamnet_actions.testing.github.standin import StandIn
from dreamnet_actions.testing.memory.system import MemorySystem
from tests.github.dreams_home import REPOSITORY, reach
from tests.keepers.homes import home

pytestmark = pytest.mark.slow


def on_issues(make_github: Callable[..., StandIn]) -> tuple[MemorySystem, StandIn, GitHubRepository]:
    """A started system with its dreams on issues, and the repository in the hands of a person."""
    system = home()
    github = make_github(clock=system.clock)
    github.create_repository(REPOSITORY, files={"README.md": "# shop\n"})
    token = github.workflow_token(REPOSITORY, {"issues": "write", "metadata": "read"}, job="dreamkeeper")
    # Writes are not spaced, so that the keepers' own times are what they are.
    store = GitHubDreamStore(reach(github, system.clock, token, write_spacing=0.0))
    store.ensure_labels()
    github.calls.clear()
    system.dreams = store  # type: ignore[assignment]
    system.again()
    return system, github, reach(github, system.clock, github.person("octocat"), write_spacing=0.0)


def test_a_heal_is_one_issue_with_its_story(make_github: Callable[..., StandIn]) -> None:
    system, github, person = on_issues(make_github)
    assert system.ask("dreamkeeper", "check").verdict == "healthy"
    quiet = github.calls.charged()
    system.platforms["local"].kill("web")
    system.ask("dreamkeeper", "check")
    system.clock.advance(1.0)
    system.ask("dreamkeeper", "check")
    system.pipe.drain()
    charged = github.calls.charged() - quiet
    asked = github.calls.by_endpoint()

    (issue,) = person.call("GET", "/issues", parameters={"state": "all"})
    assert issue["title"] == "web is failing: it crashes (local)"
    assert (issue["state"], issue["state_reason"]) == ("closed", "completed")
    assert {one["name"] for one in issue["labels"]} == {"dream", "dream: resolved", "blip"}
    (story,) = person.call("GET", f"/issues/{issue['number']}/comments")
    told = [text for _, text in system.dreams.comments(issue["number"])]
    assert [line.split(":")[0] for line in told] == ["filed", "healing", "local/web"], told
    assert all(line.split(";")[0] in story["body"].replace("\\", "") for line in told)
    print(f"quiet check: {quiet} charged; a whole heal: {charged} charged; {asked}")
    assert quiet <= 2
    assert charged <= 20


def test_what_a_person_did_a_moment_ago_counts(make_github: Callable[..., StandIn]) -> None:
    system, _, person = on_issues(make_github)
    system.platforms["local"].kill("web")
    for _ in range(2):
        system.ask("dreamkeeper", "check")
        system.clock.advance(1.0)
    system.platforms["local"].restart("web", token="by hand")
    system.clock.advance(1.0)
    dream = system.dreams.find("local/web")
    assert dream is not None
    assert not dream.ended
    # The list that was read for this is good for some seconds; the person acts within them.
    person.call("PATCH", f"/issues/{dream.number}", body={"state": "closed", "state_reason": "not_planned"})
    assert system.ask("dreamkeeper", "check").outcome == "done"
    assert system.dreams.get(dream.number).state == "wont-fix"


def test_light_until_it_is_used() -> None:
    import subprocess
    import sys

    code = (
        "import sys; import dreamnet_actions.adapters.github.dreams, dreamnet_actions.adapters.github.deployments, "
        "dreamnet_actions.adapters.github.source; print('github' in sys.modules or 'requests' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout.strip() == "False"
