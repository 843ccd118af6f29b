"""The sandbox's small stand-ins for artifacts lay files out as GitHub's own actions do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from dreamnet_actions.testing.github.actions.sources import SMALL

FILES = ("dist/a.whl", "dist/deep/b.txt", "dist/.hidden", "docs/c.md", "one.txt")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / "work" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "work" / name).write_text(name)
    return tmp_path / "work"


def step(work: Path, action: str, **inputs: str) -> subprocess.CompletedProcess[str]:
    """Run the one step of a small action, as act would."""
    folder = SMALL / f"actions+{action}"
    whole = yaml.safe_load((folder / "action.yml").read_text("utf-8"))
    (only,) = whole["runs"]["steps"]
    given = {name: str(one.get("default", "")) for name, one in whole["inputs"].items()} | {
        name.replace("_", "-"): value for name, value in inputs.items()
    }
    named = {key: value.removeprefix("${{ inputs.").removesuffix(" }}") for key, value in only["env"].items()}
    environment = {key: given[name] for key, name in named.items()}
    environment |= {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "GITHUB_ACTION_PATH": str(folder)}
    environment["SANDBOX_ARTIFACTS"] = str(work.parent / "artifacts")
    return subprocess.run(
        ["bash", "-e", "-c", only["run"]], cwd=work, env=environment, capture_output=True, text=True, check=False
    )  # fmt: skip


def below(folder: Path) -> set[str]:
    return {one.relative_to(folder).as_posix() for one in folder.rglob("*") if one.is_file()}


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("dist/", {"a.whl", "deep/b.txt"}),
        ("dist/*.whl", {"a.whl"}),
        ("one.txt", {"one.txt"}),
        ("dist/deep/b.txt", {"b.txt"}),
        ("dist\none.txt", {"dist/a.whl", "dist/deep/b.txt", "one.txt"}),
        ("dist/**\n!dist/deep/**", {"a.whl"}),
        ("**/*.md", {"docs/c.md"}),
        (".", {"dist/a.whl", "dist/deep/b.txt", "docs/c.md", "one.txt"}),
    ],
)
def test_files_lie_below_what_the_patterns_have_in_common(work: Path, path: str, kept: set[str]) -> None:
    done = step(work, "upload-artifact", path=path, name="made")
    assert done.returncode == 0, done.stdout + done.stderr
    assert below(work.parent / "artifacts" / "made") == kept


def test_hidden_files_are_kept_where_they_are_asked_for(work: Path) -> None:
    step(work, "upload-artifact", path="dist", include_hidden_files="true")
    assert ".hidden" in below(work.parent / "artifacts" / "artifact")


def test_what_cannot_be_uploaded_is_said(work: Path) -> None:
    assert step(work, "upload-artifact", path="none", if_no_files_found="error").returncode == 1
    assert "::warning::No files" in step(work, "upload-artifact", path="none").stdout
    assert step(work, "upload-artifact", path="dist", name="a/b").returncode == 1
    assert step(work, "upload-artifact", path="dist").returncode == 0
    assert "already exists" in step(work, "upload-artifact", path="dist").stderr
    assert step(work, "upload-artifact", path="one.txt", overwrite="true").returncode == 0
    assert below(work.parent / "artifacts" / "artifact") == {"one.txt"}


def test_what_is_downloaded_lies_as_on_github(work: Path) -> None:
    for name, path in (("bin-a", "dist"), ("bin-b", "one.txt"), ("docs", "docs")):
        step(work, "upload-artifact", path=path, name=name)
    got = work.parent / "got"
    assert step(work, "download-artifact", name="docs", path=f"{got}/one").returncode == 0
    assert below(got / "one") == {"c.md"}
    assert step(work, "download-artifact", path=f"{got}/all").returncode == 0
    assert {one.name for one in (got / "all").iterdir()} == {"bin-a", "bin-b", "docs"}
    found = step(work, "download-artifact", path=f"{got}/bin", pattern="bin-*", merge_multiple="true")
    assert found.returncode == 0, found.stderr
    assert below(got / "bin") == {"a.whl", "deep/b.txt", "one.txt"}
    assert step(work, "download-artifact", name="none", path=f"{got}/none").returncode == 1
