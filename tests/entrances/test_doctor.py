"""`dreamnet doctor`: every lack is found, with its file, line and the lines to add; and nothing else is said."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dreamnet_actions.bootstrap.setting_up import working_copy
from dreamnet_actions.entrances.doctor.check import Finding, Surroundings
from dreamnet_actions.entrances.doctor.examine import CHECKS, Examined, examine, surroundings
from dreamnet_actions.entrances.setup.called import CALLED
from dreamnet_actions.errors import RefusedError, TemporaryError
from dreamnet_actions.ports.hosting import Hosted, HostedWorkflow, Identity
from dreamnet_actions.testing.memory.hosting import MemoryHosting
from tests.docs.pages import ROOT
from tests.entrances.doctored import PIN, WORKFLOWS, run
from tests.entrances.repositories import FLASK, repository, snapshot

pytestmark = pytest.mark.slow

DEPLOY, DREAM, RELAY = (f"{WORKFLOWS}/dreamnet-{one}.yml" for one in ("deploy", "dream", "relay"))


@pytest.fixture(autouse=True)
def no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_TOKEN", "GH_TOKEN", "GITHUB_REPOSITORY", "GITHUB_API_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository as `init` leaves it."""
    made = repository(tmp_path, {"app.py": FLASK})
    assert run(made, "init", "--yes", "--ref", PIN).exit_code == 0
    return made


def hosted(root: Path) -> MemoryHosting:
    """The same repository at its host, all well, with a token that may do everything."""
    files = {path: text.decode() for path, text in snapshot(root).items()}
    return MemoryHosting(
        identity=Identity(login="octocat", kind="classic", scopes=("repo",)),
        reach={
            "actions": "write",
            "contents": "write",
            "deployments": "write",
            "issues": "write",
            "statuses": "write",
        },
        known=[
            HostedWorkflow(path=path, name=path, state="active")
            for path in files
            if path.startswith(WORKFLOWS)
        ],
        names={"dream"},
        branches={"main": "1" * 40, "dreamnet": "2" * 40},
        files=files,
    )


def look(root: Path, hosting: MemoryHosting | None = None) -> Examined:
    at = surroundings(root, working_copy(root, {"PATH": "/usr/bin:/bin"}), {}, hosting)
    return examine(at, because="" if hosting else "offline")


def change(root: Path, path: str, pattern: str, new: str) -> None:
    text = (root / path).read_text()
    changed = re.sub(pattern, new, text, flags=re.M)
    assert changed != text
    (root / path).write_text(changed)


def lacks(found: Examined, status: str = "failed") -> list[Finding]:
    return [one for one in found.findings if one.status == status]


def test_after_init_nothing_is_missing(root: Path) -> None:
    found = look(root, hosted(root))
    assert found.verdict == "ready"
    assert {one.status for one in found.findings} == {"ok"}
    assert not found.passed_over


def test_without_a_token_it_looks_at_what_is_here_and_says_so(root: Path) -> None:
    said = run(root, "doctor")
    assert said.exit_code == 0, said.output
    assert said.stdout.startswith("ready: nothing is missing.\n")
    online = ", ".join(check.name for check in CHECKS if check.online)
    assert f"Not looked at (neither GITHUB_TOKEN nor GH_TOKEN is set): {online}." in said.stdout
    assert "Not looked at (--offline)" in run(root, "doctor", "--offline").stdout


def test_json_says_the_same(root: Path) -> None:
    change(root, DREAM, r"^  schedule:.*\n", "")
    said = run(root, "doctor", "--json")
    assert said.exit_code == 5
    answer = json.loads(said.stdout)
    assert answer["verdict"] == "lacking"
    failed = [one for one in answer["findings"] if one["status"] == "failed"]
    assert [(one["what"], one["file"]) for one in failed] == [("dreamkeeper", DREAM)]
    assert answer["because"]
    assert answer["not_looked_at"] == [check.name for check in CHECKS if check.online]


