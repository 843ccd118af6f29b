"""Secrets kept out of what is logged: every record of this process goes by the reporters that know some.

A bug's traceback quotes whatever was at hand, and so does a library's warning; neither comes through a reporter. So the
record itself is rewritten as it is made, before any handler sees it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any, Protocol
from weakref import WeakSet


class Hiding(Protocol):
    """Whoever knows secrets and takes them out of a text."""

    def hide(self, text: str) -> str:
        """Answer the text with ``***`` for each secret."""


_lock = threading.Lock()
_known: WeakSet[Hiding] = WeakSet()
"""Those that are there: one goes with its system, and a traceback that is being logged holds on to its own."""
_make: Callable[..., logging.LogRecord] | None = None
"""What made records before; None until somebody knows a secret."""


def hide_in_logs(one: Hiding) -> None:
    """From now on keep out of every log record what ``one`` hides, for as long as it is there."""
    global _make
    with _lock:
        _known.add(one)
        if _make is None:
            _make = logging.getLogRecordFactory()
            logging.setLogRecordFactory(_without_secrets)


def _without_secrets(*args: Any, **kwargs: Any) -> logging.LogRecord:
    assert _make is not None  # noqa: S101 - only what was set above calls it
    record = _make(*args, **kwargs)
    with _lock:
        known = list(_known)
    if not known:
        return record
    try:
        told = record.getMessage()
    except Exception:  # noqa: BLE001 - a line of a log stops nobody; and logging would print its arguments as they are
        told = f"{record.pathname}:{record.lineno} logs what cannot be written: its arguments do not fit."
    trace = logging.Formatter().formatException(record.exc_info) if record.exc_info else None
    for one in known:
        told, trace = one.hide(told), trace and one.hide(trace)
    record.msg, record.args = told, ()
    record.exc_info, record.exc_text = None, trace  # handlers print the text where there is no exception
    return record
