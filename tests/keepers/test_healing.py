"""Auto-healing from end to end in memory: what happens, in which order, joined by one correlation id."""

from __future__ import annotations

from dreamnet_actions.domain.dream import Dream
from dreamnet_actions.domain.spec.models import Heal, Thresholds
from dreamnet_actions.testing.memory.system import MemorySystem, memory_system
from tests.keepers.homes import config, facts, home, released, service, with_env

STORY = [
    "check-ended",
    "dream-opened",
    "remedy-started",
    "message-sent",
    "request-ended",
    "restarted",
    "request-ended",
    "message-routed",
    "message-sent",
    "check-ended",
    "remedy-ended",
    "dream-resolved",
    "request-ended",
    "message-routed",
]


def dream(system: MemorySystem, name: str = "web") -> Dream:
    found = system.dreams.find(f"local/{name}")
    assert found is not None
    return found


def remedies(system: MemorySystem) -> list[str]:
    return [str(one["remedy"]) for one in facts(system, "remedy-started")]


def test_a_killed_service_is_found_healed_proved_and_resolved() -> None:
    system = home()
    system.platforms["local"].kill("web")
    asked = system.ask("dreamkeeper", "check", service="web")
    system.pipe.drain()
    assert system.story() == STORY
    assert (dream(system).state, dream(system).remedy, dream(system).attempt) == ("resolved", "restart", 1)
    joined = [fact for fact in system.journal.read() if fact.kind != "check-ended"]
    assert {fact.correlation_id for fact in joined} == {"dream-1-0", asked.id}
    hops = [one.message.hops for one in system.bus.list()]
    assert hops == [0, 1]


def test_a_bad_value_is_put_back() -> None:
    system = with_env()
    after = system.journal.read()[-1].seq
    system.values["app"].put("KEY", "bad")
    system.ask("envkeeper", "sync")
    revision = system.sinks["app"][0].state().revision
    assert revision is not None
    system.sick[revision] = "HTTP 500: cannot read KEY"
    system.pipe.drain()
    assert [fact.kind for fact in system.journal.read(after=after) if fact.kind != "check-ended"] == [
        "env-changed", "message-sent", "request-ended",
        "restarted", "request-ended", "message-routed", "message-sent",
        "dream-opened", "remedy-started", "message-sent", "request-ended", "message-routed",
        "env-restored", "message-sent", "request-ended", "message-routed",
        "restarted", "request-ended", "message-routed", "message-sent",
        "remedy-ended", "dream-resolved", "request-ended", "message-routed",
    ]  # fmt: skip
    assert remedies(system) == ["restore-config"]
    assert system.sinks["app"][0].held == {"KEY": "good"}
    assert (dream(system).state, dream(system).remedy) == ("resolved", "restore-config")
    assert system.ask("envkeeper", "sync").outcome == "refused"
    system.values["app"].put("KEY", "better")
    assert system.ask("envkeeper", "sync").outcome == "done"


def test_a_release_that_turns_bad_after_its_proof_is_rolled_back() -> None:
    system = memory_system(config({"web": released()}))
    first = system.sources["web"].commit({"a": "1"})
    system.ask("deploykeeper", "deploy")
    second = system.sources["web"].commit({"a": "2"})
    system.ask("deploykeeper", "deploy")
    system.clock.advance(300.0)
    system.sick[f"git:{second}"] = "HTTP 500"
    system.round()
    assert remedies(system) == ["rollback"]
    (asked,) = system.journal.read(kinds={"remedy-started"})
    assert "the release changed just before" in asked.text
    state = system.state("web")
    assert state is not None
    assert state.stable.release.version == f"git:{first}"
    assert dream(system).state == "resolved"
    assert system.ask("deploykeeper", "deploy").exit_status == 4  # held


def test_what_no_remedy_mends_needs_a_human_after_two_tries_each_and_ends_when_mended() -> None:
    system = memory_system(config({"web": service(heal=Heal(recover_within=5.0, cool_down=5.0))}))
    system.start()
    release = system.platforms["local"].configured("web", system.config.services["web"])
    system.sick[release.version] = "HTTP 500"
    for _ in range(6):
        system.round(pause=60.0)
    assert remedies(system) == ["restart", "restart"]
    assert dream(system).state == "needs-human"
    system.sick.clear()
    system.round()
    assert dream(system).state == "resolved"
    assert facts(system, "remedy-ended")[-1]["worked"] is False


def test_a_story_of_every_remedy_stays_below_the_hop_limit() -> None:
    steps = ("restart", "rollback", "restore-config", "scale-up")
    heal = Heal(steps=steps, order="fixed", recover_within=3.0, cool_down=0.0, tries_per_hour=20)
    system = with_env(web=service(heal=heal))
    system.values["app"].put("KEY", "two")
    system.ask("envkeeper", "sync")
    system.pipe.drain()
    system.probe.tell("web", "failed", "body", "nothing helps")
    system.probe._answer = None
    for _ in range(12):
        system.round(pause=60.0)
    assert remedies(system)[:3] == ["restart", "rollback", "restore-config"]
    assert dream(system).state == "needs-human"
    assert {one.state for one in system.bus.list()} == {"done"}


