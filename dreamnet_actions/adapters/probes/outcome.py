"""What one look came to, and how an error of the system is told as one."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from dataclasses import dataclass, field

from dreamnet_actions.domain.health import Cause, Status


@dataclass(frozen=True, slots=True)
class Outcome:
    """The part of a report that the look itself decides. ``phases`` are seconds, in the order they happened."""

    status: Status
    cause: Cause | None = None
    detail: str = ""
    phases: Mapping[str, float] = field(default_factory=dict)


class Trouble(Exception):  # a finding about the target, not an error of the program
    """The look ends here with this finding. ``detail`` is one sentence; it may hold untrusted text."""

    def __init__(self, cause: Cause | None, detail: str, status: Status = "failed") -> None:
        super().__init__(detail)
        self.status: Status = status
        self.cause: Cause | None = cause
        self.detail = detail


class OutOfFiles(Exception):  # a signal to the loop, not an error of the program
    """No file descriptor was left to begin with (EMFILE, ENFILE): begin again when another look has ended."""


NO_FILES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""The system has no room for one more socket or process: ours."""

OURS = NO_FILES | {errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.ENETDOWN, errno.EACCES, errno.EPERM}
"""Errors of this machine: no network, no local address or port, forbidden here (a firewall's or sandbox's EPERM)."""

_RESET = frozenset({errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED, errno.ESHUTDOWN, errno.ENOTCONN})


def trouble_of(error: OSError, where: str, doing: str) -> Trouble:
    """Tell an error of the system as a finding about ``where`` (host and port), met while ``doing`` something."""
    number = error.errno
    if number == errno.ECONNREFUSED:
        return Trouble("refused", f"{where} refused the connection")
    if number in _RESET:
        return Trouble("reset", f"{where} reset the connection while {doing}")
    if number == errno.ETIMEDOUT:
        return Trouble("timeout", f"{where} did not answer while {doing}")
    words = (error.strerror or str(error) or type(error).__name__).lower()
    if number in OURS:
        return Trouble(None, f"This machine could not reach {where}: {words}", "unknown")
    return Trouble("other", f"{where} could not be reached: {words}")
