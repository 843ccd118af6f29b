"""What is SQLite's own: the file, its schema, its errors, and who an owner is."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest

from dreamnet_actions.adapters import owner
from dreamnet_actions.adapters.owner import is_dead, named, this_process
from dreamnet_actions.adapters.sqlite import bus as bus_module
from dreamnet_actions.adapters.sqlite import database as database_module
from dreamnet_actions.adapters.sqlite.bus import SqliteMessageBus
from dreamnet_actions.adapters.sqlite.database import open_database
from dreamnet_actions.adapters.sqlite.dreams import SqliteDreamStore
from dreamnet_actions.adapters.sqlite.journal import SqliteJournal
from dreamnet_actions.adapters.sqlite.schema import MIGRATIONS, VERSION
from dreamnet_actions.domain.dream import Dream
from dreamnet_actions.domain.health import Report
from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.domain.message import Message
from dreamnet_actions.errors import Conflict, PermanentError, StateDamaged, TemporaryError
from dreamnet_actions.testing.contracts.together import together
from dreamnet_actions.testing.memory.clock import VirtualClock

ROOT = Path(__file__).resolve().parents[2]
HALF_A_PAIR = "half a pair \udc80, nul \x00, \\udc80"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "dreamnet.db"


# ── the file ─────────────────────────────────────────────────────────────────────────────────────────────


def test_only_the_user_may_read_it(path: Path) -> None:
    with open_database(path) as database:
        SqliteJournal(database).append(Fact(kind="tick", at=1.0, text="x"))
        assert path.parent.stat().st_mode & 0o777 == 0o700
        assert {one.stat().st_mode & 0o777 for one in path.parent.iterdir()} == {0o600}
        assert len(list(path.parent.iterdir())) == 3
    path.chmod(0o644)
    open_database(path).close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_was_stored_is_there_when_it_is_opened_again(path: Path) -> None:
    with open_database(path) as database:
        SqliteJournal(database).set_state("k", 1)
    with open_database(path) as database:
        assert SqliteJournal(database).state("k") == (1, 1)


def test_an_empty_file_becomes_a_database(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    with open_database(path) as database:
        assert SqliteJournal(database).set_state("k", 1) == 1


def test_of_many_that_make_it_at_once_none_replaces_anothers(tmp_path: Path) -> None:
    def begin(path: Path, name: str) -> None:
        with open_database(path) as database:
            SqliteJournal(database).set_state(name, name)

    for round_ in range(10):
        path = tmp_path / str(round_) / "dreamnet.db"
        together([partial(begin, path, name) for name in "abcd"])
        with open_database(path) as database:
            assert set(SqliteJournal(database).states("")) == set("abcd")
        assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_it_is_made_where_there_are_no_hard_links(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(database_module.os, "link", refuse)
    with open_database(path) as database:
        assert SqliteJournal(database).set_state("k", 1) == 1
    assert [one.name for one in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("content", [b"hello\n", b"not a database " * 1000], ids=["short", "long"])
def test_what_is_no_database_is_refused_and_left(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(StateDamaged, match="not a database") as refused:
        open_database(path)
    assert str(path) in refused.value.message
    assert path.read_bytes() == content


def test_a_database_of_another_program_is_refused(path: Path) -> None:
    path.parent.mkdir()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (a)")
    connection.close()
    with pytest.raises(StateDamaged, match="another program"):
        open_database(path)


def test_a_folder_in_its_place_is_refused(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(StateDamaged, match="directory"):
        open_database(path)


def test_a_file_where_its_folder_should_be_is_refused(path: Path) -> None:
    path.parent.write_text("")
    with pytest.raises(PermanentError, match="cannot be used"):
        open_database(path)


def test_a_damaged_page_is_named(path: Path) -> None:
    with open_database(path) as database:
        SqliteJournal(database).append(*(Fact(kind="tick", at=1.0, text="x" * 500) for _ in range(200)))
        database.check()
    with path.open("r+b") as file:
        for page in range(5, path.stat().st_size // 4096):
            file.seek(page * 4096)
            file.write(b"\xff" * 64)
    with open_database(path) as database, pytest.raises(StateDamaged):
        database.check()


# ── its schema ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_newer_schema_is_refused(path: Path) -> None:
    with open_database(path) as database, database.write() as connection:
        connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    with pytest.raises(StateDamaged, match=f"schema {VERSION + 1}") as refused:
        open_database(path)
    assert "Update DreamNet" in refused.value.hint


def test_an_older_schema_is_brought_up_to_date(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_database(path) as database:
        SqliteJournal(database).set_state("k", 1)
    monkeypatch.setattr(database_module, "MIGRATIONS", (*MIGRATIONS, ("CREATE TABLE newer (a)",)))
    monkeypatch.setattr(database_module, "VERSION", VERSION + 1)
    for _ in range(2):
        with open_database(path) as database, database.read() as connection:
            assert connection.execute("SELECT count(*) FROM newer").fetchone() == (0,)
            assert connection.execute("PRAGMA user_version").fetchone() == (VERSION + 1,)
            assert SqliteJournal(database).state("k") == (1, 1)


def test_a_migration_that_fails_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_database(path).close()
    bad = ("CREATE TABLE newer (a)", "CREATE NONSENSE")
    with monkeypatch.context() as patch:
        patch.setattr(database_module, "MIGRATIONS", (*MIGRATIONS, bad))
        patch.setattr(database_module, "VERSION", VERSION + 1)
        with pytest.raises(sqlite3.OperationalError):
            open_database(path)
    with open_database(path) as database, database.read() as connection:
        assert connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'newer'").fetchone() == (
            0,
        )


# ── its errors ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_lock_held_too_long_is_temporary(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "BUSY_SECONDS", 0.05)
    with open_database(path) as database, open_database(path) as other:
        journal = SqliteJournal(other)
        with database.write():
            with pytest.raises(TemporaryError, match="locked") as refused:
                journal.set_state("k", 1)
            assert journal.state("k") == (None, 0)  # readers never wait
        assert refused.value.hint
        assert refused.value.retry_after == 1.0
        assert journal.set_state("k", 1) == 1


def test_a_full_disk_is_temporary(path: Path) -> None:
    with open_database(path) as database:
        journal = SqliteJournal(database)
        with database.read() as connection:
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            connection.execute(f"PRAGMA max_page_count = {pages + 2}")
        with pytest.raises(TemporaryError, match="full"):
            journal.set_state("k", "x" * 100_000)
        assert journal.set_state("k", "small") == 1


def test_the_index_itself_forbids_a_second_open_dream(path: Path) -> None:
    with open_database(path) as database:
        SqliteDreamStore(database).open(Dream(key="p/web"))
        with pytest.raises(Conflict), database.write() as connection:
            connection.execute("INSERT INTO dream (key, state, body) VALUES ('p/web', 'snoozed', '{}')")


def test_an_exception_undoes_the_whole_block(path: Path) -> None:
    with open_database(path) as database:

        def cut() -> None:
            with database.write() as connection:
                connection.execute("INSERT INTO shared (key, version) VALUES ('k', 1)")
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            cut()
        assert SqliteJournal(database).state("k") == (None, 0)


# ── text that UTF-8 cannot hold ──────────────────────────────────────────────────────────────────────────


def test_half_a_surrogate_pair_is_stored_like_any_text(path: Path) -> None:
    with open_database(path) as database:
        dreams, journal = SqliteDreamStore(database), SqliteJournal(database)
        bus = SqliteMessageBus(database, VirtualClock())
        report = Report(service="p/web", check="c", status="failed", detail=HALF_A_PAIR)
        dream = dreams.open(Dream(key=HALF_A_PAIR, because=HALF_A_PAIR, evidence=(report,)))
        assert dreams.find(HALF_A_PAIR) == dream == dreams.open(Dream(key=HALF_A_PAIR))
        dreams.comment(dream.number, 1.0, HALF_A_PAIR)
        assert list(dreams.comments(dream.number)) == [(1.0, HALF_A_PAIR)]
        (fact,) = journal.append(
            Fact(kind="tick", at=1.0, text=HALF_A_PAIR, service=HALF_A_PAIR, correlation_id=HALF_A_PAIR)
        )
        assert list(journal.read(service=HALF_A_PAIR, correlation_id=HALF_A_PAIR)) == [fact]
        journal.set_state("k", {HALF_A_PAIR: HALF_A_PAIR})
        assert journal.state("k")[0] == {HALF_A_PAIR: HALF_A_PAIR}
        sent = Message(id=HALF_A_PAIR, sender=HALF_A_PAIR, name="n", to="relaybot", time="t")
        assert list(bus.publish(sent, sent)) == [True, False]
        delivery = bus.receive()[0]
        assert delivery.message == sent
        bus.dead_letter(delivery, error=HALF_A_PAIR)
        assert bus.list()[0].error == HALF_A_PAIR
        assert bus.replay(HALF_A_PAIR) == sent


def test_follow_goes_on_past_a_page(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus_module, "_PAGE", 2)
    with open_database(path) as database:
        bus = SqliteMessageBus(database, VirtualClock())
        sent = [Message(id=str(n), sender="s", name="n", to=None, time="t") for n in range(5)]
        bus.publish(*sent[:4])
        told = []
        for _, one in bus.follow(0):
            told.append(one)
            bus.publish(sent[4])  # what comes meanwhile is for the next call
        assert told == sent[:4]


# ── threads and forks ────────────────────────────────────────────────────────────────────────────────────


def test_connections_of_ended_threads_are_closed(path: Path) -> None:
    with open_database(path) as database:
        journal = SqliteJournal(database)
        for n in range(20):
            thread = threading.Thread(target=journal.set_state, args=("k", n))
            thread.start()
            thread.join()
        assert len(database._opened) <= 2
        assert journal.state("k") == (19, 20)


def test_a_forked_child_has_connections_of_its_own(path: Path) -> None:
    code = f"""
