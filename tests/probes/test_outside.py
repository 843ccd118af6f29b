"""Names, addresses, many at once, and faults that are ours."""

from __future__ import annotations

import errno
import json
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from dreamnet_actions.adapters.probes import connect as connecting
from dreamnet_actions.adapters.probes.options import CommandCheck, HttpCheck, TcpCheck
from dreamnet_actions.adapters.probes.resolve import interleave, literal
from tests.probes.rounds import looks, probe_with, round_of
from tests.probes.servers import OK, Server, answer, free_port, serving, silent

V4, V6 = socket.AF_INET, socket.AF_INET6


class Names:
    """A resolver that knows some names; an exception is raised, a function called."""

    def __init__(self, **known: Any) -> None:
        self.known, self.asked = known, Counter[str]()

    def __call__(self, host: str, port: None, *, type: int) -> list[tuple[Any, ...]]:  # noqa: A002
        self.asked[host] += 1
        found = self.known.get(host.partition(".")[0], socket.gaierror(socket.EAI_NONAME, "not known"))
        if callable(found):
            found()
            found = []
        if isinstance(found, Exception):
            raise found
        return [
            (family, type, 6, "", (address, 0) if family == V4 else (address, 0, 0, 0))
            for family, address in found
        ]


class TestNames:
    def test_a_name_is_looked_up_once_a_round(self) -> None:
        names = Names(web=[(V4, "127.0.0.1")])
        with serving(answer(OK)) as server:
            reports = round_of(
                *[HttpCheck(http=f"http://web.example:{server.port}/{n}") for n in range(20)], lookup=names
            )
        assert {one.status for one in reports} == {"passed"}
        assert names.asked == {"web.example": 1}

    def test_an_unknown_name_fails(self) -> None:
        (report,) = round_of(TcpCheck(tcp="nope.example:1"), lookup=Names())
        assert (report.status, report.cause) == ("failed", "dns")
        assert list(report.phases) == ["resolve", "total"]

    def test_a_resolver_that_is_silent_is_our_fault(self) -> None:
        again = socket.gaierror(socket.EAI_AGAIN, "try again")
        (report,) = round_of(TcpCheck(tcp="web.example:1"), lookup=Names(web=again))
        assert (report.status, report.cause) == ("unknown", "dns")

    def test_a_resolver_that_answers_for_others_is_not_at_fault(self) -> None:
        def late() -> None:
            time.sleep(0.2)
            raise socket.gaierror(socket.EAI_AGAIN, "try again")

        names = Names(web=late, other=[(V4, "127.0.0.1")])
        checks = TcpCheck(tcp="web.example:1"), TcpCheck(tcp=f"other.example:{free_port()}")
        assert [one.cause for one in round_of(*checks, lookup=names)] == ["dns", "refused"]
        assert round_of(*checks, lookup=names)[0].status == "failed"

    def test_a_stuck_lookup_holds_up_nobody(self) -> None:
        stuck = threading.Event()
        names = Names(stuck=stuck.wait, web=[(V4, "127.0.0.1")])
        with serving(answer(OK)) as server:
            began = time.monotonic()
            late, good = round_of(
                TcpCheck(tcp="stuck.example:1", timeout=0.4),
                TcpCheck(tcp=f"web.example:{server.port}"),
                lookup=names,
            )
            assert time.monotonic() - began < 30, "the lookup does not end by itself"
        stuck.set()
        assert (late.cause, good.status) == ("dns", "passed")
        assert "within 0.4 s" in late.detail

    def test_literals_ask_nobody(self) -> None:
        assert literal("127.0.0.1") == (V4, ("127.0.0.1", 0))
        assert literal("::1") == (V6, ("::1", 0, 0, 0))
        assert literal("fe80::1%1") == (V6, ("fe80::1", 0, 0, 1))
        assert literal("localhost") is literal("1.2.3") is literal("fe80::1%no-such-interface") is None

    def test_families_take_turns(self) -> None:
        a, b, c = (V6, ("a",)), (V6, ("b",)), (V4, ("c",))
        assert interleave([a, b, c]) == (a, c, b)
        assert interleave([]) == ()


