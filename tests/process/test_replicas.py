"""One replica's life: readiness, faults and what is said of them, back-off, its end and its log."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from dreamnet_actions.adapters.process import logs
from dreamnet_actions.adapters.process.logs import ServiceLog, read_lines
from dreamnet_actions.adapters.process.options import Ready
from dreamnet_actions.adapters.process.spawn import resolve_program
from dreamnet_actions.domain.release import ServiceState
from tests.process.home import Home, gone, is_there

SLOW = pytest.mark.slow
FIRST = "first"


def failure(state: ServiceState) -> str:
    return state.stable.failure or ""


# ── Why it cannot become ready ──────────────────────────────────────────────────────────────────────────────


@SLOW
@pytest.mark.parametrize(
    ("command", "keys", "said"),
    [
        (("no-such-program",), {}, "start: no such program: no-such-program"),
        (("sh", "-c", "exit 0"), {"directory": "nowhere"}, "start: no such directory: "),
        (("./app.py",), {"directory": str(Path(__file__).parent)}, "start: not allowed to run ./app.py"),
        (
            ("sh", "-c", "echo almost; echo out of cheese >&2; exit 3"),
            {},
            "exited with status 3: out of cheese",
        ),
        (("sh", "-c", "printf unfinished; exit 1"), {}, "exited with status 1: unfinished"),
        (("sh", "-c", "kill -SEGV $$"), {}, "killed by SIGSEGV"),
        (
            ("sleep", "100"),
            {"ready": Ready(within=0.2, start_within=0.3)},
            "not ready within 0.3 s: nothing listens",
        ),
    ],
)
def test_a_failure_is_said_in_words_and_soon(
    home: Home, command: tuple[str, ...], keys: dict[str, object], said: str
) -> None:
    home.platform.apply("web", home.spec(**keys), replace(home.release("bad"), command=command))
    since = time.monotonic()
    state = home.until(failure)
    assert said in failure(state)
    assert time.monotonic() - since < 2
    assert state.stable.ready == 0


@SLOW
def test_a_crash_loop_backs_off_and_doubles(home: Home) -> None:
    home.platform.apply("web", home.spec(environment={"EXIT": "7"}, back_off=0.1), home.release("bad"))
    state = home.until(lambda state: state.stable.replicas and state.stable.replicas[0].restarts >= 3)
    replica = state.stable.replicas[0]
    assert replica.exit_status == 7
    assert "exited with status 7: cannot go on: out of cheese" in failure(state)
    starts = home.platform.logs("web").count("starting bad")
    assert starts <= 4
    since = time.monotonic()
    home.until(lambda state: state.stable.replicas[0].restarts >= 4)
    assert 0.4 < time.monotonic() - since < 3, "after 0.1, 0.2 and 0.4 s the pause is 0.8 s"
    home.run("good")


@SLOW
def test_an_ended_replica_comes_back_by_itself(home: Home) -> None:
    before = home.run().replicas[0]
    os.kill(before.pid or 0, signal.SIGKILL)
    state = home.until(lambda state: failure(state))
    assert failure(state).startswith("killed by SIGKILL")
    after = home.settled().replicas[0]
    assert (after.id, after.restarts, after.exit_status) == (before.id, 1, -9)
    assert after.pid != before.pid


@SLOW
@pytest.mark.parametrize("remedy", ["restart", "apply", "scale"])
def test_with_policy_never_it_stays_ended_until_it_is_asked_for(home: Home, remedy: str) -> None:
    keys = {"restart_policy": "never"}
    before = home.run(**keys).replicas[0]
    os.kill(before.pid or 0, signal.SIGKILL)
    state = home.until(lambda state: state.stable.replicas[0].state == "exited")
    assert failure(state).startswith("killed by SIGKILL")
    assert state.stable.replicas[0].address is None
    time.sleep(0.3)
    assert home.state_of().stable.ready == 0
    if remedy == "restart":
        home.platform.restart("web", token=FIRST)
    elif remedy == "apply":
        home.platform.apply("web", home.spec(**keys), home.release("one"))
    else:
        home.platform.scale("web", 1)
    assert home.settled().failure is None


# ── Readiness ───────────────────────────────────────────────────────────────────────────────────────────────


@SLOW
def test_it_is_ready_when_it_answers_and_not_before(home: Home) -> None:
    home.platform.apply("web", home.spec(environment={"LATE": "0.5"}), home.release("one"))
    since = time.monotonic()
    assert home.until(lambda state: state.stable.replicas).stable.replicas[0].state == "starting"
    home.settled()
    assert 0.4 < time.monotonic() - since < 2


@SLOW
@pytest.mark.parametrize("ready", [Ready(), Ready(http="/ready")], ids=["tcp", "http"])
def test_a_restart_takes_less_than_a_second(home: Home, ready: Ready) -> None:
    home.run(ready=ready)
    since = time.monotonic()
    home.platform.restart("web", token=FIRST)
    home.settled()
    assert time.monotonic() - since < 1


@pytest.mark.slow
@SLOW
def test_a_frozen_replica_is_unready_and_a_restart_heals_it(home: Home) -> None:
    frozen = home.run().replicas[0].pid or 0
    os.kill(frozen, signal.SIGSTOP)
    state = home.until(lambda state: state.stable.ready == 0)
    assert state.stable.replicas[0].state == "unready"
    assert failure(state) == "no longer ready: GET /ready: no answer within 0.3 s"
    home.platform.restart("web", token=FIRST)
    assert home.settled().failure is None
    assert home.get()[0] == 200
    gone(lambda: not is_there(frozen), "the frozen process lives")


@SLOW
def test_a_worker_without_a_port_is_ready_when_it_has_run_a_second(home: Home) -> None:
    spec = home.spec(port=None, command=("sleep", "1000"))
    home.platform.apply("worker", spec, home.platform.configured("worker", spec))
    state = home.until(lambda state: state.stable.settled, service="worker")
    assert state.address is None
    assert state.stable.replicas[0].address is None
    assert state.stable.replicas[0].age >= 1
    former = state.stable.replicas[0].pid or 0
    home.platform.restart("worker", token=FIRST)
    home.until(lambda state: state.stable.settled, service="worker")
    assert not is_there(former), "settled means that the former work has ended"


@SLOW
def test_each_replica_has_a_port_and_an_environment_of_its_own(home: Home) -> None:
    command = (
        "sh",
        "-c",
        f'exec {sys.executable} -S "$0" "$PORT" one',
        str(Path(__file__).with_name("app.py")),
    )
    spec = home.spec(2, command=command, port=None, directory=".")
    home.platform.apply("web", spec, home.platform.configured("web", spec))
    time.sleep(0)
    assert home.until(lambda state: state.stable.failure or state.stable.ready == 2).stable.failure, (
        "without a port in its command or on the service, it gets none"
    )
    home.platform.remove("web")
    spec = home.spec(2, command=command, directory=".")
    home.platform.apply("web", spec, home.platform.configured("web", spec))
    home.settled()
    assert len(set(home.platform.replica_addresses("web"))) == 2


# ── Its end ─────────────────────────────────────────────────────────────────────────────────────────────────


@SLOW
def test_one_that_ignores_sigterm_is_killed_after_its_grace(home: Home) -> None:
    pid = home.run(environment={"STUBBORN": "1"}, stop_grace=0.4).replicas[0].pid or 0
    since = time.monotonic()
    home.platform.remove("web")
    gone(lambda: not is_there(pid), "it lives")
    assert 0.3 < time.monotonic() - since < 2


@SLOW
@pytest.mark.parametrize("end", ["remove", "crash", "restart"])
def test_its_children_end_with_it(home: Home, end: str) -> None:
    pid = home.run(environment={"CHILD": "1"}, stop_grace=0.3, back_off=60.0).replicas[0].pid or 0
    gone(lambda: len(home.processes()) >= 3, "the replica, its shell and its sleep should run")
    family = home.processes()
    if end == "crash":
        os.kill(pid, signal.SIGKILL)
    elif end == "remove":
        home.platform.remove("web")
    else:
        home.platform.restart("web", token=FIRST)
    gone(lambda: not {*family} & {*home.processes()}, "a child outlived its replica")


@SLOW
def test_a_child_in_a_session_of_its_own_is_found_by_its_mark(home: Home) -> None:
    code = (
        "import os, subprocess, sys\n"
        "subprocess.Popen(['sleep', '1000'], start_new_session=True)\n"
        f"os.execv(sys.executable, [sys.executable, '-S', {str(Path(__file__).with_name('app.py'))!r}, *sys.argv[1:]])"
    )
    release = replace(home.release("one"), command=(sys.executable, "-c", code, "{port}", "one"))
    home.platform.apply("web", home.spec(stop_grace=0.3), release)
    home.settled()
    assert len(home.processes()) == 2
    home.platform.remove("web")
    gone(lambda: not home.processes(), "the child in its own session outlived its replica")


# ── Its log ─────────────────────────────────────────────────────────────────────────────────────────────────


@SLOW
def test_logs_are_in_order_and_outlive_replica_and_supervisor(home: Home) -> None:
    home.run("one")
    home.run("two")
    assert home.platform.logs("web") == ["starting one", "starting two"]
    assert home.platform.logs("web", 1) == ["starting two"]
    assert home.platform.logs("web", 0) == []
    home.platform.shutdown()
    assert home.platform.logs("web") == ["starting one", "starting two"]
    home.platform.revive()
    home.settled()
    assert home.platform.logs("web")[:2] == ["starting one", "starting two"]


@SLOW
def test_a_chatty_replica_keeps_to_its_cap_and_holds_up_nobody(home: Home) -> None:
    home.run(environment={"CHATTY": "1"})
    directory = home.directory / "logs" / "web"
    gone(
        lambda: any(path.name.endswith(".log.1") for path in directory.iterdir()), "its log never turned over"
    )
    since = time.monotonic()
    for _ in range(20):
        home.state_of()
    assert time.monotonic() - since < 2
    sizes = [path.stat().st_size for path in directory.iterdir()]
    assert max(sizes) <= logs.FILE_LIMIT
    assert len(sizes) == 2


def test_the_log_of_one_service_keeps_the_last_replicas(tmp_path: Path) -> None:
    service = ServiceLog(tmp_path / "web")
    for number in range(30):
        log = service.replica(f"web-{number:02}")
        log.write(f"line {number}\nhalf".encode())
        log.flush()
        log.close()
        service.close(f"web-{number:02}")
        os.utime(tmp_path / "web" / f"web-{number:02}.log", ns=(number, number))
    kept = sorted(path.name for path in (tmp_path / "web").iterdir())
    assert kept == [f"web-{number:02}.log" for number in range(10, 30)]
    assert list(service.lines)[-2:] == ["line 29", "half"]
    assert read_lines(tmp_path / "web", 3) == ["half", "line 29", "half"]
    service.remove()
    assert not (tmp_path / "web").exists()


def test_long_lines_and_bytes_that_are_no_text(tmp_path: Path) -> None:
    service = ServiceLog(tmp_path / "web")
    log = service.replica("web-1")
    log.write(b"x" * 10_000)
    log.write(b"\n\xff\r\n")
    log.close()
    assert [len(line) for line in service.lines] == [4096, 4096, 1808, 1]
    assert log.last_line == "\N{REPLACEMENT CHARACTER}"


def test_python_is_this_one_where_path_has_none(tmp_path: Path) -> None:
    for name in ("python", "python3"):
        assert resolve_program([name, "-V"], str(tmp_path)) == [sys.executable, "-V"]
    (tmp_path / "python").write_text("#!/bin/sh\n")
    (tmp_path / "python").chmod(0o755)
    assert resolve_program(["python", "-V"], str(tmp_path)) == ["python", "-V"]
    assert resolve_program(["ruby"], str(tmp_path / "nothing")) == ["ruby"]
