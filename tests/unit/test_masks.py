"""Masks hide the same as one expression of every form would, the longest first; and many values cost little."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from dreamnet_actions.domain.masking import Masks
from dreamnet_actions.domain.secret import MASK, SecretValue

NARROW = st.text(alphabet="ab1 ", max_size=60)
"""Few letters: forms overlap, begin alike and hold one another."""


@given(st.lists(st.text(alphabet="ab1 ", min_size=1, max_size=9), min_size=1, max_size=4), NARROW)
def test_the_longest_form_is_hidden_wherever_it_begins(values: list[str], text: str) -> None:
    masks, forms = Masks(), set[str]()
    for one in map(SecretValue, values):
        assert set(masks.add(one)) == one.forms() - forms
        forms |= one.forms()
    longest = sorted(forms, key=lambda form: (-len(form), form))
    expected = re.sub("|".join(map(re.escape, longest)), MASK, text) if forms else text
    assert masks.hide(text) == expected


@given(
    st.lists(st.text(alphabet="ab1 ", min_size=1, max_size=9), min_size=1, max_size=4),
    st.lists(NARROW, max_size=6),
)
def test_a_text_in_pieces_is_hidden_as_the_whole_is(values: list[str], pieces: list[str]) -> None:
    masks = Masks()
    for value in values:
        masks.add(SecretValue(value))
    told, rest = "", ""
    for piece in pieces:
        hidden, rest = masks.hide_begun(rest + piece)
        told += hidden
    assert told + masks.hide(rest) == masks.hide("".join(pieces))
