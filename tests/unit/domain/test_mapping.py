"""From a source's values to the names that are written: the mapping's rules, and that labels tell every change."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamnet_actions.domain.decoding import Undecodable, decoded, part_of, rendered
from dreamnet_actions.domain.mapping import Mapper
from dreamnet_actions.domain.secret import Ref, SecretValue, Versioned
from dreamnet_actions.domain.spec.env import Chosen, EnvEntry, Find, Rename
from dreamnet_actions.errors import RequestInvalid

HERE = Chosen("memory", None)


def mapper(**spec: Any) -> Mapper:
    return Mapper(EnvEntry(from_=HERE, to=(HERE,), **spec))


def made(source: Mapping[str, str | bytes], **spec: Any) -> dict[str, str]:
    """Answer what an entry makes of a source whose values are all of version 1."""
    one = mapper(**spec)
    wanted = one.wanted(source if one.lists else ())
    found = one.read(wanted, {ref: versioned(source[ref.name]) for ref in wanted.refs})
    return {name: found[name].value.reveal() for name in one.written(found)}


def versioned(value: str | bytes, version: str = "1") -> Versioned:
    raw = value.encode() if isinstance(value, str) else value
    return Versioned(value=SecretValue.of(raw), version=version)


DB = json.dumps(
    {"user": "app", "pool": {"size": 5, "a.b": "dots"}, "pool.size": "literal", "hosts": ["a", "b"]}
)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("user", "app"),
        ("pool.size", "literal"),  # a key that holds the dots itself goes first
        ("pool.a.b", "dots"),
        ("hosts.1", "b"),
        ("hosts", '["a","b"]'),
        ("pool", '{"size":5,"a.b":"dots"}'),
    ],
)
def test_a_part_of_json(path: str, value: str) -> None:
    assert made({"db": DB}, keys={"X": f"db#{path}"}) == {"X": value}


@pytest.mark.parametrize(
    ("text", "path", "why"),
    [
        ("no json", "a", "it is no JSON"),
        (DB, "password", "its JSON has no part 'password'"),
        (DB, "hosts.2", "has no part"),
        (DB, "user.name", "has no part"),
        ('{"a": 1, "a": 2}', "a", "a key twice"),
        ("[" * 100_000, "0", "it is no JSON"),
    ],
)
def test_what_is_not_there_is_told_without_a_value(text: str, path: str, why: str) -> None:
    with pytest.raises(Undecodable, match=why):
        part_of(SecretValue(text), path)


def test_every_mistake_is_told_at_once() -> None:
    with pytest.raises(RequestInvalid) as told:
        made({"db": DB, "x": "§"}, keys={"A": "db#none", "B": "x#a", "C": "x"}, decode={"C": "base64"})
    assert "A (db)" in str(told.value)
    assert "B (x)" in str(told.value)
    assert "C (x): it is no base64" in str(told.value)


def test_a_whole_map_and_what_is_written_out_wins() -> None:
    assert made({"app": '{"A": "1", "B": 2}', "b": "own"}, extract=("app",), keys={"B": "b"}) == {
        "A": "1",
        "B": "own",
    }
    assert made({"app": DB}, extract=("app#pool",)) == {"size": "5", "a.b": "dots"}


def test_found_by_name_and_renamed() -> None:
    rules = {"rename": (Rename(match="^app-", to=""),), "names": "upper"}
    found = made({"app-db-url": "1", "app-2nd": "2", "other": "3"}, find=Find(name="^app-"), **rules)
    assert found == {"DB_URL": "1", "_2ND": "2"}


def test_two_names_that_become_one_are_an_error_that_names_both() -> None:
    with pytest.raises(RequestInvalid, match=r"a-b and a\.b both become a_b"):
        made({"a-b": "1", "a.b": "2"}, names="convert")
    with pytest.raises(RequestInvalid, match=r"'a\.b' and 'a-b' both become a_b"):
        made({"app": '{"a-b": "1", "a.b": "2"}'}, extract=("app",), names="convert")
    with pytest.raises(RequestInvalid, match="no name left"):
        made({"app": "1"}, rename=(Rename(match=".*", to=""),))


@given(st.binary())
def test_what_was_encoded_is_decoded(data: bytes) -> None:
    for how, encode in (("base64", base64.b64encode), ("base64url", base64.urlsafe_b64encode)):
        text = encode(data).decode()
        for form in (text, text.rstrip("="), "\n".join(text[at : at + 4] for at in range(0, len(text), 4))):
            assert decoded(SecretValue(form), how).raw() == data
    assert decoded(SecretValue("no base64!"), "auto").reveal() == "no base64!"


@given(st.dictionaries(st.sampled_from(["USER", "WORD"]), st.text(st.characters(codec="utf-8")), min_size=2))
def test_a_template_holds_the_values_as_they_are(values: dict[str, str]) -> None:
    secrets = {name: SecretValue(value) for name, value in values.items()}
    text = rendered('{"u": {{ USER | json }}, "w": {{WORD|json}}}', secrets).reveal()
    assert json.loads(text) == {"u": values["USER"], "w": values["WORD"]}


def test_templates() -> None:
    found = made(
        {"user": "a b", "word": "p@ss/w%"},
        keys={"USER": "user", "WORD": "word"},
        templates={"URL": "postgres://{{ USER | urlencode }}:{{ WORD|trim|urlencode }}@db/app"},
        only_for_templates=("USER", "WORD"),
    )
    assert found == {"URL": "postgres://a%20b:p%40ss%2Fw%25@db/app"}
    with pytest.raises(RequestInvalid, match="URL is made of NONE, and there is no such value"):
        made({"user": "x"}, keys={"USER": "user"}, templates={"URL": "{{ NONE }}"})
    with pytest.raises(RequestInvalid, match="BIN is no text"):
        made({"bin": b"\xff"}, keys={"BIN": "bin"}, templates={"URL": "{{ BIN }}"})
    assert (
        made({"bin": b"\xff"}, keys={"BIN": "bin"}, templates={"B64": "{{ BIN | base64 }}"})["B64"] == "/w=="
    )


# ── labels ───────────────────────────────────────────────────────────────────────────────────────────────

SPECS: list[dict[str, Any]] = [
    {},
    {"names": "upper"},
    {"keys": {"A": "a", "B": "b@7"}},
    {"keys": {"A": "a#x", "B": "a#y"}, "decode": {"B": "auto"}},
    {"extract": ("a", "b#x")},
    {"extract": ("a",), "keys": {"B": "b"}, "decode": {"X": "auto"}, "names": "upper"},
    {"keys": {"A": "a", "B": "b"}, "templates": {"T": "{{ A }}-{{ B }}"}, "only_for_templates": ("A",)},
]
VALUE = st.sampled_from(
    ['{"x": {"z": "1"}, "y": "2"}', '{"x": {"z": "3"}, "y": "2"}', '{"x": {"w": "1"}, "y": ""}']
)


@pytest.mark.parametrize("number", range(len(SPECS)))
@given(
    before=st.lists(VALUE, min_size=2, max_size=2),
    after=st.lists(VALUE, min_size=2, max_size=2),
    now=st.integers(0, len(SPECS) - 1),
)
def test_the_same_label_is_the_same_value(number: int, before: list[str], after: list[str], now: int) -> None:
    """Whatever changes, source or rules: a name whose label stays has the value that it had; no name is missed."""

    def everything(
        spec: dict[str, Any], values: list[str], held: Mapping[str, str]
    ) -> tuple[dict[str, str], dict[str, str]]:
        one = mapper(**spec)
        wanted = one.wanted("ab" if one.lists else ())
        texts = dict(zip("ab", values, strict=True))
        # A version of a value follows from the value, as in every source: another value is another version.
        given = {ref: versioned(texts[ref.name], f"{hash(texts[ref.name]) % 1000}") for ref in wanted.refs}
        labels, unknown = one.labels(wanted, {ref: value.version for ref, value in given.items()}, held)
        made = one.read(wanted, given)
        if not unknown:
            assert labels.keys() == made.keys()
            assert labels == {name: value.version for name, value in made.items()}
        return {name: value.version for name, value in made.items()}, {
            name: value.value.reveal() for name, value in made.items()
        }

    try:
        labels, values = everything(SPECS[number], before, {})
        new_labels, new_values = everything(SPECS[now], after, labels)
    except RequestInvalid:
        return  # b#x is no object in every value
    for name in labels.keys() & new_labels.keys():
        if labels[name] == new_labels[name]:
            assert values[name] == new_values[name], name


def test_a_changed_value_reads_only_what_it_is_made_of() -> None:
    one = mapper(keys={"A": "a", "B": "b", "C": "c"}, templates={"T": "{{ A }}{{ B }}"}, extract=("d",))
    wanted = one.wanted()
    assert one.needed(wanted, ["C"]) == {Ref("c")}
    assert one.needed(wanted, ["T"]) == {Ref("a"), Ref("b")}
    assert one.needed(wanted, ["FROM_D"]) == {Ref("d")}
