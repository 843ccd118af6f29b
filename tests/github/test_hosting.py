"""Hosting at GitHub: its contract over the stand-in, and what only GitHub's own headers tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from dreamnet_actions.adapters.github.client import GitHubRepository
from dreamnet_actions.adapters.github.hosting import GitHubHosting
from dreamnet_actions.domain.secret import SecretValue
from dreamnet_actions.entrances.doctor.examine import examine, surroundings
from dreamnet_actions.errors import NotFound, TemporaryError, Unauthenticated
from dreamnet_actions.ports.hosting import Hosting
from dreamnet_actions.testing.contracts.hosting import Given, HostingContract, Make
from dreamnet_actions.testing.github.actions.together import GitHubWithActions
from dreamnet_actions.testing.memory.clock import VirtualClock
from tests.github.conftest import OPENAPI
from tests.github.scripted import Reply, Script, scripted

pytestmark = pytest.mark.slow

SHOP = "octocat/shop"


@pytest.fixture
def github(clock: VirtualClock, tmp_path: Path) -> Iterator[GitHubWithActions]:
    """A stand-in that knows workflows; nobody's call went beyond GitHub's description."""
    with GitHubWithActions(clock=clock, root=tmp_path / "github", check=OPENAPI) as made:
        yield made
        made.engine.wait_idle(60)
        assert made.violations == []


def reach(github: GitHubWithActions, token: str, clock: VirtualClock) -> GitHubHosting:
    return GitHubHosting(GitHubRepository(SHOP, SecretValue(token), clock=clock, api_url=github.api_url))


class TestGitHubHosting(HostingContract):
    @pytest.fixture
    def make(self, github: GitHubWithActions, clock: VirtualClock) -> Make:
        def make(given: Given) -> Hosting:
            github.create_repository(SHOP, files=given.files, default_branch="trunk", private=given.private)
            github.person("octocat", "admin", repository=SHOP)
            for name in given.branches:
                github.commit(SHOP, {f"{name}.txt": "x"}, "a branch", branch=name)
            admin = reach(github, github.person("admin", "admin"), clock)
            for name in given.labels:
                admin._at.call("POST", "/labels", body={"name": name, "color": "ededed"})
            if not given.visible:
                github.person("stranger", "none")
                return reach(github, github.fine_grained("stranger", {}), clock)
            token = github.fine_grained("octocat", dict.fromkeys(given.may, "read"))
            if not given.valid:
                github.revoke(token)
            return reach(github, token, clock)

        return make


# ── what headers and roles tell ───────────────────────────────────────────────────────────────────────────


def repository(**more: Any) -> Reply:
    return Reply(data={"full_name": SHOP, "default_branch": "main", "private": True, **more})


def over(script: Script, token: str = "ghp_x") -> GitHubHosting:
    return GitHubHosting(GitHubRepository(SHOP, SecretValue(token), clock=VirtualClock(), api_url=script.url))


@pytest.fixture
def at() -> Iterator[Callable[..., GitHubHosting]]:
    """Make the adapter over scripted answers."""
    with ExitStack() as stack:
        yield lambda token, *replies: over(stack.enter_context(scripted(*replies)), token)


PUSHES = {"permissions": {"admin": False, "push": True, "pull": True}}
PULLS = {"permissions": {"admin": False, "push": False, "pull": True}}


def user(scopes: str) -> Reply:
    return Reply(data={"login": "octocat"}, headers={"X-OAuth-Scopes": scopes})


@pytest.mark.parametrize(
    ("scopes", "more", "access"),
    [
        ("repo, workflow", PUSHES, "write"),
        ("public_repo", PUSHES | {"private": False}, "write"),
        ("public_repo", PUSHES, "unknown"),
        ("repo", PULLS, "read"),
        ("", PUSHES, "unknown"),
    ],
)
def test_a_classic_tokens_scopes_and_role_tell(
    at: Callable[..., GitHubHosting], scopes: str, more: dict[str, Any], access: str
) -> None:
    # With a role that may not push nobody asks for the scopes, so the same list follows at once.
    replies = [repository(**more), *([user(scopes)] if more is not PULLS else []), Reply(data=[])]
    assert set(at("ghp_x", *replies).permissions().values()) == {access}


def test_what_a_repository_is_is_asked_each_time(at: Callable[..., GitHubHosting]) -> None:
    """A process may live for months, and a repository is made public or archived meanwhile."""
    hosting = at("ghp_x", repository(), repository(private=False, archived=True))
    before, after = hosting.repository(), hosting.repository()
    assert (before.private, before.archived, after.private, after.archived) == (True, False, False, True)


@pytest.mark.parametrize(
    ("token", "kind"),
    [("ghp_x", "classic"), ("github_pat_x", "fine-grained"), ("ghu_x", "app"), ("whatever", "other")],
)
def test_a_token_tells_its_kind(at: Callable[..., GitHubHosting], token: str, kind: str) -> None:
    identity = at(token, Reply(data={"login": "octocat"})).token()
    assert (identity.kind, identity.login, identity.scopes) == (kind, "octocat", ())


def test_a_jobs_token_has_nobody_behind_it_and_is_asked_for_all_the_same(
    at: Callable[..., GitHubHosting],
) -> None:
    assert at("ghs_x", repository()).token().login is None
    with pytest.raises(Unauthenticated):
        at("ghs_x", Reply(status=401, data={"message": "Bad credentials"})).token()


def test_settings_that_only_administrators_see_are_unknown(at: Callable[..., GitHubHosting]) -> None:
    refused = Reply(status=403, data={"message": "Resource not accessible by personal access token"})
    assert at("ghp_x", refused).actions().enabled is None
    found = at("ghp_x", Reply(data={"enabled": True, "allowed_actions": "local_only"})).actions()
    assert (found.enabled, found.allowed) == (True, "local_only")
    assert at("ghp_x", Reply(data={"enabled": False})).actions().enabled is False


def test_an_outage_is_temporary_and_no_answer_about_anything(at: Callable[..., GitHubHosting]) -> None:
    broken = Reply(status=502, data={"message": "Bad gateway"})
    hosting = at("ghp_x", broken)
    for ask in (hosting.token, hosting.repository, hosting.permissions, hosting.actions, hosting.labels):
        with pytest.raises(TemporaryError):
            ask()
    with pytest.raises(TemporaryError):
        hosting.text("a.yml", "main")


@pytest.mark.parametrize(
    "data",
    [[{"name": "a folder"}], {"encoding": "none", "content": ""}, {"encoding": "base64", "content": "/w=="}],
)
def test_what_is_no_text_file_is_none(at: Callable[..., GitHubHosting], data: Any) -> None:
    assert at("ghp_x", Reply(data=data)).text("a", "main") is None


def test_a_repository_without_a_commit_has_no_branch(at: Callable[..., GitHubHosting]) -> None:
    empty = Reply(status=409, data={"message": "Git Repository is empty."})
    assert at("ghp_x", empty).branch("main") is None


def test_names_are_data_in_an_address() -> None:
    with scripted(Reply(status=404, data={"message": "Not Found"})) as script:
        hosting = over(script)
        assert hosting.branch("a b?c#d") is None
        assert hosting.text("a b?ref=evil#", "main&x=1") is None
        with pytest.raises(NotFound):
            hosting.repository()
    assert [one.path for one in script.asked] == [
        f"/repos/{SHOP}/git/ref/heads/a%20b%3Fc%23d",
        f"/repos/{SHOP}/contents/a%20b%3Fref%3Devil%23?ref=main%26x%3D1",
        f"/repos/{SHOP}",
    ]


# ── the doctor, at the stand-in ───────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_the_doctor_looks_at_a_repository_that_init_set_up(
    github: GitHubWithActions, clock: VirtualClock, tmp_path: Path
) -> None:
    from click.testing import CliRunner

    from dreamnet_actions.bootstrap.setting_up import working_copy
    from dreamnet_actions.entrances.cli.root import dreamnet
    from tests.entrances.repositories import FLASK, snapshot
    from tests.entrances.repositories import repository as made

    root = made(tmp_path / "shop", {"app.py": FLASK})
    assert (
        CliRunner().invoke(dreamnet, ["--root", str(root), "init", "--yes", "--ref", "1" * 40]).exit_code == 0
    )
    files = {path: text.decode() for path, text in snapshot(root).items()}
    relay = ".github/workflows/dreamnet-relay.yml"
    github.create_repository(SHOP, files={path: text for path, text in files.items() if path != relay})
    hosting = reach(github, github.person("octocat", "admin"), clock)

    def lacking() -> dict[str | None, str]:
        copy = working_copy(root, {"PATH": "/usr/bin:/bin"})
        found = examine(surroundings(root, copy, {}, hosting))
        assert not found.passed_over
        return {one.file: one.detail for one in found.findings if one.status == "failed"}

    assert list(lacking()) == [relay]
    github.commit(SHOP, {relay: files[relay]}, "the rest")
    assert lacking() == {}
    dream = ".github/workflows/dreamnet-dream.yml"
    hosting._at.call("PUT", "/actions/workflows/dreamnet-dream.yml/disable")
    assert "switched off" in lacking()[dream]


@pytest.mark.slow
def test_the_command_asks_with_the_token_of_the_environment_and_never_shows_it(
    github: GitHubWithActions, tmp_path: Path
) -> None:
    import json

    from click.testing import CliRunner

    from dreamnet_actions.entrances.cli.root import dreamnet
    from tests.entrances.repositories import FLASK, snapshot
    from tests.entrances.repositories import repository as made

    root = made(tmp_path / "shop", {"app.py": FLASK})
    where = ["--root", str(root)]
    assert CliRunner().invoke(dreamnet, [*where, "init", "--yes", "--ref", "1" * 40]).exit_code == 0
    github.create_repository(SHOP, files={path: text.decode() for path, text in snapshot(root).items()})
    github.person("octocat", "admin")
    may = {"actions": "read", "contents": "write", "issues": "write", "statuses": "write"}
    token = github.fine_grained("octocat", may)
    env = {"GITHUB_TOKEN": token, "GITHUB_API_URL": github.api_url}
    said = CliRunner(env=env).invoke(dreamnet, [*where, "doctor"])
    assert said.exit_code == 5, said.output
    assert said.stdout.startswith("lacking: 1 missing or wrong, 4 that cannot be told.")
    assert "✗ permission deployments" in said.stdout
    assert "Deployments: Read and write" in said.stdout
    answered = CliRunner(env=env).invoke(dreamnet, [*where, "doctor", "--json"])
    assert json.loads(answered.stdout)["not_looked_at"] == []
    github.revoke(token)
    refused = CliRunner(env=env).invoke(dreamnet, [*where, "doctor"])
    assert refused.exit_code == 5
    assert "Not looked at (the host does not take the token)" in refused.stdout
    assert token not in said.output + answered.output + refused.output


# ── what dreamnet-health asks ─────────────────────────────────────────────────────────────────────────────


RUN = {
    "path": ".github/workflows/dream.yml@main",
    "event": "schedule",
    "conclusion": "failure",
    "run_started_at": "2026-11-26T12:00:00Z",
    "html_url": "https://github.com/octocat/shop/actions/runs/1",
}


def test_runs_are_told_by_their_workflows_path(at: Callable[..., GitHubHosting]) -> None:
    running = {**RUN, "conclusion": None, "path": ".github/workflows/dream.yml"}
    found = at("ghp_x", Reply(data={"workflow_runs": [running, RUN]})).runs(limit=2)
    assert [(one.workflow, one.event, one.conclusion) for one in found] == [
        (".github/workflows/dream.yml", "schedule", None),
        (".github/workflows/dream.yml", "schedule", "failure"),
    ]
    assert found[0].began == 1795694400.0


def test_the_budget_is_what_the_last_answer_said(github: GitHubWithActions, clock: VirtualClock) -> None:
    github.create_repository(SHOP, files={"README.md": "x"})
    hosting = reach(github, github.person("octocat", "admin", repository=SHOP), clock)
    hosting.repository()
    hosting.labels()
    budget = hosting.budget()
    assert budget.calls == 2
    assert budget.limit is not None
    assert budget.remaining == budget.limit - 2
    assert budget.resets_at is not None
    assert budget.resets_at > clock.now()


def test_a_workflow_is_switched_on_again(github: GitHubWithActions, clock: VirtualClock) -> None:
    path = ".github/workflows/dream.yml"
    text = "on: workflow_dispatch\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: 'true'}]}}\n"
    github.create_repository(SHOP, files={path: text})
    hosting = reach(github, github.person("octocat", "admin", repository=SHOP), clock)
    hosting._at.call("PUT", "/actions/workflows/dream.yml/disable")
    assert [one.state for one in hosting.workflows()] == ["disabled_manually"]
    hosting.enable(path)
    assert [one.state for one in hosting.workflows()] == ["active"]
