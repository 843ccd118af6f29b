"""Concurrency groups: never two at once, and exactly those lost that GitHub would lose."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dreamnet_actions.testing.github.actions import concurrency
from dreamnet_actions.testing.github.actions.concurrency import LONGEST_QUEUE, Group, Groups

STEPS = st.lists(st.one_of(st.just("come"), st.just("end"), st.integers(0, 4)), max_size=80)


class Story:
    """Plays steps against one group and keeps account by itself."""

    def __init__(self, group: Group) -> None:
        self.group = group
        self.groups = Groups()
        self.running: list[int] = []
        self.waiting: list[int] = []
        self.cancelled: list[int] = []
        self.interrupted: list[int] = []
        self.done: list[int] = []
        self.count = 0

    def come(self) -> None:
        self.count += 1
        effect = self.groups.enter(self.count, self.group)
        self.cancelled += effect.cancel
        self.interrupted += effect.interrupt
        self.waiting = [one for one in self.waiting if one not in effect.cancel]
        if self.count not in effect.start and self.count not in effect.cancel:
            self.waiting.append(self.count)
        self._start(effect.start)

    def end(self) -> None:
        if self.running:
            run = self.running.pop()
            self.done.append(run)
            self._start(self.groups.leave(run).start)

    def withdraw(self, index: int) -> None:
        if index < len(self.waiting):
            run = self.waiting.pop(index)
            self.cancelled.append(run)
            self._start(self.groups.leave(run).start)

    def _start(self, runs: list[int]) -> None:
        self.running += runs
        self.waiting = [one for one in self.waiting if one not in runs]
        assert len(self.running) <= 1

    def play(self, steps: list[str | int]) -> None:
        for step in steps:
            if step == "come":
                self.come()
            elif step == "end":
                self.end()
            else:
                self.withdraw(int(step))
            if not self.running:
                assert not self.waiting, "nobody waits for nothing"


@pytest.mark.slow
@given(STEPS)
@settings(max_examples=200)
def test_by_default_one_runs_one_waits_and_the_older_waiting_one_is_replaced(steps: list[str | int]) -> None:
    story = Story(Group("g"))
    replaced = []
    for step in steps:
        before = list(story.waiting)
        story.play([step])
        assert len(story.waiting) <= 1
        if step == "come" and before:
            replaced += before
    withdrawn = [one for one in story.cancelled if one not in replaced]
    assert sorted([*story.done, *story.running, *story.waiting, *replaced, *withdrawn]) == list(
        range(1, story.count + 1)
    )
    assert not story.interrupted


@pytest.mark.slow
@given(STEPS)
@settings(max_examples=200)
def test_queue_max_loses_none_and_keeps_the_order(steps: list[str | int]) -> None:
    story = Story(Group("g", keep_all=True))
    story.play([one for one in steps if isinstance(one, str)])
    while story.running:
        story.end()
    assert story.done == list(range(1, story.count + 1))
    assert not story.cancelled


def test_queue_max_cancels_what_comes_on_top_of_a_hundred() -> None:
    story = Story(Group("g", keep_all=True))
    story.play(["come"] * (LONGEST_QUEUE + 3))
    assert story.cancelled == [LONGEST_QUEUE + 2, LONGEST_QUEUE + 3]
    while story.running:
        story.end()
    assert story.done == list(range(1, LONGEST_QUEUE + 2))


@given(STEPS)
def test_cancel_in_progress_interrupts_the_running_one(steps: list[str | int]) -> None:
    story = Story(Group("g", cancel_in_progress=True))
    for step in steps:
        running = list(story.running)
        told = len(story.interrupted)
        story.play([step])
        if step == "come":
            assert story.interrupted[told:] == running


def test_groups_are_apart_ignore_case_and_leave_no_trace() -> None:
    groups = Groups()
    assert groups.enter(1, Group("Prod")).start == [1]
    assert groups.enter(2, Group("prod")).start == []
    assert groups.enter(3, Group("test")).start == [3]
    assert groups.enter(4, None).start == [4]
    assert groups.snapshot() == {"prod": (1, (2,)), "test": (3, ())}
    assert groups.leave(1).start == [2]
    assert groups.leave(2).start == groups.leave(3).start == groups.leave(4).start == []
    assert groups.snapshot() == {}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("deploy-${{ github.ref_name }}", Group("deploy-main")),
        (
            {"group": "g", "cancel-in-progress": "${{ github.ref_name == 'main' }}"},
            Group("g", cancel_in_progress=True),
        ),
        ({"group": "g", "cancel-in-progress": "${{ github.ref_name != 'main' }}"}, Group("g")),
        ({"group": "g", "queue": "max"}, Group("g", keep_all=True)),
        ({"group": "${{ inputs.none }}"}, None),
    ],
)
def test_reading(value: object, expected: Group | None) -> None:
    assert concurrency.read(value, {"github": {"ref_name": "main"}, "inputs": {}}) == expected
