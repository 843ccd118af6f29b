"""`dreamnet sandbox`: a user's repository in a GitHub of its own, its page, and an end that leaves nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from click.testing import CliRunner

from dreamnet_actions.bootstrap.sandbox import make_sandbox
from dreamnet_actions.entrances.cli.root import dreamnet
from dreamnet_actions.entrances.cli.sandbox import sandbox as command
from dreamnet_actions.errors import ConfigError, RequestInvalid
from dreamnet_actions.errors.configuration import ExtraMissing
from dreamnet_actions.testing.github.actions.act import find_act
from dreamnet_actions.testing.github.sandbox.house import refs
from dreamnet_actions.testing.github.sandbox.importing import UserRepository
from dreamnet_actions.testing.github.sandbox.session import Sandbox

pytestmark = pytest.mark.slow
PATH = os.environ.get("PATH", "/usr/bin:/bin")
EVIL = "<script>alert('x')</script> & \"quoted\""
WORKFLOW = """
name: Button
run-name: ${{ inputs.title || github.event.head_commit.message || 'scheduled' }}
on:
  push:
  schedule: [{cron: '*/5 * * * *'}]
  workflow_dispatch:
    inputs: {title: {description: "say <b>it</b>"}, loud: {type: boolean}, size: {type: choice, options: [s, m]}}
  repository_dispatch:
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - env: {TITLE: "${{ inputs.title }}", LOUD: "${{ inputs.loud }}"}
        run: |
          ls; echo "loud=$LOUD"; echo "## $TITLE" >> "$GITHUB_STEP_SUMMARY"; echo "::error title=$TITLE::$TITLE"
