"""Sources that know no versions: their values are called by the key that lies in the sink, the same on any machine."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dreamnet_actions.adapters.files.source import DotenvSource
from dreamnet_actions.domain.secret import SinkState
from dreamnet_actions.testing.memory.secrets import MemorySecretSink
from dreamnet_actions.testing.memory.system import MemorySystem, memory_system
from tests.keepers.homes import config, service


class Keyed(MemorySecretSink):
    """A sink that keeps a key beside its values."""

    def __init__(self, name: str, key: bytes) -> None:
        super().__init__(name, ("web",))
        self.key = key

    def state(self) -> SinkState:
        return replace(super().state(), key=self.key)


Run = Callable[[], MemorySystem]


@pytest.fixture
def system() -> MemorySystem:
    """An entry with all that makes names, to two sinks that keep keys."""
    plan = config({"web": service()}, env={"app": ("web", None)})
    plan.env["app"] = replace(
        plan.env["app"],
        keys={"A": "A", "USER": "DB#user"},
        extract=("DB",),
        rename=(),
        templates={"URL": "pg://{{ USER | urlencode }}@db"},
        names="upper",
        decode={"A": "base64"},
    )
    made = memory_system(plan, values={"app": {}})
    made.sinks["app"] = [Keyed("one", b"key of one"), Keyed("two", b"key of two")]
    made.start()
    return made


@pytest.fixture
def run(system: MemorySystem, tmp_path: Path) -> Run:
    """Assemble the next run, on a machine whose own key is another one."""

    def next_run() -> MemorySystem:
        source: Any = DotenvSource(tmp_path / "app.env", hash_key=secrets.token_bytes(32))
        system.values["app"] = source
        return system.again()

    return next_run


def put(folder: Path, a: str, **database: str) -> None:
    (folder / "app.env").write_text(f"A={a}\nDB='{json.dumps(database)}'\n", "utf-8")


def test_every_machine_calls_a_value_by_the_same_version(
    run: Run, system: MemorySystem, tmp_path: Path
) -> None:
    one, two = system.sinks["app"]
    put(tmp_path, "bQ==", user="u", password="p")
    assert run().ask("envkeeper", "sync").outcome == "done"
    held = {"A": "m", "USER": "u", "PASSWORD": "p", "URL": "pg://u@db"}
    assert one.held == two.held == held
    first, second = one.state().versions, two.state().versions
    assert not set(first.values()) & set(second.values()), "who reads one place learns nothing of the other"
    again = run().ask("envkeeper", "sync")
    assert (again.outcome, again.messages, one.writes, two.writes) == ("unchanged", [], 1, 1)
    put(tmp_path, "bQ==", user="u", password="p2")
    plan = run().ask("envkeeper", "plan").findings[-1]["plan"]
    assert run().ask("envkeeper", "sync", plan=plan).outcome == "done"
    assert one.held == two.held == held | {"PASSWORD": "p2"}
    put(tmp_path, "bQ==", user="u", password="p")
    assert run().ask("envkeeper", "sync").outcome == "done"
    assert (one.state().versions, two.state().versions) == (first, second)


def test_what_was_put_back_stays_so_on_every_machine(run: Run, system: MemorySystem, tmp_path: Path) -> None:
    put(tmp_path, "bQ==", user="u")
    run().ask("envkeeper", "sync")
    put(tmp_path, "bQ==", user="bad")
    run().ask("envkeeper", "sync")
    assert run().ask("envkeeper", "restore", entry="app").outcome == "done"
    assert run().ask("envkeeper", "sync").outcome == "refused"
    assert [one.held["USER"] for one in system.sinks["app"]] == ["u", "u"]
