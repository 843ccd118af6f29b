"""The supervisor's guardian: a tiny process that waits for the supervisor's end and ends what it left.

The kernel ends the supervisor's own children with it (PR_SET_PDEATHSIG), but not their children. The guardian holds the
reading end of a pipe whose writing end only the supervisor has: end of file means that it is gone, however it ended.
Then everything marked with this run of the supervisor is ended, and also every process in the session of a replica
that was running (programs that change their title overwrite their environment, and the mark with it). A session id
is the pid of its leader: one that was the replica's until this moment cannot be another's for a process that
was started before this moment.

Run as ``python -m dreamnet_actions.adapters.process.guardian RUNTIME MARK`` with the pipe as standard input.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

from dreamnet_actions.adapters.process.identity import Identity, boot_id, pids, standing, sweep

log = logging.getLogger("dreamnet.process")


class Guardian:
    """The supervisor's hold on its guardian. ``mark`` is what this run of the supervisor marks its processes with."""

    def __init__(self, runtime: Path, mark: str) -> None:
        self._command = [sys.executable, "-P", "-m", __name__, str(runtime), mark]
        self._process: subprocess.Popen[bytes] | None = None

    def keep(self) -> int | None:
        """See to it that it runs; answer its pid, or None where the machine lets us start none now."""
        if self._process and self._process.poll() is None:
            return self._process.pid
        if self._process:
            log.warning("the guardian ended; starting another")
        try:
            self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, start_new_session=True)
        except OSError:
            log.exception("no guardian could be started; services go on, and it is tried again")
            self._process = None
            return None
        return self._process.pid

    def dismiss(self) -> None:
        """Let it look once more whether anything is left, and end; waits until it has."""
        if self._process and self._process.stdin:
            self._process.stdin.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(10)


def main(arguments: list[str]) -> int:
    """Wait, then sweep."""
    runtime, mark = Path(arguments[0]), arguments[1]
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        while os.read(0, 1):
            pass
    sweep(lambda found: found == mark, _in_sessions(_leaders(runtime, mark)))
    return 0


def _leaders(runtime: Path, mark: str) -> list[Identity]:
    try:
        data = json.loads(runtime.read_bytes())
        if data["mark"] != mark or data["boot"] != boot_id():
            return []
        return [Identity(one["pid"], one["started"]) for one in data["replicas"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _in_sessions(leaders: list[Identity]) -> list[Identity]:
    started = {leader.pid: leader.started for leader in leaders}
    found = []
    for pid in pids():
        stands = standing(pid)
        if stands is None or stands.session not in started:
            continue
        head = standing(stands.session)
        if head is None or head.identity.started == started[stands.session]:
            found.append(stands.identity)
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
