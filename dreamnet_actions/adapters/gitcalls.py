"""How git is called wherever an adapter calls it: no prompt, no pager, no hooks, and none of the caller's ``GIT_*``.

Variables that point git elsewhere (``GIT_DIR`` and its kin, set inside every hook) are taken away; revisions are
checked before they come near an argument. Families of adapters do not know each other; this is no family, it holds only
what more than one of them must do alike.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from dreamnet_actions.errors import CommandFailed, ConfigError, DeadlineExceeded, NotFound, PermanentError

SAFE = (
    "-c", "core.hooksPath=/dev/null",
    "-c", "core.fsmonitor=false",
    "-c", "core.quotePath=false",
    "-c", "core.pager=cat",
    "-c", "log.showSignature=false",
    "-c", "protocol.ext.allow=never",
    "-c", "advice.detachedHead=false",
    "-c", "gc.auto=0",
    "-c", "maintenance.auto=false",
)  # fmt: skip
_REVISION = re.compile(r"[^\s~^:?*\[\\\x00-\x1f\x7f-]([^\s~^:?*\[\\\x00-\x1f\x7f])*")
TAIL = 4000
"""The most characters of a command's output that an error shows."""


def clean(environment: Mapping[str, str]) -> dict[str, str]:
    """Answer the environment that git gets: the caller's, without its own git settings."""
    kept = {name: value for name, value in environment.items() if not name.startswith("GIT_")}
    return kept | {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "LC_ALL": "C",
    }


def checked(revision: str) -> str:
    """Answer ``revision`` if it has the form of a branch, tag or hash (git-check-ref-format's rules).

    Raises NotFound for anything else: an option (``--upload-pack=…``), a range, a path in a commit.
    """
    wrong = (
        not _REVISION.fullmatch(revision)
        or len(revision) > 255
        or ".." in revision
        or "@{" in revision
        or revision.startswith("/")
        or revision.endswith(("/", ".lock", "."))
    )
    if wrong:
        raise NotFound("revision", revision)
    return revision


class Running:
    """The calls of git's that run now, so that another thread can end them all. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._processes: set[subprocess.Popen[bytes]] = set()

    def start(self, command: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """Start a command with a process group of its own and with pipes; ``end`` knows it from its first moment."""
        with self._lock:
            process = subprocess.Popen(
                list(command),
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                process_group=0,
            )
            self._processes.add(process)
        return process

    def forget(self, process: subprocess.Popen[bytes]) -> None:
        """Take away a process that has ended."""
        with self._lock:
            self._processes.discard(process)

    def end(self) -> None:
        """Kill all that runs now, each with its group."""
        with self._lock:
            processes = list(self._processes)
        for process in processes:
            end(process)

    def __len__(self) -> int:
        return len(self._processes)


def finished(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout: float,
    given: bytes = b"",
    running: Running | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run a command of git's to its end, as ``subprocess.run`` with its output captured.

    It has a process group of its own, which ends with the call whatever ends that (time, an interrupt): git's helpers
    for the network outlive a git that is killed. ``running`` knows the process meanwhile.
    """
    kept = Running() if running is None else running
    with kept.start(command, cwd=cwd, env=env) as process:
        try:
            out, said = process.communicate(given, timeout)
        except BaseException:
            end(process)
            raise
        finally:
            kept.forget(process)
    return subprocess.CompletedProcess(command, process.returncode, out, said)


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill a process of ``finished`` with all of its group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


class Git:
    """Runs git commands on one repository. ``timeout`` is for each, in seconds."""

    def __init__(
        self, repository: Path, environment: Mapping[str, str], timeout: float, program: str
    ) -> None:
        self.repository, self.program, self.timeout = repository, program, timeout
        self._environment = clean(environment)

    def __call__(
        self,
        *arguments: str,
        directory: Path | None = None,
        extra: Mapping[str, str] | None = None,
        allow: Sequence[int] = (0,),
    ) -> tuple[int, str]:
        """Run ``git ARGUMENTS``; answers its status (one of ``allow``) and output.

        Raises CommandFailed for another status, ConfigError where there is no repository, DeadlineExceeded.
        """
        if not self.repository.is_dir():
            raise ConfigError(
                f"The git repository {self.repository} is not there.",
                hint="Mend 'git' under the service's 'release'.",
            )
        try:
            run = finished(
                [self.program, *SAFE, *arguments],
                cwd=directory or self.repository,
                env=self._environment | dict(extra or {}),
                timeout=self.timeout,
            )
        except subprocess.TimeoutExpired as error:
            raise DeadlineExceeded(f"git {arguments[0]} in {self.repository}", self.timeout) from error
        except FileNotFoundError as error:
            raise PermanentError("The program git was not found.", hint="Install git.") from error
        if run.returncode not in allow:
            said = run.stderr.decode("utf-8", "replace").strip()
            if "not a git repository" in said:
                raise ConfigError(
                    f"{self.repository} is no git repository.",
                    hint="Mend 'git' under the service's 'release'.",
                )
            raise CommandFailed(f"git {arguments[0]}", run.returncode, said[-TAIL:])
        return run.returncode, run.stdout.decode("utf-8", "surrogateescape")
