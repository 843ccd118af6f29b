"""The branch itself: what is on it, how much of it is read, what its troubles are called, and where the token goes."""

from __future__ import annotations

import base64
import json
import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dreamnet_actions.adapters.github.daybook import day_of
from dreamnet_actions.adapters.github.remote import RemoteBranch
from dreamnet_actions.adapters.github.rows import View, decoded
from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.errors import (
    DeadlineExceeded,
    DreamNetError,
    PermanentError,
    RefusedError,
    StateDamaged,
    TemporaryError,
    Unauthenticated,
)
from dreamnet_actions.testing.contracts.message_bus import message
from dreamnet_actions.testing.github.standin import StandIn
from tests.github.homes import Make, commits, files, git, memories

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


# ── troubles ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("said", "kind", "told"),
    [
        (
            "fatal: unable to access 'x': Could not resolve host: github.com",
            TemporaryError,
            "did not come through",
        ),
        (
            "fatal: unable to access 'x': The requested URL returned error: 503",
            TemporaryError,
            "returned error: 503",
        ),
        ("error: RPC failed; curl 92 HTTP/2 stream 5 was not closed cleanly", TemporaryError, "RPC failed"),
        ("fatal: the remote end hung up unexpectedly", TemporaryError, "hung up"),
        (
            "fatal: could not read Username for 'https://github.com': terminal prompts disabled",
            Unauthenticated,
            "token was not accepted",
        ),
        (
            "remote: Permission to o/r.git denied to bot.\nfatal: the requested URL returned error: 403",
            RefusedError,
            "'contents: write'",
        ),
        (
            "remote: Repository not found.\nfatal: repository 'https://github.com/o/r.git/' not found",
            PermanentError,
            "no such repository",
        ),
        (
            "remote: error: GH013\n ! [remote rejected] a -> b (push declined due to repository rule violations)",
            PermanentError,
            "a rule of the repository",
        ),
        ("fatal: unable to access 'x': The requested URL returned error: 301", PermanentError, "renamed"),
        ("fatal: something new", PermanentError, "something new"),
    ],
)
def test_what_git_says_is_told_as_what_it_means(
    said: str, kind: type[DreamNetError], told: str, tmp_path: Path
) -> None:
    program = tmp_path / "git"
    program.write_text(
        f'#!/bin/sh\ncase "$*" in *" fetch "*|*" push "*) cat {tmp_path}/said >&2; exit 128;; esac\nexec git "$@"\n'
    )
    program.chmod(0o755)
    (tmp_path / "said").write_text(
        f"{said} token s3cr3t {base64.b64encode(b'x-access-token:s3cr3t').decode()}"
    )
    remote = RemoteBranch(
        "https://github.com/o/r.git", token="s3cr3t", environment=dict(os.environ), program=str(program)
    )
    try:
        for call in (remote.fetch, lambda: remote.push("0" * 40)):
            with pytest.raises(kind) as refused:
                call()
            assert told in refused.value.message + refused.value.hint
            assert "s3cr3t" not in refused.value.message
            assert "eC1hY2Nlc3Mt" not in refused.value.message
            if kind is RefusedError:
                assert "permissions:\n  contents: write" in refused.value.hint
    finally:
        remote.close()


def test_a_remote_that_hangs_ends_by_time(tmp_path: Path) -> None:
    program = tmp_path / "git"
    program.write_text('#!/bin/sh\ncase "$*" in *" fetch "*) exec sleep 60;; esac\nexec git "$@"\n')
    program.chmod(0o755)
    remote = RemoteBranch(
        "https://github.com/o/r.git", environment=dict(os.environ), program=str(program), timeout=0.3
    )
    with pytest.raises(DeadlineExceeded, match=r"git fetch of https://github\.com/o/r\.git"):
        remote.fetch()
    remote.close()


def test_without_git_it_says_so(tmp_path: Path) -> None:
    remote = RemoteBranch("https://github.com/o/r.git", environment={}, program="/nonexistent/git")
    with pytest.raises(PermanentError, match="git was not found"):
        remote.fetch()
    remote.close()


