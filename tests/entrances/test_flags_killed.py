"""A roll-out on real files whose process is killed at each of its writes: nothing is half, and the same request again
ends as if nothing had happened."""

from __future__ import annotations

import functools
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from dreamnet_actions.adapters.files import atomic
from dreamnet_actions.adapters.sqlite.journal import SqliteJournal
from dreamnet_actions.bootstrap import Options, assemble
from dreamnet_actions.domain.flag import flags_of
from dreamnet_actions.domain.flagedit import share_of

pytestmark = pytest.mark.slow
FLAG = {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "off", "targeting": {}}
CONFIG = """\
version: 1
platforms: {local: {process: }}
services: {web: {platform: local, command: [web]}}
flags: {file: flags.json, publish: [{file: out/flags.json}]}
"""
BEGIN = {"action": "roll-out", "flag": "new-home", "variant": "on", "steps": "10%,50%"}
ASKED: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "begin": ([], BEGIN),
    "turn back": ([BEGIN], {"action": "turn-back-flag", "flag": "new-home"}),
}
"""What was done before, and what is killed."""


def shop(root: Path) -> Path:
    root.mkdir()
    (root / "dreamnet.yml").write_text(CONFIG, "utf-8")
    (root / "flags.json").write_text(json.dumps({"flags": {"new-home": FLAG}}, indent=1), "utf-8")
    return root


def ask(root: Path, given: dict[str, Any], name: str) -> Any:
    system = assemble(Options(root=root))
    try:
        result = system.pipe.submit({"agent": "envkeeper", "input": given, "id": name})
        system.finish()
        return result
    finally:
        system.close()


def stands(root: Path) -> dict[str, Any]:
    """What is on the disk: the share in the file and in the published one, the roll-out that is noted, what is told."""

    def share(file: Path) -> float:
        found = share_of(flags_of(json.loads(file.read_text("utf-8")))["new-home"].targeting)
        return found[0].part if found else 0.0

    system = assemble(Options(root=root))
    try:
        noted = system.journal.state("flag-rollout/new-home")[0]
        told = {
            one.kind for one in system.journal.read() if one.kind in ("flag-rolled-out", "flag-turned-back")
        }
    finally:
        system.close()
    out = root / "out/flags.json"
    return {
        "file": share(root / "flags.json"),
        "published": share(out) if out.exists() else 0.0,
        "noted": noted and {one: noted[one] for one in ("step", "settled", "steps", "former")},
        "told": told,
    }


def killed(root: Path, given: dict[str, Any], last: int) -> bool:
    """Do it in a process that dies before its ``last`` write: of a file, a state or a fact. Says whether it came so
    far."""
    child = os.fork()
    if child == 0:
        points = iter(range(1, 10**6))

        def come() -> None:
            if next(points) == last:
                os.kill(os.getpid(), signal.SIGKILL)

        def between(write: Callable[..., Any]) -> Callable[..., Any]:
            @functools.wraps(write)
            def written(*args: Any, **more: Any) -> Any:
                come()
                return write(*args, **more)

            return written

        status = 1
        try:
            with (
                mock.patch.object(Path, "replace", between(Path.replace)),
                mock.patch.object(SqliteJournal, "set_state", between(SqliteJournal.set_state)),
                mock.patch.object(SqliteJournal, "append", between(SqliteJournal.append)),
            ):
                status = ask(root, given, "the-request").exit_status
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    assert os.WEXITSTATUS(status) == 0
    return False


@pytest.mark.parametrize("what", ASKED)
def test_killed_at_any_write_it_is_explained_and_goes_on(tmp_path: Path, what: str) -> None:
    assert atomic.Path is Path  # whose ``replace`` puts each file in place
    before, asked = ASKED[what]

    def begun(name: str) -> Path:
        root = shop(tmp_path / name)
        for number, given in enumerate(before):
            assert ask(root, given, f"before-{number}").outcome == "done"
        return root

    root = begun("whole")
    at_first = stands(root)
    assert ask(root, asked, "the-request").outcome == "done"
    at_last = stands(root)
    assert at_last["file"] == at_last["published"] != at_first["file"]
    last = 1
    while killed(root := begun(f"at-{last}"), asked, last):
        halfway = stands(root)
        if halfway["file"] != at_first["file"] and at_last["noted"] is None:
            assert halfway["noted"] or "flag-turned-back" in halfway["told"], last
        elif halfway["file"] != at_first["file"]:
            assert halfway["noted"]["steps"][halfway["noted"]["step"]] == halfway["file"], last
        assert halfway["file"] in (at_first["file"], at_last["file"]), last
        assert ask(root, asked, "the-request").outcome in ("done", "unchanged"), last
        assert stands(root) == at_last, last
        last += 1
    assert last > 6
