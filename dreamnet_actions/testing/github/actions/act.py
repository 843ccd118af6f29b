"""Runs one plan with act: files, arguments, the process, and its end.

No secret is ever an argument: secrets, variables and the environment go in by files that only this user can
read. act gets an environment of its own (PATH, HOME and caches in the run's folder), finds every remote
repository in a folder, and has no container engine; so it needs no network.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from dreamnet_actions.errors import PermanentError
from dreamnet_actions.errors.configuration import ExtraMissing
from dreamnet_actions.testing.github.actions import processes
from dreamnet_actions.testing.github.actions.plan import JobPlan, Plan, written
from dreamnet_actions.testing.github.actions.rewrite import JOB_MARK, LABEL

USUAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/homebrew/bin"
_GRACE = 5
_NO_TERMINAL = {"TERM": "dumb", "PAGER": "cat", "GIT_PAGER": "cat", "GIT_TERMINAL_PROMPT": "0"}
"""act gives every step a terminal, which GitHub's runner does not: so that no pager or prompt waits for keys."""


@dataclass(frozen=True, kw_only=True)
class ActOptions:
    """How act is run. ``path`` is the PATH of every step, ``environment`` is added to it as it is.

    ``at_once`` runs go on side by side. ``minute`` is how long one of ``timeout-minutes`` lasts, in seconds (a
    test makes it shorter). ``identity`` are the variables by which a job with ``id-token: write`` gets a token of
    GitHub's own (``ACTIONS_ID_TOKEN_REQUEST_URL`` and its companion); no other job has them. ``keep_processes`` leaves
    what a run's steps started in the background alive until ``close``; GitHub's runner ends it with the job.
    """

    path: str = USUAL_PATH
    environment: Mapping[str, str] = field(default_factory=dict)
    identity: Mapping[str, str] = field(default_factory=dict)
    at_once: int = 2
    minute: float = 60.0
    keep_processes: bool = False
    interrupt_seconds: float = processes.INTERRUPT_SECONDS
    terminate_seconds: float = processes.TERMINATE_SECONDS


def find_act() -> Path:
    """Answer act's program; raises ExtraMissing with the line that installs it."""
    beside = Path(sys.prefix) / "bin" / "act"
    found = beside if beside.is_file() else shutil.which("act")
    if found is None:
        raise ExtraMissing("The sandbox", "the program act", "sandbox")
    return Path(found)


def find_uv() -> Path | None:
    """Answer uv's program where there is one."""
    beside = Path(sys.prefix) / "bin" / "uv"
    found = beside if beside.is_file() else shutil.which("uv")
    return Path(found) if found else None


