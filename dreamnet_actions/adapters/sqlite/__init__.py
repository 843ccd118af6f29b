"""Dreams, journal, messages and leases in one SQLite database, for the embedded home.

``open_database(path)`` gives a ``Database``; ``SqliteDreamStore(database)``, ``SqliteJournal(database)``,
``SqliteMessageBus(database, clock)`` and ``SqliteLock(database, clock)`` work on it, in any thread.
"""
