"""Commits, builds and people in memory."""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from dreamnet_actions.domain.masking import Masks
from dreamnet_actions.domain.release import Release
from dreamnet_actions.domain.revert import Proposed, Revert
from dreamnet_actions.domain.secret import SecretValue
from dreamnet_actions.domain.spec.models import Service
from dreamnet_actions.errors import CommandFailed, NotFound, PermanentError
from dreamnet_actions.ports.delivery import Builder, Commit, ReleaseReporter, Source
from dreamnet_actions.ports.system import Reporter


class MemorySource(Source):
    """One line of commits, each with its files (path → text). ``branches`` name commits; ``main`` is the newest."""

    WRITES: ClassVar[frozenset[str]] = frozenset()

    def __init__(self) -> None:
        self._commits: list[Commit] = []
        self._files: dict[str, dict[str, str]] = {}
        self.branches: dict[str, str] = {}

    def commit(self, files: Mapping[str, str | None], subject: str = "a change", *, at: float = 0.0) -> str:
        """Add a commit that changes these files (None removes one); answers its hash."""
        before = self._files[self._commits[-1].revision] if self._commits else {}
        after = {path: text for path, text in {**before, **files}.items() if text is not None}
        text = json.dumps([len(self._commits), sorted(after.items()), subject])
        revision = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        self._commits.append(Commit(revision=revision, author="somebody", at=at, subject=subject))
        self._files[revision] = after
        self.branches["main"] = self.branches["HEAD"] = revision
        return revision

    def resolve(self, revision: str) -> Commit:
        wanted = self.branches.get(revision, revision)
        found = [one for one in self._commits if len(wanted) >= 4 and one.revision.startswith(wanted)]
        if len(found) != 1:
            raise NotFound("revision", revision, self.branches)
        return found[0]

    def between(self, old: str, new: str) -> Sequence[Commit]:
        start, end = (self._commits.index(self.resolve(one)) for one in (old, new))
        return self._commits[start + 1 : end + 1][::-1][:100]

    def changed(self, old: str, new: str) -> Sequence[str]:
        a, b = (self._files[self.resolve(one).revision] for one in (old, new))
        return sorted(path for path in {*a, *b} if a.get(path) != b.get(path))

    def checkout(self, revision: str, directory: str) -> None:
        files, place = self._files[self.resolve(revision).revision], Path(directory)
        if place.exists() and any(place.iterdir()):
            there = {str(one.relative_to(place)): one for one in place.rglob("*") if one.is_file()}
            if {path: one.read_text() for path, one in there.items()} == files:
                return
            raise PermanentError(f"{place} holds other files.")
        place.mkdir(parents=True, exist_ok=True)
        for path, text in files.items():
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            (place / path).write_text(text)


class MemoryBuilder(Builder):
    """Builds nothing, and answers a release as if it had. A build whose command is ``("false",)`` fails.

    ``builds`` are the (service, revision) pairs that were really built, each once.
    """

    WRITES: ClassVar[frozenset[str]] = frozenset({"build"})

    def __init__(self, source: Source) -> None:
        self._source = source
        self._built: dict[tuple[str, str], Release] = {}
        self.builds: list[tuple[str, str]] = []

    def build(self, service: str, spec: Service, revision: str) -> Release:
        commit = self._source.resolve(revision).revision
        if (service, commit) not in self._built:
            self.builds.append((service, commit))
            if spec.release is not None and spec.release.build == ("false",):
                raise CommandFailed("false", 1, "it was told to fail")
            command = tuple(getattr(spec, "command", None) or ())
            self._built[service, commit] = Release(
                service=service, version=f"git:{commit}", revision=commit, command=command
            )
        return self._built[service, commit]

    @contextlib.contextmanager
    def foreseen(self, service: str, spec: Service, revision: str) -> Iterator[Release]:
        commit = self._source.resolve(revision).revision
        command = tuple(getattr(spec, "command", None) or ())
        yield Release(service=service, version=f"git:{commit}", revision=commit, command=command)


@dataclass(frozen=True, kw_only=True)
class Reported:
    """One word on a release."""

    release: Release
    platform: str
    state: str
    text: str
    url: str | None = None


class RecordingReleaseReporter(ReleaseReporter):
    """Keeps what it is told in ``reports``, oldest first, and what is to be reverted in ``reverts``; ``proposed`` is
    what it answers then."""

    WRITES: ClassVar[frozenset[str]] = frozenset({"report", "revert"})

    def __init__(self) -> None:
        self.reports: list[Reported] = []
        self.reverts: list[Revert] = []
        self.proposed: Proposed | None = None

    def revert(self, wanted: Revert) -> Proposed | None:
        self.reverts.append(wanted)
        return self.proposed

    def report(
        self, release: Release, *, platform: str, state: str, text: str, url: str | None = None
    ) -> None:
        self.reports.append(Reported(release=release, platform=platform, state=state, text=text, url=url))


class RecordingReporter(Reporter):
    """Keeps what is said in ``lines``, masked, and the waits in ``waits`` (what, seconds)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._masks = Masks()
        self.lines: list[str] = []
        self.waits: list[tuple[str, float]] = []

    def mask(self, value: SecretValue) -> None:
        with self._lock:
            self._masks.add(value)

    def hide(self, text: str) -> str:
        with self._lock:
            return self._masks.hide(text)

    @contextlib.contextmanager
    def group(self, title: str) -> Iterator[None]:
        self.say(title)
        yield

    def say(self, text: str) -> None:
        with self._lock:
            self.lines.append(self._masks.hide(text))

    @contextlib.contextmanager
    def waiting(self, what: str, seconds: float) -> Iterator[Callable[[str], None]]:
        self.waits.append((what, seconds))
        yield self.say
