"""The sinks github-secrets and github-variables, on the stand-in: contracts, failures half-way, and what is refused."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from dreamnet_actions.adapters.github.secretsink import GitHubSecretsSink
from dreamnet_actions.adapters.github.shelf import Shelf, What
from dreamnet_actions.adapters.github.variablesink import GitHubVariablesSink
from dreamnet_actions.errors import ConfigError, DreamNetError, PermanentError, PermissionMissing
from dreamnet_actions.ports.secrets import SecretSink
from dreamnet_actions.testing.contracts.secrets import SecretSinkContract, WriteOnlySinkContract, versioned
from dreamnet_actions.testing.github.standin import StandIn
from dreamnet_actions.testing.memory.clock import VirtualClock
from tests.github.dreams_home import reach

pytestmark = pytest.mark.slow
OPEN = {"secrets": "write", "actions_variables": "write", "environments": "write"}


class Kept:
    """A Keep in memory; ``first`` are the keys that had to be durable at once."""

    def __init__(self) -> None:
        self.data: dict[str, Any] = {}
        self.first: list[str] = []

    def get(self, key: str) -> Any:
        return copy.deepcopy(self.data.get(key))

    def put(self, key: str, data: Any, *, first: bool = False) -> None:
        self.data[key] = copy.deepcopy(data)
        self.first += [key] if first else []


class Bed:
    """One place on the stand-in: what is really there, and somebody else's hand in it."""

    def __init__(self, github: StandIn, clock: VirtualClock, what: What, environment: str | None) -> None:
        self.github, self.clock, self.what, self.kept = github, clock, what, Kept()
        repository = github.world.repository("octo/shop")
        if environment:
            admin = reach(github, clock, github.person("octo", "admin"), write_spacing=0.0)
            admin.call("PUT", f"/environments/{environment.replace('/', '%2F')}")
            self.records = getattr(repository.environments[environment], what)
        else:
            self.records = getattr(repository, what)
        github.person("alice", "write")
        self.hand = self.shelf(github.person("octo", "admin"), environment)
        self.at = self.shelf(github.fine_grained("alice", OPEN), environment)

    def shelf(self, token: str, environment: str | None) -> Shelf:
        reached = reach(self.github, self.clock, token, write_spacing=0.0)
        return Shelf(repository=reached, what=self.what, environment=environment)

    def held(self) -> dict[str, str]:
        return {name: one.value for name, one in self.records.items()}

    def tamper(self, name: str, value: str) -> None:
        """Change it a second later, by the API."""
        self.clock.advance(1)
        if self.what == "variables":
            there = name in self.records
            body = {"name": name, "value": value}
            self.hand.call("PATCH" if there else "POST", f"/{name}" if there else "", body=body)
        else:
            GitHubSecretsSink(self.hand, Kept(), adopt=True).write(versioned({name: value}))


class TestSecrets(WriteOnlySinkContract):
    @pytest.fixture
    def bed(self, github: StandIn, clock: VirtualClock) -> Bed:
        return Bed(github, clock, "secrets", "production")

    @pytest.fixture
    def sink(self, bed: Bed) -> SecretSink:
        return GitHubSecretsSink(bed.at, bed.kept)

    @pytest.fixture
    def held(self, bed: Bed) -> Callable[[], Mapping[str, str]]:
        return bed.held

    @pytest.fixture
    def tamper(self, bed: Bed) -> Callable[[str, str], None]:
        return bed.tamper


class TestVariables(SecretSinkContract):
    REFUSED = frozenset({"empty"})

    @pytest.fixture
    def bed(self, github: StandIn, clock: VirtualClock) -> Bed:
        return Bed(github, clock, "variables", None)

    @pytest.fixture
    def sink(self, bed: Bed, tmp_path: Path) -> SecretSink:
        return GitHubVariablesSink(bed.at, bed.kept, tmp_path / "sets", hash_key=lambda: b"key")

    @pytest.fixture
    def tamper(self, bed: Bed) -> Callable[[str, str], None]:
        return bed.tamper


@pytest.fixture(params=["secrets", "variables"])
def bed(request: pytest.FixtureRequest, github: StandIn, clock: VirtualClock) -> Bed:
    return Bed(github, clock, request.param, None)


@pytest.fixture
def sink_of(tmp_path: Path) -> Callable[..., SecretSink]:
    """Make the sink of a bed, as each run has its own."""

    def make(bed: Bed, shelf: Shelf | None = None, *, adopt: bool = False) -> SecretSink:
        if bed.what == "secrets":
            return GitHubSecretsSink(shelf or bed.at, bed.kept, adopt=adopt)
        sets = tmp_path / "sets"
        return GitHubVariablesSink(shelf or bed.at, bed.kept, sets, hash_key=lambda: b"key", adopt=adopt)

    return make


def test_what_cannot_be_held_is_told_whole_before_anything_is_written(
    bed: Bed, sink_of: Callable[..., SecretSink], github: StandIn
) -> None:
    wrong = {
        "lower": "1",
        "1ST": "1",
        "GITHUB_MINE": "1",
        "EMPTY": "",
        "BYTES": "\udcff",
        "LONG": "x" * (48 * 1024 + 1),
    }
    with pytest.raises(PermanentError) as told:
        sink_of(bed).write(versioned({"GOOD": "1", **wrong}))
    assert all(f"{name}:" in told.value.message for name in wrong)
    assert "GOOD:" not in told.value.message
    most = {"secrets": 100, "variables": 500}[bed.what]
    with pytest.raises(PermanentError, match=f"GitHub takes {most}"):
        sink_of(bed).write(versioned({f"N{number}": "1" for number in range(most + 1)}))
    assert (bed.held(), bed.kept.data) == ({}, {})
    sink_of(bed).write(versioned({"LONG": "x" * 48 * 1024}))
    assert len(bed.held()["LONG"]) == 48 * 1024


