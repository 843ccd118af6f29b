"""The stand-in for GitHub, for the proof ``kills``: it knows the request at which a job is to die, and kills it."""

from __future__ import annotations

import contextlib
import os
import re
import signal
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Literal

from dreamnet_actions.adapters.system.clock import SystemClock
from dreamnet_actions.testing.github.limits import Quota
from dreamnet_actions.testing.github.standin import StandIn

When = Literal["before", "after", "between"]
"""Where among a job's requests it dies: see ``_chain.Step``."""


class Moving(SystemClock):
    """The real time, moved on by ``passed`` seconds."""

    passed = 0.0

    def now(self) -> float:
        return super().now() + self.passed


class Deathly:
    """The stand-in's door. It notes what the job ``pid`` asks for, and kills it at the request that it is told."""

    def __init__(self, door: Any) -> None:
        self._door = door
        self.pid = 0
        self.asked: list[str] = []
        self.last: tuple[When, int] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._door, name)

    async def __call__(self, scope: Any, receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
        """Serve one request, or let it be the last."""
        if not self.pid or scope["type"] != "http":
            return await self._door(scope, receive, send)
        self.asked.append(f"{scope['method']} {_short(scope['path'], scope['query_string'].decode())}")
        when, nth = self.last or ("between", 0)
        if len(self.asked) != nth or when == "between":
            return await self._door(scope, receive, send)
        if when == "before":
            kill(self.pid, everything=True)
            return None

        async def keep(_: Any) -> None:
            """The answer never arrives."""

        await self._door(scope, receive, keep)
        kill(self.pid, everything=False)
        return None


class DeathlyStandIn(StandIn):
    """The stand-in behind that door."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.door = self._app = Deathly(self._app)  # type: ignore[assignment]


def kill(pid: int, *, everything: bool) -> None:
    """SIGKILL a job; with ``everything`` also what it started in its session (git, with a group of its own)."""
    for entry in Path("/proc").iterdir() if everything else ():
        with contextlib.suppress(OSError, ValueError):
            # The name, in parentheses, may hold anything; then: state, parent, group, session (man 5 proc).
            _, _, _, session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
            if int(entry.name) != pid and int(session) == pid:
                os.kill(int(entry.name), signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def standing(folder: Path) -> Iterator[tuple[DeathlyStandIn, Moving]]:
    """Have a stand-in with its clock for the block."""
    clock = Moving()
    quota = Quota(workflow=10**9, personal=10**9)
    with DeathlyStandIn(clock=clock, root=folder, quota=quota) as github:
        yield github, clock


def _short(path: str, query: str) -> str:
    """Name a request without what differs from repository to repository."""
    inner = re.sub(r"^/api/v3/repos/[^/]+/[^/]+|^/[^/]+/[^/]+\.git", "", path)
    service = re.search(r"service=git-(\S+)", query)
    return f"{inner} {service[1]}" if service else inner
