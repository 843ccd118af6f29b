"""The real keepers with their dreams on issues: a fault from first sight to a closed issue, and what it costs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dreamnet_actions.adapters.github.client import GitHubRepository
from dreamnet_actions.adapters.github.dreams import GitHubDreamStore
from dreamnet_actions.domain.secret import SecretValue
from dreamnet_actions.testing.github.standin import StandIn
from tests.keepers.homes import home

REPOSITORY = "octo/shop"


def test_a_heal_is_one_issue_with_its_story(make_github: Callable[..., StandIn]) -> None:
    system = home()
    github = make_github(clock=system.clock)
    github.create_repository(REPOSITORY, files={"README.md": "# shop\n"})
    token = github.workflow_token(REPOSITORY, {"issues": "write", "metadata": "read"}, job="dreamkeeper")
    repository = GitHubRepository(
        REPOSITORY,
        SecretValue(token),
        clock=system.clock,
        api_url=github.api_url,
        server_url=github.server_url,
        write_spacing=0.0,  # so that the keepers' own times are what they are
    )
    store = GitHubDreamStore(repository)
    system.dreams = store  # type: ignore[assignment]
    system.again()
    store.ensure_labels()
    github.calls.clear()

    assert system.ask("dreamkeeper", "check").verdict == "healthy"
    quiet = github.calls.charged()
    system.platforms["local"].kill("web")
    system.ask("dreamkeeper", "check")
    system.clock.advance(1.0)
    system.ask("dreamkeeper", "check")
    system.pipe.drain()
    charged = github.calls.charged() - quiet
    asked = github.calls.by_endpoint()

    person = GitHubRepository(
        REPOSITORY, SecretValue(github.person("octocat")), clock=system.clock, api_url=github.api_url
    )
    (issue,) = person.call("GET", "/issues", parameters={"state": "all"})
    assert issue["title"] == "web is failing: it crashes (local)"
    assert (issue["state"], issue["state_reason"]) == ("closed", "completed")
    assert {one["name"] for one in issue["labels"]} == {"dream", "dream: resolved"}
    (story,) = person.call("GET", f"/issues/{issue['number']}/comments")
    told = [text for _, text in store.comments(issue["number"])]
    assert [line.split(":")[0] for line in told] == ["filed", "healing", "local/web"], told
    assert all(line.split(";")[0] in story["body"].replace("\\", "") for line in told)
    print(f"quiet check: {quiet} charged; a whole heal: {charged} charged; {asked}")
    assert quiet <= 2
    assert charged <= 20


def test_light_until_it_is_used(tmp_path: Path) -> None:
    import subprocess
    import sys

    code = (
        "import sys; import dreamnet_actions.adapters.github.dreams, dreamnet_actions.adapters.github.deployments, "
        "dreamnet_actions.adapters.github.source; print('github' in sys.modules or 'requests' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout.strip() == "False"
