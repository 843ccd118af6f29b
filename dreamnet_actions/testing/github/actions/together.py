"""The whole stand-in: REST, git and tokens with the workflow engine and its schedules, as one thing to be entered.

::

    with GitHubWithActions(clock=clock, root=tmp_path) as github:
        github.create_repository("octo/shop", files={".github/workflows/ci.yml": "…"})
        github.commit("octo/shop", {"a.txt": "1"}, "a change")
        github.engine.wait_idle(60)
        assert github.engine.runs("octo/shop")[0].conclusion == "success"
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from dreamnet_actions.ports.system import Clock
from dreamnet_actions.testing.github.actions import permissions
from dreamnet_actions.testing.github.actions.act import ActOptions
from dreamnet_actions.testing.github.actions.cron import Lateness, Schedules
from dreamnet_actions.testing.github.actions.engine import Engine
from dreamnet_actions.testing.github.actions.routes import ActionsRoutes
from dreamnet_actions.testing.github.limits import Quota
from dreamnet_actions.testing.github.standin import Extension, StandIn


class GitHubWithActions(StandIn):
    """A stand-in that also runs workflows. Arguments as for ``StandIn``; ``options`` for act, ``lateness`` for
    schedules, ``say`` is told what starts and ends."""

    def __init__(
        self,
        *,
        clock: Clock,
        root: Path,
        check: Path | None = None,
        extend: Iterable[Extension] = (),
        port: int = 0,
        public_reads: bool = False,
        quota: Quota | None = None,
        options: ActOptions | None = None,
        default_permissions: Mapping[str, str] = permissions.RESTRICTED,
        lateness: Lateness | None = None,
        every: float | None = None,
        say: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self._routes = ActionsRoutes()
        super().__init__(
            clock=clock,
            root=root / "git",
            check=check,
            extend=[*extend, self._routes],
            port=port,
            public_reads=public_reads,
            quota=quota,
        )
        self._folder = root / "actions"
        self._options = options
        self._default_permissions = default_permissions
        self._lateness = lateness
        self._every = every
        self._say = say
        self._engine: Engine | None = None
        self._schedules: Schedules | None = None

    def __enter__(self) -> Self:
        super().__enter__()
        self._engine = self._routes.engine = Engine(
            self,
            self._folder,
            options=self._options,
            default_permissions=self._default_permissions,
            say=self._say,
        )
        self._schedules = Schedules(self._engine, lateness=self._lateness, every=self._every)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._engine is not None:
            self._engine.close()
        super().__exit__(kind, error, trace)

    @property
    def engine(self) -> Engine:
        """The workflow engine; there while the ``with`` block lasts."""
        if self._engine is None:
            raise RuntimeError("GitHubWithActions is used by 'with GitHubWithActions(...) as github'.")
        return self._engine

    @property
    def schedules(self) -> Schedules:
        """The cron of the workflows: ``schedules.tick(until)``."""
        if self._schedules is None:
            raise RuntimeError("GitHubWithActions is used by 'with GitHubWithActions(...) as github'.")
        return self._schedules
