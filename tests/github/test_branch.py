"""The branch itself: what is on it, how much of it is read, what its troubles are called, and where the token goes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dreamnet_actions.adapters.github.daybook import day_of
from dreamnet_actions.adapters.github.remote import RemoteBranch
from dreamnet_actions.adapters.github.rows import View, decoded
from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.errors import (
    StateDamaged,
)
from tests.github.homes import Make, commits, files, git

pytestmark = pytest.mark.slow

DAY = 86_400.0
NOON = 1_700_049_600.0  # 2023-11-15T12:00:00Z


def tick(at: float, **more: Any) -> Fact:
    return Fact(**{"kind": "dream-changed", "at": at, "text": "x", **more})


def spoil(remote: Path, tmp_path: Path, name: str, content: str | bytes) -> None:
    """Put something else into a file of the branch, as a person might."""
    work = tmp_path / "work"
    git(tmp_path, "clone", "--quiet", "-b", "dreamnet", str(remote), str(work))
    content = content if isinstance(content, bytes) else content.encode()
    (work / name).write_bytes(content)
    git(work, "add", "--all")
    git(work, "-c", "user.name=x", "-c", "user.email=x@y", "commit", "-qm", "by hand")
    git(work, "push", "--quiet")


# ── what is on it ────────────────────────────────────────────────────────────────────────────────────────


def test_the_first_push_makes_an_orphan_branch_that_says_what_it_is(make: Make, remote: Path) -> None:
    run = make()
    assert list(run.journal.read()) == []
    run.journal.append(tick(NOON), tick(NOON + DAY), Fact(kind="error", at=NOON, text="x"))
    run.journal.finish()
    assert git(remote, "rev-list", "--parents", "dreamnet").split() == [git(remote, "rev-parse", "dreamnet")]
    assert files(remote) == {
        "README.md",
        "state.json",
        "journal/2023-11-15.jsonl",
        "journal/2023-11-16.jsonl",
    }
    assert "written by DreamNet" in git(remote, "show", "dreamnet:README.md")
    name = "dreamnet[bot] <dreamnet[bot]@users.noreply.github.com>"
    told = git(remote, "log", "-1", "--format=%an <%ae>|%cn <%ce>|%ct|%s", "dreamnet")
    assert told == f"{name}|{name}|1700000000|result: dream-changed ×2, error"
    lines = git(remote, "show", "dreamnet:journal/2023-11-15.jsonl").splitlines()
    assert [json.loads(line)["seq"] for line in lines] == [1, 3]
    assert json.loads(git(remote, "show", "dreamnet:state.json"))["schema"] == 1


def test_a_change_of_one_row_is_a_change_of_one_line(make: Make, remote: Path) -> None:
    run = make()
    for number in range(50):
        run.journal.set_state(f"key/{number:02}", {"value": number})
    run.journal.flush()
    run.journal.set_state("key/25", {"value": "new"})
    run.journal.flush()
    changed = git(remote, "diff", "-U0", "dreamnet~1", "dreamnet", "--", "state.json").splitlines()
    kept = [
        line for line in changed if line[0] == "+" and '"units"' not in line and not line.startswith("+++")
    ]
    assert kept == ['+  "key/25": [2,{"value":"new"}],']


@pytest.mark.parametrize(
    ("at", "day"),
    [
        (0.0, "1970-01-01"),
        (NOON, "2023-11-15"),
        (NOON + DAY / 2, "2023-11-16"),
        (NOON + DAY / 2 - 0.001, "2023-11-15"),
        (-1.0, "1969-12-31"),
        (-6e10, "0068-09-03"),
        (1e18, "9999-12-31"),
        (-1e18, "0001-01-01"),
    ],
)
def test_a_fact_is_in_the_file_of_its_utc_day(at: float, day: str) -> None:
    assert day_of(at) == day


def test_versions_never_come_twice_though_the_forgotten_are_forgotten() -> None:
    view = View()
    for number in range(1001):
        for _ in range(3):
            view.put(f"request/{number}", 1)
        view.put(f"request/{number}", None)
    again = decoded(view.encoded(), "state.json")
    assert again.shared == {}
    assert again.version("request/7") == 0
    assert again.put("request/7", "new") == 5


def test_a_kind_that_a_newer_dreamnet_wrote_is_kept_and_not_told(
    make: Make, remote: Path, tmp_path: Path
) -> None:
    run = make()
    run.journal.append(tick(NOON))
    run.journal.finish()
    line = git(remote, "show", "dreamnet:journal/2023-11-15.jsonl")
    newer = json.dumps(json.loads(line) | {"kind": "from-the-future", "seq": 2, "more": True})
    spoil(remote, tmp_path, "journal/2023-11-15.jsonl", f"{line}\n{newer}")
    later = make()
    assert later.journal.compact(before=NOON + 1.0, kinds={"dream-changed"}) == 1
    later.journal.append(tick(NOON + 1.0))
    later.journal.finish()
    assert [fact.at for fact in make().journal.read()] == [NOON + 1.0]
    kept = git(remote, "show", "dreamnet:journal/2023-11-15.jsonl").splitlines()
    assert json.loads(kept[0]) == json.loads(newer)


# ── how much of it is read ───────────────────────────────────────────────────────────────────────────────


def test_only_the_files_that_a_question_is_about_are_read(
    make: Make, remote: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make()
    for day in range(30):
        first.journal.append(*(tick(NOON + day * DAY, service=f"p/{n}") for n in range(10)))
    first.journal.set_state("k", 1)
    first.journal.finish()
    paths = {
        line.split()[2]: line.split("\t")[1] for line in git(remote, "ls-tree", "-r", "dreamnet").splitlines()
    }
    read: list[str] = []
    calls: list[str] = []
    real, real_git = RemoteBranch.content, RemoteBranch._git

    def content(self: RemoteBranch, blob: str) -> bytes:
        read.append(paths[blob])
        return real(self, blob)

    def called(self: RemoteBranch, *arguments: str, given: bytes = b"") -> tuple[int, bytes, str]:
        calls.append(arguments[0])
        return real_git(self, *arguments, given=given)

    monkeypatch.setattr(RemoteBranch, "content", content)
    monkeypatch.setattr(RemoteBranch, "_git", called)
    run = make()
    assert run.journal.state("k") == (1, 1)
    assert run.journal.read(after=300) == []
    assert read == ["state.json"]
    assert len(run.journal.read(since=NOON + 28 * DAY)) == 20
    assert sorted(read[1:]) == ["journal/2023-12-13.jsonl", "journal/2023-12-14.jsonl"]
    assert len(run.journal.read(limit=15)) == 15
    assert len(run.journal.read(limit=5, service="p/1")) == 5
    assert len(read) == 1 + 5
    run.journal.append(tick(NOON + 31 * DAY))
    run.journal.finish()
    assert len(read) == 1 + 5
    assert calls.count("fetch") == calls.count("push") == calls.count("fast-import") == 1


def test_a_file_that_the_index_does_not_know_is_read_all_the_same(
    make: Make, remote: Path, tmp_path: Path
) -> None:
    run = make()
    run.journal.append(tick(NOON), tick(NOON + DAY))
    run.journal.finish()
    line = json.loads(git(remote, "show", "dreamnet:journal/2023-11-15.jsonl"))
    spoil(
        remote, tmp_path, "journal/2020-01-01.jsonl", json.dumps(line | {"seq": 7, "at": 1577836800.0}) + "\n"
    )
    assert [fact.seq for fact in make().journal.read(limit=2)] == [2, 7]


# ── damage ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("state.json", "", "dreamnet:state.json, line 1 cannot be read: it is no JSON"),
        (
            "state.json",
            '{"schema": 1,\n"seq": 1,\n,}',
            "dreamnet:state.json, line 3 cannot be read: it is no JSON",
        ),
        ("state.json", b"{\xff", "no UTF-8 at byte 1"),
        ("state.json", "[" * 100_000, "nested too deep"),
        ("state.json", '{"schema": 1' + "0" * 5_000 + "}", "state.json cannot be read: it is no JSON"),
        ("state.json", "[]", "line 1 cannot be read: it names no schema"),
        ("state.json", '{"schema": 2}', "a newer DreamNet wrote it"),
        ("state.json", '{"schema": 1}', "'written' is missing or no number"),
        (
            "journal/2023-11-15.jsonl",
            "{}\n",
            "journal/2023-11-15.jsonl, line 1 cannot be read: it is no fact",
        ),
        (
            "journal/2023-11-15.jsonl",
            "\n\n{nonsense\n",
            "journal/2023-11-15.jsonl, line 3 cannot be read: it is no JSON",
        ),
    ],
)
def test_damage_is_told_by_file_and_line_and_never_overwritten(
    make: Make, remote: Path, tmp_path: Path, name: str, content: str | bytes, told: str
) -> None:
    run = make()
    run.journal.append(tick(NOON))
    run.journal.finish()
    spoil(remote, tmp_path, name, content)
    later = make()
    with pytest.raises(StateDamaged) as refused:
        later.journal.read()
    assert told in refused.value.message
    assert commits(remote) == 2


def test_a_row_of_another_form_is_told_by_its_line(make: Make, remote: Path, tmp_path: Path) -> None:
    run = make()
    run.journal.set_state("a", 1)
    run.journal.set_state("b", 2)
    run.journal.finish()
    text = git(remote, "show", "dreamnet:state.json").replace('"b": [1,2]', '"b": ["1",2]')
    line = 1 + text.splitlines().index('  "b": ["1",2]')
    spoil(remote, tmp_path, "state.json", text)
    with pytest.raises(StateDamaged, match=f"line {line} .*the row 'b' of 'shared'"):
        make().journal.state("a")
