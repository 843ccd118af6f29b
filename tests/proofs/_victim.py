"""A job of the proof ``kills``: the action's second stage in a process of its own, which can end itself by SIGKILL.

What it does to this machine is numbered as it happens: programs that it starts (git), files that it writes and names
anew, writes that it asks the platform's supervisor for. Before each it looks whether it is to die there.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

from tests.proofs._carrier import Shifted

PRELOADED = (
    "tests.proofs._victim",
    "dreamnet_actions.entrances.action.run",
    "dreamnet_actions.bootstrap.assembly",
    "dreamnet_actions.adapters.github.wire",
    "dreamnet_actions.adapters.process.platform",
    "dreamnet_actions.keepers.dreamkeeper.keeper",
    "dreamnet_actions.keepers.deploykeeper.keeper",
    "dreamnet_actions.keepers.relaybot.keeper",
)
"""What a job needs, imported once in the process that jobs are forked from."""
_LOOKS = frozenset({"observe", "logs"})
"""What the supervisor is asked for that changes nothing: how often depends on time."""
_NAMED = frozenset({"os.rename", "os.link", "os.symlink", "os.remove", "os.mkdir", "os.rmdir", "os.truncate"})
_WRITING = os.O_WRONLY | os.O_RDWR


class Steps:
    """Counts, tells each step in ``trace`` by a line, and ends the process before the ``last`` one."""

    def __init__(self, trace: Path, watched: tuple[str, ...], last: int | None) -> None:
        self._trace = os.open(trace, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._watched, self._last = watched, last
        self._count = 0
        self._written: set[str] = set()

    def come(self, what: str) -> None:
        """Be at a step."""
        self._count += 1
        if self._count == self._last:
            os.kill(os.getpid(), signal.SIGKILL)
        os.write(self._trace, f"{what}\n".encode())

    def hear(self, event: str, given: tuple[Any, ...]) -> None:
        """Take what the interpreter is about to do (https://docs.python.org/3/library/audit_events.html)."""
        if event == "subprocess.Popen":
            words = [str(one) for one in given[1]]
            verbs = ("fetch", "push", "fast-import", "init")
            verb = next((one for one in words if one in verbs), "")
            if verb or Path(words[0]).name != "git":  # what git only looks up changes nothing
                self.come(f"start {Path(words[0]).name} {verb}".strip())
        elif event == "open":
            path, _, flags = given
            if flags & _WRITING and self._is_ours(path) and str(path) not in self._written:
                self._written.add(str(path))
                self.come(f"write {_short(path)}")
        elif (
            event in _NAMED
            and self._is_ours(given[0])
            and not (event == "os.mkdir" and Path(given[0]).is_dir())
        ):
            self.come(f"{event.removeprefix('os.')} {_short(given[0])}")

    def asks(self, ask: Callable[..., Any]) -> Callable[..., Any]:
        """Answer a function that is at a step before and after what it asks the supervisor to change."""

        @functools.wraps(ask)
        def asked(places: Any, request: Mapping[str, Any]) -> Any:
            if request["do"] in _LOOKS:
                return ask(places, request)
            self.come(f"ask the supervisor to {request['do']}")
            answer = ask(places, request)
            self.come(f"the supervisor did {request['do']}")
            return answer

        return asked

    def _is_ours(self, path: object) -> bool:
        return isinstance(path, str | bytes | os.PathLike) and os.fsdecode(path).startswith(self._watched)


def _short(path: object) -> str:
    """Name a file without what chance put into its name."""
    name = Path(os.fsdecode(path)).name  # type: ignore[arg-type]
    return name.partition(".")[0] if name.endswith(".tmp") or len(name) > 30 else name


def play(
    environ: Mapping[str, str], passed: float, folder: str, watched: tuple[str, ...], last: int | None
) -> None:
    """Be the job: ``environ`` is the step's environment, ``passed`` how far time was moved on, ``folder`` where its
    trace and log go, ``watched`` the beginnings of paths that are to be numbered, ``last`` the step to die before."""
    os.setsid()
    log = os.open(Path(folder) / "log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(environ["GITHUB_WORKSPACE"])
    steps = Steps(Path(folder) / "trace", watched, last)
    from dreamnet_actions.adapters.process import launch
    from dreamnet_actions.entrances.action import run

    with (
        mock.patch("dreamnet_actions.adapters.system.clock.SystemClock", return_value=Shifted(passed)),
        mock.patch.object(launch, "ask", steps.asks(launch.ask)),
        mock.patch.object(
            run, "PATIENCE", 2.0
        ),  # what has to wait for another run waits here for time to move on
    ):
        sys.addaudithook(steps.hear)
        sys.exit(run.main())