class TestAddresses:
    def test_the_next_address_is_tried_when_one_refuses(self) -> None:
        with serving(answer(OK)) as server:
            names = Names(web=[(V4, "127.0.0.2"), (V4, "127.0.0.1")])
            (report,) = round_of(HttpCheck(http=f"http://web.example:{server.port}/"), lookup=names)
        assert report.status == "passed"

    def test_the_next_address_is_tried_beside_one_that_hangs(self) -> None:
        # The system picks the port where others are in use; on 127.0.0.9 every one is free.
        other = socket.create_server(("127.0.0.1", 0))
        port = other.getsockname()[1]
        full = socket.socket()
        full.bind(("127.0.0.9", port))
        full.listen(0)
        # A listener whose queue is full lets new connections hang, as a black hole does.
        fillers = [socket.socket() for _ in range(4)]
        for one in fillers:
            one.setblocking(False)
            one.connect_ex(("127.0.0.9", port))
        time.sleep(0.05)
        try:
            names = Names(web=[(V4, "127.0.0.9"), (V4, "127.0.0.1")])
            (report,) = round_of(TcpCheck(tcp=f"web.example:{port}", timeout=3.0), lookup=names)
            (alone,) = round_of(TcpCheck(tcp=f"127.0.0.9:{port}", timeout=0.5))
        finally:
            for one in (full, other, *fillers):
                one.close()
        assert report.status == "passed"
        assert connecting.NEXT_AFTER <= report.phases["connect"] < 1.0
        assert (alone.cause, "it was connecting when" in alone.detail) == ("timeout", True)

    @pytest.mark.parametrize("number", [errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.ENETDOWN, errno.EPERM])
    def test_no_way_out_is_our_fault(self, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(socket.socket, "connect_ex", lambda *_: number)
        (report,) = round_of(TcpCheck(tcp="127.0.0.1:9"))
        assert (report.status, report.cause) == ("unknown", None)
        assert "This machine" in report.detail

    def test_what_a_target_says_beats_what_we_cannot(self, monkeypatch: pytest.MonkeyPatch) -> None:
        real = socket.socket.connect_ex
        monkeypatch.setattr(
            socket.socket,
            "connect_ex",
            lambda one, to: errno.ENETUNREACH if one.family == V6 else real(one, to),
        )
        names = Names(web=[(V6, "2001:db8::1"), (V4, "127.0.0.1")])
        (report,) = round_of(TcpCheck(tcp=f"web.example:{free_port()}"), lookup=names)
        assert (report.status, report.cause) == ("failed", "refused")

    def test_ipv6(self) -> None:
        try:
            server = Server(answer(OK), family=V6)
        except OSError:
            assert not Path("/proc/net/if_inet6").exists() or not Path("/proc/net/if_inet6").read_text()
            return
        try:
            (report,) = round_of(HttpCheck(http=f"http://[::1]:{server.port}/"))
        finally:
            server.close()
        assert report.status == "passed"


class TestMany:
    @pytest.mark.slow
    def test_a_thousand_in_flight(self) -> None:
        server = Listener()
        try:
            reports = list(probe_with().probe(looks(*[HttpCheck(http=server.url)] * 1000), 60.0))
        finally:
            server.close()
        assert Counter(one.status for one in reports) == {"passed": 1000}
        assert len({one.check for one in reports}) == 1000

    def test_all_at_once_not_one_after_another(self) -> None:
        with serving(silent) as server:
            began = time.monotonic()
            reports = round_of(*[HttpCheck(http=server.url, timeout=0.5)] * 100)
            assert time.monotonic() - began < 25, "one after another they take fifty"
        assert {one.cause for one in reports} == {"timeout"}

    @pytest.mark.slow
    def test_a_slow_reader_changes_no_figure(self) -> None:
        with serving(silent) as mute, serving(answer(OK)) as server:
            checks = [
                HttpCheck(http=server.url),
                HttpCheck(http=server.url),
                HttpCheck(http=mute.url, timeout=0.4),
            ]
            totals = {}
            for report in probe_with().probe(looks(*checks), 5.0):
                totals[report.check] = report.phases["total"]
                time.sleep(0.6)
        assert totals["0"] < 0.3
        assert totals["1"] < 0.3
        assert 0.4 <= totals["2"] < 0.55

    def test_no_descriptor_is_left_open(self) -> None:
        def count() -> int:
            return len(list(Path("/proc/self/fd").iterdir()))

        with serving(answer(OK)) as server, serving(silent) as mute:
            before = count()
            checks = [
                HttpCheck(http=server.url),
                HttpCheck(http=mute.url, timeout=0.1),
                CommandCheck(command=("true",)),
            ]
            for _ in range(3):
                round_of(*checks)
            reports = probe_with().probe(
                looks(HttpCheck(http=mute.url), CommandCheck(command=("sleep", "60")), checks[0]), 60.0
            )
            next(iter(reports))
            reports.close()  # type: ignore[attr-defined]
            end = time.monotonic() + 5
            # The server's own ends close a moment later.
            while count() > before + 2 and time.monotonic() < end:
                time.sleep(0.02)
            assert count() <= before + 2

    @pytest.mark.slow
    def test_few_descriptors_are_enough(self) -> None:
        code = """
import json, os, resource, sys
from tests.probes.test_outside import *
resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
port = int(sys.argv[1])
print(json.dumps(Counter(one.status for one in round_of(*[HttpCheck(http=f"http://127.0.0.1:{port}/")] * 200))))
kept = []
try:
    while True:
        kept.append(os.dup(0))
except OSError:
    for one in kept[:4]: os.close(one)
print(json.dumps(Counter(one.status for one in round_of(*[HttpCheck(http=f"http://127.0.0.1:{port}/")] * 3))))
"""
        server = Listener()
        try:
            run = subprocess.run(
                [sys.executable, "-c", code, str(server.port)],
                capture_output=True,
                text=True,
                cwd=Path(__file__).parents[2],
            )
        finally:
            server.close()
        assert run.returncode == 0, run.stderr
        first, second = (json.loads(line) for line in run.stdout.splitlines())
        assert first == {"passed": 200}
        assert second.keys() <= {"passed", "unknown"}

    def test_what_never_began_is_our_fault(self) -> None:
        with serving(silent) as mute:
            reports = round_of(*[HttpCheck(http=mute.url)] * 3, deadline=0.3, limit=1)
        assert Counter(one.status for one in reports) == {"failed": 1, "unknown": 2}

    def test_a_bug_of_ours_is_raised(self) -> None:
        def broken(*_: Any, **__: Any) -> Any:
            raise ZeroDivisionError

        probe = probe_with()
        probe.plan = broken  # type: ignore[method-assign]
        with pytest.raises(ZeroDivisionError):
            list(probe.probe(looks(TcpCheck(tcp="127.0.0.1:1")), 5.0))


class Listener:
    """A server for many connections at once, on one thread."""

    def __init__(self) -> None:
        import selectors

        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._open = True
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._open = False
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        self._selector.close()

    def _run(self) -> None:
        while self._open:
            for key, _ in self._selector.select(0.1):
                if key.fileobj is self._listener:
                    peer, _ = self._listener.accept()
                    self._selector.register(peer, 1)
                    continue
                peer = key.fileobj  # type: ignore[assignment]
                self._selector.unregister(peer)
                try:
                    if peer.recv(65536):
                        peer.sendall(OK)
                except OSError:
                    pass
                peer.close()


def test_plain_checks_load_no_heavy_module() -> None:
    code = """
import sys
from dreamnet_actions.adapters.probes.outside import OutsideProbe
heavy = {"ssl", "asyncio", "pydantic", "pycurl", "yaml", "rich", "sqlite3"} & set(sys.modules)
assert not heavy, heavy
"""
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2]
    )
    assert run.returncode == 0, run.stderr
