"""Rules and lints of values: what fits, what does not, and that nothing of a value is ever said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from dreamnet_actions.domain.lints import LEVELS, lints, looks_secret, sealed, shared
from dreamnet_actions.domain.pem import certificates
from dreamnet_actions.domain.secret import SecretValue, Versioned
from dreamnet_actions.domain.spec.models import Chosen, EnvEntry
from dreamnet_actions.domain.spec.validation import Accept, Form, Rule
from dreamnet_actions.domain.validation import troubles
from dreamnet_actions.domain.valueforms import why_not
from tests.unit.domain.pems import CERTIFICATE, ENDS, KEYS, RSA_KEY, token

NOW = ENDS.timestamp() - 100 * 86_400.0
DAY = 86_400.0
FITS: Mapping[Form, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "text": (("", "anything\n"), ()),
    "integer": (("0", "-7", "+12"), ("", "1.0", "1e3", "٣", "0x10", " 1", "1\n", "9" * 19)),
    "number": (("1", "-1.5", ".5", "1e-9"), ("", "NaN", "inf", "1,5", "1_000", "1 ")),
    "boolean": (("true", "false"), ("True", "yes", "1", "")),
    "url": (
        ("https://a.example/x?y=1", "postgres://u:p%40@db:5432/a", "mailto:a@b.c", "redis://[::1]:6379"),
        ("", "a.example", "https://a b", "http://a:99999/", "http://[::1", "://x", "https://"),
    ),
    "json": (("{}", "[1]", '"x"', "null"), ("", "{", "{'a': 1}", "[" * 100_000)),
    "email": (("a@b.example", "a.b+c@x"), ("a", "@b", "a@", "a@b@c", "a b@c", "a@-b.c")),
    "uuid": (("123e4567-e89b-12d3-a456-426614174000",), ("123e4567e89b12d3a456426614174000", "")),
    "duration": (("30s", "1m30s", "1.5h", "500ms"), ("", "30", "s", "1m 30s", "-1s", "1y")),
    "timestamp": (
        ("2026-02-28T01:02:03Z", "2026-02-28 01:02:03.5+02:00"),
        ("2026-02-30T01:02:03Z", "2026-02-28"),
    ),
    "host": (("a", "a.example.", "x_y.z"), ("", "a..b", "-a", "a b", "a:1", "a" * 64)),
    "host-port": (("a:1", "[::1]:65535", "10.0.0.1:80"), ("a", "a:0", "a:65536", "::1:80", ":80", "[x]:1")),
    "port": (("1", "65535"), ("0", "65536", "-1", "x", "")),
    "ip": (("127.0.0.1", "::1"), ("127.1", "256.0.0.1", "")),
    "hex": (("", "00ff", "AB"), ("0", "0g", "0x00")),
    "base64": (("", "YQ==", "YWI=", "YWJj"), ("YQ", "YQ=", "YQ==\n", "-_==", "YW Jj", "YQ===")),
    "base64url": (("YQ", "YQ==", "-_-_"), ("Y", "+/==", "YQ=", "YQ===")),
    "certificate": (
        (CERTIFICATE, CERTIFICATE * 2, f"subject: x\n{CERTIFICATE}"),
        ("", RSA_KEY, CERTIFICATE[:-30]),
    ),
    "private-key": (KEYS, ("", CERTIFICATE, RSA_KEY * 2, RSA_KEY.replace("\n", "\\n"))),
    "jwt": (
        (token({"sub": "x"}),),
        ("", "a.b", "a.b.c", token({"exp": "soon"}), token({"exp": True}), "eyJ.eyJ.x"),
    ),
}


def given(values: Mapping[str, str | bytes]) -> dict[str, Versioned]:
    return {
        name: Versioned(
            value=SecretValue.of(text) if isinstance(text, bytes) else SecretValue(text), version="1"
        )
        for name, text in values.items()
    }


def entry(**more: Any) -> EnvEntry:
    return EnvEntry(from_=Chosen("memory", None), to=(Chosen("memory", None),), **more)


def rules_broken(
    values: Mapping[str, str], known: tuple[str, ...] = (), **more: Any
) -> list[tuple[str, str]]:
    found = troubles(entry(**more), given(values), known, NOW)
    for one in found:
        for text in values.values():
            assert len(text) < 6 or text not in one.text
    return [(one.name, one.rule) for one in found]


@pytest.mark.parametrize("form", FITS)
def test_each_form_takes_what_it_is_and_nothing_else(form: Form) -> None:
    right, wrong = FITS[form]
    assert [text for text in right if why_not(form, text)] == []
    assert [text for text in wrong if not why_not(form, text)] == []
    for text in wrong:
        told = troubles(entry(rules={"A": Rule(type_=form)}), given({"A": text}), (), NOW)[0].text
        assert told.startswith(f"A is no {form} ({len(text)} characters long)")
        assert len(text) < 6 or text not in told


def test_limits_choices_and_patterns() -> None:
    port = Rule(type_="integer", min=1, max=10)
    assert rules_broken({"A": "0"}, rules={"A": port}) == [("A", "min")]
    assert rules_broken({"A": "11"}, rules={"A": port}) == [("A", "max")]
    assert rules_broken({"A": "10"}, rules={"A": port}) == []
    several = Rule(min_length=8, pattern="[a-z]+", allowed=("blue", "green"))
    assert rules_broken({"A": "Red"}, rules={"A": several}) == [
        ("A", "min-length"),
        ("A", "pattern"),
        ("A", "allowed"),
    ]
    assert rules_broken({"A": "12345678"}, rules={"A": Rule(max_length=7)}) == [("A", "max-length")]
    url = Rule(type_="url", schemes=("postgres", "postgresql"))
    assert rules_broken({"A": "mysql://db/a"}, rules={"A": url}) == [("A", "schemes")]
    assert rules_broken({"A": "postgresql://db/a"}, rules={"A": url}) == []


def test_what_must_be_there() -> None:
    assert rules_broken({"A": ""}, require=("A", "B")) == [("A", "required"), ("B", "required")]
    assert rules_broken({}, rules={"A": Rule(required=True)}) == [("A", "required")]
    assert rules_broken({}, rules={"A": Rule(), "B": Rule(optional=True)}) == [("A", "rules")]
    assert rules_broken({"A": "x", "EXTRA": "y"}, rules={"A": Rule()}, strict=True) == [("EXTRA", "strict")]
    groups = {"one_of": (("A", "B"), ("C", "D"))}
    assert rules_broken({"A": "1", "C": "1", "D": "2"}, **groups) == [("C", "one-of")]
    assert rules_broken({"A": "1", "B": "", "C": "1"}, **groups) == []
    assert (
        rules_broken({"A": "1"}, known=("A", "B"), require=("B",)) == []
    )  # was looked at when it was written


def test_what_one_value_says_of_another() -> None:
    rules = {"USER": Rule(requires=("PASSWORD",)), "NEW": Rule(equal="AGAIN"), "A": Rule(different="B")}
    right = {"USER": "u", "PASSWORD": "p", "NEW": "n", "AGAIN": "n", "A": "1", "B": "2"}
    assert rules_broken(right, rules=rules) == []
    wrong = right | {"PASSWORD": "", "AGAIN": "m", "B": "1"}
    assert rules_broken(wrong, rules=rules) == [("A", "different"), ("NEW", "equal"), ("USER", "requires")]
    del right["AGAIN"]
    assert rules_broken(right, rules=rules) == [("NEW", "equal")]
    assert rules_broken(right, known=("AGAIN",), rules=rules) == []


def test_certificates_and_tokens_must_be_valid_for_long_enough() -> None:
    ends = ENDS.timestamp()
    assert [(one.begins, one.ends) for one in certificates(CERTIFICATE)] == [(ends - 365 * DAY, ends)]
    rules = {"A": Rule(type_="certificate", expires_after=14 * DAY)}
    for passed, told in (
        (ends - 15 * DAY, ""),
        (ends - 13 * DAY, "expires in 13d"),
        (ends + DAY, "expired 1d ago"),
    ):
        found = troubles(entry(rules=rules), given({"A": CERTIFICATE}), (), passed)
        assert [told in one.text for one in found] == ([True] if told else [])
    for claims, wrong in (
        ({"exp": NOW + 2 * DAY}, False),
        ({"exp": NOW + DAY / 2}, True),
        ({"exp": NOW - 1}, True),
        ({"nbf": NOW + 5}, True),
        ({}, False),
    ):
        broken = rules_broken({"A": token(claims)}, rules={"A": Rule(type_="jwt", expires_after=DAY)})
        assert broken == ([("A", "expires-after")] if wrong else [])


LINTED = {
    "placeholder": ("changeme", "<your token>", "${SECRET}", "TODO", "xxxx", "your-key-here", "{{ x }}"),
    "white-space": (" x", "x\t"),
    "line-end": ("x\n", "x\r\n"),
    "quotes": ('"x"', "'x y'"),
    "base64": ("c2VjcmV0LXNlY3JldC0xMjM=="[:-1] + "==", "\n".join(["A" * 76] * 3)),
    "empty": ("",),
    "crlf": ("a\r\nb", "a\rb"),
    "bom": ("\ufeffx",),
}
CLEAN = (
    "x",
    "two words",
    "it's",
    '{"a": "b"}',
    "YQ==",
    "a=b",
    RSA_KEY,
    CERTIFICATE,
    "http://a/?x=${y}z",
    "-",
    "=",
)


@pytest.mark.parametrize("lint", LINTED)
def test_each_lint_sees_its_own(lint: str) -> None:
    for text in LINTED[lint]:
        found = lints(entry(), given({"A": text}))
        assert lint in [one.rule for one in found], text
        assert all(len(text) < 4 or text not in one.text for one in found)
        reason = Accept(lint=lint, names=("A",), why="so it is")  # type: ignore[arg-type]
        assert lint not in [one.rule for one in lints(entry(accept=(reason,)), given({"A": text}))]
        assert lint in [one.rule for one in lints(entry(accept=(reason,)), given({"B": text}))]


def test_what_is_well_is_not_complained_of() -> None:
    for text in CLEAN:
        assert lints(entry(), given({"A": text})) == [], text


def test_a_secret_has_no_place_where_everybody_reads() -> None:
    secret = "Zx81kq0PlmTr55vVb2Wd"
    values = {
        "KEY": RSA_KEY,
        "TOKEN": secret,
        "URL": "postgres://u:p@db/a",
        "PLAIN": "blue-green deployment",
        "N": "80",
    }
    found = {one.name: (one.rule, one.level) for one in lints(entry(), given(values), ["configmap/web"])}
    assert found == {
        "KEY": ("private-key-in-public", "error"),
        "TOKEN": ("secret-in-public", "warning"),
        "URL": ("secret-in-public", "warning"),
    }
    assert lints(entry(), given(values)) == []
    never = (
        "https://a.example/path",
        "sha256:" + "ab12" * 16,
        "2026-11-27T07:00:00Z",
        "a-long-word-and-another-one",
        "/usr/bin",
    )
    assert [text for text in never if looks_secret("A", text)] == []
    assert not looks_secret("IMAGE_DIGEST", "ab12cd34ef" * 4)
    assert looks_secret("A", "ghp_" + "a1B2" * 9)


def test_one_secret_in_two_environments_is_told_of_by_keyed_hash() -> None:
    secret = "Zx81kq0PlmTr55vVb2Wd"
    live = sealed("web-production", entry(), given({"KEY": secret, "LEVEL": "info"}), b"k")
    trial = sealed("web", entry(environment="staging"), given({"TOKEN": secret, "LEVEL": "info"}), b"k")
    found = shared({"web-production": live, "web": trial})
    assert [one.text for one in found["web"]] == [
        "TOKEN is the same secret as web-production's KEY, in another environment."
    ]
    assert secret.encode() not in b"".join(live.seals.values())
    same = sealed("api-production", entry(), given({"KEY": secret}), b"k")
    assert shared({"web-production": live, "api-production": same}) == {}
    fine = entry(environment="staging", accept=(Accept(lint="shared-secret", why="a test account"),))
    assert "web" not in shared(
        {"web-production": live, "web": sealed("web", fine, given({"T": secret}), b"k")}
    )


def test_every_lint_has_a_level() -> None:
    import typing

    from dreamnet_actions.domain.spec.validation import LintName

    assert set(LEVELS) == set(typing.get_args(LintName))
