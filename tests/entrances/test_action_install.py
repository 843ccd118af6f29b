"""The environment of the second stage: where it is made, for whom, and what is said where it cannot be."""

from __future__ import annotations

import sys
import sysconfig
import threading
from pathlib import Path

import pytest

from dreamnet_actions import __version__
from dreamnet_actions.entrances.action import install
from dreamnet_actions.entrances.action.install import MARK, environment
from dreamnet_actions.errors import PermanentError, TemporaryError
from tests.docs import workflows

UV = """#!/bin/sh
echo "$@" >> "$SAID"
case "$1" in venv) for folder; do :; done; mkdir -p "$folder/bin";; esac
exit "$STATUS"
"""
"""Stands in for uv: writes its words down, and makes the folder of an environment."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The action's own folder, with its lock files."""
    locks = tmp_path / "action" / "requirements"
    locks.mkdir(parents=True)
    for name in ("action", "action-gcp", "uv"):
        (locks / f"{name}.txt").write_text(f"{name}==1\n")
    return tmp_path / "action"


def machine(folder: Path, status: int = 0) -> dict[str, str]:
    """Answer the environment of a runner that has a uv."""
    programs = folder / "programs"
    programs.mkdir(exist_ok=True)
    (programs / "uv").write_text(UV)
    (programs / "uv").chmod(0o755)
    return {
        "PATH": f"{programs}:/usr/bin:/bin", "SAID": str(folder / "said"), "STATUS": str(status),
        "DREAMNET_ACTION_HOME": str(folder / "home"), "GITHUB_TOKEN": "t",
    }  # fmt: skip


def test_an_environment_is_made_once(root: Path, tmp_path: Path) -> None:
    told: list[str] = []
    first = environment(root, [], machine(tmp_path), told.append)
    assert environment(root, [], machine(tmp_path), told.append) == first
    assert len(told) == 1
    made = (tmp_path / "said").read_text().splitlines()
    assert [line.split()[0] for line in made] == ["venv", "pip"]
    assert "--require-hashes" in made[1]
    assert (first.parents[1] / MARK).is_file()


def test_an_extra_counts_where_it_has_a_lock_file(root: Path, tmp_path: Path) -> None:
    plain, gcp, none = (
        environment(root, extras, machine(tmp_path), lambda _: None) for extras in ([], ["gcp"], ["x"])
    )
    assert gcp != plain == none
    assert "action-gcp.txt" in (tmp_path / "said").read_text()


def test_machines_that_share_a_folder_do_not_share_programs(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same Python of the same day has the same words on every architecture."""
    here = environment(root, [], machine(tmp_path), lambda _: None)
    monkeypatch.setattr(sysconfig, "get_platform", lambda: "linux-riscv64")
    assert environment(root, [], machine(tmp_path), lambda _: None) != here


def test_without_a_place_the_folder_is_named(root: Path, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with pytest.raises(PermanentError, match="home") as told:
        environment(root, [], machine(tmp_path), lambda _: None)
    assert "DREAMNET_ACTION_HOME" in told.value.hint


def test_what_the_installer_says_is_told_and_nothing_is_taken_for_finished(
    root: Path, tmp_path: Path
) -> None:
    with pytest.raises(TemporaryError, match="uv says"):
        environment(root, [], machine(tmp_path, status=2), lambda _: None)
    assert list((tmp_path / "home").glob(f"*/{MARK}")) == []


def test_two_that_need_a_uv_of_their_own_install_it_once(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pip = tmp_path / "python"
    pip.write_text("""#!/bin/sh
echo begin >> "$SAID"
while [ "$#" -gt 0 ]; do [ "$1" = --target ] && folder="$2"; shift; done
mkdir -p "$folder/bin" && cp "$UV" "$folder/bin/uv"
echo end >> "$SAID"
""")
    pip.chmod(0o755)
    found = machine(tmp_path)
    found |= {"PATH": "/usr/bin:/bin", "UV": str(tmp_path / "programs" / "uv")}
    monkeypatch.setattr(install.shutil, "which", lambda *_, **__: None)
    monkeypatch.setattr(sys, "executable", str(pip))
    both = [
        threading.Thread(target=environment, args=(root, extras, found, lambda _: None))
        for extras in ([], ["gcp"])
    ]
    for one in both:
        one.start()
    for one in both:
        one.join(30)
    said = (tmp_path / "said").read_text().splitlines()
    assert [line for line in said if line in ("begin", "end")] == ["begin", "end"]
    assert len(list((tmp_path / "home").glob(f"env-*/{MARK}"))) == 2


def test_the_actions_cache_is_named_by_machine_and_version() -> None:
    # github.action_ref is not to be relied upon within a composite action (actions/runner#2473).
    cache = workflows.read("action.yml")["runs"]["steps"][0]["with"]
    machine = "dreamnet-${{ runner.os }}-${{ runner.arch }}-"  # another one's programs would not run
    assert (cache["key"], cache["restore-keys"]) == (f"{machine}{__version__}", machine)
