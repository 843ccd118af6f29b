"""The linters of workflows see what they are there for, and what they are told to ignore is still needed. zizmor,
actionlint and the schemas run as gates in ``scripts/test``."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.architecture.workflow_rules import DOCUMENTS, ROOT, STARTERS, WORKFLOWS, load

ZIZMOR = ("zizmor", "--offline", "--persona=auditor", "--no-progress", "--color=never")


def _lint(*command: str | Path, where: Path = ROOT) -> subprocess.CompletedProcess[str]:
    program, *rest = command
    return subprocess.run(
        [Path(sys.executable).with_name(str(program)), *rest], cwd=where, capture_output=True, text=True, check=False
    )  # fmt: skip


def test_every_ignore_of_actionlint_is_needed(tmp_path: Path) -> None:
    """Once actionlint knows `queue` and `$/`, the ignore goes; until then it is as narrow as its message."""
    settings = load((ROOT / ".github" / "actionlint.yaml").read_text(encoding="utf-8"))
    ignores = [one for place in settings["paths"].values() for one in place["ignore"]]
    bare = tmp_path / "actionlint.yaml"
    bare.write_text("{}\n")
    messages = "{{range $ := .}}{{$.Message}}\n{{end}}"
    run = _lint(
        "actionlint", "-config-file", bare, "-shellcheck=", "-pyflakes=", "-format", messages, *WORKFLOWS
    )
    said = run.stdout.splitlines()
    assert said
    for ignore in ignores:
        assert any(re.search(ignore, message) for message in said), f"needed no more: {ignore}"
    assert [message for message in said if not any(re.search(one, message) for one in ignores)] == []


def test_every_ignore_of_zizmor_is_needed(tmp_path: Path) -> None:
    settings = load((ROOT / ".github" / "zizmor.yml").read_text(encoding="utf-8"))
    ignored = set(settings["rules"].pop("dangerous-triggers")["ignore"])
    bare = tmp_path / "zizmor.yml"
    bare.write_text(yaml.safe_dump(settings), encoding="utf-8")
    run = _lint(*ZIZMOR, "--config", bare, *WORKFLOWS, *STARTERS)
    found = set(re.findall(r"error\[dangerous-triggers\].*\n\s*--> \S*?([\w-]+\.yml):", run.stdout))
    assert found == ignored
    assert set(re.findall(r"^(?:error|warning)\[([\w-]+)\]", run.stdout, re.M)) == {"dangerous-triggers"}


def test_nothing_is_ignored_within_a_workflow() -> None:
    for file in DOCUMENTS:
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"zizmor:\s*ignore|shellcheck disable", text), (
            f"{file.name}: the place is .github/zizmor.yml"
        )


@pytest.mark.parametrize(
    ("program", "fault", "word"),
    [
        ([*ZIZMOR], 'run: "echo ${{ github.event.issue.title }}"', "template-injection"),
        ([*ZIZMOR], "uses: actions/checkout@v4", "unpinned-uses"),
        (["actionlint", "-shellcheck=", "-pyflakes="], 'run: "echo ${{ github.no_such }}"', "no_such"),
        (["check-jsonschema", "--builtin-schema", "vendor.github-workflows"], "runs: x", "jobs.a"),
    ],
)  # fmt: skip
def test_the_linters_see_a_planted_fault(program: list[str], fault: str, word: str, tmp_path: Path) -> None:
    file = tmp_path / ".github" / "workflows" / "x.yml"
    file.parent.mkdir(parents=True)
    file.write_text(
        "on: issues\npermissions: {}\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n"
        f"      - {fault}\n"
    )
    run = _lint(*program, file, where=tmp_path)
    assert run.returncode != 0
    assert word in run.stdout + run.stderr
