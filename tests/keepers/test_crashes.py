"""Cut off by SIGKILL at every call of a port, then started again: the end is the same, and nothing happens twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from dreamnet_actions.testing.memory.system import MemorySystem, memory_system
from tests.keepers.homes import config, cuts, facts, home, released, service, with_env

pytestmark = pytest.mark.slow

CHECK = {"agent": "dreamkeeper", "input": {"action": "check", "service": "web"}, "id": "check-1"}
DEPLOY = {"agent": "deploykeeper", "input": {"action": "deploy"}, "id": "deploy-1"}


def calls(system: MemorySystem, name: str) -> int:
    return sum(one == name for one, _ in system.platforms["local"].calls)


def settle(system: MemorySystem, rounds: int = 4) -> None:
    for _ in range(rounds):
        system.round(pause=60.0)


def killed() -> MemorySystem:
    system = home()
    system.platforms["local"].kill("web")
    return system


def heal(system: MemorySystem) -> None:
    system.submit(CHECK)
    system.pipe.drain()


def test_a_heal_cut_anywhere_ends_with_one_dream_one_restart_and_every_message_handled() -> None:
    points = 0
    for point, system in cuts(killed, heal):
        heal(system)
        settle(system)
        dream = system.dreams.find("local/web")
        assert dream is not None, point
        assert dream.state == "resolved", point
        assert len(system.dreams.search()) == 1, point
        tokens = system.platforms["local"]._known["web"].restarted
        assert len(tokens) == 1, point
        assert {one.state for one in system.bus.list()} == {"done"}, point
        sent = Counter(fact["message"] for fact in facts(system, "message-sent"))
        assert max(sent.values()) == 1, point
        opened = facts(system, "dream-opened")
        assert len(opened) == 1, (point, opened)
        for kind in ("remedy-started", "remedy-ended", "dream-resolved"):
            assert len(facts(system, kind)) == 1, (point, kind)
        told = [text for _, text in system.dreams.comments(dream.number)]
        assert [text.split(":")[0] for text in told] == ["filed", "healing", "local/web"], (point, told)
        points += 1
    assert points > 80


def two_versions(*shares: float, bad: str = "") -> Callable[[], MemorySystem]:
    def make() -> MemorySystem:
        system = memory_system(config({"web": released(*shares)}))
        first = system.sources["web"].commit({"app": "1"})
        system.ask("deploykeeper", "deploy")
        second = system.sources["web"].commit({"app": "2"})
        if bad == "checks":
            system.sick[f"git:{second}"] = "HTTP 500"
        if bad == "start":
            system.platforms["local"].break_release(f"git:{second}")
        assert _version(system) == f"git:{first}"
        return system

    return make


def _version(system: MemorySystem) -> str:
    state = system.state("web")
    assert state is not None
    return state.stable.release.version


@pytest.mark.parametrize("shares", [(), (0.5,)], ids=["at-once", "canary"])
@pytest.mark.parametrize("bad", ["", "checks", "start"])
def test_a_deploy_cut_anywhere_ends_with_exactly_one_version(shares: tuple[float, ...], bad: str) -> None:
    for point, system in cuts(two_versions(*shares, bad=bad), lambda one: one.submit(DEPLOY)):
        result = system.submit(DEPLOY)
        commits = system.sources["web"]._commits
        wanted = f"git:{commits[0 if bad else 1].revision}"
        assert (result.outcome, result.verdict) == (
            ("failed", "rolled-back") if bad else ("done", "deployed")
        ), (point, result)
        state = system.state("web")
        assert state is not None
        assert (state.stable.release.version, state.canary) == (wanted, None), point
        assert state.stable.settled, point
        assert system.submit(DEPLOY) == result, point
        assert [one for _, one in system.builders["web"].builds].count(commits[1].revision) == 1, point


def test_a_deploy_cut_anywhere_and_sent_anew_is_proved_all_the_same() -> None:
    for point, system in cuts(two_versions(bad="checks"), lambda one: one.submit(DEPLOY)):
        system.submit({**DEPLOY, "id": "another"})
        system.submit({**DEPLOY, "id": "a-third"})
        first = system.sources["web"]._commits[0].revision
        assert _version(system) == f"git:{first}", point


def test_a_branch_that_moved_meanwhile_does_not_change_what_a_cut_deploy_brings_out() -> None:
    for point, system in cuts(two_versions(), lambda one: one.submit(DEPLOY)):
        chosen = system.journal.state("rollout/local/web")[0]
        if chosen is None or chosen["request"] != "deploy-1":
            continue
        second = system.sources["web"]._commits[1].revision
        system.sources["web"].commit({"app": "3"})
        system.submit(DEPLOY)
        assert _version(system) == f"git:{second}", point


def test_a_rollback_cut_anywhere_goes_back_one_release_and_holds_the_bad_one_only() -> None:
    def three() -> MemorySystem:
        system = two_versions()()
        system.ask("deploykeeper", "deploy")
        system.sources["web"].commit({"app": "3"})
        system.ask("deploykeeper", "deploy")
        return system

    raw = {"agent": "deploykeeper", "input": {"action": "rollback"}, "id": "back-1"}
    for point, system in cuts(three, lambda one: one.submit(raw)):
        assert system.submit(raw).outcome == "done", point
        one, two, three_ = (f"git:{one.revision}" for one in system.sources["web"]._commits)
        assert _version(system) == two, point
        held = set(system.journal.states("held/"))
        assert held == {f"held/local/web/{three_}"}, point
        state = system.state("web")
        assert state is not None
        assert [former.version for former in state.former] == [one], point


@pytest.mark.parametrize("action", ["restart", "scale"])
def test_a_restart_or_scale_cut_anywhere_happens_once(action: str) -> None:
    given = {"replicas": 3} if action == "scale" else {}
    raw = {"agent": "deploykeeper", "input": {"action": action, **given}, "id": "one"}
    for point, system in cuts(home, lambda one: one.submit(raw)):
        assert system.submit(raw).exit_status == 0, point
        state = system.state("web")
        assert state is not None
        assert state.stable.ready == (3 if action == "scale" else 1), point
        assert len(system.platforms["local"]._known["web"].restarted) == (action == "restart"), point


def changed_source() -> MemorySystem:
    system = with_env()
    system.values["app"].put("KEY", "another")
    return system


@pytest.mark.parametrize("again", ["same", "fresh"])
def test_a_sync_cut_anywhere_is_written_once_and_its_service_restarted(again: str) -> None:
    raw = {"agent": "envkeeper", "input": {"action": "sync"}, "id": "sync-9"}
    for point, system in cuts(changed_source, lambda one: (one.submit(raw), one.pipe.drain())):
        before = len(system.platforms["local"]._known["web"].former)
        system.submit(raw if again == "same" else {**raw, "id": "sync-10"})
        system.pipe.drain()
        state = system.state("web")
        assert state is not None
        assert state.stable.release.environment == system.sinks["app"][0].state().revision, point
        assert system.sinks["app"][0].held == {"KEY": "another"}, point
        assert len(system.platforms["local"]._known["web"].former) - before <= 1, point
        assert {one.state for one in system.bus.list()} == {"done"}, point
        assert any(fact["former"] for fact in facts(system, "env-changed")), point
        asked = [one for one in system.bus.list() if one.message.name == "config-changed-needs-restart"]
        assert len(asked) == 2, point  # of the first sync, and of this one


@pytest.mark.parametrize("again", ["same", "fresh"])
def test_a_restore_cut_anywhere_puts_the_former_set_back_and_never_the_bad_one(again: str) -> None:
    def bad() -> MemorySystem:
        system = changed_source()
        system.ask("envkeeper", "sync")
        system.pipe.drain()
        return system

    raw = {"agent": "envkeeper", "input": {"action": "restore", "service": "web"}, "id": "back-9"}
    for point, system in cuts(bad, lambda one: (one.submit(raw), one.pipe.drain())):
        system.submit(raw if again == "same" else {**raw, "id": "back-10"})
        system.pipe.drain()
        assert system.sinks["app"][0].held == {"KEY": "good"}, point
        state = system.state("web")
        assert state is not None
        assert state.stable.release.environment == system.sinks["app"][0].state().revision, point


def test_a_relay_cut_anywhere_stores_its_message_once_and_it_takes_effect_once() -> None:
    raw = {
        "agent": "relaybot",
        "id": "relay-1",
        "input": {
            "from": "dreamkeeper",
            "to": "deploykeeper",
            "message": "health-check-failed-needs-restart",
            "service": "web",
        },
    }
    for point, system in cuts(home, lambda one: (one.submit(raw), one.pipe.drain())):
        system.submit(raw)
        system.pipe.drain()
        assert len(system.platforms["local"]._known["web"].restarted) == 1, point
        assert [one.message.name for one in system.bus.list()] == [
            "health-check-failed-needs-restart",
            "restart-finished",
        ], point
        assert {one.state for one in system.bus.list()} == {"done"}, point


def test_what_a_person_said_is_done_once_wherever_it_is_cut() -> None:
    def ill() -> MemorySystem:
        system = home(web=service(heal=service().heal))
        system.platforms["local"].kill("web")
        system.submit(CHECK)
        return system

    raw = {
        "agent": "dreamkeeper",
        "input": {"action": "snooze", "dream": "local/web", "for": "1h"},
        "id": "snooze-1",
    }
    for point, system in cuts(ill, lambda one: one.submit(raw)):
        assert system.submit(raw).outcome == "done", point
        dream = system.dreams.find("local/web")
        assert dream is not None
        assert dream.state == "snoozed", point
