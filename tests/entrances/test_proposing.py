"""Pull requests at the stand-in for GitHub: what is planned and judged, one comment, and what a fork's run may not see.

The second stage runs whole in this process: files of a checkout, git and REST are real; only act is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dreamnet_actions.adapters.runner.actions import ActionsRunner
from dreamnet_actions.adapters.system.clock import SystemClock
from dreamnet_actions.domain.request import AgentRequest
from dreamnet_actions.domain.result import AgentResult, Report
from dreamnet_actions.entrances.action.run import run
from dreamnet_actions.entrances.action.telling import tell
from dreamnet_actions.errors import BUG
from dreamnet_actions.errors.configuration import ConfigInvalid
from dreamnet_actions.keepers.envkeeper.keeper import EnvKeeper
from dreamnet_actions.testing.github.standin import StandIn
from tests.github.conftest import OPENAPI

pytestmark = pytest.mark.slow

SHOP, HEAD = "octo/shop", "0d1a26e67d8f5eaf1f6ba5c57fc3c7d91ac0fd1c"
MAY = {"contents": "read", "pull-requests": "write"}
CONFIG = """\
version: 1
env:
  staging: {from: {dotenv: staging.env}, to: [{dotenv: out/staging.env}], rules: {WORKERS: integer}}
  production: {from: {dotenv: production.env}, to: [{dotenv: out/production.env}]}
