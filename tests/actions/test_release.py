"""A release: its steps by themselves, and the job that builds and tests it under act, from the tag to the artifact."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml

from dreamnet_actions.testing.github.actions.sources import SMALL

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import changelog  # noqa: E402

pytestmark = pytest.mark.slow

UV = Path(sys.executable).with_name("uv")
WORKFLOW = ROOT / ".github" / "workflows" / "release.yml"
LOG = "# Changelog\n\nWords.\n\n## Unreleased\n\nEach waits.\n"


def git(where: Path, *arguments: str) -> str:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *who, *arguments], cwd=where, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with the tree as it is here, uncommitted changes too."""
    where = tmp_path / "checkout"
    for name in git(ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0"):
        if name and (ROOT / name).is_file():
            (where / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, where / name)
    git(where, "init", "-q")
    git(where, "add", "-A")
    git(where, "commit", "-q", "-m", "chore: the tree")
    return where


def version(where: Path) -> str:
    text = (where / "dreamnet_actions" / "__init__.py").read_text(encoding="utf-8")
    return re.findall(r'^__version__ = "(.+)"$', text, re.M)[0]


# --- the changelog ------------------------------------------------------------------------------------------


@pytest.fixture
def log(tmp_path: Path) -> Path:
    (tmp_path / "changelog.d").mkdir()
    (tmp_path / "changelog.d" / "README.md").write_text("# How")
    (tmp_path / "CHANGELOG.md").write_text(LOG)
    return tmp_path


def fragment(log: Path, name: str, text: str = "Does a thing.\nAnd another.\n") -> None:
    (log / "changelog.d" / name).write_text(text)


def test_fragments_become_a_section_in_their_order(log: Path) -> None:
    fragment(log, "b.security.md")
    fragment(log, "b.added.md")
    fragment(log, "a.added.md", "First.\n")
    changelog.release(log, "1.2.3", "2026-11-26")
    section = (
        "## 1.2.3 (2026-11-26)\n\n### Added\n\n- First.\n- Does a thing. And another.\n\n"
        "### Security\n\n- Does a thing. And another.\n"
    )
    assert (log / "CHANGELOG.md").read_text() == f"{LOG}\n{section}"
    assert [file.name for file in (log / "changelog.d").iterdir()] == ["README.md"]
    fragment(log, "c.fixed.md", "Mended.\n")
    changelog.release(log, "1.2.4", "2026-11-27")
    text = (log / "CHANGELOG.md").read_text()
    assert text == f"{LOG}\n## 1.2.4 (2026-11-27)\n\n### Fixed\n\n- Mended.\n\n{section}"
    assert changelog.notes(log, "1.2.4") == "### Fixed\n\n- Mended.\n"
    assert changelog.notes(log, "1.2.3") == section.partition("\n\n")[2]


@pytest.mark.parametrize(
    ("name", "text", "asked", "said"),
    [
        ("a.new.md", "x", "1.0.0", "NAME.KIND.md"),
        ("added.md", "x", "1.0.0", "NAME.KIND.md"),
        ("a.added.md", "\n", "1.0.0", "sentences"),
        ("a.added.md", "# x", "1.0.0", "heading"),
        ("a.added.md", "x", "v1.0.0", "no version"),
        ("a.added.md", "x", "1.0", "no version"),
        ("README.md", "x", "1.0.0", "no fragment"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(
    log: Path, name: str, text: str, asked: str, said: str
) -> None:
    fragment(log, name, text)
    with pytest.raises(changelog.Wrong, match=said):
        changelog.release(log, asked, "2026-11-26")
    assert (log / "CHANGELOG.md").read_text() == LOG
    assert (log / "changelog.d" / name).exists()


def test_a_version_is_released_once(log: Path) -> None:
    fragment(log, "a.added.md")
    changelog.release(log, "1.0.0", "2026-11-26")
    fragment(log, "b.added.md")
    with pytest.raises(changelog.Wrong, match="already"):
        changelog.release(log, "1.0.0", "2026-11-27")
    with pytest.raises(changelog.Wrong, match=r"no section of 1\.0\.1"):
        changelog.notes(log, "1.0.1")


def test_the_fragments_that_wait_here_are_right() -> None:
    changelog.fragments(ROOT / "changelog.d")


# --- the steps ----------------------------------------------------------------------------------------------


def test_a_tag_of_another_version_is_refused(checkout: Path) -> None:
    done = subprocess.run(
        ["bash", "scripts/release", "check", "v99.0.0"], cwd=checkout, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "v99.0.0" in done.stderr
    assert f"v{version(checkout)}" in done.stderr


def test_a_version_without_its_section_is_refused(checkout: Path) -> None:
    (checkout / "CHANGELOG.md").write_text(LOG)
    tag = f"v{version(checkout)}"
    done = subprocess.run(
        ["bash", "scripts/release", "check", tag], cwd=checkout, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert f"scripts/changelog {version(checkout)}" in done.stderr


def test_recording_a_release_pins_it(checkout: Path) -> None:
    git(checkout, "tag", "v7.8.9")
    commit = git(checkout, "rev-parse", "HEAD")
    page = checkout / "docs" / "x.md"
    page.write_text(f"uses: dreamnet/dreamnet@{'0' * 40} # v7.8.8\n")
    subprocess.run(
        ["bash", "scripts/release", "record", "v7.8.9"], cwd=checkout, check=True, capture_output=True
    )
    assert page.read_text() == f"uses: dreamnet/dreamnet@{commit} # v7.8.9\n"
    record = json.loads((checkout / ".github" / "published.json").read_text())
    assert record == {"repository": "dreamnet/dreamnet", "tag": "v7.8.9", "commit": commit}


# --- under act ----------------------------------------------------------------------------------------------


def act(checkout: Path, tag: str, artifacts: Path, home: Path) -> tuple[int, str]:
    """Run the job `build` of release.yml as a push of ``tag`` starts it; answers its exit status and what it said."""
    event = {
        "ref": f"refs/tags/{tag}",
        "repository": {"full_name": "dreamnet/dreamnet", "default_branch": "main"},
    }
    (home / "event.json").write_text(json.dumps(event))
    pins = {
        step["uses"].partition("@")[0]: step["uses"]
        for step in yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]["build"]["steps"]
        if "uses" in step
    }
    local = [
        f"{pins[f'actions/{one}']}={SMALL / f'actions+{one}'}" for one in ("setup-python", "upload-artifact")
    ]
    command = [
        *(Path(sys.executable).with_name("act"), "push", "--job", "build", "--workflows", WORKFLOW.relative_to(ROOT)),
        *("--eventpath", home / "event.json", "--platform", "ubuntu-24.04=-self-hosted"),
        *(word for one in local for word in ("--local-repository", f"https://github.com/{one}")),
        *("--env", f"SANDBOX_ARTIFACTS={artifacts}", "--action-cache-path", home / "cache"),
        *("--pull=false", "--action-offline-mode", "--no-cache-server", "--rm", "--no-recurse"),
    ]  # fmt: skip
    environment = {**os.environ, "DOCKER_HOST": "", "XDG_CONFIG_HOME": str(home / "config")}
    process = subprocess.Popen(
        [str(one) for one in command],
        cwd=checkout,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=280)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return process.returncode, said


def test_the_build_job_makes_what_is_published(checkout: Path, tmp_path: Path) -> None:
    tag = f"v{version(checkout)}"
    subprocess.run(["bash", "scripts/changelog", tag[1:]], cwd=checkout, check=True, capture_output=True)
    git(checkout, "commit", "-q", "-a", "-m", "chore: release")
    git(checkout, "tag", tag)
    commit = git(checkout, "rev-parse", "HEAD")
    status, said = act(checkout, tag, tmp_path / "artifacts", tmp_path)
    assert status == 0, said
    assert "Job succeeded" in said
    assert re.search(r"try: dreamnet \S+ validates \d+ examples", said)
    assert re.search(r"\d+ passed", said), "the unit tests ran against the wheel"

    dist = tmp_path / "artifacts" / "dist"
    (wheel,) = dist.glob("*.whl")
    (sdist,) = dist.glob("*.tar.gz")
    assert {file.name for file in dist.iterdir()} == {wheel.name, sdist.name, "SHA256SUMS", "NOTES.md"}
    for line in (dist / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split()
        assert hashlib.sha256((dist / name).read_bytes()).hexdigest() == digest
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read("dreamnet_actions/entrances/setup/released.txt").decode().strip() == commit
        assert not [name for name in archive.namelist() if name.startswith(("tests/", "scripts/"))]
    with tarfile.open(sdist) as archive:
        assert any(name.endswith("/action.yml") for name in archive.getnames())
    assert (dist / "NOTES.md").read_text().startswith("### Added\n")
    assert not (checkout / "dreamnet_actions" / "entrances" / "setup" / "released.txt").exists()

    again = tmp_path / "again"
    git(tmp_path, "clone", "-q", "--branch", tag, str(checkout), str(again))
    (again / "dreamnet_actions" / "entrances" / "setup" / "released.txt").write_text(f"{commit}\n")
    subprocess.run(
        [
            *(UV, "build", "--quiet", "--no-build-isolation", "--python", sys.executable),
            *("--sdist", "--wheel", "."),
        ],
        cwd=again,
        env={**os.environ, "SOURCE_DATE_EPOCH": git(again, "log", "-1", "--format=%ct")},
        check=True,
    )
    for file in (wheel, sdist):
        assert (again / "dist" / file.name).read_bytes() == file.read_bytes(), (
            "the same commit gives the same bytes"
        )
