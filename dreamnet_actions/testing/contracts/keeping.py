"""What every Keeping keeps to."""

from __future__ import annotations

from typing import Protocol

import pytest

from dreamnet_actions.errors import RequestError
from dreamnet_actions.ports.keeping import Keeping


class Kept(Protocol):
    """A memory with some facts in it."""

    facts: int
    repairs: bool
    """Whether the adapter repairs by itself; else it says what a person can do."""

    def damage(self) -> None:
        """Make one fact unreadable, behind the adapter's back."""

    def keeping(self) -> Keeping:
        """Answer the port on it, as a run of its own."""


class KeepingContract:
    """Override ``kept``."""

    @pytest.fixture
    def kept(self) -> Kept:
        """Answer a memory that is whole."""
        raise NotImplementedError("override the fixture 'kept'")

    @pytest.mark.parametrize("whole", [True, False])
    def test_nothing_is_wrong_with_what_was_written(self, kept: Kept, whole: bool) -> None:
        found = kept.keeping().verify(whole=whole)
        assert list(found.flaws) == []
        assert found.facts == kept.facts
        assert found.files >= 1
        assert found.size > 0

    def test_there_is_nothing_to_repair_then(self, kept: Kept) -> None:
        done = kept.keeping().repair(dry_run=False)
        assert (list(done.flaws), list(done.steps), done.commit) == ([], [], None)

    def test_damage_is_an_answer_with_its_file_and_no_error(self, kept: Kept) -> None:
        kept.damage()
        flaws = kept.keeping().verify().flaws
        assert flaws
        assert all(one.file and one.what and str(one).startswith(one.file) for one in flaws)

    def test_a_dry_run_says_what_would_be_done_and_does_nothing(self, kept: Kept) -> None:
        kept.damage()
        before = list(kept.keeping().verify().flaws)
        if kept.repairs:
            plan = kept.keeping().repair(dry_run=True)
            assert (list(plan.flaws), plan.commit) == (before, None)
            assert plan.steps
        else:
            with pytest.raises(RequestError):
                kept.keeping().repair(dry_run=True)
        assert list(kept.keeping().verify().flaws) == before

    def test_what_was_repaired_is_whole_and_what_cannot_be_says_so(self, kept: Kept) -> None:
        kept.damage()
        if kept.repairs:
            assert kept.keeping().repair(dry_run=False).flaws
            found = kept.keeping().verify()
            assert (list(found.flaws), found.facts) == ([], kept.facts)
        else:
            with pytest.raises(RequestError, match="cannot be repaired") as told:
                kept.keeping().repair(dry_run=False)
            assert told.value.hint
