"""What the GitHub home remembers, put together: journal, bus and lock over one branch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from dreamnet_actions.adapters.github.branch import Branch, Mode
from dreamnet_actions.adapters.github.bus import Dispatch, GitHubMessageBus
from dreamnet_actions.adapters.github.journal import GitHubJournal
from dreamnet_actions.adapters.github.locks import GitHubLock, Holders
from dreamnet_actions.adapters.github.remote import RemoteBranch
from dreamnet_actions.ports.system import Clock, Ids


@dataclass(frozen=True, kw_only=True)
class GitHubMemory:
    """The three ports over one branch and one unit of work. Use it as a context; the end takes the local copy away."""

    journal: GitHubJournal
    bus: GitHubMessageBus
    lock: GitHubLock
    branch: Branch
    remote: RemoteBranch

    @classmethod
    def at(
        cls,
        remote: str,
        *,
        token: str = "",
        environ: Mapping[str, str],
        clock: Clock,
        ids: Ids,
        mode: Mode,
        dispatch: Dispatch | None,
        holder: str,
        is_dead: Callable[[str], bool] | None = None,
        branch: str = "dreamnet",
        folder: Path | None = None,
        timeout: float = 60.0,
    ) -> GitHubMemory:
        """Make them for the repository at ``remote`` (``GITHUB_SERVER_URL/owner/name.git``, or a path).

        ``token`` needs ``contents: write``; ``environ`` is what git runs in; ``mode`` is ``write-behind`` for a
        workflow's run and ``eager`` for what lives long. ``holder`` names this process in leases: in a workflow
        ``SERVER/OWNER/NAME/actions/runs/ID/attempts/N#JOB``. ``is_dead`` says of another holder whether it is dead for
        certain. ``folder`` is where the local copy is put; ``timeout`` is for each call of git, in seconds. Nothing
        is fetched before the first question.
        """
        far = RemoteBranch(
            remote, token=token, branch=branch, environment=environ, timeout=timeout, folder=folder
        )
        unit = Branch(far, clock, ids, mode=mode)
        holders = Holders(holder, is_dead)
        return cls(
            journal=GitHubJournal(unit),
            bus=GitHubMessageBus(unit, clock, holders, dispatch),
            lock=GitHubLock(unit, clock, ids, holders),
            branch=unit,
            remote=far,
        )

    def close(self) -> None:
        """Take the local copy away. What was not flushed is gone: call ``journal.finish()`` first."""
        self.branch.close()

    def __enter__(self) -> GitHubMemory:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