def test_one_blip_is_never_a_verdict_and_one_run_is_enough() -> None:
    system = home(web=service(thresholds=Thresholds(failures=3, successes=2, again_after=1.0)))
    system.platforms["local"].kill("web")
    system.clock.after(0.5, lambda: system.platforms["local"].restart("web", token="by hand"))
    system.ask("dreamkeeper", "check", service="web")
    assert system.dreams.search() == []
    system.platforms["local"].kill("web")
    system.ask("dreamkeeper", "check", service="web")
    assert dream(system).state == "healing"


def test_failures_are_counted_across_runs() -> None:
    slow = Thresholds(failures=3, successes=2, again_after=60.0)  # no second look fits into a run
    system = home(web=service(thresholds=slow))
    system.platforms["local"].kill("web")
    for count in (1, 2, 3):
        system.ask("dreamkeeper", "check", service="web")
        assert len(system.dreams.search()) == (count == 3)
    system.platforms["local"].restart("web", token="by hand")
    system.clock.advance(1.0)
    states = []
    for _ in range(2):
        system.ask("dreamkeeper", "check", service="web")
        states.append(dream(system).state)
    assert states == ["healing", "resolved"]


def test_what_a_service_needs_is_filed_and_it_is_not() -> None:
    system = home(db=service(), web=service(needs=("db",)), page=service(needs=("web",)))
    for name in ("db", "web", "page"):
        system.platforms["local"].kill(name)
    result = system.ask("dreamkeeper", "check", target="local")
    assert [one.key for one in system.dreams.search()] == ["local/db"]
    decisions = {one["service"]: one["decision"] for one in result.findings}
    assert (decisions["web"], decisions["page"]) == ("held", "held")
    for _ in range(4):
        system.round()
    assert all(one.state == "resolved" for one in system.dreams.search())


def test_a_storm_heals_nothing_and_asks_a_human() -> None:
    system = home(a=service(), b=service(), c=service(), d=service())
    for name in ("a", "b", "c"):
        system.platforms["local"].kill(name)
    system.ask("dreamkeeper", "check", target="local")
    assert remedies(system) == []
    assert {one.state for one in system.dreams.search()} == {"needs-human"}
    assert "3 of 4 services fail together" in dream(system, "a").because


def test_values_that_let_no_replica_start_are_put_back_while_the_former_ones_serve() -> None:
    system = with_env()
    system.values["app"].put("KEY", "bad")
    system.ask("envkeeper", "sync")
    system.probe._answer = None
    system.probe.tell("web", "degraded", "slow", "took 4 s")
    system.ask("dreamkeeper", "check", service="web")
    assert remedies(system) == [], "slow answers are watched"
    system.probe.tell("web", "degraded", "crash", "what was wanted last cannot start")
    system.ask("dreamkeeper", "check", service="web")
    assert remedies(system) == ["restore-config"]


def test_degraded_is_watched_until_it_is_down() -> None:
    system = home()
    system.probe._answer = None
    system.probe.tell("web", "degraded", "slow", "took 4 s")
    system.round()
    assert (dream(system).state, dream(system).health, remedies(system)) == ("open", "degraded", [])
    system.probe.tell("web", "failed", "timeout", "took 10 s")
    system.ask("dreamkeeper", "check", service="web")
    assert (dream(system).state, dream(system).health, dream(system).cause) == (
        "healing",
        "failing",
        "timeout",
    )


def test_a_fault_that_comes_back_counts_a_flap_and_later_is_another_dream() -> None:
    system = home()
    for flaps, number, wait in ((0, 1, 60.0), (1, 1, 90_000.0), (0, 2, 0.0)):
        system.platforms["local"].kill("web")
        system.round()
        assert (dream(system).number, dream(system).flaps, dream(system).state) == (number, flaps, "resolved")
        system.clock.advance(wait)
    assert "Seen 2 times before in 30 days" in dream(system).pattern


def test_a_remedy_without_a_result_is_given_up_and_the_next_is_tried() -> None:
    heal = Heal(recover_within=10.0)
    system = memory_system(config({"web": released(heal=heal)}))
    for text in "12":
        system.sources["web"].commit({"a": text})
        system.ask("deploykeeper", "deploy")
    system.clock.advance(4000.0)
    system.platforms["local"].kill("web")
    system.ask("dreamkeeper", "check", service="web")
    system.clock.advance(20.0)
    system.ask("dreamkeeper", "check", service="web")  # asks for the same again
    assert [one.message.id for one in system.bus.list()] == ["dream-1-0-1"]
    system.clock.advance(30.0)
    system.ask("dreamkeeper", "check", service="web")
    assert remedies(system) == ["restart", "rollback"]
    assert facts(system, "remedy-ended")[0]["worked"] is False
    system.pipe.drain()
    assert dream(system).state == "resolved"
    done = {(one["message"], one["outcome"]) for one in facts(system, "message-routed")}
    assert ("dream-1-0-1", "unchanged") in done  # the late restart was not done any more
    assert system.platforms["local"]._known["web"].restarted == []
