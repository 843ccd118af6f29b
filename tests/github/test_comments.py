"""Talking to a dream: people's comments on issues, through the real keepers, to receipts and answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest

from dreamnet_actions.adapters.github.client import GitHubRepository
from dreamnet_actions.adapters.github.conversation import GitHubConversation
from dreamnet_actions.adapters.github.dreams import GitHubDreamStore
from dreamnet_actions.domain.command import COMMANDS, Spoken
from dreamnet_actions.domain.dream import Dream
from dreamnet_actions.domain.result import AgentResult
from dreamnet_actions.domain.spec.models import Heal
from dreamnet_actions.entrances.action.comment import Talk
from dreamnet_actions.errors import Paused, TemporaryError
from dreamnet_actions.testing.github.standin import StandIn
from dreamnet_actions.testing.memory.conversation import MemoryConversation, Remark
from dreamnet_actions.testing.memory.system import MemorySystem
from tests.actions.hostile import corpus
from tests.actions.test_hostile_markdown import LINKED, tokens
from tests.github.dreams_home import REPOSITORY, reach
from tests.keepers.homes import home, service

pytestmark = pytest.mark.slow

MAY = {"issues": "write", "metadata": "read"}
RUN = {
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": REPOSITORY,
    "GITHUB_RUN_ID": "7",
}
REACTIONS = "/repos/{owner}/{repo}/issues/comments/{comment_id}/reactions"
Say = Callable[..., AgentResult]


@dataclass
class Shop:
    """A repository with a dream that nothing heals by itself, and its people."""

    system: MemorySystem
    github: StandIn
    person: GitHubRepository

    @property
    def dream(self) -> Dream:
        found = self.system.dreams.find("local/web")
        assert found is not None
        return found

    def write(self, text: str, *, by: str = "alice", role: str = "write", issue: int | None = None) -> int:
        """Write a comment; answers its id."""
        token = self.github.person(by, "admin")
        made = reach(self.github, self.system.clock, token, write_spacing=0.0).call(
            "POST", f"/issues/{issue or self.dream.number}/comments", body={"body": text}
        )
        self.github.person(by, role)
        return int(made["id"])

    def hear(
        self, comment: int, text: str, *, by: str = "alice", issue: int | None = None, **more: Any
    ) -> AgentResult:
        """Let the run that a comment started have its way."""
        talk = self.talk(comment, text, by=by, issue=issue, **more)
        return talk.told(talk.perform())

    def talk(
        self,
        comment: int,
        text: str,
        *,
        by: str = "alice",
        issue: int | None = None,
        at: float | None = None,
        **more: Any,
    ) -> Talk:
        token = self.github.workflow_token(REPOSITORY, MAY, job="dreamkeeper")
        repository = reach(self.github, self.system.clock, token, write_spacing=0.0)
        conversation = self.system.gate.before(GitHubConversation(repository))
        self.system.conversation = conversation  # type: ignore[attr-defined]
        spoken = Spoken(comment=comment, issue=issue or self.dream.number, author=by, text=text, at=at)
        return Talk(system=cast("Any", self.system), spoken=spoken, environ=RUN, **more)

    def say(self, text: str, *, by: str = "alice", role: str = "write") -> tuple[AgentResult, int]:
        """Write a comment and let its run have its way."""
        comment = self.write(text, by=by, role=role)
        return self.hear(comment, text, by=by), comment

    def receipts(self, comment: int) -> list[str]:
        return sorted(
            one["content"] for one in self.person.call("GET", f"/issues/comments/{comment}/reactions")
        )

    def answers(self, issue: int | None = None) -> list[str]:
        """Answer what DreamNet answered under the issue."""
        listed = self.person.call(
            "GET", f"/issues/{issue or self.dream.number}/comments", parameters={"per_page": 100}
        )
        return [one["body"] for one in listed if "dreamnet:answer" in one["body"]]


@pytest.fixture
def shop(make_github: Callable[..., StandIn]) -> Shop:
    spec = service(heal=Heal(steps=(), recover_within=10.0))
    system = home(web=spec, api=service())
    github = make_github(clock=system.clock)
    github.create_repository(REPOSITORY, files={"README.md": "# shop\n"}, private=True)
    token = github.workflow_token(REPOSITORY, MAY, job="dreamkeeper")
    store = GitHubDreamStore(reach(github, system.clock, token, write_spacing=0.0), fresh_for=0.0)
    system.dreams = store  # type: ignore[assignment]
    system.again()
    system.platforms["local"].kill("web")
    for _ in range(2):
        system.ask("dreamkeeper", "check")
        system.clock.advance(1.0)
    made = Shop(
        system, github, reach(github, system.clock, github.person("octocat", "admin"), write_spacing=0.0)
    )
    assert made.dream.state == "needs-human"
    return made


def test_a_restart_that_a_person_asks_for_heals_and_closes(shop: Shop) -> None:
    dream = shop.dream
    result, comment = shop.say("/restart")
    assert result.outcome == "done"
    (sent,) = shop.system.bus.list(states={"waiting"})
    assert (sent.message.to, sent.message.correlation_id) == ("deploykeeper", dream.correlation_id)
    assert shop.receipts(comment) == ["eyes", "rocket"]
    (answer,) = shop.answers()
    for word in ("**/restart** by alice: done.", "healing by restart", "**Next:**", "/actions/runs/7"):
        assert word in answer
    shop.system.pipe.drain()
    assert shop.dream.state == "resolved"
    (said,) = shop.system.journal.read(kinds={"command"})
    assert (said.text, said.correlation_id) == ("local/web: alice wrote /restart", dream.correlation_id)


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("/heal restart", "healing"),
        ("/snooze 4h", "snoozed"),
        ("/wontfix it goes next week", "wont-fix"),
        ("/retry", "open"),
    ],
)
def test_a_command_does_what_it_says(shop: Shop, text: str, state: str) -> None:
    result, comment = shop.say(text)
    assert (result.outcome, shop.dream.state) == ("done", state)
    assert shop.receipts(comment) == ["eyes", "rocket"]
    (answer,) = shop.answers()
    assert "by alice: done" in answer


def test_a_reason_is_kept_with_who_gave_it(shop: Shop) -> None:
    shop.say("/wontfix it goes next week")
    assert shop.dream.because == "alice said: it goes next week"


def test_retry_tries_the_last_remedy_once_more_while_there_is_hope(shop: Shop) -> None:
    shop.say("/restart")
    shop.system.platforms["local"].kill("web")
    dream = shop.system.dreams.update(_open(shop.dream))
    assert dream.remedy == "restart"
    result, _ = shop.say("/retry")
    assert result.outcome == "done"
    assert (shop.dream.state, shop.dream.remedy, shop.dream.attempt) == ("healing", "restart", 2)


def _open(dream: Dream) -> Dream:
    return replace(dream, state="open", because="restart did not help")


def test_what_cannot_be_done_is_refused_with_its_reason(shop: Shop) -> None:
    result, comment = shop.say("/rollback")
    assert (result.outcome, shop.dream.state) == ("refused", "needs-human")
    assert shop.receipts(comment) == ["-1", "eyes"]
    (answer,) = shop.answers()
    assert "is not possible for local/web; possible now: restart" in answer


def test_a_spent_budget_holds_for_people_too(shop: Shop) -> None:
    shop.system.config.services["web"] = service(heal=Heal(steps=(), tries_per_hour=1, recover_within=10.0))
    shop.say("/restart")
    shop.system.dreams.update(_open(shop.dream))
    result, comment = shop.say("/restart")
    assert result.outcome == "refused"
    assert "-1" in shop.receipts(comment)
    assert "tries-per-hour" in shop.answers()[-1]


def test_explain_tells_what_is_known(shop: Shop) -> None:
    result, comment = shop.say("/explain", role="read")
    assert result.outcome == "unchanged"
    assert shop.receipts(comment) == ["+1", "eyes"]
    (answer,) = shop.answers()
    for word in (
        "**local/web** is failing",
        "needs-human",
        "**Since:**",
        "**Tried:** nothing yet",
        "**Next:**",
        "filed",
    ):
        assert word in answer, answer


def test_where_nothing_waits_an_approval_says_so(shop: Shop) -> None:
    _, comment = shop.say("/approve")
    assert shop.receipts(comment) == ["+1", "eyes"]
    assert "Nothing waits for an approval." in shop.answers()[0]


@pytest.mark.parametrize("text", ["/helo", "/snooze", "/snooze soon", "/restart please", "/heal pray"])
def test_what_is_not_understood_gets_help(shop: Shop, text: str) -> None:
    result, comment = shop.say(text)
    assert (result.outcome, result.exit_status, shop.dream.state) == ("unchanged", 0, "needs-human")
    assert shop.receipts(comment) == ["confused", "eyes"]
    (answer,) = shop.answers()
    assert all(kind.usage in answer for kind in COMMANDS.values())


def test_the_nearest_command_is_named(shop: Shop) -> None:
    shop.say("/rollbak")
    assert "Did you mean '/rollback'?" in shop.answers()[0]


def test_what_a_command_costs(shop: Shop) -> None:
    comment, issue = shop.write("/help"), shop.dream.number
    shop.github.calls.clear()
    shop.hear(comment, "/help", issue=issue)
    assert shop.github.calls.charged() == 7, shop.github.calls.by_endpoint()


# ── who may ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", COMMANDS)
def test_who_may_say_what(shop: Shop, name: str) -> None:
    text, before = "/snooze 4h" if name == "snooze" else f"/{name}", shop.dream
    for number, role in enumerate(("none", "read", "write"), 1):
        result, comment = shop.say(text, by="mallory", role=role)
        may = role == "write" or (role == "read" and name in ("explain", "help"))
        receipts, answers = shop.receipts(comment), shop.answers()
        assert ("eyes" in receipts) == may
        assert len(answers) == number
        if not may:
            assert receipts == ["-1"]
            assert (shop.dream, shop.system.bus.list()) == (before, [])
            assert (result.outcome, result.exit_status) == ("unchanged", 0)
            assert "mallory may not" in answers[-1]
            assert "\n" not in answers[-1].split("\n\n<!--")[0]


def test_a_permission_is_asked_for_when_the_command_is_done(shop: Shop) -> None:
    comment = shop.write("/restart", role="admin")
    shop.github.person("alice", "read")
    shop.hear(comment, "/restart")
    assert shop.receipts(comment) == ["-1"]
    assert shop.dream.state == "needs-human"


def test_where_github_does_not_say_who_may_nothing_is_done(shop: Shop) -> None:
    comment = shop.write("/restart")
    shop.github.faults.add("502", path="*/permission", times=None)
    with pytest.raises(TemporaryError):
        shop.hear(comment, "/restart")
    shop.github.faults.clear()
    assert (shop.receipts(comment), shop.answers(), shop.dream.state) == ([], [], "needs-human")


# ── whose ───────────────────────────────────────────────────────────────────────────────────────────────


def test_an_issue_of_somebody_elses_is_not_touched(shop: Shop) -> None:
    body = shop.person.call("GET", f"/issues/{shop.dream.number}")["body"]
    copied = {"title": "web is failing", "body": body, "labels": ["dream", "dream: open"]}
    number = shop.person.call("POST", "/issues", body=copied)["number"]
    comment = shop.write("/restart", issue=number)
    shop.github.calls.clear()
    result = shop.hear(comment, "/restart", issue=number)
    assert (result.outcome, shop.receipts(comment), shop.answers(number)) == ("unchanged", [], [])
    assert {one.method for one in shop.github.calls.all()} == {"GET"}


def test_a_comment_that_was_taken_back_is_not_done(shop: Shop) -> None:
    comment = shop.write("/restart")
    shop.person.call("DELETE", f"/issues/comments/{comment}")
    result = shop.hear(comment, "/restart")
    assert (result.outcome, shop.dream.state, shop.answers()) == ("unchanged", "needs-human", [])


def test_a_pause_stops_commands_too(shop: Shop) -> None:
    comment = shop.write("/restart")
    shop.system.journal.set_state("paused", {"by": "bob", "at": 0.0, "reason": "he looks into it"})
    with pytest.raises(Paused):
        shop.hear(comment, "/restart")
    assert (shop.receipts(comment), shop.dream.state) == ([], "needs-human")


def test_a_dry_run_only_plans(shop: Shop) -> None:
    comment = shop.write("/restart")
    result = shop.hear(comment, "/restart", dry_run=True)
    assert (result.outcome, shop.receipts(comment), shop.answers()) == ("planned", [], [])
    assert shop.dream.state == "needs-human"


# ── twice is once ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", ["/restart", "/snooze 4h", "/retry", "/explain", "/rollback", "/helo"])
def test_a_comment_that_comes_twice_is_done_once(shop: Shop, text: str) -> None:
    _, comment = shop.say(text)
    after, facts = shop.dream, len(shop.system.journal.read())
    receipts, answers = shop.receipts(comment), shop.answers()
    shop.system.clock.advance(60.0)
    shop.github.calls.clear()
    again = shop.hear(comment, text)
    assert again.outcome == "unchanged"
    assert (shop.dream, len(shop.system.journal.read())) == (after, facts)
    assert (shop.receipts(comment), shop.answers()) == (receipts, answers)
    assert shop.github.calls.count("POST") == 0


@pytest.mark.parametrize("text", ["/restart", "/snooze 4h", "/retry", "/wontfix"])
def test_a_run_that_was_cut_before_it_told_is_told_by_the_next(shop: Shop, text: str) -> None:
    comment = shop.write(text)
    assert shop.talk(comment, text).perform().outcome == "done"  # and then the runner is gone
    after, sent = shop.dream, len(shop.system.bus.list())
    shop.system.clock.advance(60.0)
    result = shop.hear(comment, text)
    assert result.outcome == "done"
    assert (shop.dream, len(shop.system.bus.list())) == (after, sent)
    assert shop.receipts(comment) == ["eyes", "rocket"]
    assert len(shop.answers()) == 1
    assert len(shop.system.journal.read(kinds={"command"})) == 1


def test_an_answer_that_cannot_be_written_is_said_by_the_run_and_comes_with_the_next(shop: Shop) -> None:
    comment = shop.write("/snooze 4h")
    shop.github.faults.add("502", method="POST", path="*/comments", times=None)
    result = shop.hear(comment, "/snooze 4h")
    assert (result.outcome, result.exit_status) == ("deferred", 75)
    assert "could not be answered" in result.summary
    shop.github.faults.clear()
    assert shop.hear(comment, "/snooze 4h").outcome == "done"
    assert len(shop.answers()) == 1


def test_what_could_not_be_written_down_is_not_called_done(shop: Shop) -> None:
    comment = shop.write("/snooze 4h")
    talk = shop.talk(comment, "/snooze 4h")
    failed = replace(talk.perform(), outcome="deferred", exit_status=75)
    assert talk.told(failed) is failed
    assert (shop.receipts(comment), shop.answers()) == (["eyes"], [])


# ── hostile ─────────────────────────────────────────────────────────────────────────────────────────────


def test_hostile_words_do_nothing_and_are_quoted_as_text(shop: Shop) -> None:
    """Each text of the corpus as a command, as its words and as a reason: none is obeyed, by us or by GitHub."""
    before = shop.dream
    for number, one in enumerate(corpus("/nowhere/canary")):
        text = (f"/{one.text}", f"/restart x{one.text}", f"/heal x{one.text}")[number % 3]
        comment = 10_000_000 + number  # the stand-in is not asked to keep what JSON cannot write
        talk = shop.talk(comment, text)
        talk.environ = {}  # no link to the run: then every link is theirs
        said = _overheard(talk)
        assert shop.dream == before
        for answer in said:
            assert not answer.startswith("/")
            _neutral(answer)


def _overheard(talk: Talk) -> list[str]:
    """Perform a talk with somebody who may write; answers what it has to say."""
    made = MemoryConversation(people={talk.spoken.author: "write"}, issues={talk.spoken.issue})
    made.remarks[talk.spoken.comment] = Remark(issue=talk.spoken.issue, text=talk.spoken.text)
    talk.system.conversation = made
    talk.told(talk.perform())
    return made.answers(talk.spoken.issue)


def _neutral(answer: str) -> None:
    found = tokens(answer)
    kinds = {kind for kind, _ in found}
    assert not kinds & {"image", "html_block", "html_inline", "link_open", "heading_open", "fence"}, answer
    shown = "".join(content for kind, content in found if kind == "text")
    for name, pattern in LINKED.items():
        assert not pattern.search(shown), f"{name}: {shown[:200]!a}"
