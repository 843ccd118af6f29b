"""The suites of DreamStore, Journal, MessageBus and Lock over every adapter that runs here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dreamnet_actions.adapters.sqlite.bus import SqliteMessageBus
from dreamnet_actions.adapters.sqlite.database import Database, open_database
from dreamnet_actions.adapters.sqlite.dreams import SqliteDreamStore
from dreamnet_actions.adapters.sqlite.journal import SqliteJournal
from dreamnet_actions.adapters.sqlite.locks import SqliteLock
from dreamnet_actions.testing.contracts.dream_store import DreamStoreContract
from dreamnet_actions.testing.contracts.journal import JournalContract
from dreamnet_actions.testing.contracts.lock import LockContract
from dreamnet_actions.testing.contracts.message_bus import MessageBusContract
from dreamnet_actions.testing.memory.clock import VirtualClock
from dreamnet_actions.testing.memory.stores import (
    MemoryDreamStore,
    MemoryJournal,
    MemoryLock,
    MemoryMessageBus,
)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with open_database(tmp_path / "state" / "dreamnet.db") as database:
        yield database
        database.check()


@pytest.fixture
def same_database(database: Database) -> Iterator[Database]:
    """Opened a second time, as another process does."""
    with open_database(database.path) as again:
        yield again


class TestMemoryDreams(DreamStoreContract):
    @pytest.fixture
    def store(self) -> MemoryDreamStore:
        return MemoryDreamStore()


class TestSqliteDreams(DreamStoreContract):
    @pytest.fixture
    def store(self, database: Database) -> SqliteDreamStore:
        return SqliteDreamStore(database)

    @pytest.fixture
    def another(self, same_database: Database) -> SqliteDreamStore:
        return SqliteDreamStore(same_database)


class TestMemoryJournal(JournalContract):
    @pytest.fixture
    def journal(self) -> MemoryJournal:
        return MemoryJournal()


class TestSqliteJournal(JournalContract):
    @pytest.fixture
    def journal(self, database: Database) -> SqliteJournal:
        return SqliteJournal(database)

    @pytest.fixture
    def another(self, same_database: Database) -> SqliteJournal:
        return SqliteJournal(same_database)


class TestMemoryBus(MessageBusContract):
    @pytest.fixture
    def bus(self, clock: VirtualClock) -> MemoryMessageBus:
        return MemoryMessageBus(clock)


class TestSqliteBus(MessageBusContract):
    @pytest.fixture
    def bus(self, database: Database, clock: VirtualClock) -> SqliteMessageBus:
        return SqliteMessageBus(database, clock)

    @pytest.fixture
    def another(self, same_database: Database, clock: VirtualClock) -> SqliteMessageBus:
        return SqliteMessageBus(same_database, clock)


class TestMemoryLock(LockContract):
    @pytest.fixture
    def lock(self, clock: VirtualClock) -> MemoryLock:
        return MemoryLock(clock)


class TestSqliteLock(LockContract):
    @pytest.fixture
    def lock(self, database: Database, clock: VirtualClock) -> SqliteLock:
        return SqliteLock(database, clock)

    @pytest.fixture
    def another(self, same_database: Database, clock: VirtualClock) -> SqliteLock:
        return SqliteLock(same_database, clock)