class ActRun:
    """One run of act. ``start`` returns at once; ``wait`` feeds ``hear`` with its lines until it has ended."""

    def __init__(
        self, plan: Plan, folder: Path, options: ActOptions, *, server_url: str, tracking: str, actor: str
    ) -> None:
        self._plan = plan
        self._folder = folder
        self._options = options
        self._server_url = server_url
        self._tracking = tracking
        self._actor = actor
        self._process: subprocess.Popen[str] | None = None
        self._timers: dict[str, threading.Timer] = {}
        self._lock = threading.Lock()
        self._cancelled = False

    def start(
        self,
        *,
        payload: Mapping[str, Any],
        environment: Mapping[str, str],
        secrets: Mapping[str, str],
        variables: Mapping[str, str],
    ) -> None:
        """Write act's files and start it. Raises PermanentError where it cannot be started."""
        for name in ("work", "home", "cache", "artifacts", "tools"):
            (self._folder / name).mkdir(exist_ok=True)
        if uv := find_uv():
            (self._folder / "tools" / "uv").symlink_to(uv)
        settings = {
            **environment,
            **self._options.environment,
            processes.TRACKING: self._tracking,
            "SANDBOX_ARTIFACTS": str(self._folder / "artifacts"),
            "SANDBOX_TOOLS": str(self._folder / "tools"),
        }
        # Where no job may have another's token, the run's own is none.
        hidden = {**secrets, "GITHUB_TOKEN": self._only_token()}
        for job in self._plan.jobs:
            if job.token:
                hidden[f"SANDBOX_TOKEN_{job.number}"] = job.token  # so that act masks it
        self._write("event.json", payload)
        self._write("env.yml", settings)
        self._write("secrets.yml", hidden)
        self._write("vars.yml", dict(variables))
        try:
            self._process = subprocess.Popen(
                self._arguments(),
                cwd=self._folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,
            )
        except OSError as error:
            raise PermanentError(f"act could not be started: {error}.") from error

    def _only_token(self) -> str:
        tokens = {one.token for one in self._plan.jobs if one.token}
        return tokens.pop() if len(tokens) == 1 else ""

    def _environment(self) -> dict[str, str]:
        # act hands its own environment to every step, so this is all that they see of the machine's.
        return {
            "PATH": self._options.path,
            "HOME": str(self._folder / "home"),
            "XDG_CACHE_HOME": str(self._folder / "cache"),
            "XDG_CONFIG_HOME": str(self._folder / "home" / ".config"),
            "LANG": "C.UTF-8",
            **_NO_TERMINAL,
            "DOCKER_HOST": "",  # else act looks for an engine, and complains of finding none
            processes.TRACKING: self._tracking,
        }

    def _arguments(self) -> Sequence[str]:
        folder = self._folder
        arguments = [
            *(str(find_act()), self._plan.event, "--json", "--rm"),
            *("--directory", str(folder / "work"), "--workflows", str(self._plan.workflow), "--no-recurse"),
            *("--eventpath", str(folder / "event.json"), "--env-file", str(folder / "env.yml")),
            *("--secret-file", str(folder / "secrets.yml"), "--var-file", str(folder / "vars.yml")),
            *("--input-file", str(folder / "no-inputs"), "--platform", f"{LABEL}=-self-hosted"),
            *("--action-cache-path", str(folder / "cache"), "--actor", self._actor),
            *("--no-skip-checkout", "--no-cache-server", "--pull=false", "--action-offline-mode"),
            *("--artifact-server-addr", "127.0.0.1"),
        ]
        for name, where in self._plan.repositories.items():
            arguments += ["--local-repository", f"{self._server_url}/{name}={where}"]
        return arguments

    def _write(self, name: str, data: Mapping[str, Any]) -> None:
        descriptor = os.open(self._folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as out:
            out.write(written(data))

    def wait(self, hear: Callable[[str], None]) -> int:
        """Hand every line of act's to ``hear`` until it has ended; answer its exit status. Its processes end
        with it."""
        process = self._process
        assert process is not None
        assert process.stdout is not None
        try:
            for line in process.stdout:
                hear(line)
            return process.wait()
        finally:
            for timer in self._timers.values():
                timer.cancel()
            if process.poll() is None:
                processes.kill_tree(psutil.Process(process.pid))
                process.wait(_GRACE)
            process.stdout.close()
            if not self._options.keep_processes:
                processes.kill_tracked(self._tracking)

    def watch(self, job: JobPlan, told: Callable[[], None]) -> None:
        """Begin a job's ``timeout-minutes``; when they are over, ``told`` is called and its steps are ended."""

        def over() -> None:
            told()
            self._interrupt_job(job)

        timer = threading.Timer(job.minutes * self._options.minute, over)
        timer.daemon = True
        self._timers[job.key] = timer
        timer.start()

    def end_job(self, job: JobPlan) -> None:
        """End the steps of one job as a cancel does; returns at once."""
        threading.Thread(
            target=self._interrupt_job, args=(job,), name=f"sandbox-end-{job.key}", daemon=True
        ).start()

    def _interrupt_job(self, job: JobPlan) -> None:
        if self._process is not None:
            self._interrupt(processes.entries(self._process.pid, (JOB_MARK, job.key)))

    def forget(self, job: JobPlan) -> None:
        """A job has ended in time."""
        if timer := self._timers.pop(job.key, None):
            timer.cancel()

    def cancel(self) -> None:
        """Cancel as the runner does; returns when act has been told (up to 10 s). A second call does nothing."""
        with self._lock:
            if self._cancelled or self._process is None or self._process.poll() is not None:
                return
            self._cancelled = True
        self._interrupt(processes.entries(self._process.pid))
        self._signal(signal.SIGINT)
        last = threading.Timer(processes.LAST_STEPS_SECONDS, self.kill)
        last.daemon = True
        self._timers["last"] = last
        last.start()

    def kill(self) -> None:
        """End everything now."""
        if self._process is not None and self._process.poll() is None:
            processes.kill_tree(psutil.Process(self._process.pid))
        processes.kill_tracked(self._tracking)

    def _interrupt(self, found: list[psutil.Process]) -> None:
        processes.interrupt(
            found,
            interrupt_seconds=self._options.interrupt_seconds,
            terminate_seconds=self._options.terminate_seconds,
        )

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)
