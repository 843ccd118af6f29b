"""EnvKeeper's flags: answered for a caller, set, toggled, killed, given to a share."""

from __future__ import annotations

from dreamnet_actions.domain.flag import Flag
from dreamnet_actions.domain.flagedit import Share, share_of
from dreamnet_actions.errors import PlatformFailed
from dreamnet_actions.testing.memory.flags import MemoryFlagTarget
from dreamnet_actions.testing.memory.system import MemorySystem, memory_system
from tests.keepers.homes import config, facts, service

DARK = Flag(name="dark", state="ENABLED", variants={"on": True, "off": False}, default_variant="on")
BETA = Flag(
    name="beta",
    state="ENABLED",
    variants={"on": 1, "off": 0, "some": 2},
    default_variant="off",
    targeting={"if": [{"ends_with": [{"var": "email"}, "@example.com"]}, "some"]},
)


def board(*flags: Flag) -> MemorySystem:
    """A system with these flags."""
    return memory_system(config({"web": service()}), flags=flags or [DARK, BETA])


def test_flags_are_shown_set_and_known_by_name() -> None:
    system = board()
    assert system.ask("envkeeper", "flags", flag="dark").findings[0]["value"] is True
    assert system.ask("envkeeper", "set-flag", flag="dark", variant="off").outcome == "done"
    assert system.ask("envkeeper", "set-flag", flag="dark", variant="off").outcome == "unchanged"
    assert system.ask("envkeeper", "set-flag", flag="dark", state="DISABLED").outcome == "done"
    for wrong in ({"flag": "drak", "variant": "on"}, {"flag": "dark", "variant": "no"}, {"flag": "dark"}):
        assert system.ask("envkeeper", "set-flag", **wrong).exit_status == 3
    assert memory_system(config({"web": service()})).ask("envkeeper", "flags").exit_status == 2
    assert len(facts(system, "flag-changed")) == 2


def test_flags_are_answered_for_a_caller() -> None:
    system = board()
    one = system.ask("envkeeper", "flags", flag="beta", context={"email": "a@example.com"}).findings[0]
    other = system.ask("envkeeper", "flags", flag="beta").findings[0]
    assert (one["variant"], one["value"], one["reason"]) == ("some", 2, "TARGETING_MATCH")
    assert (other["variant"], other["reason"]) == ("off", "DEFAULT")
    broken = Flag(
        name="broken", state="ENABLED", variants={"on": 1}, default_variant="on", targeting={"nope": 1}
    )
    result = board(broken).ask("envkeeper", "flags")
    assert (result.findings[0]["error_code"], result.findings[0]["value"]) == ("PARSE_ERROR", None)


def test_every_change_says_who_and_why() -> None:
    system = board()
    system.ask("envkeeper", "toggle-flag", flag="dark", reason="night", by="nightshift")
    assert system.flags is not None
    note = system.flags.notes[0]
    assert (note.subject, note.why, note.by) == ("Set flag dark to off, ENABLED", "night", "nightshift")
    fact = system.journal.read(kinds={"flag-changed"})[0]
    assert fact.text == "flag dark: on, ENABLED → off, ENABLED, because night (nightshift)"


def test_only_of_two_there_is_the_other_one() -> None:
    system = board()
    assert system.ask("envkeeper", "toggle-flag", flag="dark").outcome == "done"
    assert system.ask("envkeeper", "flags", flag="dark").findings[0]["variant"] == "off"
    assert system.ask("envkeeper", "toggle-flag", flag="beta").exit_status == 4


def test_a_killed_flag_comes_back_as_it_was() -> None:
    system = board()
    assert system.flags is not None
    before = dict(system.flags.read())
    killed = system.ask("envkeeper", "kill-flag", flag="beta")
    assert system.flags.notes[0].at_once
    assert system.ask("envkeeper", "flags", flag="beta").findings[0]["reason"] == "DISABLED"
    assert killed.changes[0]["undo"] == "dreamnet enable-flag beta"
    assert system.ask("envkeeper", "enable-flag", flag="beta").outcome == "done"
    assert dict(system.flags.read()) == before


def test_a_share_of_callers_and_what_else_is_said() -> None:
    system = board()
    done = system.ask("envkeeper", "roll-out", flag="beta", variant="on", share="30%")
    assert done.changes[0]["undo"] == "dreamnet roll-out beta on 0%"

    def got(**context: str) -> str:
        found = system.ask("envkeeper", "flags", flag="beta", context=context)
        return str(found.findings[0]["variant"])

    people = [f"user-{number}" for number in range(60)]
    first = {one for one in people if got(targetingKey=one) == "on"}
    assert 8 <= len(first) <= 28
    assert {got(targetingKey=one, email="a@example.com") for one in people} == {"on", "some"}
    assert (got(email="a@example.com"), got()) == ("some", "off")
    system.ask("envkeeper", "roll-out", flag="beta", variant="on", share="60%")
    assert first < {one for one in people if got(targetingKey=one) == "on"}
    assert system.ask("envkeeper", "roll-out", flag="beta", variant="some", share="5%").exit_status == 4
    system.ask("envkeeper", "roll-out", flag="beta", variant="on", share="0%")
    assert system.flags is not None
    assert system.flags.get("beta") == BETA


def test_what_a_share_may_be() -> None:
    system = board()
    for wrong in ("30", "101%", "0.0001%"):
        assert system.ask("envkeeper", "roll-out", flag="dark", share=wrong).exit_status == 3
    assert system.ask("envkeeper", "roll-out", flag="beta", share="3%").exit_status == 3  # which variant?
    assert system.ask("envkeeper", "roll-out", flag="dark", share="3%", every="5m").exit_status == 3
    assert system.ask("envkeeper", "roll-out", flag="dark", share="3%").outcome == "done"
    assert system.flags is not None
    assert share_of(system.flags.get("dark").targeting) == (Share(variant="off", weight=3), None)


def test_a_dry_run_changes_nothing() -> None:
    system = board()
    assert system.flags is not None
    before = dict(system.flags.read())
    for action, more in (
        ("kill-flag", {}),
        ("toggle-flag", {}),
        ("roll-out", {"share": "5%"}),
        ("roll-out", {"steps": "5%,50%"}),
    ):
        raw = {"agent": "envkeeper", "input": {"action": action, "flag": "dark", **more}}
        assert system.submit(raw, dry_run=True).outcome == "planned"
    assert dict(system.flags.read()) == before
    assert system.journal.states("flag-rollout/") == {}


def test_flags_are_published_by_a_whole_sync_and_one_place_hides_no_other() -> None:
    system = board()
    good, bad = MemoryFlagTarget("good"), MemoryFlagTarget("bad")
    bad.broken = PlatformFailed("The disk is full.")
    system.flag_targets += [bad, good]
    system.again()
    assert system.flags is not None
    assert (
        system.submit({"agent": "envkeeper", "input": {"action": "sync"}}, dry_run=True).outcome == "planned"
    )
    assert good.held is None
    done = system.ask("envkeeper", "sync")
    assert (done.outcome, good.held) == ("failed", system.flags.text())
    assert done.summary == "The flags are in good. The disk is full."
    changed = system.ask("envkeeper", "kill-flag", flag="dark")
    assert changed.outcome == "done"
    assert changed.findings[0]["warning"] == "The flags are not published to bad. The disk is full."
    assert system.ask("envkeeper", "publish-flags").exit_status == 5
    bad.broken, good.held = None, "drifted"
    assert system.ask("envkeeper", "sync").summary == "The flags are in bad, good."
    assert system.ask("envkeeper", "sync").outcome == "unchanged"