import os, sys
from pathlib import Path
from dreamnet_actions.adapters.sqlite.database import open_database
from dreamnet_actions.adapters.sqlite.journal import SqliteJournal
from dreamnet_actions.adapters.owner import this_process, is_dead
journal = SqliteJournal(open_database(Path({str(path)!r})))
journal.set_state("parent", this_process())
children = []
for n in range(3):
    pid = os.fork()
    if not pid:
        for _ in range(20):
            journal.set_state(f"child{{n}}", this_process())
        os._exit(0)
    children.append(pid)
for _ in range(20):
    journal.set_state("parent", this_process())
assert [os.waitpid(pid, 0)[1] for pid in children] == [0, 0, 0]
owners = journal.states("")
assert len(set(owners.values())) == 4, owners
assert [is_dead(owners[f"child{{n}}"]) for n in range(3)] == [True] * 3
assert journal.state("child2")[1] == 20
"""
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert run.returncode == 0, run.stderr
    with open_database(path) as database:
        database.check()


# ── owners ───────────────────────────────────────────────────────────────────────────────────────────────


def test_an_owner_is_dead_only_for_certain() -> None:
    mine = this_process()
    place, pid, started = mine.split("|")
    assert not is_dead(mine)
    assert not is_dead(f"{place}|{os.getppid()}|{_owner_started(os.getppid())}")
    # The pid is in use again, by a process that started at another time.
    assert is_dead(f"{place}|{os.getppid()}|{started}x")
    # Elsewhere: the same numbers mean other processes, so it cannot be told.
    assert not is_dead(f"elsewhere|{pid}|{started}x")
    for unreadable in ("", "nonsense", f"{place}|x|y", f"{place}|"):
        assert not is_dead(unreadable)
    with subprocess.Popen(["true"]) as gone:
        gone.wait(10)
    assert is_dead(f"{place}|{gone.pid}|1")


def test_owners_are_told_apart_without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    import psutil  # noqa: F401  # before the platform changes: it looks at that when it is loaded

    monkeypatch.setattr(owner.sys, "platform", "darwin")
    monkeypatch.setattr(owner, "_BOOT", Path("/no/such/file"))
    owner._known.clear()
    try:
        place, pid, started = this_process().split("|")
        assert (place, pid) == (os.uname().nodename, str(os.getpid()))
        assert float(started) > 1_600_000_000
        parent = owner._started(os.getppid())
        assert not is_dead(f"{place}|{os.getppid()}|{parent}")
        # Ours would not do for another time: who started us may have begun in the same hundredth of a second.
        assert is_dead(f"{place}|{os.getppid()}|{float(str(parent)) - 1.0!r}")
        with subprocess.Popen(["true"]) as gone:
            gone.wait(10)
        assert is_dead(f"{place}|{gone.pid}|{started}")
    finally:
        owner._known.clear()


def test_owners_are_named_for_people() -> None:
    assert named(this_process()) == f"this process ({os.getpid()})"
    assert named("elsewhere|17|3") == "process 17"


def _owner_started(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


def test_the_adapters_are_light_to_import() -> None:
    code = """
import sys
from dreamnet_actions.adapters.sqlite import bus, database, dreams, journal, locks
from dreamnet_actions.adapters.system import clock, ids
print(sorted({"pydantic", "psutil", "uuid_utils", "asyncio"} & set(sys.modules)))
"""
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
