"""Every Keeping passes the suite of its port: SQLite's file, and the branch of a repository."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from dreamnet_actions.adapters.github.keeping import GitHubKeeping
from dreamnet_actions.adapters.sqlite.database import open_database
from dreamnet_actions.adapters.sqlite.journal import SqliteJournal
from dreamnet_actions.adapters.sqlite.keeping import SqliteKeeping
from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.ports.stores import Journal
from dreamnet_actions.testing.contracts.keeping import KeepingContract
from dreamnet_actions.testing.memory.clock import VirtualClock
from dreamnet_actions.testing.memory.stores import MemoryDreamStore
from tests.github.homes import Make, bare, git, memories

FACTS = 5
NOON = 1_700_049_600.0  # 2023-11-15T12:00:00Z


def fill(journal: Journal) -> None:
    journal.append(*(Fact(kind="dream-changed", at=NOON + n, text=f"fact {n}") for n in range(FACTS)))
    journal.set_state("paused", {"by": "octocat"})


class KeptInSqlite:
    facts, repairs = FACTS, False

    def __init__(self, path: Path) -> None:
        self.path = path
        self.database = open_database(path)
        fill(SqliteJournal(self.database))

    def damage(self) -> None:
        with sqlite3.connect(self.path) as connection:
            connection.execute("UPDATE fact SET body = '{half' WHERE seq = 3")
        connection.close()

    def keeping(self) -> SqliteKeeping:
        return SqliteKeeping(self.database)


class TestSqliteKeeping(KeepingContract):
    @pytest.fixture
    def kept(self, tmp_path: Path) -> Iterator[KeptInSqlite]:
        made = KeptInSqlite(tmp_path / "dreamnet.db")
        yield made
        made.database.close()

    def test_a_file_of_which_pages_are_gone_is_told(self, kept: KeptInSqlite) -> None:
        kept.database.close()
        with kept.path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * (kept.path.stat().st_size - 4096))
        kept.database = open_database(kept.path)
        assert [one.file for one in kept.keeping().verify().flaws] == [str(kept.path)]


class KeptOnABranch:
    facts, repairs = FACTS, True

    def __init__(self, make: Make, remote: Path, clock: VirtualClock) -> None:
        self.make, self.remote, self.clock = make, remote, clock
        self.dreams = MemoryDreamStore()
        run = make()
        fill(run.journal)
        run.journal.finish()

    def damage(self) -> None:
        place = self.remote.with_name("work")
        git(self.remote, "clone", "--quiet", "-b", "dreamnet", str(self.remote), str(place))
        file = place / "journal" / "2023-11-15.jsonl"
        file.write_bytes(file.read_bytes().replace(b"{", b"{half", 1))
        git(place, "-c", "user.name=m", "-c", "user.email=m@x.org", "commit", "--quiet", "--all", "-m", "x")
        git(place, "push", "--quiet")

    def keeping(self) -> GitHubKeeping:
        memory = self.make()
        return GitHubKeeping(memory.branch, memory.remote, self.clock, self.dreams)


@pytest.mark.slow
class TestGitHubKeeping(KeepingContract):
    @pytest.fixture
    def kept(self, tmp_path: Path) -> Iterator[KeptOnABranch]:
        clock, remote = VirtualClock(), bare(tmp_path / "remote.git")
        with memories(remote, clock) as make:
            yield KeptOnABranch(make, remote, clock)