def test_no_configuration_and_a_wrong_one_end_with_2(root: Path, tmp_path: Path) -> None:
    (root / ".github/dreamnet.yml").write_text("version: 1\nservises: {}\n")
    said = run(root, "doctor")
    assert said.exit_code == 2
    assert re.search(r"✗ configuration +Unknown key 'servises'.*\(.github/dreamnet.yml:2\)", said.stdout)
    (root / ".github/dreamnet.yml").unlink()
    said = run(root, "doctor")
    assert said.exit_code == 2
    assert "Run: dreamnet init" in said.stdout


# ── the workflows here ────────────────────────────────────────────────────────────────────────────────────

BROKEN: list[tuple[str, str, str, str, str]] = [
    (DEPLOY, r"^  push:.*\n", "", "does not start by push", "  push: {branches: [main]}"),
    (DEPLOY, r"\[main\]", "[other]", "a push to main does not start it", "  push: {branches: [main]}"),
    (DREAM, r"^  schedule:.*\n", "", "does not start by schedule", "schedule: [{cron:"),
    (DREAM, r"cron: .*\}\]", 'cron: "*/2 * * * *"}]', "every 2 min", "*/5 * * * *"),
    (DREAM, r"cron: .*\}\]", 'cron: "@daily"}]', "a schedule that is none", "7,37 * * * *"),
    (
        DREAM,
        r"contents: write, ",
        "",
        "lacks the permission contents: write",
        "{contents: write, issues: write}",
    ),
    (DREAM, r"issues: write", "issues: read", "lacks the permission issues: write", "issues: write}"),
    (DREAM, r"^    permissions: .*$", "    permissions: read-all", "'read-all'", "issues: write}"),
    (DREAM, r"^    permissions: .*\n", "", "lacks the permission contents: write", "      contents: write"),
    (RELAY, r", dreamnet.request.v1", "", "does not answer dreamnet.request.v1", "dreamnet.request.v1"),
    (RELAY, r"^  repository_dispatch:.*$", "  push:", "does not start by repository_dispatch", "types: ["),
    (
        DREAM,
        r"^jobs:",
        "concurrency: dreamnet-dreamkeeper\njobs:",
        "waits for itself",
        "Take 'concurrency' out",
    ),
    (
        DEPLOY,
        r"^jobs:",
        "concurrency: {group: a, cancel-in-progress: true}\njobs:",
        "cancels a keeper at work",
        "out",
    ),
    (DREAM, r"^on:$", "on:\n  repository_dispatch:", "it would act twice", "Take 'repository_dispatch' out"),
]


@pytest.mark.parametrize(("path", "pattern", "new", "said", "fix"), BROKEN)
def test_each_lack_is_found_with_its_line_and_the_lines_to_add(
    root: Path, path: str, pattern: str, new: str, said: str, fix: str
) -> None:
    change(root, path, pattern, new)
    found = lacks(look(root))
    assert len(found) == 1, found
    assert said in found[0].detail
    assert fix in found[0].fix
    assert found[0].file == path
    assert found[0].line is not None
    assert 1 <= found[0].line <= len((root / path).read_text().splitlines())
    told = run(root, "doctor")
    assert told.exit_code == 5
    assert f"({path}:{found[0].line})" in told.stdout


@pytest.mark.parametrize(
    ("path", "pattern", "new", "said"),
    [
        (DREAM, r"@[0-9a-f]{40} # v1", "@v1", "named by 'v1', which can move"),
        (DREAM, r"issues: write", "issues: write, packages: write", "more than it needs: packages: write"),
        (DREAM, r"^    permissions: .*$", "    permissions: write-all", "'write-all': more than it needs"),
        (RELAY, r"^jobs:", "concurrency: mine\njobs:", "messages get lost"),
        (DREAM, r"(?s)^  workflow_dispatch:.*(?=^permissions: )", "", "has no button"),
    ],
)
def test_what_works_and_could_be_better_is_a_warning(
    root: Path, path: str, pattern: str, new: str, said: str
) -> None:
    change(root, path, pattern, new)
    found = look(root)
    assert found.verdict == "ready"
    assert [said in one.detail for one in lacks(found, "warning")] == [True]
    assert run(root, "doctor").exit_code == 0