@pytest.mark.parametrize("url", ["--upload-pack=touch /tmp/x", "ext::sh -c true"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(PermanentError, match="no address"):
        RemoteBranch(url, environment={})


# ── the token, over git's own HTTP ───────────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_over_http_the_token_works_and_shows_nowhere(github: StandIn, tmp_path: Path) -> None:
    token = github.workflow_token("octo/shop", {"contents": "write"}, job="dream")
    program, seen = tmp_path / "git", tmp_path / "seen"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >> {seen}\nexec git "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    folder = tmp_path / "copies"
    folder.mkdir()
    environ = dict(os.environ) | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "GIT_TRACE_CURL": "1"}
    # A user's own header for the same host would make two, which GitHub answers with 400.
    environ |= {"HOME": str(tmp_path)}
    (tmp_path / ".gitconfig").write_text(
        f'[http "{github.server_url}/"]\n\textraHeader = AUTHORIZATION: basic eHh4\n'
    )
    program.write_text(program.read_text().replace("exec git", f"exec {_real_git()}"))
    url = f"{github.server_url}/octo/shop.git"
    with memories(url, github.clock, environ=environ, token=token, folder=folder) as make:
        run = make()
        run.journal.set_state("k", 1)
        run.bus.publish(message(1))
        run.journal.finish()
        other = make()
        assert other.journal.state("k") == (1, 1)
        run.journal.set_state("k", 2)
        run.journal.finish()
        other.journal.append(tick(NOON))
        other.journal.finish()
        assert make().journal.state("k") == (2, 2)
        basic = base64.b64encode(f"x-access-token:{token}".encode())
        stored = [one.read_bytes() for one in folder.rglob("*") if one.is_file()]
        assert "push" in seen.read_text()
        assert not any(
            form in text for form in (token.encode(), basic) for text in [*stored, seen.read_bytes()]
        )
    assert list(folder.iterdir()) == []
    assert github.tokens.used("dream") == {"contents": "write"}
    assert commits(github.git_dir("octo/shop")) == 3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("permissions", "kind", "told"),
    [({"contents": "read"}, RefusedError, "contents: write"), (None, Unauthenticated, "was not accepted")],
)
def test_over_http_a_token_that_may_not_is_told(
    github: StandIn, permissions: dict[str, str] | None, kind: type[DreamNetError], told: str
) -> None:
    token = "ghs_wrong"
    if permissions is not None:
        token = github.workflow_token("octo/shop", permissions, job="dream")
    with memories(f"{github.server_url}/octo/shop.git", github.clock, token=token) as make:
        eager = make("eager")
        with pytest.raises(kind, match=told) as refused:
            eager.journal.set_state("k", 1)
        assert token not in f"{refused.value.message}{refused.value.hint}"
    assert commits(github.git_dir("octo/shop")) == 0


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["write-behind", "eager"])
@pytest.mark.parametrize("fault", ["502", "502-after", "reset", "reset-after"])
def test_over_http_a_fault_in_the_push_loses_nothing_and_doubles_nothing(
    github: StandIn, fault: str, mode: str
) -> None:
    token = github.workflow_token("octo/shop", {"contents": "write"}, job="dream")
    with memories(f"{github.server_url}/octo/shop.git", github.clock, token=token) as make:
        run = make(mode)
        rule = github.faults.add(fault, method="POST", path="*git-receive-pack")
        told = True
        try:
            run.journal.append(tick(NOON, text="once"))
            run.journal.flush()
        except TemporaryError:  # not where the HTTP client itself sends again what a cut connection took
            told = mode == "write-behind"
        assert rule.acted == 1
        run.journal.append(tick(NOON, text="later"))
        run.journal.finish()
        assert [fact.text for fact in make().journal.read()] == (["once"] if told else []) + ["later"]


def _real_git() -> str:
    return subprocess.run(["which", "git"], capture_output=True, text=True, check=True).stdout.strip()
