"""A write that may not be repeated blindly: done, looked for after trouble, once more where it is not there."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from dreamnet_actions.adapters.github.retry import Patience
from dreamnet_actions.errors import TemporaryError
from dreamnet_actions.ports.system import Clock

T = TypeVar("T")


def certain(do: Callable[[], T], look: Callable[[], T | None], *, clock: Clock, patience: Patience) -> T:
    """Answer what ``do`` answers, or what ``look`` finds of it after ``do`` seemed to fail.

    ``do`` runs at most twice. Raises its TemporaryError where both failed and nothing is there, and at once where the
    wait that GitHub asks for is longer than ``patience.cap``.
    """
    try:
        return do()
    except TemporaryError as trouble:
        if trouble.retry_after > patience.cap:
            raise
        clock.sleep(trouble.retry_after)
    found = look()
    if found is not None:
        return found
    try:
        return do()
    except TemporaryError:
        found = look()
        if found is None:
            raise
        return found
