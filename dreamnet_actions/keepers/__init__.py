"""The four keepers: gather → plan (pure) → apply → verify. They reach the world by ports and each other by messages."""
