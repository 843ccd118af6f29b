"""Adapters by port and kind, imported at the moment when they are needed."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any


def adapter(port: str, kind: str) -> Any:
    """Import the class of one adapter of the table, now that it is needed."""
    from dreamnet_actions.adapters.table import ROWS  # late: no first stage pays for it

    row = next(row for row in ROWS if (row.port, row.kind) == (port, kind))
    return imported(row.adapter)


def has_adapter(port: str, kind: str) -> bool:
    """Say whether the table has an adapter of that port and kind."""
    from dreamnet_actions.adapters.table import ROWS

    return any((row.port, row.kind) == (port, kind) for row in ROWS)


def imported(place: str) -> Any:
    """Answer what ``module:name`` names."""
    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)


class Late:
    """A port whose adapter is made at its first use: looking at a plan needs no probe, and so no TLS."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    def __getattr__(self, name: str) -> Any:
        if "_made" not in self.__dict__:
            self._made = self._make()
        return getattr(self._made, name)
