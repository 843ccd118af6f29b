"""Flags at the command line, on real files: contexts, changes, and where they are published."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from dreamnet_actions.bootstrap import Options, assemble
from dreamnet_actions.entrances.cli.root import dreamnet
from dreamnet_actions.entrances.watch import PUBLISH

FLAGS: dict[str, Any] = {
    "flags": {
        "home": {
            "state": "ENABLED",
            "variants": {"on": True, "off": False},
            "defaultVariant": "off",
            "targeting": {"if": [{">=": [{"var": "age"}, 18]}, "on"]},
        }
    }
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "dreamnet.yml").write_text(
        "version: 1\nflags: {file: flags.json, publish: [{file: out/flags.json}]}\n"
    )
    (tmp_path / "flags.json").write_text(json.dumps(FLAGS, indent=1))
    return tmp_path


def run(root: Path, *arguments: str) -> Result:
    return CliRunner().invoke(dreamnet, ["--root", str(root), "-q", *arguments], prog_name="dreamnet")


def test_a_context_is_texts_and_json(root: Path) -> None:
    for given, variant in (("age=20", "on"), ("age:=20", "on"), ("age:=3", "off"), ("x=1", "off")):
        result = run(root, "flags", "home", "--context", given, "--context", "targetingKey=a", "--json")
        assert json.loads(result.stdout)["findings"][0]["variant"] == variant
    for wrong in ("age", "=3", ":=3", "age:=x"):
        assert run(root, "flags", "--context", wrong).exit_code == 3


def test_changes_are_published(root: Path) -> None:
    out = root / "out" / "flags.json"
    assert run(root, "publish-flags").exit_code == 0
    assert out.read_text() == (root / "flags.json").read_text()
    assert run(root, "publish-flags").stdout == "unchanged: The flags are published as they are.\n"
    for command in (
        ("set-flag", "home", "on"),
        ("roll-out", "home", "on", "5%"),
        ("kill-flag", "home"),
        ("enable-flag", "home"),
        ("toggle-flag", "home"),
    ):
        assert run(root, *command).exit_code == 0
        assert out.read_text() == (root / "flags.json").read_text()


def test_mistakes_are_told_at_their_place_and_not_published(root: Path) -> None:
    file, out = root / "flags.json", root / "out" / "flags.json"
    run(root, "publish-flags")
    before = out.read_text()
    more = {"state": "ENABLED", "variants": {"on": 1}, "targeting": {"iff": []}}
    file.write_text(json.dumps({"flags": {**FLAGS["flags"], "other": more}}, indent=1))
    told = run(root, "flags")
    assert told.exit_code == 2
    line = file.read_text().splitlines().index('    "iff": []') + 1
    assert f"flags.json:{line}:12: unknown operator 'iff'; did you mean 'if'?" in told.output
    assert run(root, "publish-flags").exit_code == 2
    changed = run(root, "set-flag", "home", "on")
    assert changed.exit_code == 0
    assert "The flags are not published." in changed.output
    assert out.read_text() == before
    assert run(root, "kill-flag", "home").exit_code == 0
    assert json.loads(out.read_text())["flags"]["home"]["state"] == "DISABLED"


def test_a_place_that_cannot_be_written_is_told_and_the_change_stands(root: Path) -> None:
    (root / "out").write_text("a file")
    changed = run(root, "set-flag", "home", "on")
    assert changed.exit_code == 0
    assert "The flags are not published to out/flags.json." in changed.output
    assert run(root, "publish-flags").exit_code == 5
    (root / "out").unlink()
    system = assemble(Options(root=root))
    assert system.pipe.submit(PUBLISH).outcome == "done"
    assert system.pipe.submit(PUBLISH).outcome == "unchanged"
    system.close()
