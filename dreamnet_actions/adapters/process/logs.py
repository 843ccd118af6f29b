"""What replicas write, kept within bounds: two files of 1 MB a replica, the last 20 replicas a service.

The supervisor reads each replica's stdout and stderr from one pipe, so the cap holds for the fastest writer and the
last line is at hand when a replica ends. The newest lines of a service are also kept in memory in the order in which
they came, over all its replicas; after a restart of the supervisor they are read back from the files.
"""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Iterable
from pathlib import Path

from dreamnet_actions.adapters.process.durable import private_directory
from dreamnet_actions.domain.masking import Masks
from dreamnet_actions.domain.secret import SecretValue

FILE_LIMIT = 1_000_000
"""Bytes of one log file; with the one before it, a replica keeps at most twice this."""
REPLICAS_KEPT = 20
LINES_KEPT = 2000
LINE_LIMIT = 4096
"""Bytes of one line in memory; a longer one is cut into several there (never in the file)."""
_BYTES = ("utf-8", "surrogateescape")


class ServiceLog:
    """The log of one service: its directory, and its newest lines in memory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.lines: deque[str] = deque(read_lines(directory, LINES_KEPT), maxlen=LINES_KEPT)
        self._open: set[str] = set()

    def replica(self, replica: str) -> ReplicaLog:
        """Open the log of one replica, and drop those of the replicas that ended longest ago."""
        self._open.add(replica)
        with contextlib.suppress(OSError):
            private_directory(self.directory)
            self._prune()
        return ReplicaLog(self, replica)

    def close(self, replica: str) -> None:
        """Let the log of this replica grow old."""
        self._open.discard(replica)

    def remove(self) -> None:
        """Delete all of it."""
        for path in _files(self.directory):
            path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.directory.rmdir()

    def _prune(self) -> None:
        ended: dict[str, list[Path]] = {}
        for path in _files(self.directory):
            name = path.name.partition(".log")[0]
            if name not in self._open:
                ended.setdefault(name, []).append(path)
        for name in list(ended)[: max(0, len(ended) + len(self._open) - REPLICAS_KEPT)]:
            for path in ended[name]:
                path.unlink(missing_ok=True)


class ReplicaLog:
    """The log of one replica. Never raises: a full disk loses lines, not the service."""

    def __init__(self, service: ServiceLog, replica: str) -> None:
        self._service = service
        self._path = service.directory / f"{replica}.log"
        self._descriptor: int | None = None
        self._size = 0
        self._rest = b""
        self._secrets: Masks | None = None
        self._unmasked = b""
        self.last_line = ""

    def mask(self, values: Iterable[str]) -> None:
        """From now on let ``***`` stand for every form of these values: what a service prints as it dies ends up in
        dreams and in the journal, and its secrets may not."""
        secrets = Masks()
        for value in values:
            secrets.add(SecretValue(value))
        self._secrets = secrets

    def write(self, data: bytes) -> None:
        """Take what the replica wrote."""
        if self._secrets is not None:
            data = self._masked(self._secrets, data)
        self._keep(data)

    def _masked(self, secrets: Masks, data: bytes) -> bytes:
        """Answer the whole lines so far, masked; a value may come in two pieces, so the rest of a line waits. Of a line
        that grows too long only as much waits as could be the beginning of a value."""
        whole, newline, self._unmasked = (self._unmasked + data).rpartition(b"\n")
        hidden = _hidden(secrets, whole + newline)
        if len(self._unmasked) > LINE_LIMIT:
            begun, rest = secrets.hide_begun(self._unmasked.decode(*_BYTES))
            hidden, self._unmasked = hidden + begun.encode(*_BYTES), rest.encode(*_BYTES)
        return hidden

    def _keep(self, data: bytes) -> None:
        self._remember(data)
        try:
            while data:
                descriptor = self._open()
                room = FILE_LIMIT - self._size
                if room <= 0:
                    self._rotate()
                    continue
                written = os.write(descriptor, data[:room])
                self._size += written
                data = data[written:]
        except OSError:
            self.close()

    def flush(self) -> None:
        """Count an unfinished last line as a line: the replica has ended."""
        if self._unmasked and self._secrets is not None:
            unfinished, self._unmasked = self._unmasked, b""
            self._keep(_hidden(self._secrets, unfinished))
        if self._rest:
            self._remember(b"\n")

    def close(self) -> None:
        """Close the file; a later write opens it again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> int:
        if self._descriptor is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            self._descriptor = os.open(self._path, flags, 0o600)
            self._size = os.fstat(self._descriptor).st_size
        return self._descriptor

    def _rotate(self) -> None:
        self.close()
        self._path.replace(self._path.with_name(self._path.name + ".1"))

    def _remember(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        while len(self._rest) > LINE_LIMIT:
            lines.append(self._rest[:LINE_LIMIT])
            self._rest = self._rest[LINE_LIMIT:]
        for line in lines[-LINES_KEPT:]:
            text = line[:LINE_LIMIT].decode("utf-8", "replace").rstrip("\r")
            self._service.lines.append(text)
            if text.strip():
                self.last_line = text.strip()


def read_lines(directory: Path, count: int, replica: str = "") -> list[str]:
    """Answer the last ``count`` lines in the files of one service (or of one replica of it), the most recently written
    file last."""
    parts: list[list[str]] = []
    files = [one for one in _files(directory) if not replica or one.name.partition(".log")[0] == replica]
    for path in reversed(files):
        if count <= 0:
            break
        try:
            text = path.read_bytes().decode("utf-8", "replace")
        except OSError:
            continue
        lines = [line.rstrip("\r")[:LINE_LIMIT] for line in text.split("\n")]
        lines = lines[:-1] if not lines[-1] else lines
        parts.append(lines[-count:])
        count -= len(parts[-1])
    return [line for part in reversed(parts) for line in part]


def _files(directory: Path) -> list[Path]:
    """The log files, the one that was written longest ago first."""
    dated: list[tuple[int, Path]] = []
    with contextlib.suppress(OSError):
        for path in directory.iterdir():
            if ".log" in path.name:
                with contextlib.suppress(OSError):
                    dated.append((path.stat().st_mtime_ns, path))
    return [path for _, path in sorted(dated)]


def _hidden(secrets: Masks, data: bytes) -> bytes:
    """Hide secrets in bytes; those that are no UTF-8 stay as they are, and are found in values of such bytes too."""
    return secrets.hide(data.decode(*_BYTES)).encode(*_BYTES)
