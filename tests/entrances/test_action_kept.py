"""DreamNet's own code on a runner: kept with its bytecode, named by its content, made once, taken away when unused."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dreamnet_actions.entrances.action.kept import LEFT_OUT, PACKAGE, UNUSED, home, kept

ROOT = Path(__file__).resolve().parents[2]
PYTHON = getattr(sys, "_base_executable", sys.executable)


@pytest.fixture
def action(tmp_path: Path) -> Path:
    """An action's folder with a small package, and one module that no step uses."""
    package = tmp_path / "action" / PACKAGE
    (package / "testing").mkdir(parents=True)
    (package / "domain" / "__pycache__").mkdir(parents=True)
    for name in ("__init__.py", "domain/__init__.py", "domain/words.txt", "testing/__init__.py"):
        (package / name).write_text(f"# {name}\n")
    (package / "domain" / "__pycache__" / "old.pyc").write_bytes(b"old")
    return tmp_path / "action"


def files(folder: Path) -> set[str]:
    return {str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file()}


def test_a_copy_is_made_once_and_holds_what_a_step_uses(action: Path, tmp_path: Path) -> None:
    found = {"DREAMNET_ACTION_HOME": str(tmp_path / "home")}
    place = kept(action, found)
    assert place.parent == tmp_path / "home"
    assert files(place / PACKAGE) == {"__init__.py", "domain/__init__.py", "domain/words.txt"}
    (place / "bytecode").touch()  # as Python adds to it
    assert kept(action, found) == place
    assert (place / "bytecode").exists()
    shutil.copytree(action, tmp_path / "elsewhere")
    assert kept(tmp_path / "elsewhere", found) == place, "the next job has its own copy of the action"


@pytest.mark.parametrize("name", ["__init__.py", "domain/words.txt", "domain/new.py"])
def test_another_content_is_another_copy(name: str, action: Path, tmp_path: Path) -> None:
    found = {"RUNNER_TOOL_CACHE": str(tmp_path)}
    before = kept(action, found)
    (action / PACKAGE / name).write_text("# another\n")
    assert kept(action, found) != before
    (action / PACKAGE / "testing" / "new.py").write_text("# no step uses it\n")
    assert len(list((tmp_path / "dreamnet").iterdir())) == 2


def test_where_nothing_can_be_kept_the_action_is_used_as_it_is(action: Path, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    assert kept(action, {"DREAMNET_ACTION_HOME": str(tmp_path / "home")}) == action


def test_a_folder_is_named_from_where_the_step_begins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert home({"DREAMNET_ACTION_HOME": "tools"}) == tmp_path / "tools"


def test_of_many_at_once_all_use_one(action: Path, tmp_path: Path) -> None:
    found, places, begin = {"DREAMNET_ACTION_HOME": str(tmp_path / "home")}, [], threading.Barrier(8)

    def step() -> None:
        begin.wait(20)
        places.append(kept(action, found))

    steps = [threading.Thread(target=step) for _ in range(8)]
    for one in steps:
        one.start()
    for one in steps:
        one.join(20)
    assert len(places) == 8
    (place,) = set(places)
    assert list((tmp_path / "home").iterdir()) == [place], "what the others began is gone"


def test_what_nobody_uses_goes_when_another_is_made(action: Path, tmp_path: Path) -> None:
    found = {"DREAMNET_ACTION_HOME": str(tmp_path / "home")}

    def used(place: Path, ago: float) -> Path:
        now = place.stat().st_mtime
        os.utime(place, (now - ago, now - ago))
        return place

    def made(number: int) -> Path:
        (action / PACKAGE / "__init__.py").write_text(f"# {number}\n")
        return kept(action, found)

    old, young, again = made(0), made(1), made(2)
    cut = tmp_path / "home" / "code-cut"
    cut.mkdir()
    (tmp_path / "home" / "env-1").mkdir()
    for place in (old, again, cut, tmp_path / "home" / "env-1"):
        used(place, UNUSED + 60)
    used(young, UNUSED - 60)
    assert made(2) == again, "a step has begun with it"
    new = made(3)
    assert set((tmp_path / "home").iterdir()) == {young, again, new, tmp_path / "home" / "env-1"}


@pytest.mark.slow
def test_a_later_step_compiles_nothing_and_each_module_is_from_the_copy(tmp_path: Path) -> None:
    environ = {"PATH": "/usr/bin:/bin", "DREAMNET_ACTION_HOME": str(tmp_path / "home"),
               "GITHUB_EVENT_NAME": "push", "DREAMNET_INPUT_AGENT": "nobody"}  # fmt: skip

    def step(job: str) -> str:
        """Run the action out of a copy of its own, as a job does; answers what Python tells of its modules."""
        for name in (PACKAGE, "scripts"):
            shutil.copytree(ROOT / name, tmp_path / job / name, ignore=shutil.ignore_patterns("__pycache__"))
        command = [PYTHON, "-I", "-v", tmp_path / job / "scripts/action.py"]
        run = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
        assert run.returncode == 3, run.stderr[-3000:]
        return run.stderr

    first, second = step("1"), step("2")
    (place,) = (tmp_path / "home").iterdir()
    wrote, read = f"# created '{place}", f"matches {place}/{PACKAGE}/entrances/action/first.py"
    assert wrote in first
    assert wrote not in second
    assert read in second
    ours = [line for line in second.splitlines() if f"{tmp_path}/2/{PACKAGE}" in line and " matches " in line]
    assert ours == []


def test_no_step_uses_what_is_left_out() -> None:
    """Nothing that a step may import names ``dreamnet_actions.testing``, but what starts the sandbox."""
    named = f"{PACKAGE}.{LEFT_OUT[1]}"
    found = [
        str(path.relative_to(ROOT / PACKAGE))
        for path in sorted((ROOT / PACKAGE).rglob("*.py"))
        if not path.is_relative_to(ROOT / PACKAGE / LEFT_OUT[1])
        and f"from {named}" in path.read_text(encoding="utf-8")
    ]
    assert found == ["bootstrap/sandbox.py", "bootstrap/sandbox_google.py"]
