"""200 loopback origins looked at once, beside pycurl's multi interface and asyncio, in the same run.

    python -m benchmarks.probe [--json FILE] [--origins N] [--delay MS] [--rounds N]

Every subject makes a fresh connection to each origin, with all of them in flight. Each answers after the same true
delay, so that ``first-byte`` shows how true a subject's figure is while it is busy. Medians of the rounds; subjects
take turns. ``cpu-ratio`` and ``wall-ratio`` are against ``dreamnet``.
"""

from __future__ import annotations

import argparse
import asyncio
import heapq
import io
import json
import multiprocessing
import selectors
import socket
import statistics
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from dreamnet_actions.adapters.probes.options import HttpCheck
from dreamnet_actions.adapters.probes.outside import OutsideProbe
from dreamnet_actions.ports.probe import Look
from dreamnet_actions.testing.memory.clock import VirtualClock

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
Subject = Callable[[list[int]], list[float]]


def serve(origins: int, delay: float, ports: Connection) -> None:
    """Serve that many origins on one thread, each answer ``delay`` seconds after its request, until killed."""
    selector = selectors.DefaultSelector()
    listeners = {socket.create_server(("127.0.0.1", 0), backlog=64) for _ in range(origins)}
    for one in listeners:
        selector.register(one, selectors.EVENT_READ)
    ports.send([one.getsockname()[1] for one in listeners])
    due: list[tuple[float, int, socket.socket]] = []
    while True:
        wait = max(0.0, due[0][0] - time.monotonic()) if due else None
        for key, _ in selector.select(wait):
            one: Any = key.fileobj
            if one in listeners:
                peer, _ = one.accept()
                selector.register(peer, selectors.EVENT_READ)
                continue
            selector.unregister(one)
            if one.recv(65536):
                heapq.heappush(due, (time.monotonic() + delay, id(one), one))
        while due and due[0][0] <= time.monotonic():
            _, _, one = heapq.heappop(due)
            one.sendall(OK)
            one.close()


def dreamnet(ports: list[int]) -> list[float]:
    looks = [
        Look(service=str(port), name="home", check=HttpCheck(http=f"http://127.0.0.1:{port}/"))
        for port in ports
    ]
    reports = list(OutsideProbe(clock=VirtualClock()).probe(looks, 60.0))
    assert {one.status for one in reports} == {"passed"}
    return [one.phases["first-byte"] for one in reports]


def pycurl_multi(ports: list[int]) -> list[float]:
    import pycurl

    multi, handles = pycurl.CurlMulti(), []
    for port in ports:
        one = pycurl.Curl()
        one.setopt(pycurl.URL, f"http://127.0.0.1:{port}/")
        one.setopt(pycurl.WRITEDATA, io.BytesIO())
        one.setopt(pycurl.NOSIGNAL, 1)
        one.setopt(pycurl.PROXY, "")
        multi.add_handle(one)
        handles.append(one)
    left = len(handles)
    while left:
        while multi.perform()[0] == pycurl.E_CALL_MULTI_PERFORM:
            pass
        left = multi.perform()[1]
        multi.select(1.0)
    assert all(one.getinfo(pycurl.RESPONSE_CODE) == 200 for one in handles)
    return [one.getinfo(pycurl.STARTTRANSFER_TIME) - one.getinfo(pycurl.PRETRANSFER_TIME) for one in handles]


def raw_asyncio(ports: list[int]) -> list[float]:
    async def look(port: int) -> float:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
        asked = time.perf_counter()
        head = await reader.readuntil(b"\r\n\r\n")
        took = time.perf_counter() - asked
        assert head.startswith(b"HTTP/1.1 200")
        writer.close()
        return took

    async def all_of_them() -> list[float]:
        return list(await asyncio.gather(*(look(port) for port in ports)))

    return asyncio.run(all_of_them())


SUBJECTS: dict[str, Subject] = {"dreamnet": dreamnet, "pycurl-multi": pycurl_multi, "asyncio": raw_asyncio}


def measure(origins: int, delay: float, rounds: int) -> list[dict[str, Any]]:
    """Answer the rows of one case."""
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(origins, delay, theirs), daemon=True)
    server.start()
    try:
        ports = ours.recv()
        seen: dict[str, list[tuple[float, float, float, float]]] = {name: [] for name in SUBJECTS}
        for turn in range(rounds + 1):
            for name, subject in SUBJECTS.items():
                wall, cpu = time.perf_counter(), time.process_time()
                firsts = sorted(subject(ports))
                cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
                if turn:  # the first turn imports and warms up
                    p99 = firsts[min(len(firsts) - 1, int(len(firsts) * 0.99))]
                    seen[name].append((cpu, wall, statistics.median(firsts), p99))
    finally:
        server.kill()
        server.join()
    case = f"{origins} origins, {delay * 1000:g} ms"
    rows = []
    base = [statistics.median(column) for column in zip(*seen["dreamnet"], strict=True)]
    for name, figures in seen.items():
        cpu, wall, middle, late = (statistics.median(column) for column in zip(*figures, strict=True))
        for metric, value, unit in (
            ("cpu", cpu, "s"),
            ("wall", wall, "s"),
            ("cpu-ratio", cpu / base[0], "x"),
            ("wall-ratio", wall / base[1], "x"),
            ("first-byte-p50-error", (middle - delay) * 1000, "ms"),
            ("first-byte-p99-error", (late - delay) * 1000, "ms"),
        ):
            rows.append(
                {"case": case, "subject": name, "metric": metric, "value": round(value, 4), "unit": unit}
            )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description="Probe many loopback origins at once, beside peers.")
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    parser.add_argument("--origins", type=int, default=200)
    parser.add_argument("--delay", type=float, default=50.0, help="milliseconds (default 50)")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    rows = measure(options.origins, options.delay / 1000, options.rounds)
    for row in rows:
        print(f"{row['case']}  {row['subject']:13} {row['metric']:21} {row['value']:10.4f} {row['unit']}")
    if options.json:
        options.json.write_text(json.dumps({"rows": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