def test_a_workflows_own_token_is_told_what_to_do(
    bed: Bed, sink_of: Callable[..., SecretSink], github: StandIn
) -> None:
    token = github.workflow_token("octo/shop", {"contents": "write", "actions": "write"}, job="env")
    for lacking in (token, github.fine_grained("alice", {"contents": "write"})):
        with pytest.raises(PermissionMissing) as told:
            sink_of(bed, bed.shelf(lacking, None)).write(versioned({"A": "1"}))
        assert f"'{bed.what.capitalize()}: read and write'" in told.value.message
        assert "DREAMNET_SECRETS_TOKEN" in told.value.message
        assert "secrets-token" in (told.value.hint or "")


def test_an_environment_that_is_not_there_is_named(bed: Bed, sink_of: Callable[..., SecretSink]) -> None:
    nowhere = bed.shelf(bed.github.person("octo", "admin"), "staging")
    with pytest.raises(ConfigError, match="'staging'"):
        sink_of(bed, nowhere).write(versioned({"A": "1"}))


@pytest.mark.parametrize("what", ["secrets", "variables"])
def test_an_environments_name_may_hold_a_slash(
    github: StandIn, clock: VirtualClock, sink_of: Callable[..., SecretSink], what: What
) -> None:
    bed = Bed(github, clock, what, "eu/production")
    sink_of(bed).write(versioned({"A": "1"}))
    assert bed.held() == {"A": "1"}
    assert sink_of(bed).state().drifted == frozenset()


def test_a_name_of_somebody_else_is_taken_over_where_that_is_said(
    bed: Bed, sink_of: Callable[..., SecretSink]
) -> None:
    bed.tamper("A", "theirs")
    with pytest.raises(PermanentError, match="DreamNet did not write it"):
        sink_of(bed).write(versioned({"A": "ours"}))
    sink_of(bed, adopt=True).write(versioned({"A": "ours"}))
    assert bed.held() == {"A": "ours"}
    assert sink_of(bed).state().drifted == frozenset()


def test_what_was_deleted_there_is_drift(bed: Bed, sink_of: Callable[..., SecretSink]) -> None:
    sink_of(bed).write(versioned({"A": "1", "B": "2"}))
    bed.hand.call("DELETE", "/A")
    assert sink_of(bed).state().drifted == {"A"}
    assert set(sink_of(bed).state().versions) == {"A", "B"}


@pytest.mark.parametrize(("at", "lost"), [(0, False), (1, True), (2, True), (3, False)])
def test_all_or_nothing_whichever_write_fails(
    bed: Bed, sink_of: Callable[..., SecretSink], github: StandIn, at: int, lost: bool
) -> None:
    before = {"A": "1", "B": "2", "OLD": "3"}
    sink_of(bed).write(versioned(before, "1"))
    bed.clock.advance(1)
    wanted = versioned({"A": "10", "B": "20", "NEW": "30"}, "2")
    method = {
        "secrets": ("PUT", "PUT", "PUT", "DELETE"),
        "variables": ("PATCH", "PATCH", "POST", "DELETE"),
    }[bed.what][at]
    name = ("A", "B", "NEW", "OLD")[at]
    path = f"*/{bed.what}" if method == "POST" else f"*/{bed.what}/{name}"
    github.faults.add("502-after" if lost else "502", method=method, path=path, times=50)
    with pytest.raises(DreamNetError) as told:
        sink_of(bed).write(wanted)
    github.faults.clear()
    assert bed.kept.first, "what was meant is on record before the first write"
    state = sink_of(bed).state()
    left = {one for one in before if bed.held().get(one) != before[one]}
    if bed.what == "variables" or at == 0:
        assert left <= {name}
    assert left <= state.drifted, "what is not as it was is known"
    assert all(one in told.value.message for one in left & {"A", "B"})
    assert "NEW" not in bed.held() or "NEW" in state.drifted
    sink_of(bed).write(wanted)
    assert bed.held() == {"A": "10", "B": "20", "NEW": "30"}
    assert sink_of(bed).state().drifted == frozenset()
    assert "10" not in repr(bed.kept.data)


@pytest.mark.parametrize("after", range(4))
def test_a_run_that_was_killed_half_way_is_finished_by_the_next(
    bed: Bed, sink_of: Callable[..., SecretSink], monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    sink_of(bed).write(versioned({"A": "1", "OLD": "3"}, "1"))
    bed.clock.advance(1)
    wanted = versioned({"A": "10", "NEW": "30"}, "2")
    writes = 0
    real = Shelf.call

    def killed(self: Shelf, verb: str, path: str = "", **more: Any) -> Any:
        nonlocal writes
        if verb != "GET":
            writes += 1
            if writes > after:
                raise KeyboardInterrupt
        return real(self, verb, path, **more)

    monkeypatch.setattr(Shelf, "call", killed)
    if after < 3:
        with pytest.raises(KeyboardInterrupt):
            sink_of(bed).write(wanted)
    monkeypatch.undo()
    bed.clock.advance(1)
    state = sink_of(bed).state()
    assert state.drifted >= {name for name in ("A",) if bed.held()["A"] != "1"}
    sink_of(bed).write(wanted)
    assert bed.held() == {"A": "10", "NEW": "30"}
    assert sink_of(bed).state().drifted == frozenset()
