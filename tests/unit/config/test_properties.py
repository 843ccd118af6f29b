"""Whatever the file holds, the answer is a configuration or a ConfigError."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dreamnet_actions.config.plain import to_plain
from dreamnet_actions.config.reader import read_bytes, read_text
from dreamnet_actions.config.scalars import read_scalar
from dreamnet_actions.domain.spec.models import Config
from dreamnet_actions.errors import ConfigError
from tests.unit.config.slots import COMPOSED, GOOD

WORDS = [
    *(
        "version",
        "services",
        "platforms",
        "checks",
        "web",
        "local",
        "process",
        "http",
        "heal",
        "needs",
        "env",
        "to",
    ),
    *(
        "from",
        "dotenv",
        "routes",
        "on",
        "watch",
        "every",
        "release",
        "strategy",
        "canary",
        "scale",
        "min",
        "flags",
    ),
]
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 70_000),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["5s", "5%", "local", "web", "restart", "http://a", "a:1", "../a", "a.env", "*", ""]),
    st.text(max_size=8),
)
KEYS = st.one_of(st.sampled_from(WORDS), st.text(max_size=8))
TREES: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=30,
)

pytestmark = pytest.mark.slow


def answer(data: bytes) -> Config | None:
    """Read and check; a ConfigError is an answer, anything else is a failure."""
    try:
        return COMPOSED.validate(read_bytes(data))
    except ConfigError:
        return None


@settings(max_examples=300)
@given(st.text(max_size=200))
def test_any_text_is_answered(text: str) -> None:
    answer(text.encode("utf-8", "surrogatepass"))


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_any_bytes_are_answered(data: bytes) -> None:
    answer(data)


@settings(max_examples=500)
@given(st.text(alphabet=" \n\t-?:,[]{}#&*!|>'\"%@`ab1", max_size=60))
def test_any_mixture_of_yaml_signs_is_answered(text: str) -> None:
    answer(f"version: 1\n{text}".encode())


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(WORDS), TREES, max_size=6))
def test_any_tree_of_known_words_is_answered(tree: dict[str, Any]) -> None:
    answer(json.dumps({"version": 1, **tree}).encode())


@settings(max_examples=300)
@given(st.integers(0, len(GOOD) - 1), st.integers(0, 20), st.text(max_size=5))
def test_a_good_configuration_with_any_piece_replaced_is_answered(
    start: int, length: int, piece: str
) -> None:
    config = answer((GOOD[:start] + piece + GOOD[start + length :]).encode("utf-8", "surrogatepass"))

    if config is not None:
        again = COMPOSED.validate(read_text(json.dumps(to_plain(config), ensure_ascii=False)))
        assert again == config


@given(st.text(alphabet="+-.0123456789eExXoOabcdefinfnaINF_:", max_size=12))
def test_any_scalar_is_a_plain_value(text: str) -> None:
    try:
        value = read_scalar(text)
    except ValueError:
        value = None

    assert isinstance(value, (str, int, float, bool, type(None)))
