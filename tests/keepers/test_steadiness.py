"""When a failure counts, what has to be ready, and what must stay so: on virtual time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dreamnet_actions.domain.evidence import evidence
from dreamnet_actions.domain.release import Release, Replica, ReplicaState, ServiceState, TrackState, needed
from dreamnet_actions.domain.result import AgentResult
from dreamnet_actions.domain.spec.models import ReleaseRules
from dreamnet_actions.keepers.deploykeeper.steadiness import Steady, finding
from dreamnet_actions.keepers.deploykeeper.watching import PATIENCE, STALE, Failing
from dreamnet_actions.testing.memory.platform import MemoryPlatform
from dreamnet_actions.testing.memory.system import MemorySystem, memory_system
from tests.keepers.homes import READY, config, released, service
from tests.keepers.test_deploys import commit, deploy, first, runs, version

RELEASE = Release(service="web", version="v:2")


def replica(
    state: ReplicaState, restarts: int = 0, name: str = "a", of: str = "v:2", code: int | None = None
) -> Replica:
    return Replica(id=name, track="stable", version=of, state=state, restarts=restarts, exit_status=code)


def track(*replicas: Replica, desired: int = 1, **more: object) -> TrackState:
    return TrackState(release=RELEASE, desired=desired, weight=1.0, replicas=replicas, **more)  # type: ignore[arg-type]


def state(*replicas: Replica, **more: object) -> ServiceState:
    return ServiceState(service="web", address=None, stable=track(*replicas, **more))


# ── When a failure counts ──────────────────────────────────────────────────────────────────────────────────


def test_what_is_certain_counts_at_once_and_what_may_pass_when_it_lasts() -> None:
    certain = track(replica("back-off"), failure="no image", hopeless=1)
    assert Failing().counts(certain, 0.0)
    stumbled = track(replica("back-off"), failure="port in use")
    failing = Failing()
    assert not failing.counts(stumbled, 0.0)
    assert not failing.counts(stumbled, PATIENCE - 0.1)
    assert failing.counts(stumbled, PATIENCE)
    failing = Failing()
    assert not failing.counts(stumbled, 0.0)
    assert not failing.counts(
        track(replica("starting")), 1.0
    )  # it passed: the next one counts from its own start
    assert not failing.counts(stumbled, PATIENCE)


def test_what_was_wrong_before_gets_the_time_in_which_it_is_tried_again() -> None:
    same = track(replica("back-off"), failure="secret missing", hopeless=1)
    failing = Failing(known="secret missing")
    assert not failing.counts(same, 0.0)
    assert not failing.counts(same, STALE - 0.1)
    assert failing.counts(same, STALE)
    other = track(replica("back-off"), failure="another", hopeless=1)
    assert Failing(known="secret missing").counts(other, 0.0)


def test_with_a_required_share_as_many_may_fail_as_are_not_required() -> None:
    ready = [replica("ready", name=str(one)) for one in range(3)]
    one_lost = track(*ready, replica("back-off", name="x"), desired=5, failure="no", hopeless=1)
    assert not Failing(required=0.8).counts(one_lost, 0.0)
    assert Failing(required=1.0).counts(one_lost, 0.0)
    assert Failing(required=0.8).counts(replace(one_lost, hopeless=2), 0.0)


@pytest.mark.parametrize(
    ("desired", "required", "least"),
    [(10, 0.8, 8), (3, 0.5, 2), (1, 0.01, 1), (0, 0.5, 0), (100, 0.29, 29), (5, 1.0, 5)],
)
def test_a_share_is_rounded_up(desired: int, required: float, least: int) -> None:
    assert needed(desired, required) == least
    assert track(desired=desired, updated=least).enough(required) == (required < 1.0 and desired > 0)
    assert not track(desired=desired, updated=max(0, least - 1)).enough(required)


# ── What must stay ready ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (replica("back-off", code=7), "a replica ended with exit status 7,"),
        (replica("starting", restarts=1), "a replica ended,"),
        (replica("ready", restarts=1), "a replica ended,"),
        (replica("unready"), "a replica stopped being ready,"),
    ],
)
def test_a_replica_that_falls_is_noticed(after: Replica, words: str) -> None:
    steady = Steady(version="v:2", since=10.0)
    assert not steady.look(state(replica("ready")), 10.0)
    assert steady.look(state(after, failure="why"), 12.5)
    assert steady.fault == f"was ready, and {words} 2.5 s later: why"
    assert steady.look(state(replica("ready", restarts=1)), 13.0), "what has fallen stays so"


def test_what_is_no_fault_of_the_release_is_none() -> None:
    steady = Steady(version="v:2", since=0.0)
    assert not steady.look(state(replica("ready"), replica("ready", name="old", of="v:1")), 0.0)
    assert not steady.look(state(replica("ready"), replica("exited", name="old", of="v:1")), 1.0)
    assert not steady.look(state(replica("starting", name="b")), 2.0)  # it was moved to another node
    assert not steady.look(
        state(replica("ready", restarts=3, name="c")), 3.0
    )  # it stumbled before it was ready
    assert not steady.look(None, 4.0)


def falling(
    system: MemorySystem, after: float, monkeypatch: pytest.MonkeyPatch, *, freeze: bool = False
) -> AgentResult:
    """Deploy; ``after`` seconds after the new release is ready, one replica of it falls."""
    platform, clock = system.platforms["local"], system.clock
    assert isinstance(platform, MemoryPlatform)
    watch, bad, ready = platform.observe, version(system), list[float]()

    def observe() -> object:
        seen = watch()
        now = seen.services["web"].stable
        if now.release.version == bad and now.settled:
            ready.append(clock.monotonic())
            if clock.monotonic() - ready[0] >= after:
                (platform.freeze if freeze else platform.kill)("web")
                return watch()
        return seen

    monkeypatch.setattr(platform, "observe", observe)
    return deploy(system)


@pytest.mark.parametrize("freeze", [False, True])
def test_ready_then_crash_within_the_soak_is_taken_back(
    monkeypatch: pytest.MonkeyPatch, freeze: bool
) -> None:
    system = first()
    platform = system.platforms["local"]
    result = falling(system, 1.0, monkeypatch, freeze=freeze)
    monkeypatch.undo()
    assert (result.verdict, result.exit_status) == ("rolled-back", 10)
    assert "was ready, and a replica" in result.summary
    assert runs(system, 1)
    assert platform.observe().services["web"].stable.settled
    assert deploy(system).outcome == "refused"  # it is held


def test_what_falls_after_the_soak_is_no_longer_the_releases(monkeypatch: pytest.MonkeyPatch) -> None:
    system = first()
    assert falling(system, 60.0, monkeypatch).verdict == "deployed"


def test_the_soak_runs_beside_the_checks_and_can_be_none() -> None:
    took = {}
    for soak in (0.0, 3.0, 9.0):
        rules = ReleaseRules(git=".", ready_within=10.0, soak=soak)
        system = memory_system(config({"web": service(release=rules)}))
        commit(system)
        began = system.clock.monotonic()
        assert deploy(system).verdict == "deployed"
        took[soak] = system.clock.monotonic() - began
    assert took[0.0] < 1.0
    assert 3.0 <= took[3.0] < 4.0
    assert 9.0 <= took[9.0] < 10.0


def test_a_dream_holds_the_last_words_of_what_failed() -> None:
    system = first()
    platform = system.platforms["local"]
    platform.kill("web")
    platform.write_log("web", *(f"line {number}" for number in range(9)), "PASSWORD=hunter2")
    system.sick[version(system, 1)] = "HTTP 500"
    system.ask("dreamkeeper", "check")
    dream = system.dreams.find("local/web")
    assert dream is not None
    words = [one for one in dream.evidence if one.check == "last lines"]
    assert [one.detail for one in words] == ["line 7 ⏎ line 8 ⏎ PASSWORD=***"]
    assert dream.health == "failing"


# ── As the keeper tells it ─────────────────────────────────────────────────────────────────────────────────


def test_a_certain_failure_ends_a_release_at_once_with_the_last_lines() -> None:
    system = first()
    platform = system.platforms["local"]
    platform.break_release(version(system), "the image is gone", hopeless=True)
    platform.write_log("web", "began", "token=abc", "\x1b[31mno table 'users'")
    began = system.clock.monotonic()
    result = deploy(system)
    assert result.verdict == "rolled-back"
    assert system.clock.monotonic() - began < 1.0  # seconds of virtual time: no patience was spent
    assert "the image is gone; its last line: \\x1b[31mno table 'users'" in result.summary
    told, story = result.findings
    assert [one["detail"] for one in told["checks"] if one["check"] == "log"] == [
        "began", "token=***", "\\x1b[31mno table 'users'",
    ]  # fmt: skip
    assert "was taken back" in story["timeline"][-1]["text"]
    assert "no table" in str(system.releases.reports[-1])


def test_never_ready_is_judged_at_its_deadline_and_not_before() -> None:
    system = first()
    system.platforms["local"].starts_in = 60.0
    began = system.clock.monotonic()
    result = deploy(system)
    assert result.verdict == "rolled-back"
    assert "not ready within 10 s" in result.summary
    assert 10.0 <= system.clock.monotonic() - began < 10.5


def test_nothing_goes_back_to_a_release_that_is_held() -> None:
    """The second release was taken back once, and insisted on; it serves, and so is good again. The third one's
    rollback comes to it, but not once somebody has left it as bad."""
    system = first()
    bad = version(system).removeprefix("git:")
    system.platforms["local"].break_release(version(system))
    assert deploy(system).verdict == "rolled-back"
    system.platforms["local"].mend_release(version(system))
    assert deploy(system, version=bad).verdict == "deployed"
    assert not system.journal.state(f"held/local/web/{version(system)}")[0]
    commit(system)
    assert deploy(system).verdict == "deployed"
    system.journal.set_state(f"held/local/web/{version(system)}", {"at": 0.0, "why": "it is bad"})
    assert system.ask("deploykeeper", "rollback", service="web").outcome == "done"
    assert runs(system, 1)


def test_a_share_of_the_replicas_is_enough_where_the_service_says_so() -> None:
    rules = ReleaseRules(git=".", ready_within=10.0, required=0.8)
    spec = replace(released(), release=rules, replicas=5, checks={"pods": READY})
    system = memory_system(config({"web": spec}))
    commit(system)
    assert deploy(system).verdict == "deployed"
    system.platforms["local"].freeze("web", 1)
    result = system.ask("dreamkeeper", "check")
    assert result.verdict == "healthy"
    assert "4 of 5 replicas ready, 80% are required." in str(result.findings)
    system.platforms["local"].freeze("web", 1)
    assert system.ask("dreamkeeper", "check").verdict == "failing"


def test_what_may_not_be_read_of_a_failure_is_told_with_it() -> None:
    seen = evidence("web-1", ["BackOff: again"], unread=["You may not read logs. Ask for the Role."])
    told = [
        (one["check"], one["status"], one["detail"]) for one in finding("web", "it ended", seen)["checks"]
    ]
    assert told == [
        ("release", "failed", "it ended"),
        ("event", "seen", "BackOff: again"),
        ("evidence", "unknown", "You may not read logs. Ask for the Role."),
    ]
