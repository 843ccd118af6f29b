"""One program started as a child of this process: what it inherits, and what happens between fork and exec.

The caller forks from its main and only thread. So running a few lines of Python between fork and exec is safe, and
PR_SET_PDEATHSIG, which is tied to the thread that forked (prctl(2)), is tied to the process.
"""

from __future__ import annotations

import ctypes
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

INHERITED = frozenset(
    {
        "HOME",
        "LANG",
        "LANGUAGE",
        "LOGNAME",
        "PATH",
        "SHELL",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
        "TMPDIR",
        "TZ",
        "USER",
        "VIRTUAL_ENV",
    }
)
"""The variables (and ``LC_*``) that replicas inherit from the command that started the supervisor. Nothing else passes:
that command's environment may hold tokens, and what a service needs is written in the configuration."""


class StartFailed(Exception):
    """A program could not be started; the text says why, in words."""


class NoProgram(StartFailed):
    """There is no such program or directory, or it may not be run: trying again does not help."""


def inherited(environment: dict[str, str]) -> dict[str, str]:
    """Answer what of this environment the supervisor and its replicas may see."""
    return {name: value for name, value in environment.items() if name in INHERITED or name.startswith("LC_")}


def resolve_program(command: Sequence[str], path: str) -> list[str]:
    """Answer the command with ``python`` (or ``python3``) made this interpreter where PATH has none of that name."""
    first, *rest = command
    if first in ("python", "python3") and shutil.which(first, path=path) is None:
        first = sys.executable
    return [first, *rest]


def start(
    command: Sequence[str],
    directory: str,
    environment: Mapping[str, str],
    output: int,
    between: Callable[[], None],
) -> subprocess.Popen[bytes]:
    """Start ``command`` in a session of its own, with ``between`` done before exec. Raises StartFailed, in words."""
    if threading.active_count() != 1:
        raise RuntimeError("only a process of one thread may run code between fork and exec")
    try:
        return subprocess.Popen(
            command,
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=between,
        )
    except FileNotFoundError as error:
        what = "directory" if error.filename == directory else "program"
        raise NoProgram(f"start: no such {what}: {error.filename}") from error
    except PermissionError as error:
        raise NoProgram(f"start: not allowed to run {error.filename or command[0]}") from error
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise StartFailed(f"start: {error}") from error


def before_exec(parent: int, limits: tuple[int, int]) -> Callable[[], None]:
    """Answer what a child does between fork and exec."""

    def between() -> None:
        if sys.platform == "linux":
            _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)

    return between


def become_subreaper() -> None:
    """Let orphans among this process's descendants become its own children (Linux only; elsewhere nothing)."""
    if sys.platform == "linux":
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    if _LIBC.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option})")


_LIBC = ctypes.CDLL(None, use_errno=True)
