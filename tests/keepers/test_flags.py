"""EnvKeeper's flags."""

from __future__ import annotations

from dreamnet_actions.domain.flag import Flag
from dreamnet_actions.testing.memory.system import memory_system
from tests.keepers.homes import config, facts, service


def test_flags_are_shown_set_and_known_by_name() -> None:
    flag = Flag(name="dark", state="ENABLED", variants={"on": True, "off": False}, default_variant="on")
    system = memory_system(config({"web": service()}), flags=[flag])
    assert system.ask("envkeeper", "flags").findings[0]["value"] is True
    assert system.ask("envkeeper", "set-flag", flag="dark", variant="off").outcome == "done"
    assert system.ask("envkeeper", "set-flag", flag="dark", variant="off").outcome == "unchanged"
    assert system.ask("envkeeper", "set-flag", flag="dark", state="DISABLED").outcome == "done"
    for wrong in ({"flag": "drak", "variant": "on"}, {"flag": "dark", "variant": "no"}, {"flag": "dark"}):
        assert system.ask("envkeeper", "set-flag", **wrong).exit_status == 3
    assert memory_system(config({"web": service()})).ask("envkeeper", "flags").exit_status == 2
    assert len(facts(system, "flag-changed")) == 2
