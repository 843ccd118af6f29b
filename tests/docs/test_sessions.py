"""The commands in the pages do what the pages say: they are run, and what they print is what is shown."""

from __future__ import annotations

import shutil

import pytest

from tests.docs.sessions import Session, essence, place, sessions

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("session", sessions(), ids=str)
def test_a_page_does_what_it_says(session: Session) -> None:
    assert shutil.which("bash")
    with place(session.example) as there:
        for block in session.blocks:
            done = there.run(block)
            said = f"{block.fence.body}\n{done.stdout}"
            assert done.returncode == block.status, f"ended with {done.returncode}:\n{said}"
            if block.output is not None:
                seen = {essence(line) for line in done.stdout.split("\n")}
                stale = [line for line in block.output.body.split("\n") if essence(line) not in seen]
                assert not stale, (
                    f"no longer printed (python -m tests.docs.generate outputs): {stale}\n{said}"
                )


def test_every_session_is_found() -> None:
    names = {str(one) for one in sessions()}
    assert {
        "README.md:web",
        "README.md:seed",
        "README.md:github",
        "docs/github.md:github",
        "docs/deploykeeper.md:canary",
        "docs/envkeeper.md:env",
    } <= names


def test_what_differs_from_run_to_run_is_no_difference() -> None:
    one = "12:40:55 local/web: resolved after 1.1s (dream 1, 4898f629e6b0) [23/Nov/2026 12:40:51]"
    another = "23:01:02 local/web: resolved after 1m2s (dream 7, 0123456789ab) [01/Jan/2027 23:01:00]"
    assert essence(one) == essence(another)
    assert essence("2 of 3 replicas") != essence("2 of 3 requests")
