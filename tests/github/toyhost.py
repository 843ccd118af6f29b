"""The smallest host: bare git repositories in a folder, reached by file:// addresses, tokens that only have names."""

from __future__ import annotations

import itertools
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dreamnet_actions.ports.system import Clock
from dreamnet_actions.testing.github.hosting import Event
from dreamnet_actions.testing.memory.clock import VirtualClock

GIT = ("git", "-c", "user.name=Mona", "-c", "user.email=mona@example.com", "-c", "commit.gpgsign=false")


class ToyHost:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock: Clock = VirtualClock()
        self.api_url = "http://127.0.0.1:1/api"
        self.server_url = f"file://{folder}/bare"
        self.kept_secrets: dict[str, str] = {}
        self.kept_variables: dict[str, str] = {}
        self.tokens: dict[str, tuple[str, dict[str, str]]] = {}
        self.revoked: set[str] = set()
        self._numbers = itertools.count(1)
        self._listeners: list[Callable[[Event], None]] = []

    def git_dir(self, repository: str) -> Path:
        place = self.folder / "bare" / repository
        if not place.is_dir():
            raise LookupError(repository)
        return place

    def default_branch(self, repository: str) -> str:
        return "main"

    def secrets(self, repository: str) -> Mapping[str, str]:
        return dict(self.kept_secrets)

    def variables(self, repository: str) -> Mapping[str, str]:
        return dict(self.kept_variables)

    def workflow_token(self, repository: str, permissions: Mapping[str, str], *, job: str) -> str:
        token = f"ghs_{next(self._numbers):036d}"
        self.tokens[token] = (job, dict(permissions))
        return token

    def revoke(self, token: str) -> None:
        self.revoked.add(token)

    def payload(self, repository: str, actor: str) -> dict[str, Any]:
        return {"repository": {"full_name": repository}, "sender": {"login": actor}}

    def subscribe(self, listener: Callable[[Event], None]) -> None:
        self._listeners.append(listener)

    def emit(self, event: Event) -> None:
        for listener in list(self._listeners):
            listener(event)

    # ── For tests ──

    def commit(
        self, repository: str, files: Mapping[str, str], *, branch: str = "main", message: str = "a change"
    ) -> tuple[str, str]:
        """Commit files to a branch; answer the commit before and after. Says nothing to anybody."""
        bare, work = self.folder / "bare" / repository, self.folder / "work" / repository
        if not bare.is_dir():
            subprocess.run(["git", "init", "-q", "--bare", "-b", "main", bare], check=True)
            subprocess.run(["git", "init", "-q", "-b", "main", work], check=True)
            subprocess.run(["git", "-C", work, "remote", "add", "origin", bare], check=True)
        there = subprocess.run(
            ["git", "-C", work, "checkout", "-q", branch], check=False, capture_output=True
        )
        if there.returncode != 0:
            subprocess.run(
                ["git", "-C", work, "checkout", "-q", "-b", branch], check=False, capture_output=True
            )
        before = subprocess.run(
            ["git", "-C", bare, "rev-parse", "-q", "--verify", branch],
            check=False,
            capture_output=True,
            text=True,
        )
        for name, text in files.items():
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            (work / name).write_text(text)
        subprocess.run([*GIT, "-C", work, "add", "-A"], check=True)
        subprocess.run([*GIT, "-C", work, "commit", "-q", "--allow-empty", "-m", message], check=True)
        subprocess.run(["git", "-C", work, "push", "-q", "origin", branch], check=True)
        after = subprocess.run(
            ["git", "-C", bare, "rev-parse", branch], check=True, capture_output=True, text=True
        )
        return before.stdout.strip() or "0" * 40, after.stdout.strip()

    def push(
        self, repository: str, files: Mapping[str, str], *, branch: str = "main", message: str = "a change"
    ) -> str:
        """Commit files and tell of it as a push; answer the commit."""
        before, after = self.commit(repository, files, branch=branch, message=message)
        payload = {
            **self.payload(repository, "mona"),
            "before": before,
            "after": after,
            "ref": f"refs/heads/{branch}",
        }
        self.emit(
            Event(
                name="push",
                repository=repository,
                ref=f"refs/heads/{branch}",
                sha=after,
                payload=payload,
                actor="mona",
            )
        )
        return after