@pytest.mark.parametrize("path", [DEPLOY, DREAM, RELAY])
def test_a_workflow_that_is_not_there_is_missed(root: Path, path: str) -> None:
    (root / path).unlink()
    found = lacks(look(root))
    assert [(one.file, one.fix) for one in found] == [(path, "Run: dreamnet init")]
    assert run(root, "init", "--yes", "--ref", PIN).exit_code == 0
    assert look(root).verdict == "ready"


def test_other_names_and_the_action_itself_count_too(root: Path) -> None:
    (root / DREAM).unlink()
    (root / WORKFLOWS / "mine.yaml").write_text(
        "on: [schedule, workflow_dispatch]\npermissions: {contents: write, issues: write}\n"
        "jobs:\n  look:\n    runs-on: x\n"
        f"    steps:\n      - uses: dreamnet/dreamnet@{PIN}\n        with: {{agent: dreamkeeper}}\n"
    )
    assert look(root).verdict == "ready"


def test_a_workflow_that_cannot_be_read_hides_nothing(root: Path) -> None:
    (root / WORKFLOWS / "broken.yml").write_text("on: [\n")
    (root / WORKFLOWS / "bomb.yml").write_text("a: " + "[" * 100_000)
    (root / WORKFLOWS / "bytes.yml").write_bytes(b"\xff\xfe\x00")
    found = look(root)
    assert {one.file for one in lacks(found, "warning")} == {
        f"{WORKFLOWS}/bomb.yml",
        f"{WORKFLOWS}/broken.yml",
    }
    assert found.verdict == "ready"


# ── the host ──────────────────────────────────────────────────────────────────────────────────────────────


def archived(host: MemoryHosting) -> None:
    host.hosted = replace(host.hosted, archived=True)


def without_issues(host: MemoryHosting) -> None:
    host.hosted = replace(host.hosted, has_issues=False)


def off(host: MemoryHosting) -> None:
    host.enabled = False


def local_only(host: MemoryHosting) -> None:
    host.allowed = "local_only"


def read_only(host: MemoryHosting) -> None:
    host.reach["issues"] = "read"


def without_deployments(host: MemoryHosting) -> None:
    host.reach["deployments"] = "none"


def disabled(host: MemoryHosting) -> None:
    host.known = [
        replace(one, state="disabled_inactivity") if one.path == DREAM else one for one in host.known
    ]


def not_pushed(host: MemoryHosting) -> None:
    del host.files[RELAY]


@pytest.mark.parametrize(
    ("wrong", "said", "fix"),
    [
        (archived, "is archived", "Unarchive"),
        (without_issues, "has no issues", "tick Issues"),
        (off, "are off", "Allow all actions"),
        (local_only, "only those of this repository may run", "allow dreamnet/dreamnet/*"),
        (read_only, "'write' is needed", "Issues: Read and write"),
        (without_deployments, "this token has 'none'", "Deployments: Read and write"),
        (disabled, "switched off (disabled_inactivity)", "Enable workflow"),
        (not_pushed, f"{RELAY} is not on main", f"git add {RELAY}"),
    ],
)
def test_each_lack_at_the_host_is_found(
    root: Path, wrong: Callable[[MemoryHosting], None], said: str, fix: str
) -> None:
    host = hosted(root)
    wrong(host)
    found = lacks(look(root, host))
    assert len(found) == 1, found
    assert said in found[0].detail
    assert fix in found[0].fix


