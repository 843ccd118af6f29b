"""The weighted address under real clients: exact shares, no errors while replicas come and go, true ones otherwise."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.process.home import Home, free_port, gone

pytestmark = pytest.mark.slow
FIRST, SECOND = "first", "second"


class Clients:
    """Clients that ask without pause. ``answers`` counts by version and status, ``errors`` holds what went wrong."""

    def __init__(self, home: Home, path: str) -> None:
        self.home, self.path = home, path
        self.answers: Counter[tuple[str, int]] = Counter()
        self.errors: list[str] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(3)]

    def _ask(self) -> None:
        while not self._stop.is_set():
            try:
                status, body = self.home.get(self.path, timeout=8)
                self.answers[body.split(" ")[0], status] += 1
                if status != 200:
                    self.errors.append(f"{status}: {body}")
            except OSError as error:
                self.errors.append(repr(error))
            time.sleep(0.002)

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, version: str, count: int = 20) -> None:
        start = self.answers[version, 200]
        gone(lambda: self.answers[version, 200] >= start + count, f"no answers of {version}: {self.answers}")


@contextmanager
def clients(home: Home, path: str = "/") -> Iterator[Clients]:
    asking = Clients(home, path)
    asking.start()
    try:
        yield asking
    finally:
        asking.stop()


def pid_of(home: Home, number: int = 0) -> int:
    pid = home.settled().replicas[number].pid
    assert pid is not None
    return pid


# ── Shares ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("share", "of_a_hundred"), [(0.0, 0), (0.05, 5), (0.25, 25), (1.0, 100)])
def test_shares_are_exact(home: Home, share: float, of_a_hundred: int) -> None:
    home.run("one", replicas=2)
    home.platform.apply("web", home.spec(), home.release("two"), canary=True)
    home.platform.shift("web", share)
    home.settled_state()
    answers = Counter(home.get()[1].split(" ")[0] for _ in range(100))
    assert (answers["two"], answers["one"]) == (of_a_hundred, 100 - of_a_hundred)
    state = home.state_of()
    assert state.canary is not None
    assert (state.canary.traffic.connections, state.canary.traffic.errors) == (of_a_hundred, 0)
    assert state.stable.traffic.connections == 100 - of_a_hundred
    assert state.stable.traffic.per_second + state.canary.traffic.per_second > 0


def test_inside_a_track_the_least_busy_replica_is_chosen(home: Home) -> None:
    home.run(replicas=3)
    answers = Counter(home.get()[1] for _ in range(30))
    assert sorted(answers.values()) == [10, 10, 10]
    with contextlib.ExitStack() as held:
        for _ in range(6):
            held.enter_context(socket.create_connection(("127.0.0.1", home.port)))
        state = home.until(lambda state: state.stable.traffic.open == 6)
        assert state.stable.traffic.connections == 36
    home.until(lambda state: state.stable.traffic.open == 0)


def test_errors_are_answers_of_5xx(home: Home) -> None:
    home.run()
    assert [home.get(path)[0] for path in ("/", "/fail", "/fail")] == [200, 500, 500]
    traffic = home.state_of().stable.traffic
    assert (traffic.connections, traffic.errors) == (3, 2)


def test_a_canary_that_is_gone_costs_its_clients_nothing_and_is_counted(home: Home) -> None:
    home.run("one")
    home.platform.apply("web", home.spec(restart_policy="never"), home.release("two"), canary=True)
    home.platform.shift("web", 0.5)
    canary = home.settled_state().canary
    assert canary is not None
    pid = canary.replicas[0].pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    home.until(lambda state: state.canary and state.canary.ready == 0)
    assert {home.get()[1].split(" ")[0] for _ in range(10)} == {"one"}
    canary = home.state_of().canary
    assert canary is not None
    assert (canary.traffic.connections, canary.traffic.errors) == (5, 5)


# ── No errors while replicas come and go ────────────────────────────────────────────────────────────────────


def test_restart_and_releases_under_load(home: Home) -> None:
    home.run("one", replicas=2)
    with clients(home) as asking:
        asking.wait_for("one")
        home.platform.restart("web", token=FIRST)
        home.settled()
        asking.wait_for("one")
        home.platform.apply("web", home.spec(), home.release("two"))
        home.settled()
        asking.wait_for("two")
        home.platform.undo("web", token=FIRST)
        home.settled()
        asking.wait_for("one")
        home.platform.scale("web", 4)
        home.settled()
        home.platform.scale("web", 1)
        home.settled()
        asking.wait_for("one")
    assert asking.errors == []


def test_a_canary_under_load(home: Home) -> None:
    home.run("one", replicas=2)
    with clients(home) as asking:
        asking.wait_for("one")
        for end in ("withdraw", "promote"):
            home.platform.apply("web", home.spec(), home.release("two"), canary=True)
            home.settled_state()
            home.platform.shift("web", 0.5)
            asking.wait_for("two")
            getattr(home.platform, end)("web")
            home.settled_state()
            asking.wait_for("one" if end == "withdraw" else "two")
    assert asking.errors == []
    assert home.state_of().stable.release.version == "dir:two"


def test_a_release_that_never_becomes_ready_under_load(home: Home) -> None:
    home.run("one", replicas=2)
    with clients(home) as asking:
        for keys in ({"EXIT": "1"}, {"DEAF": "1"}):
            home.platform.apply("web", home.spec(environment=keys), home.release("bad"))
            asking.wait_for("one", 50)
            home.platform.undo("web", token=str(keys))
            home.settled()
    assert asking.errors == []
    assert {version for version, _ in asking.answers} == {"one"}


def test_requests_in_flight_finish_before_their_replica_is_ended(home: Home) -> None:
    home.run("one")
    with clients(home, "/slow") as asking:
        asking.wait_for("one", 2)
        home.platform.apply("web", home.spec(), home.release("two"))
        home.settled()
        asking.wait_for("two", 2)
    assert asking.errors == []


def test_kept_alive_connections_do_not_hold_up_a_stop(home: Home) -> None:
    home.run("one")
    with socket.create_connection(("127.0.0.1", home.port)) as kept:
        kept.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert kept.recv(65536).startswith(b"HTTP/1.1 200")
        former = pid_of(home)
        home.platform.apply("web", home.spec(stop_grace=30.0), home.release("two"))
        gone(lambda: former not in [one.pid for one in home.processes()], "held up", within=5)
        kept.settimeout(5)
        assert kept.recv(65536) == b""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_fault_in_one_of_two_costs_at_most_what_was_in_flight(home: Home, number: signal.Signals) -> None:
    home.run("one", replicas=2, restart_policy="never", stop_grace=0.5)
    with clients(home) as asking:
        asking.wait_for("one")
        os.kill(pid_of(home), number)
        home.until(lambda state: state.stable.ready == 1)
        in_flight = len(asking.errors)
        assert in_flight <= 3
        asking.wait_for("one", 50)
        home.platform.restart("web", token=FIRST)
        home.settled()
        asking.wait_for("one", 50)
    # What hung on the frozen replica ends with it: at most one request of each of the three clients in all.
    assert len(asking.errors) <= 3


# ── Where nobody takes it ───────────────────────────────────────────────────────────────────────────────────


def test_without_a_replica_http_is_answered_503_and_others_are_closed(home: Home) -> None:
    home.run(replicas=1)
    home.platform.scale("web", 0)
    home.settled()
    assert home.get() == (503, "No replica of this service is ready.\n")
    with socket.create_connection(("127.0.0.1", home.port), timeout=5) as other:
        other.sendall(b"\x16\x03\x01 no HTTP")
        with contextlib.suppress(ConnectionResetError):
            assert other.recv(100) == b""
    traffic = home.state_of().stable.traffic
    assert (traffic.connections, traffic.errors) == (2, 2)


def test_a_single_unready_replica_still_gets_what_comes(home: Home) -> None:
    flag = home.state / "unready"
    home.run(environment={"UNREADY": str(flag)})
    flag.touch()
    state = home.until(lambda state: state.stable.ready == 0)
    assert state.stable.replicas[0].state == "unready"
    assert "GET /ready answered 503" in (state.stable.failure or "")
    assert home.get()[0] == 200, "failing open is better than nothing"
    flag.unlink()
    assert home.settled().failure is None


def test_a_port_in_use_is_said_and_tried_again_and_its_owner_lives(home: Home) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", home.port))
        other.listen()
        home.platform.apply("web", home.spec(), home.release("one"))
        state = home.until(lambda state: state.stable.failure and state.stable.ready == 1)
        assert f"port {home.port}" in (state.stable.failure or "")
        assert "in use" in (state.stable.failure or "").lower()
        assert not state.stable.settled
        socket.create_connection(("127.0.0.1", home.port)).close()  # the other one still listens
    assert home.settled().failure is None
    assert home.get()[0] == 200


def test_the_address_follows_the_configuration(home: Home) -> None:
    home.run("one")
    former = home.port
    home.port = free_port()
    before = pid_of(home)
    home.run("one")
    assert home.get()[0] == 200
    assert pid_of(home) == before, "another port needs no other process"
    with pytest.raises(ConnectionRefusedError):
        home.get(port=former)


# ── Bytes ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_large_answers_pass_whole_also_to_a_slow_reader(home: Home) -> None:
    home.run()
    assert home.get("/big") == (200, "x" * 3_000_000)
    with socket.create_connection(("127.0.0.1", home.port), timeout=5) as slow:
        slow.sendall(b"GET /big HTTP/1.1\r\nConnection: close\r\n\r\n")
        time.sleep(0.2)
        assert home.get()[0] == 200, "a slow reader slows nobody else"
        size = 0
        while piece := slow.recv(1_000_000):
            size += len(piece)
    assert size > 3_000_000


def test_both_directions_close_separately(home: Home) -> None:
    home.run()
    with socket.create_connection(("127.0.0.1", home.port), timeout=5) as half:
        half.sendall(b"GET /slow HTTP/1.1\r\n\r\n")
        half.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := half.recv(65536):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert b"one " in answer
    home.until(lambda state: state.stable.traffic.open == 0)
