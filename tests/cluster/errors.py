"""What can go wrong with the bed, in words for a person."""

from __future__ import annotations


class BedError(Exception):
    """The bed could not do what it was asked for; the message tells what, and the last lines of whose log."""
