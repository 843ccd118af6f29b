"""Where the process platform keeps things, all below the state directory.

::

    <state>/platform-<name>/   0700
        state.json             what is wanted (durable)
        runtime.json           what runs: the supervisor and its replicas, by pid and start time (this boot only)
        lock                   held (flock) by the one supervisor for as long as it lives
        start.lock             held by a command while it starts a supervisor
        control.sock           the supervisor's control socket, or:
        socket                 the path of that socket where the one above would be too long
        supervisor.log         what the supervisor itself has to say
        logs/<service>/        what the replicas wrote
        hold/                  who changes a service now (``holding.py``)
    <state>/environments/<name>/<service>/    sets of synced values (``environment.py``)
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from dreamnet_actions.errors import PlatformFailed

LONGEST_SOCKET_PATH = 100
"""Bytes. ``sun_path`` of ``struct sockaddr_un`` has 108 on Linux and 104 on macOS (unix(7), unix(4))."""


@dataclass(frozen=True)
class Places:
    """The files of one platform. ``state`` is the state directory of this DreamNet, an absolute path."""

    state: Path
    platform: str

    @property
    def directory(self) -> Path:
        """The platform's own directory."""
        return self.state / f"platform-{self.platform}"

    @property
    def wanted(self) -> Path:
        """The durable state."""
        return self.directory / "state.json"

    @property
    def runtime(self) -> Path:
        """What runs in this boot of the machine."""
        return self.directory / "runtime.json"

    @property
    def lock(self) -> Path:
        """The single supervisor's lock."""
        return self.directory / "lock"

    @property
    def start_lock(self) -> Path:
        """The lock of the command that starts a supervisor."""
        return self.directory / "start.lock"

    @property
    def log(self) -> Path:
        """The supervisor's own log."""
        return self.directory / "supervisor.log"

    @property
    def logs(self) -> Path:
        """The replicas' logs, one directory a service."""
        return self.directory / "logs"

    @property
    def hold(self) -> Path:
        """Who changes a service now."""
        return self.directory / "hold"

    @property
    def environments(self) -> Path:
        """The sets of synced values, one directory a service."""
        return self.state / "environments" / self.platform

    def socket(self) -> Path:
        """Answer where the control socket is (or will be): the recorded path first, since TMPDIR may differ
        between the command that started the supervisor and this one."""
        with contextlib.suppress(OSError):
            return Path(self._socket_note.read_text(encoding="utf-8").strip())
        direct = self.directory / "control.sock"
        if len(os.fsencode(direct)) <= LONGEST_SOCKET_PATH:
            return direct
        digest = hashlib.sha256(os.fsencode(self.directory)).hexdigest()[:16]
        import tempfile  # late: only a long path needs it

        return Path(tempfile.gettempdir()) / f"dreamnet-{os.getuid()}" / f"{digest}.sock"

    def prepare_socket(self) -> Path:
        """Answer the socket's path, free to bind: its directory made, a stale socket removed. Call it with the
        lock held. Raises PlatformFailed where the shared temporary directory holds somebody else's directory."""
        self._socket_note.unlink(missing_ok=True)
        path = self.socket()
        if path.parent != self.directory:
            _own_directory(path.parent)
            self._socket_note.write_text(str(path), encoding="utf-8")
        path.unlink(missing_ok=True)
        return path

    @property
    def _socket_note(self) -> Path:
        return self.directory / "socket"


def _own_directory(directory: Path) -> None:
    """Make a 0700 directory of ours in a place where everybody may write; refuse one that somebody prepared."""
    with contextlib.suppress(FileExistsError):
        directory.mkdir(mode=0o700)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PlatformFailed(
            f"{directory} is not a directory that only this user may enter, so no control socket is put there.",
            hint="Remove it, or use a state directory with a shorter path.",
        )
