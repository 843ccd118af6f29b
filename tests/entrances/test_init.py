"""`dreamnet init`: what it writes is right whatever the repository is like, shown before, and never over anything."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from dreamnet_actions.bootstrap import check_config
from dreamnet_actions.entrances.cli.root import dreamnet
from dreamnet_actions.entrances.setup import writing
from dreamnet_actions.entrances.setup.recognise import label, recognise
from dreamnet_actions.entrances.setup.seen import Seen
from dreamnet_actions.entrances.setup.workflows import MOST_LINES
from dreamnet_actions.errors import PermanentError, RefusedError
from tests.entrances.repositories import FLASK, REPOSITORIES, repository, snapshot

BIN = Path(sys.executable).parent
PIN = "0123456789abcdef0123456789abcdef01234567"
CONFIG = ".github/dreamnet.yml"
THREE = {f".github/workflows/dreamnet-{one}.yml" for one in ("deploy", "dream", "relay")}
EVERY_FILE = {CONFIG, *THREE}


def init(root: Path, *arguments: str) -> Result:
    return CliRunner().invoke(dreamnet, ["--root", str(root), "init", *arguments], prog_name="dreamnet")


def gates(root: Path, *, pinned: bool = True) -> None:
    """Have actionlint, check-jsonschema and zizmor (auditor) look at the workflows; there must be nothing to say."""
    files = sorted((root / ".github/workflows").glob("dreamnet-*.yml"))
    assert files
    runs = [
        [BIN / "actionlint", "-no-color", *files],
        [BIN / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *files],
        [
            BIN / "zizmor",
            "--color",
            "never",
            "--offline",
            "--quiet",
            "--no-config",
            "--persona",
            "auditor",
            *files,
        ],
    ]
    for command in runs:
        run = subprocess.run([str(one) for one in command], cwd=root, capture_output=True, text=True)
        if command[0].name == "zizmor" and not pinned:
            found = set(re.findall(r"^\w+\[([\w-]+)\]", run.stdout, re.M))
            assert found == {"unpinned-uses"}, run.stdout + run.stderr
        else:
            assert run.returncode == 0, run.stdout + run.stderr


# ── what it writes ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", REPOSITORIES)
def test_what_it_writes_is_valid_short_shown_and_the_same_again(name: str, tmp_path: Path) -> None:
    root = repository(tmp_path / name, REPOSITORIES[name])
    before = snapshot(root)
    first = init(root, "--yes", "--ref", PIN)
    assert first.exit_code == 0, first.output
    after = snapshot(root)
    assert set(after) - set(before) == EVERY_FILE
    assert {path: after[path] for path in before} == before
    for path in EVERY_FILE:
        text = after[path].decode()
        shown = "".join(f"+{line}\n" for line in text.splitlines())
        assert shown in first.stdout, "the difference that was shown is what was written"
        if path != CONFIG:
            assert len(text.splitlines()) <= MOST_LINES
    loaded = check_config(root)
    assert loaded.config.services
    ports = [one.port for one in loaded.config.services.values()]  # type: ignore[attr-defined]
    assert len(set(ports)) == len(ports)
    again = init(root, "--yes", "--ref", PIN)
    assert again.exit_code == 0
    assert snapshot(root) == after
    assert f"kept: {CONFIG}" in again.stdout
    assert {line for line in again.stdout.splitlines() if line.startswith("unchanged: ")} == {
        f"unchanged: {path}" for path in THREE
    }
    assert "new: " not in again.stdout
    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["flask", "two", "hostile-names", "hostile-yaml"])
def test_the_workflows_pass_every_gate(name: str, tmp_path: Path) -> None:
    root = repository(tmp_path, REPOSITORIES[name])
    (root / "values.env").write_text("A=1\n")
    said = init(root, "--yes", "--ref", PIN, "--env", "values.env", "--runner", "self-hosted")
    assert said.exit_code == 0
    assert "DREAMNET_STATE" in said.stdout
    assert (root / ".github/workflows/dreamnet-env.yml").exists()
    gates(root)


@pytest.mark.slow
def test_unpinned_workflows_fail_for_that_alone(tmp_path: Path) -> None:
    root = repository(tmp_path, REPOSITORIES["flask"])
    said = init(root, "--yes", "--ref", "v1").stdout
    assert "which can move" in said
    gates(root, pinned=False)


@pytest.mark.parametrize(
    ("name", "wanted"),
    {
        "flask": {
            "command": ".venv/bin/python -m flask --app app:app run --host 127.0.0.1 --port {port}",
            "ready": "/healthz",
        },
        "plain": {"command": "python3 app.py {port}", "port": 8200},
        "by-variable": {"command": "python3 serve.py", "port": 8300},
        "fastapi": {
            "command": "python3 -m uvicorn main:api --host 127.0.0.1 --port {port}",
            "ready": "/health",
            "directory": "src",
        },
        "django": {"command": "python3 manage.py runserver --noreload 127.0.0.1:{port}"},
        "express": {"command": "node server.js", "port": 4000, "ready": "/ping", "name": "acme-my-shop"},
        "npm": {"command": "npm start", "port": 3000},
        "go": {"command": "go run .", "port": 9090, "ready": "/readyz"},
        "image": {"command": "python3 serve.py {port}", "port": 8123},
        "static": {"command": "python3 -m http.server {port} --bind 127.0.0.1", "directory": "public"},
        "compose": {"name": "front", "port": 8088},
        "kubernetes": {"name": "shop", "port": 5050},
        "procfile": {"command": "gunicorn app:app --bind 0.0.0.0:{port}"},
    }.items(),
)
def test_services_are_recognised(name: str, wanted: dict[str, Any]) -> None:
    files = REPOSITORIES[name]
    found = recognise(Seen(name="shop", files=tuple(files), texts=files)).services
    assert len(found) == 1
    for key, value in wanted.items():
        said = getattr(found[0], key)
        assert (" ".join(said) if key == "command" else said) == value


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "compose",
            "db runs from postgres:16. What init writes are processes (for Kubernetes",
        ),
        ("helm", "a Helm chart. What init writes are processes (for Kubernetes"),
    ],
)
def test_it_says_plainly_what_this_version_does_not_do(name: str, said: str, tmp_path: Path) -> None:
    shown = init(repository(tmp_path, REPOSITORIES[name]), "--yes").stdout
    assert said in shown
    assert "services are processes on the machine that runs the job" in shown


def test_flags_describe_a_service_where_nothing_is_recognised(tmp_path: Path) -> None:
    root = repository(tmp_path, {"README.md": "hello\n"})
    nothing = init(root, "--yes")
    assert nothing.exit_code == 3
    assert "Nothing here tells how a service starts." in nothing.output
    assert "--command" in nothing.output
    assert not (root / ".github").exists()
    said = init(
        root, "--yes", "--service", "api", "--command", "python3 app.py {port}", "--port", "9000",
        "--check", "http://127.0.0.1:9000/up", "--schedule", "1h", "--branch", "trunk", "--platform", "here",
    )  # fmt: skip
    assert said.exit_code == 0, said.output
    config: Any = check_config(root).config
    api = config.services["api"]
    assert (api.platform, api.command, api.port) == ("here", ("python3", "app.py", "{port}"), 9000)
    assert (api.checks["home"].http, api.release.branch) == ("http://127.0.0.1:9000/up", "trunk")
    assert "branches: [trunk]" in (root / ".github/workflows/dreamnet-deploy.yml").read_text()
    assert 'cron: "7 * * * *"' in (root / ".github/workflows/dreamnet-dream.yml").read_text()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--platform", "helm"], "no name for the platform that init writes"),
        (["--platform", "kubernetes"], "There are no manifests here"),
        (["--platform", "gke"], "does not say which cluster"),
        (["--platform", "kubernetes", "--cluster", "p/l/c"], "--cluster is for --platform gke"),
        (["--cluster", "autopilot"], "names no cluster"),
        (["--platform", "kubernetes", "--service", "web", "--port", "80"], "--port is for processes"),
        (["--service", "We b"], "Write --service we-b."),
        (["--service", "self"], "'self'"),
        (["--command", "'open"], "cannot be split"),
        (["--command", " "], "empty"),
        (["--check", "localhost"], "is no address"),
        (["--env", "../x.env"], "leaves the configuration's root"),
        (["--schedule", "2m"], "5 minutes"),
        (["--schedule", "*/2 * * * *"], "every 2 min"),
        (["--schedule", "@daily"], "no cron line"),
        (["--schedule", "7m"], "divides neither"),
        (["--branch", "a${{b"], "takes it for an expression"),
        (["--port", "0"], "--port"),
    ],
)
def test_a_wrong_flag_says_what_to_write_and_writes_nothing(
    flags: list[str], said: str, tmp_path: Path
) -> None:
    root = repository(tmp_path, {"app.py": FLASK})
    answered = init(root, "--yes", *flags)
    assert answered.exit_code == 3, answered.output
    assert said in " ".join(answered.output.split())
    assert not (root / ".github").exists()


def test_outside_git_there_is_no_release(tmp_path: Path) -> None:
    root = repository(tmp_path, {"index.html": ""}, branch=None)
    assert init(root, "--yes").exit_code == 0
    assert check_config(root).config.services[label(tmp_path.name)].release is None


@pytest.mark.parametrize(
    "branch", ["trunk", "a+b", "feature/x!", "x]y", "naïve", "quote'\"#", "null", "a{b}$(id)"]
)
def test_a_branch_means_exactly_itself(branch: str, tmp_path: Path) -> None:
    root = repository(tmp_path, {"index.html": ""}, branch=branch)
    said = init(root, "--yes", "--ref", PIN)
    assert said.exit_code == 0, said.output
    deploy = yaml.safe_load((root / ".github/workflows/dreamnet-deploy.yml").read_text())
    pattern = deploy[True]["push"]["branches"][0]  # YAML 1.1 reads `on` as true
    assert re.sub(r"\\(.)", r"\1", pattern) == branch
    assert not re.search(r"(?<!\\)[*?+\[\]!]", pattern)
    released = check_config(root).config.services["shop"].release
    assert released is None or released.branch == branch


# ── never over anything ───────────────────────────────────────────────────────────────────────────────────


def test_a_file_that_differs_is_left_shown_and_told(tmp_path: Path) -> None:
    path = ".github/workflows/dreamnet-dream.yml"
    root = repository(tmp_path, {"app.py": FLASK, path: "name: mine\n"})
    said = init(root, "--yes")
    assert said.exit_code == 4
    assert (root / path).read_text() == "name: mine\n"
    assert f"differs: {path}" in said.stdout
    assert "-name: mine" in said.stdout
    assert "left as it is" in said.output
    assert (root / CONFIG).exists()


def test_a_configuration_of_ones_own_is_kept_and_followed(tmp_path: Path) -> None:
    mine = (
        "version: 1\nplatforms: {p: {process: {}}}\nservices:\n  shop: {platform: p, command: [x], release: "
        "{git: ., branch: live}}\nenv: {a: {from: {dotenv: a.env}, to: [{process: shop}]}}\n"
    )
    root = repository(tmp_path, {"dreamnet.yml": mine, "app.py": FLASK})
    said = init(root, "--yes")
    assert said.exit_code == 0
    assert "kept: dreamnet.yml (shop)" in said.stdout
    assert not (root / CONFIG).exists()
    assert "branches: [live]" in (root / ".github/workflows/dreamnet-deploy.yml").read_text()
    assert '["(every)", shop]' in (root / ".github/workflows/dreamnet-deploy.yml").read_text()
    assert (root / ".github/workflows/dreamnet-env.yml").exists()
    for flag in (("--port", "9000"), ("--platform", "here"), ("--env", "b.env")):
        flagged = init(root, "--yes", *flag)
        assert flagged.exit_code == 4, flag
        assert "differs: dreamnet.yml" in flagged.output
        assert (root / "dreamnet.yml").read_text() == mine


def test_a_flag_of_one_service_says_of_which_where_there_are_several(tmp_path: Path) -> None:
    root = repository(tmp_path, REPOSITORIES["two"])
    said = init(root, "--yes", "--port", "9000")
    assert said.exit_code == 3
    assert "--port is of one service, and there are api, web." in said.output
    assert not (root / ".github").exists()
    assert init(root, "--yes", "--service", "web", "--port", "9000").exit_code == 0
    assert list(check_config(root).config.services) == ["web"]


def test_a_wrong_configuration_ends_with_its_mistakes(tmp_path: Path) -> None:
    root = repository(tmp_path, {"dreamnet.yml": "version: 1\nservises: {}\n"})
    said = init(root, "--yes")
    assert said.exit_code == 2
    assert "servises" in said.output
    assert set(snapshot(root)) == {"dreamnet.yml"}


def test_dry_run_and_nobody_to_ask_write_nothing(tmp_path: Path) -> None:
    root = repository(tmp_path, {"app.py": FLASK})
    before = snapshot(root)
    dry = init(root, "--dry-run")
    assert dry.exit_code == 0
    assert "+version: 1" in dry.stdout
    unasked = init(root)
    assert unasked.exit_code == 3
    assert "add --yes" in " ".join(unasked.output.split())
    assert snapshot(root) == before


@pytest.mark.parametrize("kind", ["folder", "file", "dangling"])
def test_nothing_is_written_through_a_link_or_over_a_file(kind: str, tmp_path: Path) -> None:
    root, outside = repository(tmp_path / "r", {"app.py": FLASK}), tmp_path / "outside"
    outside.mkdir()
    if kind == "folder":
        (root / ".github").symlink_to(outside)
    elif kind == "file":
        (root / ".github").write_text("a file\n")
    else:
        (root / ".github").mkdir()
        (root / CONFIG).symlink_to(outside / "nowhere")
    said = init(root, "--yes")
    assert said.exit_code == 4, said.output
    assert list(outside.iterdir()) == []
    assert not (root / ".github/workflows").exists() or kind == "dangling"


def test_all_or_nothing_when_the_disk_says_no(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {f"a/b/{number}.yml": "x\n" for number in range(4)}
    planned = writing.plan(tmp_path, texts)
    opened = Path.open

    def failing(self: Path, *arguments: Any, **named: Any) -> Any:
        if self.name == "2.yml":
            raise OSError(28, "No space left on device", str(self))
        return opened(self, *arguments, **named)

    monkeypatch.setattr(Path, "open", failing)
    with pytest.raises(PermanentError, match="Nothing was written"):
        writing.write(tmp_path, planned)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_comes_up_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    planned = writing.plan(tmp_path, {"a.yml": "x\n", "b.yml": "x\n"})
    (tmp_path / "b.yml").write_text("theirs\n")
    with pytest.raises(RefusedError, match="come up meanwhile"):
        writing.write(tmp_path, planned)
    assert snapshot(tmp_path) == {"b.yml": b"theirs\n"}
