"""Adapters that keep everything in memory and work: for tests and for trying things out."""
