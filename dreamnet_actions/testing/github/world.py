"""The stand-in's state: users, repositories, tokens and who listens; one lock, one clock, no HTTP.

It is the ``Host`` that the runner of workflows sees (``hosting.py``). Everything public is safe for several threads.
Listeners are never called with the lock held.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dreamnet_actions.ports.system import Clock
from dreamnet_actions.testing.github.call import API_ROOT, not_found
from dreamnet_actions.testing.github.calls import Calls
from dreamnet_actions.testing.github.faults import Faults
from dreamnet_actions.testing.github.gitstore import GitStore
from dreamnet_actions.testing.github.hosting import Event, Host
from dreamnet_actions.testing.github.limits import Limits
from dreamnet_actions.testing.github.records import Label, Record, Repository, User
from dreamnet_actions.testing.github.tokens import Token, Tokens

BOT = "github-actions[bot]"
DEFAULT_LABELS = (
    ("bug", "d73a4a", "Something isn't working"),
    ("documentation", "0075ca", "Improvements or additions to documentation"),
    ("duplicate", "cfd3d7", "This issue or pull request already exists"),
    ("enhancement", "a2eeef", "New feature or request"),
    ("good first issue", "7057ff", "Good for newcomers"),
    ("help wanted", "008672", "Extra attention is needed"),
    ("invalid", "e4e669", "This doesn't seem right"),
    ("question", "d876e3", "Further information is requested"),
    ("wontfix", "ffffff", "This will not be worked on"),
)
"""What a new repository on github.com has."""


class Moved(Exception):
    """The repository goes by another name now; ``repository`` is it."""

    def __init__(self, repository: Repository) -> None:
        super().__init__(repository.full_name)
        self.repository = repository


class World(Host):
    """All state of one stand-in. ``api_url`` and ``server_url`` are set when it is served."""

    def __init__(self, clock: Clock, root: Path, *, public_reads: bool = False) -> None:
        self.clock = clock
        self.root = root
        self.public_reads = public_reads
        self.lock = threading.RLock()
        self.server_url = "http://127.0.0.1:0"
        self.tokens = Tokens(clock)
        self.limits = Limits(clock)
        self.calls = Calls()
        self.faults = Faults(clock)
        self.users: dict[str, User] = {}
        self.repositories: dict[str, Repository] = {}
        self.renamed: dict[str, str] = {}
        self.redirect_status: int | None = None
        self._ids = itertools.count(1001)
        self._stores: dict[int, GitStore] = {}
        self._listeners: list[Callable[[Event], None]] = []
        self.bot = self.user(BOT, type="Bot")
        self.ghost = Token("", "anonymous", User(0, "127.0.0.1"))

    # ── What the runner of workflows sees ────────────────────────────────────────────────────────────────

    @property
    def api_url(self) -> str:  # type: ignore[override]
        """Where REST starts."""
        return self.server_url + API_ROOT

    def git_dir(self, repository: str) -> Path:
        return self.git(self.repository(repository)).path

    def default_branch(self, repository: str) -> str:
        return self.repository(repository).default_branch

    def secrets(self, repository: str) -> Mapping[str, str]:
        with self.lock:
            return {one.name: one.value for one in self.repository(repository).secrets.values()}

    def variables(self, repository: str) -> Mapping[str, str]:
        with self.lock:
            return {one.name: one.value for one in self.repository(repository).variables.values()}

    def workflow_token(self, repository: str, permissions: Mapping[str, str], *, job: str) -> str:
        with self.lock:
            return self.tokens.workflow(
                self.bot, self.repository(repository).full_name, permissions, job
            ).value

    def revoke(self, token: str) -> None:
        with self.lock:
            self.tokens.revoke(token)

    def payload(self, repository: str, actor: str) -> dict[str, Any]:
        from dreamnet_actions.testing.github.rest import shapes

        found = self.repository(repository)
        return {
            "repository": shapes.repository(self, found),
            "sender": shapes.user(self, self.user(actor)),
        }

    def subscribe(self, listener: Callable[[Event], None]) -> None:
        with self.lock:
            self._listeners.append(listener)

    def emit(self, event: Event) -> None:
        with self.lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener(event)

    # ── State ────────────────────────────────────────────────────────────────────────────────────────────

    def fresh_id(self) -> int:
        """Answer a number that nothing else has."""
        return next(self._ids)

    def user(self, login: str, *, type: str = "User", role: str = "read") -> User:  # noqa: A002
        """Answer the account ``login``; make it where it is not there."""
        with self.lock:
            key = login.lower()
            if key not in self.users:
                kind = "Bot" if login.endswith("[bot]") else type
                self.users[key] = User(self.fresh_id(), login, kind, role, self.clock.now())
            return self.users[key]

    def repository(self, full_name: str) -> Repository:
        """Answer the repository; raises the 404 (Problem) where there is none, Moved where it has another name."""
        key = full_name.lower()
        found = self.repositories.get(key)
        if found is None and key in self.renamed:
            raise Moved(self.repository(self.renamed[key]))
        if found is None:
            raise not_found()
        return found

    def create_repository(self, full_name: str, default_branch: str, private: bool) -> Repository:
        """Make a repository with GitHub's nine labels and no commit; its owner is made where it is not there."""
        owner, _, name = full_name.partition("/")
        if not owner or not name or "/" in name:
            raise ValueError(f"A repository is named 'owner/name', not {full_name!r}.")
        with self.lock:
            if full_name.lower() in self.repositories:
                raise ValueError(f"The repository {full_name!r} is there already.")
            now = self.clock.now()
            made = Repository(self.fresh_id(), self.user(owner), name, default_branch, private, now, now)
            for label, color, text in DEFAULT_LABELS:
                made.labels[label] = Label(self.fresh_id(), label, color, text)
            self._stores[made.id] = GitStore.create(self.root / f"{made.id}.git", default_branch)
            self.repositories[full_name.lower()] = made
            return made

    def rename(self, full_name: str, new: str) -> None:
        """Give a repository another name in the same owner; the former one redirects from now on."""
        with self.lock:
            found = self.repositories.pop(full_name.lower())
            found.name = new
            self.repositories[found.full_name.lower()] = found
            self.renamed[full_name.lower()] = found.full_name

    def git(self, repository: Repository) -> GitStore:
        """Answer the repository's git half."""
        return self._stores[repository.id]

    def save(self, record: Record, *, touch: bool = True) -> None:
        """Keep the state that ``record`` has now; ``touch``: it was updated."""
        now = self.clock.now()
        if touch:
            record.updated = now
        record.history.append((now, record.frozen()))

    @contextmanager
    def changing(self) -> Iterator[list[Event]]:
        """Change state from outside a request: the lock is held in the block; events put into the list are told
        after it."""
        events: list[Event] = []
        with self.lock:
            yield events
        for event in events:
            self.emit(event)
