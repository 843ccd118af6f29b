"""Words about a name that nobody knows. Imports nothing of DreamNet: the errors stand on it."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Answer the one of ``known`` most like ``name``, or None when nothing is near.

    Uses difflib's ratio with its documented cutoff of 0.6.
    """
    import difflib  # late: a start without a mistake does not pay for it

    found = difflib.get_close_matches(name.lower(), {one.lower(): one for one in known}, n=1)
    lowered = {one.lower(): one for one in known}
    return lowered[found[0]] if found else None


def unknown(kind: str, name: object, known: Iterable[str]) -> str:
    """Say that ``name`` is no known ``kind``, list what is known and suggest the nearest."""
    names = sorted(known)
    text = f"Unknown {kind} {name!r}. Known: {', '.join(names) if names else 'none'}."
    suggestion = nearest(str(name), names)
    return f"{text} Did you mean {suggestion!r}?" if suggestion else text
