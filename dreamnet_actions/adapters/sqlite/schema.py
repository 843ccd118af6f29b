"""The tables, as a list of migrations: entry N takes a database from schema N to N + 1. Entries are never changed.

Columns hold what is searched or kept unique; everything else is one JSON ``body``, so that a new field of a value
needs no new schema. Nothing here is newer than SQLite 3.24: systems with Python 3.11 may be that old.
"""

from __future__ import annotations

APPLICATION_ID = 0x44524D4E
"""``DRMN`` in the file's header: tells a database of ours from another program's."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE dream (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            key    TEXT NOT NULL,
            state  TEXT NOT NULL,
            body   TEXT NOT NULL
        )""",
        # The rule itself, whatever the code above it does: at most one that has not ended per key.
        "CREATE UNIQUE INDEX dream_not_ended ON dream (key) WHERE state NOT IN ('resolved', 'wont-fix')",
        "CREATE INDEX dream_key ON dream (key, number)",
        "CREATE INDEX dream_state ON dream (state, number)",
        """CREATE TABLE comment (
            id     INTEGER PRIMARY KEY AUTOINCREMENT,
            number INTEGER NOT NULL REFERENCES dream (number),
            at     REAL NOT NULL,
            body   TEXT NOT NULL
        )""",
        "CREATE INDEX comment_number ON comment (number, id)",
        # AUTOINCREMENT: a seq is not given again after the newest facts were dropped.
        """CREATE TABLE fact (
            seq            INTEGER PRIMARY KEY AUTOINCREMENT,
            kind           TEXT NOT NULL,
            at             REAL NOT NULL,
            service        TEXT NOT NULL,
            dream          TEXT NOT NULL,
            correlation_id TEXT NOT NULL,
            body           TEXT NOT NULL
        )""",
        "CREATE INDEX fact_kind ON fact (kind, at)",
        "CREATE INDEX fact_service ON fact (service, seq) WHERE service <> ''",
        "CREATE INDEX fact_dream ON fact (dream, seq) WHERE dream <> ''",
        "CREATE INDEX fact_story ON fact (correlation_id, seq) WHERE correlation_id <> ''",
        # body NULL: forgotten, but the version still counts.
        """CREATE TABLE shared (
            key     TEXT PRIMARY KEY,
            version INTEGER NOT NULL,
            body    TEXT
        )""",
        # recipient NULL: an event, done from the start. due and leased_until are seconds since 1970.
        """CREATE TABLE message (
            seq          INTEGER PRIMARY KEY AUTOINCREMENT,
            sender       TEXT NOT NULL,
            id           TEXT NOT NULL,
            recipient    TEXT,
            state        TEXT NOT NULL CHECK (state IN ('waiting', 'leased', 'done', 'dead')),
            attempts     INTEGER NOT NULL DEFAULT 0,
            due          REAL NOT NULL DEFAULT 0,
            leased_until REAL NOT NULL DEFAULT 0,
            owner        TEXT NOT NULL DEFAULT '',
            error        TEXT NOT NULL DEFAULT '""',
            body         TEXT NOT NULL,
            UNIQUE (sender, id)
        )""",
        "CREATE INDEX message_id ON message (id)",
        # What receive looks through: it must not grow with the history.
        "CREATE INDEX message_to_do ON message (seq) WHERE state IN ('waiting', 'leased')",
        # id is the fence: it tells a lease from a later one of the same name.
        """CREATE TABLE lease (
            id    INTEGER PRIMARY KEY AUTOINCREMENT,
            name  TEXT NOT NULL UNIQUE,
            owner TEXT NOT NULL,
            until REAL NOT NULL
        )""",
    ),
)

VERSION = len(MIGRATIONS)
"""The schema that this DreamNet writes, kept in the file's ``user_version``."""
