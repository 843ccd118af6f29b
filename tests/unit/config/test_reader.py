"""The reader: what scalars mean, where values stand, and the same answers from PyYAML's own parser."""

from __future__ import annotations

import pytest
import yaml

from dreamnet_actions.config.reader import read_bytes, read_text
from dreamnet_actions.config.tree import Place, plain, spell
from dreamnet_actions.errors.configuration import ConfigInvalid
from tests.unit.config.broken import Case, complaints, written
from tests.unit.config.slots import GOOD


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("Yes", "Yes"),
        ("on", "on"),
        ("OFF", "OFF"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("NULL", None),
        ("nUll", "nUll"),
        ("12", 12),
        ("-0012", -12),
        ("0o17", 15),
        ("017", 17),
        ("0xff", 255),
        ("0b11", "0b11"),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("2026-01-02", "2026-01-02"),
        ("1.5", 1.5),
        ("-.5", -0.5),
        ("1.", 1.0),
        ("1e3", 1000.0),
        ("1e", "1e"),
        (".", "."),
        ("-", None),
        ("'12'", "12"),
        ('"true"', "true"),
        ("=", "="),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text: str, value: object) -> None:
    read = plain(read_text(f"key: {text}\n" if text != "-" else "key:\n").root)["key"]

    assert read == value
    assert type(read) is type(value)


def test_every_key_and_value_knows_its_place() -> None:
    tree = read_text("one: 1\ntwo:\r\n  - a\r\n  -  {three: x}\n")

    found = tree.follow(("two", 1, "three"))

    assert (found.key, found.node.place) == (Place(4, 7), Place(4, 14))
    assert spell(found.path) == "two[1].three"


def test_columns_count_characters_and_not_bytes() -> None:
    assert read_text("'größe': {'é': x}\n").follow(("größe", "é")).key == Place(1, 11)


def test_aliases_within_the_limits_are_written_out() -> None:
    assert plain(read_text("a: &x {b: [1]}\nc: *x\nd: [*x, *x]\n").root)["d"] == [{"b": [1]}, {"b": [1]}]


def test_an_alias_of_something_deep_counts_with_its_depth() -> None:
    deep = "[" * 40 + "1" + "]" * 40

    with pytest.raises(ConfigInvalid, match="More than 64 levels"):
        read_text(f"a: &a {deep}\nb: {'[' * 30}*a{']' * 30}\n")


def test_a_path_of_strange_keys_is_short_and_quoted() -> None:
    assert spell(("a b", "c.d", 3)) == "'a b'.'c.d'[3]"
    assert len(spell(tuple("k" * 100 for _ in range(60)))) == 200


def test_the_good_configuration_has_no_mistakes() -> None:
    assert read_bytes(GOOD.encode()).mistakes == ()


@pytest.mark.parametrize("case", list(written()), ids=[case.name for case in written()])
def test_pyyaml_without_its_c_parser_sees_mistakes_in_the_same_lines(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_c = {one.line for one in complaints(case.data)}
    monkeypatch.delattr(yaml, "CSafeLoader")

    without_c = {one.line for one in complaints(case.data)}

    # The two parsers notice a broken structure at different tokens, a line apart at most.
    assert without_c
    assert min(abs(a - b) for a in with_c for b in without_c) <= 1
