"""Flags in a repository at GitHub, on the stand-in: each change a commit or a pull request that says who and why."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from dreamnet_actions.adapters.files.flags import FlagFile
from dreamnet_actions.adapters.github.client import GitHubRepository
from dreamnet_actions.adapters.github.documents import GitHubDocument
from dreamnet_actions.bootstrap import Options, assemble
from dreamnet_actions.domain.flagedit import Edit, Share
from dreamnet_actions.domain.secret import SecretValue
from dreamnet_actions.errors import ConfigError, Conflict, PermissionMissing
from dreamnet_actions.ports.flags import FlagStore, Note
from dreamnet_actions.testing.contracts.flags import NOTE, FlagStoreContract
from dreamnet_actions.testing.github.standin import StandIn
from dreamnet_actions.testing.memory.clock import VirtualClock

pytestmark = pytest.mark.slow
REPOSITORY = "octo/shop"
BOTH = {"contents": "write", "pull-requests": "write"}


class Shop:
    """A repository with flags, and people and workflows that reach it."""

    def __init__(self, github: StandIn, clock: VirtualClock) -> None:
        self.github, self.clock = github, clock
        self.person = self.reach(github.person("octocat", "admin"))

    def reach(self, token: str) -> GitHubRepository:
        return GitHubRepository(
            REPOSITORY,
            SecretValue(token),
            clock=self.clock,
            api_url=self.github.api_url,
            server_url=self.github.server_url,
        )

    def document(self, permissions: Any = BOTH, **more: Any) -> GitHubDocument:
        token = self.github.workflow_token(REPOSITORY, permissions, job=f"flags {permissions}")
        return GitHubDocument(self.reach(token), "config/flags.json", what="The file of flags", **more)

    def holds(self, text: str) -> None:
        self.github.commit(REPOSITORY, {"config/flags.json": text}, "flags")

    def pulls(self) -> list[dict[str, Any]]:
        return list(self.person.call("GET", "/pulls", parameters={"state": "open"}))

    def log(self) -> list[str]:
        return [one["commit"]["message"] for one in self.person.call("GET", "/commits")]


@pytest.fixture
def shop(github: StandIn, clock: VirtualClock) -> Shop:
    made = Shop(github, clock)
    made.holds(json.dumps(_file(), indent=2))
    return made


def _file() -> dict[str, Any]:
    flags = {}
    for flag in FlagStoreContract.FLAGS:
        flags[flag.name] = {"state": flag.state, "variants": dict(flag.variants)}
        if flag.default_variant:
            flags[flag.name]["defaultVariant"] = flag.default_variant
        if flag.targeting:
            flags[flag.name]["targeting"] = dict(flag.targeting)
    return {"flags": flags}


class TestFlagsAtGitHub(FlagStoreContract):
    @pytest.fixture
    def store(self, shop: Shop) -> FlagStore:
        return FlagFile(shop.document({"contents": "write"}))


def test_a_commit_says_what_who_and_why(shop: Shop) -> None:
    note = Note(subject="Set flag home to on", why="a launch\n\nSigned-off-by: nobody", by="octocat")
    done = FlagFile(shop.document({"contents": "write"})).change("home", Edit(variant="on"), note)
    assert done.written is not None
    assert shop.log()[0] == (
        "Set flag home to on\n\nWhy: a launch Signed-off-by: nobody\nAsked for by: octocat"
    )
    newest = shop.person.call("GET", "/commits")[0]
    assert done.written.text == f"commit {newest['sha'][:7]}"
    whole = shop.person.call("GET", f"/commits/{newest['sha']}")
    assert [(one["filename"], one["changes"]) for one in whole["files"]] == [("config/flags.json", 2)]


def test_somebody_elses_commit_is_kept(shop: Shop) -> None:
    document = shop.document({"contents": "write"})
    held = document.read()
    shop.holds(held.text.replace('"DISABLED"', '"ENABLED"'))
    with pytest.raises(Conflict):
        document.write(held.text + "\n", over=held.revision, note=NOTE)
    FlagFile(document).change("home", Edit(variant="on"), NOTE)
    flags = FlagFile(document).read()
    assert (flags["limit"].state, flags["home"].default_variant) == ("ENABLED", "on")


def test_a_pull_request_proposes_it_once(shop: Shop) -> None:
    store = FlagFile(shop.document(change="pull-request"))
    note = Note(subject="Set flag home to on", why="@everyone closes #1", by="octocat")
    first, again = (store.change("home", Edit(variant="on"), note).written for _ in range(2))
    (pull,) = shop.pulls()
    assert first == again
    assert first is not None
    assert (first.pending, first.url) == (True, pull["html_url"])
    assert pull["title"] == "Set flag home to on"
    assert "Asked for by: octocat" in pull["body"]
    assert "@everyone" not in pull["body"]
    assert store.get("home").default_variant == "off"
    shop.person.call("PATCH", "/git/refs/heads/main", body={"sha": pull["head"]["sha"]})
    assert store.get("home").default_variant == "on"
    assert store.change("home", Edit(variant="on"), note).written is None


def test_a_kill_waits_for_no_review(shop: Shop) -> None:
    store = FlagFile(shop.document(change="pull-request"))
    at_once = Note(subject="Kill home", why="it burns", by="octocat", at_once=True)
    done = store.change("home", Edit(state="DISABLED"), at_once)
    assert done.written is not None
    assert not done.written.pending
    assert store.get("home").state == "DISABLED"
    assert shop.pulls() == []


def test_what_a_token_lacks_is_said_with_the_way_out(shop: Shop) -> None:
    with pytest.raises(PermissionMissing, match="contents"):
        FlagFile(shop.document({"contents": "read"})).change("home", Edit(variant="on"), NOTE)
    with pytest.raises(PermissionMissing) as caught:
        FlagFile(shop.document({"contents": "write"}, change="pull-request")).change(
            "home", Edit(share=Share.of("on", 0.1)), NOTE
        )
    assert "dreamnet-flags-" in str(caught.value.hint)


def test_a_file_that_is_not_there_is_told(github: StandIn, clock: VirtualClock) -> None:
    with pytest.raises(ConfigError, match=r"config/flags\.json is not in octo/shop"):
        Shop(github, clock).document().read()


@pytest.mark.parametrize("change", ["commit", "pull-request"])
@pytest.mark.parametrize(
    ("checkout", "config"),
    [(".", "dreamnet.yml"), (".", "apps/shop/dreamnet.yml"), ("source", "source/apps/shop/dreamnet.yml")],
    ids=["root", "folder", "checkout-in-a-folder"],
)
def test_a_run_changes_the_repository_and_not_its_checkout(
    shop: Shop, github: StandIn, tmp_path: Path, checkout: str, config: str, change: str
) -> None:
    """Wherever the configuration lies in the repository, and the repository in the workspace."""
    workspace = tmp_path / "workspace"
    file = workspace / config
    file.parent.mkdir(parents=True)
    (workspace / checkout / ".git").mkdir()
    (tmp_path / ".git").mkdir()  # somebody else's, as on a runner of one's own
    file.write_text(f"version: 1\nflags: {{file: config/flags.json, change: {change}}}\n")
    place = (file.parent / "config/flags.json").relative_to(workspace / checkout).as_posix()
    github.commit(REPOSITORY, {place: json.dumps(_file(), indent=2)}, "flags of the shop")
    others = {"config/flags.json"} - {place}
    environ = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_ACTOR": "octocat",
        "GITHUB_EVENT_NAME": "workflow_dispatch",
        "GITHUB_REPOSITORY": REPOSITORY,
        "GITHUB_API_URL": github.api_url,
        "GITHUB_SERVER_URL": github.server_url,
        "GITHUB_RUN_ID": "1",
        "GITHUB_TOKEN": github.workflow_token(REPOSITORY, {**BOTH, "issues": "read"}, job="env"),
        "RUNNER_TEMP": str(tmp_path / "temp"),
        "PATH": "/usr/local/bin:/usr/bin:/bin",
    }
    system = assemble(Options(root=workspace, config=file, environ=environ, home="github"))
    try:
        asked = {"action": "set-flag", "flag": "home", "variant": "on", "reason": "a launch"}
        result = system.pipe.submit({"agent": "envkeeper", "input": asked})
        system.finish()
    finally:
        system.close()
    assert result.outcome == "done", result.summary
    message = "Set flag home to on, ENABLED\n\nWhy: a launch\nAsked for by: octocat"
    branch = "main"
    if change == "commit":
        assert result.findings[0]["written"].startswith("commit ")
        assert shop.log()[0] == message
    else:
        (pull,) = shop.pulls()
        assert (pull["title"], pull["html_url"]) == (
            "Set flag home to on, ENABLED",
            result.findings[0]["url"],
        )
        assert "Asked for by: octocat" in pull["body"]
        branch = pull["head"]["ref"]
    newest = shop.person.call("GET", "/commits", parameters={"sha": branch})[0]["sha"]
    whole = shop.person.call("GET", f"/commits/{newest}")
    assert [one["filename"] for one in whole["files"]] == [place]
    assert whole["commit"]["message"] == message
    for one in others:
        assert json.loads(_held(shop, one))["flags"]["home"]["defaultVariant"] == "off"
    assert not (file.parent / "config").exists()


def _held(shop: Shop, path: str) -> str:
    return base64.b64decode(shop.person.call("GET", f"/contents/{path}")["content"]).decode()