"""


def git(folder: Path, *arguments: str) -> str:
    named = ["-c", "user.name=m", "-c", "user.email=m@example.com", "-c", "commit.gpgsign=false"]
    done = subprocess.run(
        ["git", *named, "-C", folder, *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    (folder / ".github/workflows").mkdir(parents=True)
    (folder / ".github/workflows/button.yml").write_text(WORKFLOW)
    (folder / ".gitignore").write_text("ignored\n")
    git(folder, "init", "-q", "-b", "trunk")
    git(folder, "remote", "add", "origin", "git@github.com:octo/shop.git")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", f"first {EVIL}")
    return folder


@pytest.fixture
def running(repository: Path) -> Iterator[Sandbox]:
    with make_sandbox(repository, path=PATH, say=lambda line: None) as made:
        yield made
        assert made.github.violations == []


def page(running: Sandbox, path: str = "/", **more: object) -> str:
    answer = httpx2.get(running.github.server_url + path, **more)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    assert "script-src" not in answer.headers["content-security-policy"]
    assert "<script" not in answer.text
    return answer.text


def test_what_is_committed_is_its_first_push(running: Sandbox) -> None:
    assert (running.name, running.branch) == ("octo/shop", "trunk")
    running.push()
    (run,) = running.finish(threading.Event(), 60)
    assert run.conclusion == "success", run.log
    assert (run.event.name, run.ref) == ("push", "refs/heads/trunk")


def test_the_page_shows_all_of_it_and_escapes_every_text(running: Sandbox) -> None:
    token = running.token_file.read_text()
    assert running.token_file.stat().st_mode & 0o777 == 0o600
    with httpx2.Client(
        base_url=f"{running.github.api_url}/repos/octo/shop", headers={"Authorization": f"Bearer {token}"}
    ) as client:
        client.post("/labels", json={"name": "<dream>", "color": "5319e7"})
        made = client.post("/issues", json={"title": EVIL, "body": EVIL, "labels": ["<dream>"]})
        assert made.status_code == 201
        client.post("/issues/1/comments", json={"body": EVIL})
        assert (
            client.post("/dispatches", json={"event_type": EVIL, "client_payload": {"x": EVIL}}).status_code
            == 204
        )
        made = client.post(
            "/deployments", json={"ref": "trunk", "environment": "<prod>", "required_contexts": []}
        )
        client.post(
            f"/deployments/{made.json()['id']}/statuses", json={"state": "failure", "description": EVIL}
        )
    running.start("workflow_dispatch", "button.yml", {"title": EVIL})
    runs = running.finish(threading.Event(), 60)
    home = page(running)
    for shown in (
        "octo/shop",
        "&lt;dream&gt;",
        "&lt;prod&gt;",
        "failure",
        "repository_dispatch",
        "Run Button",
        "refresh",
    ):
        assert shown in home, shown
    assert home.count("&lt;script&gt;") >= 4
    assert EVIL.replace("'", "&#x27;") not in home
    issue = page(running, "/octo/shop/issues/1")
    assert issue.count("&lt;script&gt;") >= 3
    run = page(running, f"/octo/shop/actions/runs/{runs[-1].id}")
    assert "loud=false" in run
    assert "contents: read" in run
    assert run.count("&lt;script&gt;") >= 3
    assert 'http-equiv="refresh"' not in run


def test_a_button_starts_a_run_only_from_the_pages_own_form(running: Sandbox) -> None:
    url = f"{running.github.server_url}/octo/shop/actions/workflows/button.yml"
    form = page(running, "/octo/shop/actions/workflows/button.yml")
    assert "say &lt;b&gt;it&lt;/b&gt;" in form
    assert "<option>m</option>" in form
    secret = form.split('name=secret value="')[1].split('"')[0]
    fields = {
        "secret": secret,
        "ref": "trunk",
        "input.title": "hello",
        "input.loud": "true",
        "input.size": "m",
    }
    assert httpx2.post(url, data={**fields, "secret": "guessed"}).status_code == 403
    assert (
        httpx2.post(url, data={key: value for key, value in fields.items() if key != "secret"}).status_code
        == 403
    )
    assert httpx2.post(url, data=fields, headers={"Origin": "http://evil.example"}).status_code == 403
    assert httpx2.post(url, data=fields, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert httpx2.post(url, data=fields, headers={"Host": "evil.example"}).status_code == 403
    assert httpx2.get(running.github.server_url, headers={"Host": "evil.example:80"}).status_code == 403
    assert httpx2.post(url, content=b"x" * 100_000).status_code == 413
    refused = httpx2.post(url, data={**fields, "ref": "nowhere"})
    assert (refused.status_code, "No ref found for: nowhere" in refused.text) == (422, True)
    assert running.github.engine.all_runs() == []
    answer = httpx2.post(url, data=fields)
    assert answer.status_code == 303
    (run,) = running.finish(threading.Event(), 60)
    assert (run.title, run.inputs) == ("hello", {"title": "hello", "loud": True, "size": "m"})
    assert answer.headers["location"] == f"/octo/shop/actions/runs/{run.id}"
    again = f"{running.github.server_url}/octo/shop/actions/runs/{run.id}/rerun"
    assert httpx2.post(again, data={"secret": secret}).status_code == 303
    running.finish(threading.Event(), 60)
    assert run.now.number == 2
    assert httpx2.get(f"{running.github.server_url}/octo/none/issues/1").status_code == 404


def test_the_user_pushes_again_with_the_credentials_file(running: Sandbox, repository: Path) -> None:
    git(repository, "commit", "-q", "--allow-empty", "-m", "second")
    command = running.push_command.replace("git -c", f"git -C {repository} -c", 1)
    assert running.token_file.read_text() not in command
    subprocess.run(["sh", "-c", command], check=True, capture_output=True)
    (run,) = running.finish(threading.Event(), 60)
    assert (run.title, run.conclusion) == ("second", "success")


def test_dirty_takes_what_lies_there_and_leaves_the_repository_as_it_is(repository: Path) -> None:
    (repository / "new.txt").write_text("new")
    (repository / "ignored").write_text("not this")
    before = (repository / ".git/index").read_bytes()
    with make_sandbox(repository, path=PATH, say=lambda line: None, dirty=True) as made:
        made.push()
        (run,) = made.finish(threading.Event(), 60)
        assert "new.txt" in run.log
        assert "ignored" not in run.log
    assert (repository / ".git/index").read_bytes() == before
    assert git(repository, "status", "--short") == "?? new.txt"
    assert not list(Path(repository).parent.glob("dreamnet-sandbox-*"))


def test_dirty_needs_no_commit(tmp_path: Path) -> None:
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    git(fresh, "init", "-q", "-b", "trunk")
    (fresh / "page.txt").write_text("first")
    with make_sandbox(fresh, path=PATH, say=lambda line: None, dirty=True) as made:
        store = made.github.world.git(made.github.world.repository(made.name))
        assert store.text("show", f"{made.sha}:page.txt") == "first"
        assert store.head("trunk") == made.sha
    assert git(fresh, "status", "--short") == "?? page.txt"


def test_what_is_not_in_it_is_said(repository: Path) -> None:
    said: list[str] = []
    (repository / "new.txt").write_text("new")
    (repository / ".gitignore").write_text("ignored\nmore\n")
    (repository / "ignored").write_text("not this")
    with make_sandbox(repository, path=PATH, say=said.append):
        pass
    assert said == ["Not committed, so not in it: .gitignore, new.txt. Commit, or start it with --dirty."]
    git(repository, "rm", "-q", "-r", ".github")
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "no workflows")
    said.clear()
    with make_sandbox(repository, path=PATH, say=said.append):
        pass
    assert said == ["There is no workflow on trunk, so nothing starts. Write some: dreamnet init"]


def test_secrets_come_from_variables_and_are_masked(repository: Path) -> None:
    text = "on: push\njobs: {a: {runs-on: x, steps: [{run: 'echo key=$K', env: {K: '${{ secrets.KEY }}'}}]}}"
    (repository / ".github/workflows/button.yml").write_text(text)
    with make_sandbox(repository, path=PATH, say=print, dirty=True, secrets={"KEY": "very-secret"}) as made:
        made.push()
        (run,) = made.finish(threading.Event(), 60)
        assert "key=***" in run.log


def test_what_cannot_be_used_is_said(tmp_path: Path, repository: Path, running: Sandbox) -> None:
    with pytest.raises(ConfigError, match="is in no git repository"):
        UserRepository(tmp_path)
    empty = tmp_path / "empty"
    empty.mkdir()
    git(empty, "init", "-q")
    with pytest.raises(ConfigError, match="has no commit yet"):
        UserRepository(empty)
    for option in ("--workflow=x.yml", "--input=a=b"):
        done = CliRunner().invoke(dreamnet, ["sandbox", option])
        assert done.exit_code == 3
        assert f"{option.partition('=')[0]} is of --once" in done.output
    with pytest.raises(RequestInvalid, match=r"Those with a button: button\.yml"):
        running.start("workflow_dispatch", "none.yml", {})
    with pytest.raises(RequestInvalid, match="Unexpected inputs provided"):
        running.start("workflow_dispatch", None, {"titel": "x"})
    port = int(running.github.server_url.rpartition(":")[2])
    with (
        pytest.raises(RequestInvalid, match="cannot be taken"),
        make_sandbox(repository, path=PATH, say=print, port=port),
    ):
        pass


def test_refs_of_dreamnet_itself() -> None:
    texts = [
        b"uses: dreamnet/dreamnet/.github/workflows/deploykeeper.yml@v1 # x",
        b"- uses: 'dreamnet/dreamnet@0a1b'",
    ]
    assert refs(texts) == {"v1", "0a1b"}


def test_dreamnet_itself_is_served_from_a_checkout(repository: Path, tmp_path: Path) -> None:
    house = tmp_path / "house"
    house.mkdir()
    (house / "action.yml").write_text(
        "runs: {using: composite, steps: [{run: 'echo served by $GITHUB_ACTION_PATH', shell: bash}]}\n"
    )
    git(house, "init", "-q")
    git(house, "add", "-A")
    git(house, "commit", "-q", "-m", "x")
    sha = "0123456789abcdef0123456789abcdef01234567"
    text = f"on: push\njobs: {{a: {{runs-on: x, steps: [{{uses: 'dreamnet/dreamnet@{sha}'}}]}}}}"
    (repository / ".github/workflows/button.yml").write_text(text)
    with make_sandbox(repository, path=PATH, say=print, dirty=True, house=house) as made:
        made.push()
        (run,) = made.finish(threading.Event(), 60)
        assert "served by" in run.log
        assert run.conclusion == "success", run.log


def test_once_tells_how_the_runs_ended(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository)
    done = CliRunner().invoke(command, ["--once", "schedule"])
    assert done.exit_code == 0, done.output
    assert "button.yml  schedule  scheduled  success" in done.stdout
    (repository / ".github/workflows/button.yml").write_text(
        "on: push\njobs: {a: {runs-on: x, steps: [{run: 'echo on the way; exit 3'}]}}"
    )
    done = CliRunner().invoke(command, ["--once", "push", "--dirty"])
    assert done.exit_code == 5
    assert "on the way" in done.stderr
    assert CliRunner().invoke(command, ["--once", "push", "--input", "novalue"]).exit_code == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_when_it_is_told_and_leaves_nothing(
    repository: Path, tmp_path: Path, number: signal.Signals
) -> None:
    (repository / ".github/workflows/button.yml").write_text(
        "on: {schedule: [{cron: '*/5 * * * *'}]}\n"
        f"jobs: {{a: {{runs-on: x, steps: [{{run: 'trap : INT TERM; touch {tmp_path}/began; "
        "while :; do sleep 1; done'}]}}"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    program = [sys.executable, "-m", "dreamnet_actions", "sandbox", "--dirty", "--every", "1s"]
    process = subprocess.Popen(program, cwd=repository, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        end = time.monotonic() + 20
        while not (tmp_path / "began").exists():
            assert time.monotonic() < end
            time.sleep(0.05)
        process.send_signal(number)
        assert process.wait(15) == 0
        assert not list(tmp_path.glob("dreamnet-sandbox-*"))
    finally:
        process.kill()
        process.stdout.close()


@pytest.mark.parametrize("name", ["uvicorn", "starlette"])
def test_without_the_extra_the_line_to_run_is_told(repository: Path, name: str) -> None:
    program = (
        f"import sys; sys.modules['{name}'] = None; "
        "from dreamnet_actions.entrances.cli import main; sys.exit(main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, "sandbox"], cwd=repository, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert f"The sandbox needs {name}, which is not installed." in done.stderr
    assert "Run: pip install 'dreamnet[sandbox]'" in done.stderr


def test_without_act_the_line_to_run_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ExtraMissing, match="The sandbox needs the program act") as told:
        find_act()
    assert "pip install 'dreamnet[sandbox]'" in told.value.hint
    assert "bash scripts/setup.sh extras" in told.value.hint
