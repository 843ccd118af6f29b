"""The record of a service: whatever is done in whatever order, undo goes back exactly, and every token counts once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dreamnet_actions.adapters.kubernetes.record import KEPT, RECORD, Record, Run, record_of
from dreamnet_actions.errors import StateDamaged

REVISIONS = st.text("0123456789abcdef", min_size=4, max_size=4)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("push"), REVISIONS),
        st.tuples(st.just("restart"), st.text("rst", min_size=1, max_size=3)),
        st.tuples(st.just("undo"), st.text("uvw", min_size=1, max_size=3)),
    ),
    max_size=60,
)


def noted(record: Record) -> dict[str, object]:
    return {"metadata": {"name": "web", "annotations": {RECORD: record.text()}}}


@given(STEPS)
def test_undo_goes_back_exactly_and_what_is_read_is_what_was_written(steps: list[tuple[str, str]]) -> None:
    record, history = Record(stable=Run("0000")), list[Run]()
    for what, word in steps:
        if what == "push":
            history.append(record.stable)
            record = record.pushed(Run(word))
        elif what == "restart" and word not in record.restarted:
            record = record.restarted_by(word)
            assert record.stable.restart == word
        elif what == "undo" and word not in record.undone and record.former:
            record = record.back(word)
            assert record.stable == history.pop()
            assert record.undone[word] == record.stable.revision
        assert list(record.former) == list(reversed(history))[: len(record.former)]
        assert len(record.former) <= KEPT
        assert record_of(noted(record)) == record
        assert record.stable.revision in record.revisions()


@given(REVISIONS, st.text("ab", min_size=1, max_size=2))
def test_pods_of_another_run_have_another_mark(revision: str, token: str) -> None:
    marks = {Run(revision).mark, Run(revision, token).mark, Run(f"{revision}0").mark}
    assert len(marks) == 3
    assert Run(revision, token).mark == Run(revision, token).mark


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", '{"stable": ["a"]}', "{not JSON"])
def test_a_record_that_is_none_of_ours_is_said_to_be_damaged(text: str) -> None:
    with pytest.raises(StateDamaged, match=r"annotation dreamnet.dev/record of web"):
        record_of({"metadata": {"name": "web", "annotations": {RECORD: text}}})


def test_a_workload_without_a_record_has_none() -> None:
    assert record_of(None) is None
    assert record_of({"metadata": {"name": "web"}}) is None
