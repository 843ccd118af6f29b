"""The contract of Conversation on issues, and what only GitHub can do to it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from dreamnet_actions.adapters.github.client import GitHubRepository
from dreamnet_actions.adapters.github.conversation import KIND, GitHubConversation
from dreamnet_actions.adapters.github.hidden import encode
from dreamnet_actions.adapters.github.issues import Issues
from dreamnet_actions.domain.command import Permission
from dreamnet_actions.errors import RefusedError, TemporaryError
from dreamnet_actions.ports.conversation import Conversation
from dreamnet_actions.testing.contracts.conversation import ConversationContract, Place
from dreamnet_actions.testing.github.standin import StandIn
from dreamnet_actions.testing.memory.clock import VirtualClock
from tests.github.dreams_home import REPOSITORY, reach

pytestmark = pytest.mark.slow

REACTIONS = "/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions"
COMMENTS = "/repos/{owner}/{repo}/issues/{issue_number}/comments"
MAY = {"issues": "write", "metadata": "read"}


class AtGitHub:
    def __init__(self, github: StandIn, clock: VirtualClock, person: GitHubRepository) -> None:
        self._github, self._clock, self._person = github, clock, person
        github.world.repository(REPOSITORY).private = True  # in a public one everybody may read
        self.issue = int(person.call("POST", "/issues", body={"title": "It is down"})["number"])

    def person(self, login: str, permission: Permission) -> None:
        self._github.person(login, permission)

    def write(self, text: str) -> int:
        return int(self._person.call("POST", f"/issues/{self.issue}/comments", body={"body": text})["id"])

    def delete(self, comment: int) -> None:
        self._person.call("DELETE", f"/issues/comments/{comment}")

    def receipts(self, comment: int) -> Sequence[str]:
        return [one["content"] for one in self._person.call("GET", f"/issues/comments/{comment}/reactions")]

    def texts(self) -> Sequence[str]:
        pages = (
            self._person.call(
                "GET", f"/issues/{self.issue}/comments", parameters={"per_page": 100, "page": page}
            )
            for page in (1, 2)
        )
        return [one["body"] for page in pages for one in page]

    def conversation(self, **permissions: str) -> Conversation:
        token = self._github.workflow_token(REPOSITORY, MAY | permissions, job="dreamkeeper")
        return GitHubConversation(reach(self._github, self._clock, token, write_spacing=0.0))


class TestGitHubConversation(ConversationContract):
    @pytest.fixture
    def place(self, github: StandIn, clock: VirtualClock, person: GitHubRepository) -> Place:
        return AtGitHub(github, clock, person)


@pytest.fixture
def place(github: StandIn, clock: VirtualClock, person: GitHubRepository) -> AtGitHub:
    return AtGitHub(github, clock, person)


@pytest.mark.parametrize("fault", ["502", "502-after"])
def test_a_write_that_seems_to_fail_is_in_effect_once(place: AtGitHub, github: StandIn, fault: str) -> None:
    comment = place.write("/heal")
    github.faults.add(fault, path="*/reactions", times=1)
    github.faults.add(fault, path="*/comments", method="POST", times=1)
    talk = place.conversation()
    talk.react(comment, "eyes")
    talk.answer(place.issue, comment, "Done.")
    assert place.receipts(comment) == ["eyes"]
    assert len(place.texts()) == 2


def test_a_marker_that_somebody_else_wrote_is_no_answer_of_ours(place: AtGitHub) -> None:
    comment = place.write("/heal")
    place.write(f"It is done.\n\n{encode(KIND, {'to': comment})}")
    assert not place.conversation().answered(place.issue, comment)


def test_a_comment_that_is_not_listed_yet_is_kept_all_the_same(
    place: AtGitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = place.conversation()
    with monkeypatch.context() as patch:  # GitHub's lists lag behind what was written, by seconds
        patch.setattr(Issues, "comments", lambda *_: iter(()))
        assert talk.keep(place.issue, "plan", "CURRENCY changes.", version=1)
    assert talk.keep(place.issue, "plan", "Nothing changes.", version=2)
    (text,) = place.texts()
    assert text.startswith("Nothing changes.")


def test_a_missing_permission_is_said(place: AtGitHub) -> None:
    comment = place.write("/heal")
    with pytest.raises(RefusedError, match="issues"):
        place.conversation(issues="read").react(comment, "eyes")


def test_a_host_that_does_not_answer_is_no_permission(place: AtGitHub, github: StandIn) -> None:
    github.person("alice", "admin")
    github.faults.add("502", path="*/permission", times=None)
    with pytest.raises(TemporaryError):
        place.conversation().permission_of("alice")
