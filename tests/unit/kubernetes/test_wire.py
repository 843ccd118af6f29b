"""What a server-side apply sends is read as YAML, and says the same there."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dreamnet_actions.adapters.kubernetes.wire import as_yaml


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_the_same_in_yaml(text: str) -> None:
    assert yaml.safe_load(as_yaml({"data": {"A": text}})) == {"data": {"A": text}}


@pytest.mark.parametrize(
    "text", ["🙂", "\\🙂", "🙂🙂", "\x7f", "\x85", "\u2028", "\ufeff", "\ufffe", "\\ud83d"]
)
def test_what_json_writes_otherwise_is_escaped(text: str) -> None:
    sent = as_yaml({"A": text, "b": [1, None, True]})
    assert yaml.safe_load(sent) == {"A": text, "b": [1, None, True]}
    assert sent.isascii()
    if ord(max(text)) < 0x10000:
        assert json.loads(sent)["A"] == text
