"""DirectoryBuilder: a release as a directory with the service's build command run in it (the port ``Builder``)."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import select
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from time import monotonic
from typing import ClassVar

from dreamnet_actions.adapters.gitcalls import TAIL
from dreamnet_actions.domain.release import Release
from dreamnet_actions.domain.spec.models import ReleaseRules, Service
from dreamnet_actions.errors import CommandFailed, Leased, PermanentError
from dreamnet_actions.errors.configuration import ConfigLacks
from dreamnet_actions.ports.delivery import Source

KEPT = 20
"""How many built revisions of a service are kept."""
_TIMED_OUT = 124
"""The status that timeout(1) gives to a command that it ended."""


class DirectoryBuilder:
    """Builds below ``<state_directory>/releases/<service>``.

    ``<hash>/`` is the checkout, built in place (many builds write their own path into what they make); ``<hash>.log``
    what the build said; ``<hash>.json``, written last, says that it is complete: a build that was cut short is done
    again from the start. ``source`` is the repository of the services built here; ``in_use`` the directories that must
    stay; ``environment`` is what builds get.
    """

    WRITES: ClassVar[frozenset[str]] = frozenset({"build"})

    def __init__(
        self,
        source: Source,
        state_directory: str | Path,
        *,
        environment: Mapping[str, str],
        in_use: Callable[[], Collection[str]] = tuple,
        kept: int = KEPT,
    ) -> None:
        self._source = source
        self._releases = Path(state_directory).absolute() / "releases"
        self._environment = dict(environment)
        self._in_use = in_use
        self._kept = kept

    def build(self, service: str, spec: Service, revision: str) -> Release:
        """Build the revision, or answer it as it was built before."""
        rules = spec.release
        if rules is None:
            raise ConfigLacks(
                f"repository for the service {service!r}",
                (),
                lines=f"services:\n  {service}:\n    release:\n      git: .",
                section=f"services.{service}.release",
            )
        commit = self._source.resolve(revision).revision
        folder = self._releases / _folder(service)
        folder.mkdir(parents=True, exist_ok=True)
        directory = folder / commit
        with _alone(folder / f"{commit}.lock", f"the build of {service} {commit[:7]}", rules.build_timeout):
            if not (_complete(directory).exists() and directory.is_dir()):
                self._make(rules, commit, directory)
        self._prune(folder, directory)
        return Release(
            service=service,
            version=f"git:{commit}",
            revision=commit,
            directory=str(directory),
            command=tuple(getattr(spec, "command", None) or ()),
        )

    @contextlib.contextmanager
    def foreseen(self, service: str, spec: Service, revision: str) -> Iterator[Release]:
        """Answer the release of a revision with its files as committed, in a folder that goes with the block."""
        commit = self._source.resolve(revision).revision
        with tempfile.TemporaryDirectory(prefix="dreamnet-foreseen-") as folder:
            directory = Path(folder) / commit
            self._source.checkout(commit, str(directory))
            yield Release(
                service=service,
                version=f"git:{commit}",
                revision=commit,
                directory=str(directory),
                command=tuple(getattr(spec, "command", None) or ()),
            )

    def _make(self, rules: ReleaseRules, commit: str, directory: Path) -> None:
        _complete(directory).unlink(missing_ok=True)
        if directory.exists():
            _remove(directory)
        self._source.checkout(commit, str(directory))
        if rules.build:
            self._run(rules, directory)
        new = directory.with_name(f"{commit}.json.new")
        new.write_text(json.dumps({"revision": commit, "build": list(rules.build)}), encoding="utf-8")
        new.replace(_complete(directory))

    def _run(self, rules: ReleaseRules, directory: Path) -> None:
        """Run the build command in a session of its own, its output to the log; kill what is left of it at the end."""
        log = directory.with_name(f"{directory.name}.log")
        name = " ".join(rules.build)
        with log.open("wb") as out:
            try:
                process = subprocess.Popen(
                    rules.build,
                    cwd=directory,
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except (OSError, ValueError) as error:
                why = (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
                raise CommandFailed(name, 127, f"it could not be started: {why.lower()}") from error
            try:
                status = process.wait(timeout=rules.build_timeout)
            except subprocess.TimeoutExpired:
                status = _TIMED_OUT
                out.write(f"\nended by DreamNet: still running after {rules.build_timeout:g} s\n".encode())
            finally:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if status != 0:
            raise CommandFailed(name, status, _tail(log))

    def _prune(self, folder: Path, current: Path) -> None:
        """Remove the oldest complete builds beyond the number that is kept, but none that is in use."""
        built = sorted(folder.glob("*.json"), key=lambda one: one.stat().st_mtime_ns, reverse=True)
        if len(built) <= self._kept:
            return
        stay = {str(Path(one).absolute()) for one in self._in_use()} | {str(current)}
        for mark in built[self._kept :]:
            directory = mark.with_suffix("")
            if str(directory) in stay:
                continue
            # The mark first: a removal that is cut short leaves a build that counts as never finished.
            mark.unlink(missing_ok=True)
            _remove(directory)
            for rest in (".log", ".lock"):
                directory.with_name(directory.name + rest).unlink(missing_ok=True)


def _complete(directory: Path) -> Path:
    return directory.with_name(f"{directory.name}.json")


def _folder(service: str) -> str:
    """Answer the service's name if it is plain enough for a folder. Raises PermanentError."""
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.\-]*", service):
        raise PermanentError(
            f"The service's name {service!r} cannot name a folder.", hint="Rename the service."
        )
    return service


@contextlib.contextmanager
def _alone(file: Path, what: str, seconds: float) -> Iterator[None]:
    """Hold the lock ``file`` (released by the system when this process dies); waits at most ``seconds``."""
    with file.open("wb") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _wait_for(held.fileno(), what, seconds)
        yield


def _wait_for(file: int, what: str, seconds: float) -> None:
    """Ask for the lock again and again: one of the system's own waits has no limit."""
    until = monotonic() + seconds
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            left = until - monotonic()
            if left <= 0:
                raise Leased(what, "another process") from None
            select.select([], [], [], min(0.1, left))
        else:
            return


def _remove(directory: Path) -> None:
    """Remove a directory, also one whose build took away the right to write in it."""

    def once_more(function: Callable[[str], object], path: str, _: object) -> None:
        with contextlib.suppress(OSError):
            Path(path).parent.chmod(0o700)
            Path(path).chmod(0o700)
            function(path)

    shutil.rmtree(directory, onerror=once_more)
    if directory.exists():
        shutil.rmtree(directory, ignore_errors=True)


def _tail(log: Path) -> str:
    with log.open("rb") as said:
        said.seek(max(0, log.stat().st_size - TAIL))
        lines = said.read().decode("utf-8", "replace").rstrip().splitlines()
    return "\n".join(lines[-20:])
