"""Dreams, journal, messages and leases in one SQLite database, for the embedded home."""
