"""Steady clients, one for each subject: so many requests a second, each on a connection of its own, errors counted.

They are a process of their own, so that a busy benchmark does not look like an error of a subject's.
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import sys
import threading
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

RATE = 20
"""Requests a second and subject."""
TIMEOUT = 5.0
"""Seconds for one request; what takes longer is an error."""
LIMIT = 30.0
"""Seconds that the clients' process has for an answer."""


@dataclass(frozen=True)
class Count:
    """Requests so far and those of them that went wrong: refused, too slow, or answered other than 200."""

    requests: int = 0
    errors: int = 0

    def since(self, before: Count) -> Count:
        """Answer what came after ``before``."""
        return Count(self.requests - before.requests, self.errors - before.errors)

    @property
    def share(self) -> float:
        """The share of errors, 0 where nobody asked."""
        return self.errors / self.requests if self.requests else 0.0


class Clients:
    """Asks every address that it is told of until told to stop."""

    def __init__(self) -> None:
        here, there = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("fork").Process(target=_run, args=(there,), daemon=True)
        self._process.start()
        self._line = here
        self._asking = threading.Lock()  # subjects are threads, and an answer is for who asked

    def begin(self, name: str, host: str, path: str = "/") -> None:
        """Ask ``host`` from now on, under this name."""
        self._ask(("begin", name, host, path))

    def end(self, name: str) -> None:
        """Ask it no more; its count is forgotten."""
        self._ask(("end", name))

    def count(self, name: str) -> Count:
        """Answer the count so far."""
        return Count(*self._ask(("count", name)))

    def close(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.join()

    def _ask(self, words: tuple[str, ...]) -> Any:
        with self._asking:
            self._line.send(words)
            if not self._line.poll(LIMIT):
                sys.exit(f"the clients did not answer within {LIMIT:g} s")
            return self._line.recv()


def _run(line: Connection) -> None:
    asyncio.run(_serve(line))


async def _serve(line: Connection) -> None:
    loop = asyncio.get_running_loop()
    counts: dict[str, list[int]] = {}
    tasks: dict[str, asyncio.Task[None]] = {}

    def heard() -> None:
        word, name, *rest = line.recv()
        if word == "begin":
            counts[name] = [0, 0]
            tasks[name] = loop.create_task(_client(rest[0], rest[1], counts[name]))
            line.send(True)
        elif word == "end":
            if task := tasks.pop(name, None):
                task.cancel()
            counts.pop(name, None)
            line.send(True)
        else:
            line.send(tuple(counts.get(name, (0, 0))))

    loop.add_reader(line.fileno(), heard)
    await asyncio.Event().wait()


async def _client(host: str, path: str, count: list[int]) -> None:
    loop = asyncio.get_running_loop()
    under_way: set[asyncio.Task[None]] = set()
    due = loop.time()
    try:
        while True:
            task = loop.create_task(_once(host, path, count))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
            due = max(
                due + 1 / RATE, loop.time() - 1
            )  # a busy machine is caught up with for a second at most
            await asyncio.sleep(max(0.0, due - loop.time()))
    finally:
        for task in under_way:
            task.cancel()


async def _once(host: str, path: str, count: list[int]) -> None:
    well = False
    with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
        async with asyncio.timeout(TIMEOUT):
            reader, writer = await asyncio.open_connection(host, 80)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
                answer = await reader.read()
                well = answer.startswith(b"HTTP/1.1 200 ")
            finally:
                writer.close()
    count[0] += 1
    count[1] += not well
