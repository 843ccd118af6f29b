"""The branch's remote: what its troubles are called, and where the token goes."""

from __future__ import annotations

import base64
import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from dreamnet_actions.adapters.github.remote import RemoteBranch
from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.errors import (
    DeadlineExceeded,
    DreamNetError,
    PermanentError,
    RefusedError,
    TemporaryError,
    Unauthenticated,
)
from dreamnet_actions.testing.contracts.message_bus import message
from dreamnet_actions.testing.github.standin import StandIn
from tests.github.homes import commits, git, memories

pytestmark = pytest.mark.slow

NOON = 1_700_049_600.0  # 2023-11-15T12:00:00Z


def tick(at: float, **more: Any) -> Fact:
    return Fact(**{"kind": "dream-changed", "at": at, "text": "x", **more})


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


def test_an_address_with_colons_is_one() -> None:
    RemoteBranch("http://[::1]:8080/o/r.git", environment={}).close()


# ── names of files ───────────────────────────────────────────────────────────────────────────────────────


def test_a_file_is_written_whatever_its_name_is(remote: Path) -> None:
    names = ["plain", "a\nD plain", '"quoted"', "back\\slash", " blank ", "Grüße", "\udcff\udcfe"]
    far = RemoteBranch(str(remote), environment=dict(os.environ))
    first = far.commit(None, {name: name.encode("utf-8", "replace") for name in names}, "x", NOON)
    assert far.push(first)
    assert set(far.files(first)) == set(names)
    second = far.commit(first, dict.fromkeys(names[1:]), "y", NOON)
    assert set(far.files(second)) == {"plain"}
    far.close()


def test_a_repository_within_the_branch_is_no_file(remote: Path) -> None:
    far = RemoteBranch(str(remote), environment=dict(os.environ))
    assert far.push(far.commit(None, {"plain": b"x"}, "x", NOON))
    entries = f"{git(remote, 'ls-tree', 'dreamnet')}\n160000 commit {'1' * 40}\tother\n"
    tree = subprocess.run(
        ["git", "-C", str(remote), "mktree", "--missing"],
        input=entries, capture_output=True, text=True, check=True, timeout=60,
    ).stdout.strip()  # fmt: skip
    commit = git(
        remote,
        "-c",
        "user.name=m",
        "-c",
        "user.email=m@x.org",
        "commit-tree",
        tree,
        "-p",
        "dreamnet",
        "-m",
        "z",
    )
    git(remote, "update-ref", "refs/heads/dreamnet", commit)
    head = far.fetch()
    assert head == commit
    assert list(far.contents(far.files(head).values()).values()) == [b"x"]
    far.close()


# ── the token, over git's own HTTP ───────────────────────────────────────────────────────────────────────


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