"""
SECRET = "correct-horse-battery"


class Place:
    """A checkout of a pull request, and the repository that it is for."""

    def __init__(self, github: StandIn, folder: Path) -> None:
        self.github, self.folder = github, folder
        self.runs = 0
        self.root = folder / "checkout"
        self.printed = self.summary = ""
        github.create_repository(SHOP, files={"README.md": "# shop\n"})
        github.commit(SHOP, {"staging.env": "x"}, "Change a value", branch="change")
        self.number = int(
            self.asks("POST", "/pulls", {"title": "x", "head": "change", "base": "main"})["number"]
        )

    def asks(self, method: str, path: str, body: Any = None, by: str = "octocat") -> Any:
        import urllib.request

        call = urllib.request.Request(
            f"{self.github.api_url}/repos/{SHOP}{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self.github.person(by, 'admin')}",
                "Content-Type": "application/json",
            },
            method=method,
        )
        with urllib.request.urlopen(call, timeout=10) as answer:
            return json.loads(answer.read() or b"null")

    def write(self, **files: str) -> None:
        """Write files of the checkout; ``_`` stands for a dot."""
        for name, text in files.items():
            path = self.root / name.replace("_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def look(self, *, fork: bool = False, may: dict[str, str] | None = None, **environ: str) -> AgentResult:
        """Run the step once, as a job with a token that ``may`` do so much."""
        self.runs += 1
        payload = {
            "action": "synchronize",
            "repository": {"full_name": SHOP},
            "pull_request": {
                "number": self.number,
                "title": "@octocat <img src=x> fixes #1",
                "head": {"sha": HEAD, "repo": {"full_name": "mallory/shop" if fork else SHOP}},
            },
        }
        files = {
            one: self.folder / one for one in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_EVENT_PATH")
        }
        for path in files.values():
            path.write_text("")
        files["GITHUB_EVENT_PATH"].write_text(json.dumps(payload))
        found = {
            **{name: str(path) for name, path in files.items()},
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTOR": "octocat",
            "GITHUB_API_URL": self.github.api_url,
            "GITHUB_EVENT_NAME": "pull_request",
            "GITHUB_REPOSITORY": SHOP,
            "GITHUB_RUN_ID": str(self.runs),
            "GITHUB_SERVER_URL": self.github.server_url,
            "GITHUB_TOKEN": self.github.workflow_token(SHOP, may or MAY, job=f"plan {self.runs}"),
            "GITHUB_WORKSPACE": str(self.root),
            "DREAMNET_HASH_KEY": "the installation's own",
            "DREAMNET_INPUT_AGENT": "envkeeper",
            "HOME": str(self.folder),
            "PATH": "/usr/bin:/bin",
            "RUNNER_TEMP": str(self.folder / f"run-{self.runs}"),
            **environ,
        }
        import io

        out = io.StringIO()
        runner = ActionsRunner(out, output=found["GITHUB_OUTPUT"], summary=found["GITHUB_STEP_SUMMARY"])
        result, shown = run(found)
        tell(result, found, runner, shown=shown)
        self.printed, self.summary = out.getvalue(), files["GITHUB_STEP_SUMMARY"].read_text()
        for text in (self.printed, self.summary, files["GITHUB_OUTPUT"].read_text(), *self.comments()):
            assert SECRET not in text
        return result

    def comments(self) -> list[str]:
        return [one["body"] for one in self.asks("GET", f"/issues/{self.number}/comments")]

    def branches(self) -> set[str]:
        git = self.github.world.git(self.github.world.repository(SHOP))
        return set(git.refs("refs/heads/"))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with StandIn(clock=SystemClock(), root=tmp_path / "github", check=OPENAPI) as github:
        made = Place(github, tmp_path)
        made.write(
            cloud_env="LEVEL=2\n",
            dreamnet_yml=CONFIG,
            staging_env="WORKERS=2\n",
            production_env=f"TOKEN={SECRET}\n",
        )
        yield made
        assert github.violations == []


def test_one_comment_is_kept_true_and_nothing_else_is_written(place: Place) -> None:
    before = place.branches()
    theirs = place.asks("POST", f"/issues/{place.number}/comments", {"body": "What will it change?"})
    first = place.look()
    assert (first.outcome, first.exit_status) == ("planned", 0), first
    assert first.summary == "a sync would change 2 names of production, staging."
    _, comment = place.comments()
    assert comment.startswith(f"### 📝 EnvKeeper: {first.summary}\n\n#### staging → out/staging")
    assert "| WORKERS | added | – |" in comment
    assert place.summary.strip() in comment, "the job's summary says the same"
    plans = [one["plan"] for one in first.findings if "plan" in one]
    assert len(plans) == 2
    assert all(f"--plan {one}` does this or nothing" in comment for one in plans)

    place.write(staging_env="WORKERS=3\nDEBUG=\n")
    place.look()
    _, second = place.comments()
    assert second != comment
    assert "| DEBUG | emptied" in second or "| DEBUG | added" in second
    # Somebody copies it, marker and all: that one is not ours.
    place.asks("PATCH", f"/issues/comments/{theirs['id']}", {"body": second})
    place.write(dreamnet_yml="version: 1\n")
    last = place.look()
    assert (last.outcome, last.summary) == ("unchanged", "nothing changes.")
    copied, third = place.comments()
    assert copied == second
    assert third.startswith("### ✅ EnvKeeper: nothing changes.\n")

    assert place.branches() == before, "no journal, no plan is remembered"
    assert not (place.root / "out").exists()


def test_nothing_to_tell_begins_no_comment(place: Place) -> None:
    place.write(dreamnet_yml="version: 1\n")
    assert place.look().exit_status == 0
    assert place.comments() == []


def test_mistakes_of_values_fail_it_at_their_lines(place: Place) -> None:
    place.write(staging_env="# how many\nWORKERS=many\n")
    result = place.look()
    assert (result.outcome, result.exit_status) == ("refused", 3)
    assert "::error title=DreamNet%3A type,file=staging.env,line=2" in place.printed
    (comment,) = place.comments()
    assert comment.startswith("### ❌ EnvKeeper: 1 mistake in the values")
    assert f"/blob/{HEAD}/staging.env#L2)" in comment
    assert "Not planned: its values hold mistakes" in comment
    assert "#### production → out/production" in comment, "one entry hides no other"


def test_a_configuration_with_mistakes_takes_the_plan_out_of_the_comment(place: Place) -> None:
    place.look()
    place.write(dreamnet_yml=CONFIG.replace("dotenv: out/staging", "dotenw: out/staging"))
    with pytest.raises(ConfigInvalid):
        place.look()
    (comment,) = place.comments()
    assert comment.startswith("### ❌ EnvKeeper: 1 mistake in the configuration")
    assert f"/blob/{HEAD}/dreamnet.yml#L3)" in comment
    assert "--plan" not in comment


def test_the_plan_that_was_shown_is_the_one_that_a_sync_does(place: Place) -> None:
    """In the same checkout once it is merged, by its id; another value, and nothing is done."""
    from dreamnet_actions.bootstrap import Options, assemble

    shown = {one["entry"]: one["plan"] for one in place.look().findings if "plan" in one}
    environ = {"DREAMNET_HASH_KEY": "the installation's own", "HOME": str(place.folder)}

    def sync(entry: str) -> AgentResult:
        system = assemble(Options(root=place.root, state=place.folder / "state", environ=environ))
        try:
            asks = {"action": "sync", "entry": entry, "plan": shown[entry]}
            return system.pipe.submit({"agent": "envkeeper", "input": asks})
        finally:
            system.close()

    place.write(staging_env="WORKERS=9\n")
    refused = sync("staging")
    assert (refused.error or {}).get("code") == "env.plan-changed", refused
    done = sync("production")
    assert done.outcome == "done", done
    assert SECRET in (place.root / "out/production.env").read_text()


def test_no_value_of_one_character_is_anywhere(place: Place) -> None:
    """Right or wrong, old or new: each value here is a sign that nothing else has."""
    signs = "🜲🜳🜵🜶"
    place.write(
        staging_env=f"WORKERS={signs[0]}\nB={signs[1]}\n",
        production_env=f'C="{signs[2]}"\nD={signs[3]}\n',
        out_production_env="C=🜸\n",
    )
    assert place.look().exit_status == 3
    place.write(staging_env=f"WORKERS=1\nB={signs[1]}\n")
    result = place.look()
    assert result.outcome == "planned"
    for text in (place.summary, str(result.to_json()), *place.comments()):
        assert not set(text) & set(signs + "🜸"), text


# ── without secrets ─────────────────────────────────────────────────────────────────────────────────────────

UNSEEN = (
    CONFIG
    + """\
  cloud: {from: {dotenv: cloud.env}, to: [{kubernetes-secret: shop}]}
