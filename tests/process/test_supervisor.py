"""The supervisor itself: one at a time, started on demand, and nothing is left when it dies."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dreamnet_actions.adapters.process.identity import (
    Identity,
    children,
    identity_of,
    is_running,
    marked,
    pids,
    send,
    standing,
    sweep,
)
from dreamnet_actions.adapters.process.places import Places
from dreamnet_actions.errors import DeadlineExceeded, NotFound, PlatformFailed, StateDamaged, TemporaryError
from tests.process.home import Home, at_home, free_port, gone, is_there

pytestmark = pytest.mark.slow
FIRST = "first"


def supervisors(home: Home) -> list[int]:
    """The pids of the supervisors of this state directory, by their command lines."""
    found = []
    for pid in pids():
        try:
            line = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if str(home.state).encode() in line and b"dreamnet_actions.adapters.process.supervisor" in line:
            found.append(pid)
    return found


def guardian(home: Home) -> int:
    ours = {one["pid"] for one in home.runtime()["replicas"]}
    return next(pid for pid in children(home.supervisor().pid) if pid not in ours)


def kill_supervisor(home: Home) -> None:
    pid = home.supervisor().pid
    os.kill(pid, signal.SIGKILL)
    gone(lambda: not is_there(pid), "the supervisor lives")


# ── Starting ────────────────────────────────────────────────────────────────────────────────────────────────


def test_reading_starts_nothing(home: Home) -> None:
    assert dict(home.platform.observe().services) == {}
    for ask in (lambda: home.platform.logs("web"), lambda: home.platform.restart("web", token=FIRST)):
        with pytest.raises(NotFound):
            ask()
    home.platform.revive()
    home.platform.remove("web")
    home.platform.shutdown()
    assert not home.directory.exists()


def test_commands_at_once_start_one_supervisor(home: Home) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(
            pool.map(
                lambda number: home.again().apply(
                    f"s{number}", home.spec(1, port=free_port()), home.release("one")
                ),
                range(8),
            )
        )
    for number in range(8):
        home.until(lambda state: state.stable.settled, service=f"s{number}")
    assert len(supervisors(home)) == 1
    assert json.loads((home.directory / "state.json").read_text())["epoch"] == 1, "there never was another"


def test_it_outlives_the_command_that_started_it(home: Home) -> None:
    code = (
        "from pathlib import Path; from tests.process.home import Home\n"
        f"home = Home(Path({str(home.state)!r})); home.port = {home.port}; home.run()"
    )
    subprocess.run(
        [sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2], start_new_session=True
    )
    assert home.settled().ready == 1
    stands = standing(home.supervisor().pid)
    assert stands is not None
    assert stands.session != os.getsid(0)
    assert Path(f"/proc/{home.supervisor().pid}/cwd").readlink() == Path("/")


def test_a_stale_socket_is_replaced(home: Home) -> None:
    home.directory.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(home.directory / "control.sock"))
    assert home.run().ready == 1


def test_a_long_path_gets_its_socket_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with at_home(tmp_path / ("long" * 30)) as home:
        home.run()
        monkeypatch.setenv("TMPDIR", str(tmp_path))  # the next command's own is another
        assert home.again().observe().services["web"].stable.ready == 1
        path = Path((home.directory / "socket").read_text())
        assert len(str(path)) <= 100
        assert path.parent.stat().st_mode & 0o777 == 0o700
    assert not path.exists()


def test_somebody_elses_socket_directory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    (tmp_path / f"dreamnet-{os.getuid()}").mkdir(mode=0o777)
    (tmp_path / f"dreamnet-{os.getuid()}").chmod(0o777)
    with at_home(tmp_path / ("long" * 30)) as home, pytest.raises(PlatformFailed, match="only this user"):
        home.platform.apply("web", home.spec(), home.release("one"))


def test_damaged_state_is_said_and_kept(home: Home) -> None:
    home.directory.mkdir(parents=True)
    (home.directory / "state.json").write_text('{"version": 1, "inst')
    for ask in (
        home.platform.observe,
        home.platform.revive,
        lambda: home.platform.apply("web", home.spec(), home.release("one")),
    ):
        with pytest.raises(StateDamaged, match=r"state\.json"):
            ask()
    (home.directory / "state.json").unlink()


def test_only_the_owner_may_look(home: Home) -> None:
    home.run()
    assert home.directory.stat().st_mode & 0o777 == 0o700
    files = [home.directory / name for name in ("state.json", "runtime.json", "supervisor.log")]
    for path in (*files, Places(home.state, home.name).socket()):  # a long path puts the socket elsewhere
        assert path.stat().st_mode & 0o077 == 0, path


def test_no_token_of_the_command_lives_on(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_secret")
    monkeypatch.setenv("LC_TIME", "C")
    track = home.run(environment={"ANSWER": "42"})
    names = home.get("/all")[1].split()
    assert {"ANSWER", "DREAMNET_PLATFORM", "DREAMNET_REPLICA", "LC_TIME", "PATH", "PORT"} <= set(names)
    assert "GITHUB_TOKEN" not in names
    for pid in (home.supervisor().pid, guardian(home), track.replicas[0].pid):
        assert b"ghp_secret" not in Path(f"/proc/{pid}/environ").read_bytes()


# ── Ending ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_shutdown_ends_everything_and_revive_brings_it_back(home: Home) -> None:
    home.run(replicas=2)
    held = guardian(home)
    supervisor = home.supervisor()
    home.platform.shutdown()
    assert not is_running(supervisor)
    assert not is_there(held)
    assert home.processes() == []
    down = home.state_of()
    assert (down.stable.ready, down.stable.desired, down.stable.settled) == (0, 2, False)
    assert "supervisor is down" in (down.stable.failure or "")
    home.platform.revive()
    assert home.settled().ready == 2
    home.platform.revive()
    assert len(supervisors(home)) == 1


def test_sigterm_ends_it_gracefully(home: Home) -> None:
    home.run(replicas=2)
    supervisor = home.supervisor()
    os.kill(supervisor.pid, signal.SIGTERM)
    gone(lambda: not is_running(supervisor), "the supervisor lives")
    assert home.processes() == []
    assert "ended" in (home.directory / "supervisor.log").read_text()


def test_a_removed_state_directory_ends_everything(home: Home) -> None:
    home.run(replicas=2)
    home.processes()
    supervisor = home.supervisor()
    shutil.rmtree(home.state)
    gone(lambda: not is_running(supervisor), "the supervisor lives")
    gone(lambda: not home.processes(), "a replica lives")


def test_a_supervisor_that_hangs_is_ended_by_force(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dreamnet_actions.adapters.process.launch.ANSWER_LIMIT", 0.3)
    home.run()
    os.kill(home.supervisor().pid, signal.SIGSTOP)
    with pytest.raises(TemporaryError, match="did not answer"):
        home.platform.observe()
    home.platform.shutdown()
    gone(lambda: not home.processes(), "a replica lives")
    home.platform.revive()
    assert home.settled().ready == 1


def test_it_loads_no_heavy_library() -> None:
    code = (
        "import sys, dreamnet_actions.adapters.process.supervisor, dreamnet_actions.adapters.process.guardian\n"
        "print(*sorted({'pydantic', 'psutil', 'yaml', 'rich', 'click', 'sqlite3'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout.split() == []


# ── SIGKILL ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_killed_it_takes_everything_along_and_the_next_command_brings_it_back(home: Home) -> None:
    home.run("one", replicas=2)
    home.run("two", replicas=2)
    home.platform.scale("web", 3)
    home.platform.apply("web", home.spec(), home.release("three"), canary=True)
    home.platform.shift("web", 0.25)
    before = home.until(lambda state: state.stable.settled and state.canary and state.canary.settled)
    assert len(home.processes()) == 4
    kill_supervisor(home)
    gone(lambda: not home.processes(), "a replica outlived the supervisor")
    down = home.state_of()
    assert down.canary is not None
    assert (down.stable.desired, down.stable.ready, down.canary.ready, down.canary.weight) == (3, 0, 0, 0.25)
    assert home.platform.logs("web", 3)[-1].startswith("starting ")

    home.again().restart("web", token=FIRST)
    after = home.until(lambda state: state.stable.settled and state.canary and state.canary.settled)
    assert after.stable.release == before.stable.release
    assert after.former == before.former
    assert (after.stable.desired, after.stable.weight) == (3, 0.75)
    assert len(supervisors(home)) == 1


def test_grandchildren_of_a_killed_supervisor_are_ended_at_once(home: Home) -> None:
    home.run(environment={"CHILD": "1"})
    gone(lambda: len(home.processes()) >= 3, "the replica, its shell and its sleep should run")
    kill_supervisor(home)
    gone(lambda: not home.processes(), "a grandchild outlived the supervisor", within=3)


def test_grandchildren_are_ended_by_the_next_one_where_the_guardian_was_killed_too(home: Home) -> None:
    home.run(environment={"CHILD": "1"})
    gone(lambda: len(home.processes()) >= 3, "the replica, its shell and its sleep should run")
    both = (home.supervisor().pid, guardian(home))
    for pid in both:
        os.kill(pid, signal.SIGSTOP)  # so that neither can act on the other's end
    for pid in reversed(both):
        os.kill(pid, signal.SIGKILL)
    gone(lambda: len(home.processes()) == 2, "the replica itself dies with its supervisor")
    left = home.processes()
    home.again().scale("web", 1)
    assert not any(is_running(one) for one in left)
    assert home.settled().ready == 1


def test_a_killed_guardian_is_replaced(home: Home) -> None:
    home.run()
    former = guardian(home)
    os.kill(former, signal.SIGKILL)
    gone(lambda: (one := guardian_or_none(home)) and one != former, "no other guardian")


def guardian_or_none(home: Home) -> int | None:
    try:
        return guardian(home)
    except StopIteration:
        return None


@pytest.mark.parametrize("after", ["apply", "scale", "shift", "undo", "restart"])
def test_what_was_answered_survives_a_kill_right_after(home: Home, after: str) -> None:
    home.run("one")
    home.run("two")
    home.platform.apply("web", home.spec(), home.release("canary"), canary=True)
    writes = {
        "apply": lambda: home.platform.apply("web", home.spec(), home.release("three")),
        "scale": lambda: home.platform.scale("web", 2),
        "shift": lambda: home.platform.shift("web", 0.3),
        "undo": lambda: home.platform.undo("web", token=FIRST),
        "restart": lambda: home.platform.restart("web", token=FIRST),
    }
    writes[after]()
    wanted = home.state_of()
    kill_supervisor(home)
    writes[after]()  # the caller that was cut off asks again
    state = home.settled_state()
    assert state.stable.release == wanted.stable.release
    assert state.stable.desired == wanted.stable.desired
    assert state.former == wanted.former
    assert state.canary is not None
    assert wanted.canary is not None
    assert state.canary.weight == wanted.canary.weight


# ── Whose process it is ─────────────────────────────────────────────────────────────────────────────────────


def test_a_foreign_process_is_never_signalled() -> None:
    with subprocess.Popen(["sleep", "1000"]) as foreign:
        try:
            identity = identity_of(foreign.pid)
            assert identity is not None
            reused = Identity(foreign.pid, identity.started - 1)
            assert send(reused, signal.SIGKILL) is False
            assert sweep(lambda mark: False, [reused]) == 0
            assert foreign.poll() is None
        finally:
            foreign.kill()


def test_a_foreign_process_with_a_recorded_pid_is_left_alone(home: Home) -> None:
    home.run()
    kill_supervisor(home)
    with subprocess.Popen(["sleep", "1000"], start_new_session=True) as foreign:
        try:
            text = (home.directory / "runtime.json").read_text()
            pid = home.runtime()["replicas"][0]["pid"]
            (home.directory / "runtime.json").write_text(text.replace(f": {pid},", f": {foreign.pid},"))
            home.again().scale("web", 1)
            assert home.settled().ready == 1
            assert foreign.poll() is None
        finally:
            foreign.kill()


def test_another_platforms_processes_are_left_alone(home: Home, tmp_path: Path) -> None:
    home.run()
    with at_home(tmp_path / "other") as other:
        other.run()
        kill_supervisor(home)
        gone(lambda: not home.processes(), "a replica lives")
        home.again().scale("web", 1)
        home.settled()
        assert other.state_of().stable.settled
        assert len(other.processes()) == 1
        assert not {one.pid for one in other.processes()} & {one.pid for one in home.processes()}


def test_a_mark_is_found_in_the_environment_only() -> None:
    with subprocess.Popen(["sleep", "1000"], env={"DREAMNET_PLATFORM": "feed.1"}) as one:
        try:
            gone(lambda: marked(lambda mark: mark == "feed.1"), "the mark is not seen")
            assert marked(lambda mark: mark == "feed.2") == []
            assert sweep(lambda mark: mark == "feed.1") == 1
            assert one.wait(5) == -signal.SIGKILL
        finally:
            one.kill()


def test_a_lock_that_is_held_is_waited_for_and_said(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    home.directory.mkdir(parents=True)
    with (home.directory / "lock").open("w") as lock, monkeypatch.context() as short:
        short.setattr("dreamnet_actions.adapters.process.launch.START_LIMIT", 0.3)
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(DeadlineExceeded):
            home.platform.apply("web", home.spec(), home.release("one"))
    assert home.run().ready == 1
