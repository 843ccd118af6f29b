"""What is told of a failing replica: readable, short, and without what looks like a secret."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from dreamnet_actions.domain.evidence import LINE, LINES, cleaned, evidence, with_last_words


@pytest.mark.parametrize(
    ("line", "hidden"),
    [
        ("DB_PASSWORD=hunter2 and more", "hunter2"),
        ('{"apiKey": "abc123", "user": "x"}', "abc123"),
        ("client_secret: s3cr3t", "s3cr3t"),
        ("GET / Authorization: Bearer abc.def", "abc.def"),
        ("sent basic dXNlcjpwYXNzd29yZA==", "dXNlcjpwYXNzd29yZA"),
        ("dial postgres://app:pa55@db:5432/shop failed", "pa55"),
        ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln is old", "eyJzdWIiOiIxIn0"),
        ("git said ghp_0123456789abcdefABCDEF is bad", "ghp_0123456789abcdefABCDEF"),
        ("key AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
        ("-----BEGIN RSA PRIVATE KEY----- MIIEow", "MIIEow"),
        ("MIIEowIBAAKCAQEA0123456789abcdefghijklmnopqrstuvwxyzABCD", "MIIEowIBAAKCAQEA"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(line: str, hidden: str) -> None:
    assert hidden not in cleaned(line)
    assert "***" in cleaned(line)


@pytest.mark.parametrize(
    "line",
    [
        'secret "hidden" not found',
        "couldn't find key password in Secret shop/db",
        "image 198.18.0.2:5000/sample@sha256:" + "0" * 64 + " was not found",
        "no table 'users'",
    ],
)
def test_what_only_speaks_of_secrets_stays(line: str) -> None:
    assert cleaned(line) == line


def test_only_the_last_lines_are_told_and_each_once_in_a_row() -> None:
    told = evidence("web-1", ["a", "a", " ", "b"], [f"line {number}" for number in range(30)])
    assert told.notes == ("a", "b")
    assert told.lines == tuple(f"line {number}" for number in range(30 - LINES, 30))


@given(some.text(max_size=5000))
def test_whatever_it_wrote_is_one_short_line_that_prints(text: str) -> None:
    shown = cleaned(text)
    assert len(shown) <= LINE
    assert shown.isprintable()


NOT_STARTED = 'failed to create containerd task: exec: "/x": stat /x: no such file or directory: unknown'


@pytest.mark.parametrize(
    ("why", "note"),
    [
        (f"container web cannot be started: {NOT_STARTED}", f"Failed: Error: {NOT_STARTED}"),
        (
            'container web cannot be started: configmap "settings" not found (CreateContainerConfigError)',
            'Failed: Error: configmap "settings" not found (3 times)',
        ),
        (
            "the image r.example.com/web:2 was not found (ErrImagePull)",
            'Failed: Failed to pull image "r.example.com/web:2": failed to resolve: r.example.com/web:2: not found',
        ),
        (f"container web cannot be started: {'word ' * 60}", f"Failed: Error: {'word ' * 100}"),
    ],
    ids=["runtime", "config", "image", "cut"],
)
def test_a_reason_is_told_once(why: str, note: str) -> None:
    assert with_last_words(why, evidence("web-1", [note])) == why


def test_what_a_reason_does_not_say_is_added() -> None:
    why = "0 of 2 ready after 60 s: does not pass its readiness probe"
    probe = "Unhealthy: Readiness probe failed: HTTP probe failed with statuscode: 500 (60 times)"
    assert with_last_words(why, evidence("web-1", [probe])) == f"{why}; {probe}"
    assert (
        with_last_words(why, evidence("web-1", [probe], ["no database"]))
        == f"{why}; its last line: no database"
    )
    assert (
        with_last_words(f"{why}: no database", evidence("web-1", [], ["no database"]))
        == f"{why}: no database"
    )
    assert with_last_words(why, None) == with_last_words(why, evidence("web-1")) == why
