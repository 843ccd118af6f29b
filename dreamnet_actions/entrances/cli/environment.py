"""What the command line takes from its surroundings: variables, and the time before there is a system to ask."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping


def environ() -> Mapping[str, str]:
    """Answer the environment's variables as they are now."""
    return dict(os.environ)


def variable(name: str) -> str | None:
    """Answer one variable; None where it is missing or empty."""
    return os.environ.get(name) or None


def now() -> float:
    """Answer seconds since 1970, for results of requests that fail before a system stands."""
    return time.time()


def fresh_id() -> str:
    """Answer an id for such a result; nothing is ever stored under it."""
    return f"unread-{os.urandom(8).hex()}"


def user() -> str:
    """Answer who runs this, for the journal: a name to ask, no proof of anything."""
    return variable("GITHUB_ACTOR") or variable("USER") or variable("LOGNAME") or "somebody"
