"""Secret values: shown nowhere, found in every form; and the plan of a sync."""

from __future__ import annotations

import base64
import copy
import html
import json
import pickle
import urllib.parse

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dreamnet_actions.domain.secret import MASK, SecretValue, SinkState, Versioned, plan_keys

text = st.text(st.characters(exclude_categories=["Cs"]), min_size=4, max_size=40)


@given(text)
def test_a_value_is_shown_nowhere(value: str) -> None:
    assume(value not in "Versioned(value=***, version='1')SecretValue")
    secret = SecretValue(value)
    shown = [repr(secret), str(secret), f"{secret}", f"{secret:>99}", "%s" % secret, repr([secret])]  # noqa: UP031
    shown += [repr(Versioned(value=secret, version="1"))]
    assert all(value not in one for one in shown)
    assert secret.reveal() == value


def test_a_value_is_copied_by_nobody() -> None:
    secret = SecretValue("tell-nobody")
    for leak in (pickle.dumps, copy.copy, copy.deepcopy, json.dumps, vars):
        with pytest.raises(TypeError) as caught:
            leak(secret)  # type: ignore[operator]
        assert "tell-nobody" not in str(caught.value)


def mask(line: str, secret: SecretValue) -> str:
    for form in sorted(secret.forms(), key=len, reverse=True):
        line = line.replace(form, MASK)
    return line


@given(text, st.binary(max_size=8), st.binary(max_size=8))
def test_every_form_in_a_log_is_covered(value: str, before: bytes, after: bytes) -> None:
    secret, raw = SecretValue(value), value.encode()
    forms = [
        value,
        json.dumps(value)[1:-1],
        urllib.parse.quote(value),
        urllib.parse.quote(value, safe=""),
        urllib.parse.quote_plus(value),
        raw.hex(),
        html.escape(value),
        repr(value)[1:-1],
    ]
    for form in forms:
        assert mask(f"<{form}>", secret) == f"<{MASK}>"
    if len(raw) < 6:
        return  # too few characters of base64 depend on it alone
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        line = encode(before + raw + after).decode()
        assert mask(line, secret) != line


@given(
    st.lists(
        text.filter(lambda one: one.splitlines() == [one] and one.strip() == one), min_size=2, max_size=4
    )
)
def test_each_line_of_a_value_is_covered_by_itself(lines: list[str]) -> None:
    secret = SecretValue("\n".join(lines))
    assert all(mask(line, secret) == MASK for line in lines)


def test_short_forms_are_left_alone() -> None:
    assert SecretValue("abc").forms() == {"616263", "YWJj"}
    assert SecretValue("").forms() == frozenset()
    assert all(len(form) >= 4 for form in SecretValue("ab\ncd\n").forms())


def test_half_a_character_is_no_reason_to_fall() -> None:
    assert SecretValue("\ud800-secret").forms()


@given(st.binary())
def test_any_bytes_come_back(data: bytes) -> None:
    value = SecretValue.of(data)
    assert value.raw() == data
    assert SecretValue(value.reveal()) == value


@given(st.text())
def test_a_text_is_its_utf_8(text: str) -> None:
    value = SecretValue(text)
    if value.is_text:
        assert value.raw() == text.encode()
        assert SecretValue.of(value.raw()) == value


names = st.dictionaries(st.sampled_from("ABCDE"), st.sampled_from("123"))


@given(names, names, st.sets(st.sampled_from("ABCDE")))
def test_the_plan_leads_from_one_to_the_other(
    have: dict[str, str], want: dict[str, str], drift: set[str]
) -> None:
    plan = plan_keys(want, SinkState(versions=have, drifted=frozenset(drift)))
    assert [one.name for one in plan] == sorted({*have, *want})
    held = dict(have)
    for one in plan:
        if one.effect == "removed":
            del held[one.name]
        elif one.effect != "unchanged":
            assert one.to_version
            held[one.name] = one.to_version
        else:
            assert one.name not in drift
    assert held == want
    after = plan_keys(want, SinkState(versions=held))
    assert {one.effect for one in after} <= {"unchanged"}


def test_a_value_that_became_empty_is_called_so() -> None:
    (one,) = plan_keys({"A": "2"}, SinkState(versions={"A": "1"}), {"A"})
    assert one.effect == "emptied"
