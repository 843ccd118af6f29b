"""JSON as the entrances take and give it."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamnet_actions.entrances.wire import read_json, with_id, write_json
from dreamnet_actions.errors import RequestError, RequestInvalid, RequestTooLarge

# Hostile bodies with what the answer must say: where the first mistake is, counted from 1.
HOSTILE = {
    "empty": (b"", "nothing to read at line 1, column 1"),
    "cut": (b'{"a":}', "at line 1, column 6"),
    "trailing": (b'{"a": 1}\n{}', "extra data at line 2, column 1"),
    "twice": (b'{"a": 1,\n "a": 2}', "'a' stands twice in one object; the second at line 2, column 2"),
    "twice inside": (
        b'[{"b": {"x": 1, "x": 2}}]',
        "'x' stands twice in one object; the second at line 1, column 17",
    ),
    "twice escaped": (b'{"a": 1, "\\u0061": 2}', "'a' stands twice"),
    "nan": (b'{"a": NaN}', "NaN is no JSON number; it stands at line 1, column 7"),
    "infinity": (b'{"a": [-Infinity]}', "-Infinity is no JSON number; it stands at line 1, column 8"),
    "endless": (b'{"a": 1e999}', "1e999 is too large; it stands at line 1, column 7"),
    "digits": (b"1" * 5000, "more than 4300 digits"),
    "utf-8": (b'{"a":\n"\xff"}', "Byte 0xff at line 2, column 2 is not UTF-8"),
    "utf-16": ('{"a": 1}'.encode("utf-16"), "is not UTF-8"),
    "deep list": (b"[" * 100_000, "nested too deeply"),
    "deep object": (b'{"a":' * 40_000, "nested too deeply"),
    "half a pair": (b'{"a": "\\ud800"}', "\\ud800"),
    "nul": (b'{"a": "x\\u0000y"}', "\\u0000"),
    "nul in a key": (b'{"\\u0000": 1}', "\\u0000"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_body_is_refused_with_its_place(name: str) -> None:
    body, said = HOSTILE[name]
    with pytest.raises(RequestInvalid) as caught:
        read_json(body)
    assert said in caught.value.message


def test_a_body_over_the_limit_is_refused() -> None:
    read_json(b'"' + b"a" * (256 * 1024 - 2) + b'"')
    with pytest.raises(RequestTooLarge):
        read_json(b'"' + b"a" * (256 * 1024 - 1) + b'"')


@given(
    st.binary(max_size=200)
    | st.text(alphabet='{}[]:,"\\ \n0123456789eE+-.NaInfityu', max_size=60).map(str.encode)
)
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(RequestError):
        read_json(body)


texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.slow
@given(plain)
def test_good_json_is_read_as_it_was_meant(value: object) -> None:
    assert read_json(json.dumps(value).encode()) == value
    assert read_json(write_json(value).encode()) == value


@given(st.text())
def test_what_is_written_is_harmless_and_says_the_same(text: str) -> None:
    written = write_json({text: text})
    assert json.loads(written) == {text: text}
    assert not any(ord(one) < 32 or 127 <= ord(one) < 160 for one in written if one != "\n")
    written.encode()


def test_numbers_that_json_lacks_are_written_as_null() -> None:
    assert json.loads(write_json({"a": [float("nan")], "b": float("inf"), "c": 1.5})) == {
        "a": [None],
        "b": None,
        "c": 1.5,
    }


def test_an_id_beside_the_request_must_agree_with_its_own() -> None:
    assert with_id({"agent": "x"}, "a", "--id") == {"agent": "x", "id": "a"}
    assert with_id({"id": "a"}, "a", "--id") == {"id": "a"}
    assert with_id({"id": "a"}, None, "--id") == {"id": "a"}
    assert with_id([1], "a", "--id") == [1]
    assert with_id({}, "", "--id") == {"id": ""}, "an empty id is the reader's to refuse"
    with pytest.raises(RequestInvalid, match=r"'b'.*--id says 'a'"):
        with_id({"id": "b"}, "a", "--id")
