"""`dreamnet doctor` and permissions: whichever a job lacks is found without asking anybody, with lines that mend it.

A called workflow that asks for more than its caller grants starts no job, so nothing else could tell.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from dreamnet_actions.entrances.doctor.check import Finding
from dreamnet_actions.entrances.doctor.examine import examine, surroundings
from dreamnet_actions.entrances.setup.called import CALLED
from dreamnet_actions.entrances.setup.workflows import Wanted, callers
from tests.docs.pages import ROOT

FOLDER = ".github/workflows"
SERVICES = "version: 1\nplatforms: {here: {process: {}}}\nservices: {web: {platform: here, command: [x]}}\n"
ENV = "env: {app: {from: {dotenv: x.env}, to: [{process: web}]}}\n"
ORDER = ("none", "read", "write")


def lowered() -> Iterator[tuple[str, str, str, str]]:
    """Each permission of each job that has a keeper work, at each level below: file, job, permission, level."""
    for keeper, called in CALLED.items():
        for name, level in called.permissions.items():
            for less in ORDER[: ORDER.index(level)]:
                yield called.file, keeper, name, less
        own = yaml.safe_load((ROOT / FOLDER / f"{keeper}.yml").read_text(encoding="utf-8"))["jobs"]
        for job, said in own.items():
            for name, level in said["permissions"].items():
                for less in ORDER[: ORDER.index(level)]:
                    yield f"{keeper}.yml", job, name, less


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository that publishes the keepers' workflows and has callers of them, too."""
    shutil.copytree(ROOT / FOLDER, tmp_path / FOLDER)
    wanted = Wanted(branch="main", services=("web",), with_env=True, ref="0" * 40)
    for path, text in callers(wanted).items():
        (tmp_path / path).write_text(text, encoding="utf-8")
    (tmp_path / ".github/dreamnet.yml").write_text(SERVICES + ENV, encoding="utf-8")
    return tmp_path


def lacks(root: Path) -> list[Finding]:
    at = surroundings(root, None, {"GITHUB_REPOSITORY": "octo/shop"}, None)
    return [one for one in examine(at, because="offline").findings if one.status == "failed"]


def span(lines: list[str], job: str) -> tuple[int, int]:
    """Answer where the permissions of a job stand: the first line and the one behind the last, from 0."""
    begin = lines.index(f"  {job}:") + 1
    first = next((n for n in range(begin, len(lines)) if lines[n].startswith("    permissions:")), begin)
    last = first + 1
    while lines[last].startswith("      ") and lines[first].split("#")[0].rstrip() == "    permissions:":
        last += 1
    return first, last


def change(file: Path, job: str, name: str, level: str) -> None:
    """Lower one permission of a job; ``none`` takes its line or word away."""
    lines = file.read_text(encoding="utf-8").split("\n")
    first, last = span(lines, job)
    block = "\n".join(lines[first:last])
    put = f"{name}: {level}" if level != "none" else ""
    changed = re.sub(rf"\b{name}: \w+(, )?", lambda found: f"{put}{found[1] or ''}" if put else "", block)
    changed = "\n".join(one for one in changed.split("\n") if one.strip() and not one.strip().startswith("#"))
    assert changed != block
    file.write_text("\n".join([*lines[:first], *changed.split("\n"), *lines[last:]]), encoding="utf-8")


def mend(file: Path, fix: str) -> None:
    """Do what a finding says, word for word."""
    head, *given = fix.split("\n")
    found = re.fullmatch(r"(Write in|Add to) the job '(\w+)'(?:, in place of its 'permissions')?:", head)
    assert found, head
    lines = file.read_text(encoding="utf-8").split("\n")
    first, last = span(lines, found[2])
    if found[1] == "Add to":
        last = first = lines.index(f"  {found[2]}:") + 1
    file.write_text("\n".join([*lines[:first], *given, *lines[last:]]), encoding="utf-8")


@pytest.mark.parametrize(("file", "job", "name", "level"), list(lowered()), ids="-".join)
def test_each_one_is_found_and_mended(root: Path, file: str, job: str, name: str, level: str) -> None:
    path = root / FOLDER / file
    before = yaml.safe_load(path.read_text(encoding="utf-8"))
    wanted = before["jobs"][job]["permissions"][name]
    change(path, job, name, level)
    (found,) = lacks(root)
    assert found.detail.startswith(f"lacks the permission {name}: {wanted}")
    assert found.file == f"{FOLDER}/{file}"
    line = path.read_text(encoding="utf-8").split("\n")[(found.line or 0) - 1]
    assert line.strip().startswith("permissions:")
    calls = "uses" in before["jobs"][job]
    assert ("GitHub starts no job of its runs" in found.detail) == calls
    assert ("'repository not found'" in found.detail) == (not calls and (name, level) == ("contents", "none"))
    mend(path, found.fix)
    assert lacks(root) == []
    assert yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"] == before["jobs"]


def test_what_stands_at_the_top_is_not_lost_by_lines_for_the_job(root: Path) -> None:
    """A job's own permissions take the place of the workflow's: the lines to add are all that it needs."""
    path = root / FOLDER / "dreamnet-dream.yml"
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"^    permissions: .*\n", "", text, flags=re.M)
    path.write_text(
        text.replace("permissions: {}", "permissions: {contents: write, packages: read}"), "utf-8"
    )
    (found,) = lacks(root)
    assert found.fix.split("\n")[0] == "Add to the job 'dreamkeeper':"
    mend(path, found.fix)
    assert lacks(root) == []
    job = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]["dreamkeeper"]
    assert job["permissions"] == {"contents": "write", "packages": "read", "issues": "write"}


def test_the_table_says_what_each_keepers_own_job_asks_for() -> None:
    for keeper, called in CALLED.items():
        jobs = yaml.safe_load((ROOT / FOLDER / f"{keeper}.yml").read_text(encoding="utf-8"))["jobs"]
        assert next(iter(jobs.values()))["permissions"] == called.own


def test_a_step_of_ones_own_needs_what_the_keeper_itself_needs(root: Path) -> None:
    (root / FOLDER / "dreamnet-relay.yml").unlink()
    (root / FOLDER / "relaybot.yml").unlink()
    (root / FOLDER / "mine.yml").write_text(
        "on:\n  repository_dispatch:\n  workflow_dispatch:\njobs:\n  mine:\n    runs-on: x\n"
        "    permissions:\n      issues: read\n"
        f"    steps:\n      - uses: dreamnet/dreamnet@{'0' * 40}\n        with: {{agent: relaybot}}\n"
    )
    (found,) = lacks(root)
    assert found.detail == (
        "lacks the permission contents: write, so in a private repository nothing can be checked out "
        "('repository not found')"
    )
    mend(root / FOLDER / "mine.yml", found.fix)
    assert lacks(root) == []
