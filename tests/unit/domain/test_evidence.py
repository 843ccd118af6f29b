"""What is told of a failing replica: readable, short, and without what looks like a secret."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from dreamnet_actions.domain.evidence import LINE, LINES, cleaned, evidence


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
    assert told.last == "line 29"
    assert evidence("web-1", ["a"]).last == "a"
    assert evidence("web-1").last == ""


@given(some.text(max_size=5000))
def test_whatever_it_wrote_is_one_short_line_that_prints(text: str) -> None:
    shown = cleaned(text)
    assert len(shown) <= LINE
    assert shown.isprintable()
