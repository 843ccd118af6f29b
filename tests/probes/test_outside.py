"""Names, addresses, many at once, and faults that are ours."""

from __future__ import annotations

import errno
import json
import os
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
from dreamnet_actions.adapters.probes.outside import OutsideProbe
from dreamnet_actions.adapters.probes.resolve import interleave, literal
from dreamnet_actions.config.models import Check
from dreamnet_actions.domain.health import Report
from dreamnet_actions.ports.probe import Look
from dreamnet_actions.testing.memory.clock import VirtualClock
from tests.probes.servers import OK, Server, answer, free_port, serving, silent

V4, V6 = socket.AF_INET, socket.AF_INET6


def probe_with(**options: Any) -> OutsideProbe:
    return OutsideProbe(clock=VirtualClock(), **options)


def looks(*checks: Check) -> list[Look]:
    return [Look(service="web", name=str(number), check=check) for number, check in enumerate(checks)]


def round_of(*checks: Check, deadline: float = 20.0, **options: Any) -> list[Report]:
    reports = {one.check: one for one in probe_with(**options).probe(looks(*checks), deadline)}
    return [reports[str(number)] for number in range(len(checks))]


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
            assert time.monotonic() - began < 2
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

    def test_the_next_address_is_tried_beside_one_that_hangs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        full = socket.socket()
        full.bind(("127.0.0.9", 0))
        full.listen(0)
        port = full.getsockname()[1]
        # A listener whose queue is full lets new connections hang, as a black hole does.
        fillers = [socket.socket() for _ in range(4)]
        for one in fillers:
            one.setblocking(False)
            one.connect_ex(("127.0.0.9", port))
        other = socket.socket()
        other.bind(("127.0.0.1", port))
        other.listen(5)
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
            assert time.monotonic() - began < 2.0
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
import json, resource, sys
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


class TestCommands:
    def test_status_and_last_line_are_told(self) -> None:
        good, bad = round_of(
            CommandCheck(command=("sh", "-c", "echo first; echo last; echo")),
            CommandCheck(command=("sh", "-c", "printf 'a\\n\\033[31mb'; exit 3")),
        )
        assert (good.status, good.detail) == ("passed", "sh ended with status 0: last")
        assert (bad.status, bad.cause) == ("failed", "exit-status")
        assert bad.detail == "sh ended with status 3, expected 0: \\x1b[31mb"

    def test_another_status_may_be_well(self) -> None:
        (report,) = round_of(CommandCheck(command=("sh", "-c", "exit 3"), exit_status=3))
        assert report.status == "passed"

    def test_what_cannot_start_is_our_fault(self, tmp_path: Path) -> None:
        (tmp_path / "text").write_text("x")
        for command in ("no-such-program", str(tmp_path / "text"), str(tmp_path), "a\0b"):
            (report,) = round_of(CommandCheck(command=(command,)))
            assert (report.status, report.cause) == ("unknown", None)

    def test_no_shell_reads_the_arguments(self, tmp_path: Path) -> None:
        (report,) = round_of(CommandCheck(command=("echo", "$(touch x); `touch y`")), directory=tmp_path)
        assert report.detail.endswith("$(touch x); `touch y`")
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.slow
    def test_the_whole_group_is_killed_at_the_timeout(self, tmp_path: Path) -> None:
        command = ("sh", "-c", f"trap '' TERM; (sleep 1; touch {tmp_path}/survived) & echo waiting; sleep 60")
        began = time.monotonic()
        (report,) = round_of(CommandCheck(command=command, timeout=0.4))
        assert time.monotonic() - began < 2
        assert (report.status, report.cause) == ("failed", "timeout")
        assert report.detail.endswith("waiting")
        time.sleep(1.0)
        assert not (tmp_path / "survived").exists()

    @pytest.mark.slow
    def test_a_child_that_holds_the_output_holds_up_nobody(self, tmp_path: Path) -> None:
        began = time.monotonic()
        (report,) = round_of(
            CommandCheck(command=("sh", "-c", f"(sleep 1; touch {tmp_path}/left) & echo done"))
        )
        assert time.monotonic() - began < 0.9
        assert (report.status, report.detail.endswith("done")) == ("passed", True)
        time.sleep(1.1)
        assert not (tmp_path / "left").exists()

    def test_endless_output_is_bounded(self) -> None:
        (report,) = round_of(CommandCheck(command=("yes", "x" * 1000), timeout=0.5))
        assert report.cause == "timeout"
        assert len(report.detail) <= 300

    def test_a_signal_is_named(self) -> None:
        (report,) = round_of(CommandCheck(command=("sh", "-c", "kill -SEGV $$")))
        assert "was killed by SIGSEGV" in report.detail

    def test_many_run_at_once(self) -> None:
        began = time.monotonic()
        reports = round_of(*[CommandCheck(command=("sleep", "0.5"))] * 40)
        assert {one.status for one in reports} == {"passed"}
        assert time.monotonic() - began < 3

    def test_environment_is_given(self) -> None:
        (report,) = round_of(
            CommandCheck(command=("sh", "-c", "echo ${A-none}")),
            environment={"A": "b", "PATH": os.environ["PATH"]},
        )
        assert report.detail.endswith(": b")


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
