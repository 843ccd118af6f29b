"""Starting and ending real processes so that none is ever left behind and none of anybody else's is ever hit.

How that holds:

- *A child dies with the supervisor.* Between fork and exec each asks for SIGKILL on the end of its parent, then looks
  whether its parent is still the supervisor, for the case that it ended before that call. (The setting outlives exec,
  except of a set-user-ID program.)
- *A pid is pinned while we use it.* The end of a child is seen by ``waitid`` with WNOWAIT: it stays a zombie, its
  number (and that of its group) cannot be given out again, and signals to its group are safe until we reap it, as
  the last step.
- *Grandchildren are found.* The supervisor is a subreaper (PR_SET_CHILD_SUBREAPER): what a dead replica leaves becomes
  the supervisor's own child. Of those the ones in the replica's session or with its mark are ended; a program that
  took a session of its own and dropped our mark on purpose has declared its independence and is left alone.
- *After a SIGKILL of the supervisor* its guardian (``guardian.py``) ends grandchildren at once; should that be killed
  too, the next supervisor does, before it starts anything.

circus was tried for this and passed over: replicas need a port each behind one weighted address, canaries a second
track, undo the exact former processes; and an arbiter of it that is killed leaves all its processes as orphans.

On systems other than Linux there is no parent-death signal and no subreaper: groups are still ended as a whole, and
what a killed supervisor left is ended by the guardian or the next supervisor.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence

from dreamnet_actions.adapters.process.identity import (
    Identity,
    children,
    identity_of,
    marks,
    send,
    standing,
)
from dreamnet_actions.adapters.process.spawn import become_subreaper, before_exec, start

_POLL = 0.03
_READ = 65536


class Child:
    """One started replica process, the leader of its own session and group. ``exited`` becomes its wait status as
    ``subprocess`` counts it: the exit status, or minus the signal's number."""

    def __init__(self, popen: subprocess.Popen[bytes], replica: str, identity: Identity) -> None:
        self.popen = popen
        self.replica = replica
        self.identity = identity
        self.exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.reaped = False

    @property
    def pid(self) -> int:
        """Its process id; pinned until it is reaped."""
        return self.identity.pid


class Nursery:
    """The processes that this process has started. ``record`` is called when that set has changed, and always before
    a pid may be given out again."""

    def __init__(self, record: Callable[[], None]) -> None:
        self._record = record
        self._loop = asyncio.get_running_loop()
        self._limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.children: dict[int, Child] = {}
        self.others: set[int] = set()
        """Children that are no replicas (the guardian): never mistaken for leftovers."""

    def prepare(self) -> None:
        """Make this process fit to have children: a subreaper, hearing of their ends, with files enough for traffic
        (children get the former limit back: programs that use select(2) break above 1024)."""
        become_subreaper()
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (self._limits[1], self._limits[1]))
        self._loop.add_signal_handler(signal.SIGCHLD, self.heard)

    def spawn(
        self,
        replica: str,
        command: Sequence[str],
        *,
        directory: str,
        environment: Mapping[str, str],
        output: Callable[[bytes], None],
    ) -> Child:
        """Start ``command`` in a session of its own; what it writes goes to ``output``. Raises StartFailed."""
        reading, writing = os.pipe()
        try:
            popen = start(command, directory, environment, writing, before_exec(os.getpid(), self._limits))
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        child = Child(popen, replica, identity_of(popen.pid) or Identity(popen.pid, 0))
        self.children[child.pid] = child
        self._record()
        pipe = _Output(self._loop, reading, output)
        child.exited.add_done_callback(lambda _: pipe.finish())
        self.heard()  # it may have ended before we listened
        return child

    async def end(self, child: Child, grace: float) -> None:
        """End the process and all that it left: SIGTERM to its group, after ``grace`` seconds SIGKILL; then reap it.

        SIGCONT follows each SIGTERM, so that a stopped process can act on it. Returns when nothing is left.
        """
        deadline = self._loop.time() + grace
        self._signal_group(child, signal.SIGTERM)
        self._signal_group(child, signal.SIGCONT)
        if not await self._exits(child, grace):
            while not child.exited.done():
                self._signal_group(child, signal.SIGKILL)
                await self._exits(child, 1.0)
        asked: set[Identity] = set()
        # Asked twice: the kernel's list of children may lack some while one of them ends (proc_pid_task(5)).
        while left := self._leftovers(child) or self._leftovers(child):
            if self._loop.time() >= deadline:
                for one in left:
                    send(one, signal.SIGKILL)
            else:
                for one in set(left) - asked:
                    send(one, signal.SIGTERM)
                    send(one, signal.SIGCONT)
                asked.update(left)
            await asyncio.sleep(_POLL)
        self._reap(child)

    def heard(self) -> None:
        """Look which children have ended (SIGCHLD says only that some may have)."""
        for child in list(self.children.values()):
            if not child.exited.done() and (status := _ended(child.popen)) is not None:
                child.exited.set_result(status)
        self._leftovers(None)

    def _reap(self, child: Child) -> None:
        if child.reaped:
            return
        child.reaped = True
        del self.children[child.pid]
        self._record()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(child.pid, 0)
        child.popen.returncode = child.exited.result()

    async def _exits(self, child: Child, within: float) -> bool:
        await asyncio.wait({child.exited}, timeout=within)
        return child.exited.done()

    def _signal_group(self, child: Child, number: int) -> None:
        if not child.reaped:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, number)

    def _leftovers(self, child: Child | None) -> list[Identity]:
        """Answer what is left of ``child``, whose leader has ended, among the processes that we adopted; adopted ones
        that have ended are reaped on the way."""
        found: list[Identity] = []
        ours = self.children.keys() | self.others
        adopted = [pid for pid in children(os.getpid()) if pid not in ours]
        for pid in adopted:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        while adopted and child:
            pid = adopted.pop()
            stands = standing(pid)
            if stands is None:
                continue
            adopted.extend(children(pid))
            if not stands.zombie and (stands.session == child.pid or _has_mark(pid, child.replica)):
                found.append(stands.identity)
        return found


class _Output:
    """The reading end of a replica's stdout and stderr. Each turn of the loop takes at most one piece of it, so that a
    flood of lines from one replica holds up nobody else."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, descriptor: int, take: Callable[[bytes], None]
    ) -> None:
        self._loop, self._descriptor, self._take = loop, descriptor, take
        self._closed = False
        os.set_blocking(descriptor, False)
        loop.add_reader(descriptor, self._read)

    def finish(self) -> None:
        """The process has ended: take what is still in the pipe (it holds 64 KB at most), and close it."""
        for _ in range(4):
            if not self._read():
                break
        self._close()

    def _read(self) -> bool:
        if self._closed:
            return False
        try:
            data = os.read(self._descriptor, _READ)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if data:
            self._take(data)
        else:
            self._close()
        return bool(data)

    def _close(self) -> None:
        if not self._closed:
            self._closed = True
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)


def _ended(popen: subprocess.Popen[bytes]) -> int | None:
    """Answer the status of an ended child without reaping it; None while it runs."""
    if not hasattr(os, "waitid"):
        return popen.poll()  # macOS before Python 3.13: this reaps, so its group's number is no longer pinned
    try:
        found = os.waitid(os.P_PID, popen.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return popen.returncode if popen.returncode is not None else -signal.SIGKILL
    if found is None:
        return None
    return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status


def _has_mark(pid: int, replica: str) -> bool:
    mark = marks(pid)
    return mark is not None and mark[1] == replica
