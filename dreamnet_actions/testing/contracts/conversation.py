"""What every Conversation keeps to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import pytest

from dreamnet_actions.domain.command import PERMISSIONS, Permission
from dreamnet_actions.errors import NotFound
from dreamnet_actions.ports.conversation import Conversation


class Place(Protocol):
    """A repository with one issue, as a person sees it."""

    issue: int

    def person(self, login: str, permission: Permission) -> None:
        """Let somebody have that permission from now on."""

    def write(self, text: str) -> int:
        """Write a comment on the issue as a person; answers its id."""

    def delete(self, comment: int) -> None:
        """Take a comment back."""

    def receipts(self, comment: int) -> Sequence[str]:
        """Answer the reactions on a comment."""

    def texts(self) -> Sequence[str]:
        """Answer the texts of all comments on the issue, oldest first."""

    def conversation(self) -> Conversation:
        """Answer the port on it, as a run of its own."""


class ConversationContract:
    """Override ``place``."""

    @pytest.fixture
    def place(self) -> Place:
        """Answer a repository with one issue."""
        raise NotImplementedError("override the fixture 'place'")

    @pytest.mark.parametrize("permission", PERMISSIONS)
    def test_a_persons_permission_is_told(self, place: Place, permission: Permission) -> None:
        place.person("alice", permission)
        assert place.conversation().permission_of("alice") == permission

    def test_a_permission_is_that_of_the_moment(self, place: Place) -> None:
        place.person("alice", "write")
        talk = place.conversation()
        assert talk.permission_of("alice") == "write"
        place.person("alice", "none")
        assert talk.permission_of("alice") == "none"

    @pytest.mark.parametrize(
        "name", ["nobody-at-all", "", "..", "a/../../../user", "x?y=1#z", "naïve ~ name"]
    )
    def test_who_is_not_known_may_nothing(self, place: Place, name: str) -> None:
        assert place.conversation().permission_of(name) == "none"

    def test_a_receipt_is_put_once(self, place: Place) -> None:
        comment = place.write("/heal")
        for talk in (place.conversation(), place.conversation()):
            talk.react(comment, "eyes")
            talk.react(comment, "rocket")
        assert sorted(place.receipts(comment)) == ["eyes", "rocket"]

    @pytest.mark.parametrize("receipt", ["eyes", "rocket", "+1", "confused", "-1"])
    def test_every_receipt_can_be_put(self, place: Place, receipt: str) -> None:
        comment = place.write("/heal")
        place.conversation().react(comment, receipt)  # type: ignore[arg-type]
        assert place.receipts(comment) == [receipt]

    def test_a_comment_that_is_gone_takes_no_receipt(self, place: Place) -> None:
        comment = place.write("/heal")
        place.delete(comment)
        with pytest.raises(NotFound):
            place.conversation().react(comment, "eyes")

    def test_a_comment_is_answered_once_and_for_all_runs(self, place: Place) -> None:
        first, second = place.write("/heal"), place.write("/explain")
        assert not place.conversation().answered(place.issue, first)
        place.conversation().answer(place.issue, first, "It *is* done.")
        place.conversation().answer(place.issue, first, "It is done twice.")
        assert place.conversation().answered(place.issue, first)
        assert not place.conversation().answered(place.issue, second)
        place.conversation().answer(place.issue, second, "So it is.")
        texts = place.texts()
        assert len(texts) == 4
        assert [sum(word in one for one in texts) for word in ("It *is* done.", "twice", "So it is.")] == [
            1,
            0,
            1,
        ]

    def test_an_answer_among_very_many_comments_is_found(self, place: Place) -> None:
        comment = place.write("/heal")
        for number in range(101):
            place.write(f"me too {number}")
        place.conversation().answer(place.issue, comment, "Done.")
        place.conversation().answer(place.issue, comment, "Done.")
        assert len(place.texts()) == 103

    def test_an_issue_that_is_not_there_has_no_answers(self, place: Place) -> None:
        with pytest.raises(NotFound):
            place.conversation().answered(place.issue + 1000, 1)
        with pytest.raises(NotFound):
            place.conversation().answer(place.issue + 1000, 1, "Done.")

    def test_one_comment_is_kept_for_all_runs(self, place: Place) -> None:
        person = place.write("What will it change?")
        for version, text in enumerate(["Two values.", "One *value*.", "Nothing any more."], 1):
            assert place.conversation().keep(place.issue, "plan", text, version=version)
            assert place.conversation().keep(place.issue, "plan", text, version=version), "twice is once"
            assert [text in one for one in place.texts()] == [False, True]
        assert not place.conversation().answered(place.issue, person)

    def test_what_a_newer_run_wrote_is_left(self, place: Place) -> None:
        place.conversation().keep(place.issue, "plan", "newer", version=8)
        assert not place.conversation().keep(place.issue, "plan", "older", version=7)
        assert [("newer" in one, "older" in one) for one in place.texts()] == [(True, False)]

    def test_a_comment_is_kept_for_its_topic_and_begun_where_wanted(self, place: Place) -> None:
        talk = place.conversation()
        assert not talk.keep(place.issue, "plan", "nothing", version=1, begin=False)
        assert place.texts() == []
        talk.keep(place.issue, "plan", "a plan", version=1)
        talk.keep(place.issue, "other", "another", version=1)
        assert talk.keep(place.issue, "plan", "changed", version=2, begin=False)
        assert [text in one for text, one in zip(("changed", "another"), place.texts(), strict=True)] == [
            True,
            True,
        ]

    def test_an_issue_that_is_not_there_keeps_no_comment(self, place: Place) -> None:
        with pytest.raises(NotFound):
            place.conversation().keep(place.issue + 1000, "plan", "a plan", version=1)
