"""The machine's clock, ids and randomness: their one home."""
