"""The events' payloads beside those that GitHub publishes (npm ``@octokit/webhooks-examples``): the same names, the
same kinds of values."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dreamnet_actions.testing.github.hosting import Event
from dreamnet_actions.testing.github.standin import StandIn
from tests.github.conftest import HERE, client

pytestmark = pytest.mark.slow
EXAMPLES = HERE / "node_modules" / "@octokit" / "webhooks-examples" / "api.github.com" / "index.json"
# Only behind an organisation or an installed app; and what an issue of the API has only where it is a pull request.
OPTIONAL = {"installation", "organization", "draft"}


def examples(name: str, action: str | None) -> list[dict[str, Any]]:
    published = {one["name"]: one["examples"] for one in json.loads(EXAMPLES.read_text())}
    return [one for one in published[name] if action is None or one.get("action") == action]


def missing(theirs: Any, ours: Any, path: str = "") -> list[str]:
    """Say what every published payload has, and ours has not, or has as another kind of value."""
    found = []
    for key, value in theirs.items():
        where = f"{path}/{key}"
        if key in OPTIONAL:
            continue
        if key not in ours:
            found.append(f"{where} is missing")
        elif value is not None and ours[key] is not None and type(value) is not type(ours[key]):
            found.append(f"{where} is a {type(ours[key]).__name__}, published a {type(value).__name__}")
        elif isinstance(value, dict) and isinstance(ours[key], dict):
            found += missing(value, ours[key], where)
        elif isinstance(value, list) and value and isinstance(value[0], dict) and ours[key]:
            found += missing(value[0], ours[key][0], where)
    return found


def test_payloads_have_the_published_shape(github: StandIn) -> None:
    events: list[Event] = []
    github.subscribe(events.append)
    repo = client(github, github.person("alice")).get_repo("octo/shop")
    issue = repo.create_issue("x", labels=["dream"], assignee="alice")
    comment = issue.create_comment("c")
    comment.edit("d")
    issue.edit(state="closed")
    github.commit("octo/shop", {"a": "b", "README.md": None}, "change")
    repo.create_git_ref("refs/heads/new", repo.get_branch("main").commit.sha).delete()
    repo.create_repository_dispatch("on-demand-test", {"unit": False})
    repo.create_deployment("main").create_status("success")
    repo.get_commit("main").create_status("success")
    repo.create_git_release("v1", "v1", "notes")
    assert {one.name for one in events} == {
        "issues",
        "issue_comment",
        "push",
        "create",
        "delete",
        "repository_dispatch",
        "deployment",
        "deployment_status",
        "status",
        "release",
    }
    compared = 0
    for event in events:
        published = examples(event.name, event.action if event.name != "repository_dispatch" else None)
        if event.name == "push":
            published = [one for one in published if one["ref"].startswith("refs/heads/") and one["commits"]]
            if not event.payload["commits"]:
                continue
        if published:
            # What each of the examples has: they come from several years.
            lacks = [set(missing(one, event.payload)) for one in published]
            assert set.intersection(*lacks) == set(), (event.name, event.action)
            compared += 1
    assert compared >= 12
