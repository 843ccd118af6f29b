"""Secrets kept out of what is logged: every record of this process goes by the reporters that know some.

A bug's traceback quotes whatever was at hand, and so does a library's warning; neither comes through a reporter. So the
record itself is rewritten as it is made, before any handler sees it.
"""

from __future__ import annotations

import logging
import threading
from typing import Any, Protocol
from weakref import WeakSet


class Hiding(Protocol):
    """Whoever knows secrets and takes them out of a text."""

    def hide(self, text: str) -> str:
        """Answer the text with ``***`` for each secret."""


_lock = threading.Lock()
_known: WeakSet[Hiding] = WeakSet()
"""Those that are there: one goes with its system, and a traceback that is being logged holds on to its own."""
_make = logging.getLogRecordFactory()


def hide_in_logs(one: Hiding) -> None:
    """From now on keep out of every log record what ``one`` hides, for as long as it is there."""
    with _lock:
        _known.add(one)
        if logging.getLogRecordFactory() is not _without_secrets:
            global _make
            _make = logging.getLogRecordFactory()
            logging.setLogRecordFactory(_without_secrets)


def _without_secrets(*args: Any, **kwargs: Any) -> logging.LogRecord:
    record = _make(*args, **kwargs)
    with _lock:
        known = list(_known)
    if not known:
        return record
    try:
        told = record.getMessage()
    except (TypeError, ValueError, KeyError):  # its arguments do not fit: logging tells of that itself
        return record
    trace = logging.Formatter().formatException(record.exc_info) if record.exc_info else None
    for one in known:
        told, trace = one.hide(told), trace and one.hide(trace)
    record.msg, record.args = told, ()
    record.exc_info, record.exc_text = None, trace  # handlers print the text where there is no exception
    return record