platforms:
  there: {kubernetes: {namespace: shop}}
"""
)


def test_a_forks_run_says_what_it_cannot_see_and_judges_the_rest(place: Place) -> None:
    place.write(dreamnet_yml=UNSEEN)
    reads = {"contents": "read", "pull-requests": "read"}
    result = place.look(fork=True, may=reads)
    assert (result.outcome, result.exit_status) == ("planned", 0), result
    assert place.comments() == []
    for text in (place.printed, place.summary):
        assert "No comment on the pull request: it comes from a fork" in text
        assert "Not everything could be looked at: it comes from a fork" in text
    assert "Not planned: cloud." in result.summary
    assert "#### staging → out/staging" in place.summary
    place.write(staging_env="WORKERS=many\n")
    assert place.look(fork=True, may=reads).exit_status == 3, "what needs no secret is judged all the same"
    assert "file=staging.env,line=1" in place.printed


def test_a_bug_of_ours_is_never_taken_for_what_a_fork_may_not_see(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = EnvKeeper.plan

    def broken(self: EnvKeeper, request: AgentRequest) -> Report:
        if request.input.get("entry") == "production":
            raise ZeroDivisionError
        return plan(self, request)

    monkeypatch.setattr(EnvKeeper, "plan", broken)
    result = place.look(fork=True, may={"contents": "read", "pull-requests": "read"})
    assert (result.outcome, result.exit_status) == ("failed", BUG), result
    assert "a bug of its own (ZeroDivisionError)" in result.summary
    assert "Not everything could be looked at" not in place.summary
    assert "#### staging → out/staging" in place.summary, "what could be planned is shown"


def test_what_a_run_of_our_own_cannot_see_fails_it(place: Place) -> None:
    place.write(dreamnet_yml=UNSEEN)
    result = place.look()
    assert result.exit_status
    assert result.error is not None
    (comment,) = place.comments()
    assert "#### cloud" in comment
    result = place.look(GITHUB_ACTOR="dependabot[bot]")
    assert result.exit_status == 0
    assert "Dependabot started it" in place.summary


def test_a_job_without_the_permission_says_which(place: Place) -> None:
    result = place.look(may={"contents": "read", "pull-requests": "read"})
    assert (result.outcome, result.exit_status) == ("planned", 0)
    assert place.comments() == []
    assert "::warning title=DreamNet%3A refused.permission::" in place.printed
    assert "contents: read\n  pull-requests: write" in place.summary


@pytest.mark.parametrize("more", [{"DREAMNET_PAUSED": "true"}, {"DREAMNET_INPUT_DRY_RUN": "true"}])
def test_paused_or_dry_it_writes_no_comment(place: Place, more: dict[str, str]) -> None:
    assert place.look(**more).outcome == "planned"
    assert place.comments() == []