def test_what_only_a_write_would_tell_is_unknown(root: Path) -> None:
    host = hosted(root)
    host.reach, host.admin = {}, False
    found = look(root, host)
    assert found.verdict == "ready"
    needed = {name for one in ("deploykeeper", "dreamkeeper", "relaybot") for name in CALLED[one].permissions}
    assert {one.what for one in lacks(found, "unknown")} == {
        *(f"permission {name}" for name in needed),
        "Actions",
    }


def test_whether_we_are_among_the_selected_actions_is_unknown(root: Path) -> None:
    host = hosted(root)
    host.allowed = "selected"
    (found,) = lacks(look(root, host), "unknown")
    assert (found.what, "dreamnet/dreamnet/*" in found.fix) == ("Actions", True)


def test_another_text_on_the_branch_is_told(root: Path) -> None:
    host = hosted(root)
    host.files[DEPLOY] += "# later\n"
    assert [one.file for one in lacks(look(root, host), "warning")] == [DEPLOY]


def test_a_token_that_is_not_taken_ends_the_asking(root: Path) -> None:
    host = hosted(root)
    host.valid = False
    found = look(root, host)
    assert [one.what for one in lacks(found)] == ["token"]
    assert found.passed_over == tuple(check.name for check in CHECKS if check.online)[1:]
    assert "does not take the token" in found.because


def test_an_outage_is_nobodys_fault(root: Path) -> None:
    host = hosted(root)
    host.error = TemporaryError("GitHub answered with 502.", hint="Try again later.")
    found = look(root, host)
    assert found.verdict == "ready"
    assert [one.status for one in found.findings if one.what == "token"] == ["unknown"]
    assert "did not answer" in found.because


def test_one_refused_question_hides_no_other(root: Path) -> None:
    host = hosted(root)

    def refuse() -> Any:
        raise RefusedError("The token lacks the permission 'issues: read'.", hint="Give it.")

    host.labels = refuse  # type: ignore[method-assign]
    host.hosted = Hosted(name="octocat/shop", default_branch="main", private=False)
    found = look(root, host)
    assert [one.what for one in lacks(found)] == ["labels"]
    assert any(one.what == "journal" for one in found.findings)


def test_a_later_keeper_adds_its_check(root: Path) -> None:
    from dreamnet_actions.entrances.doctor.check import Check

    def cluster(at: Surroundings) -> list[Finding]:
        return [Finding(status="failed", what="cluster", detail=f"{at.repository} has none", fix="Make one.")]

    at = surroundings(root, working_copy(root, {"PATH": "/usr/bin:/bin"}), {}, None)
    found = examine(at, (*CHECKS, Check(name="cluster", look=cluster)), because="offline")
    assert [(one.what, one.detail) for one in lacks(found)] == [("cluster", "octocat/shop has none")]


def test_this_repositorys_own_workflows_are_well() -> None:
    at = surroundings(ROOT, None, {"GITHUB_REPOSITORY": "dreamnet/dreamnet"}, None)
    assert {one.keeper for one in at.callers} == set(CALLED)
    assert all(one.own for one in at.callers)
    assert lacks(examine(at, because="offline")) == []


@pytest.mark.parametrize(
    ("remote", "named"),
    [
        ("https://github.com/octocat/shop.git", "octocat/shop"),
        ("https://user:s3cret@github.com/octocat/shop", "octocat/shop"),
        ("git@github.com:octocat/shop.git", "octocat/shop"),
        ("ssh://git@git.example.com:2222/team/it.git", "team/it"),
        ("/srv/git/shop.git", None),
        ("https://github.com/only", None),
    ],
)
def test_the_remote_tells_the_repository_and_never_its_password(
    remote: str, named: str | None, tmp_path: Path
) -> None:
    root = repository(tmp_path, {"index.html": ""}, remote=remote)
    copy = working_copy(root, {"PATH": "/usr/bin:/bin"})
    assert copy is not None
    assert copy.repository == named
    said = run(root, "init", "--dry-run").output + run(root, "doctor").output
    assert "s3cret" not in said
    assert (named or "names a repository") in said
