"""From addresses to one connected socket: families in turn, the next one tried while the last still hangs."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Sequence
from time import monotonic

from dreamnet_actions.adapters.probes.loop import WRITE, Expired, Steps, Wait
from dreamnet_actions.adapters.probes.outcome import NO_FILES, OURS, Outcome, OutOfFiles, Trouble, trouble_of
from dreamnet_actions.adapters.probes.resolve import Address

NEXT_AFTER = 0.25
"""Seconds after which the next address is tried beside the first (RFC 8305, Connection Attempt Delay)."""
_PENDING = frozenset({0, errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EINTR})


class Talk:
    """What one conversation has come to so far: its phases, what it is doing now, and its sockets."""

    def __init__(self, where: str, resolved_in: float | None) -> None:
        self.where = where
        self.doing = "connecting"
        self.began = monotonic()
        self.phases: dict[str, float] = {} if resolved_in is None else {"resolve": resolved_in}
        self._resolved_in = resolved_in or 0.0
        self._sockets: set[socket.socket] = set()

    def hold(self, one: socket.socket) -> None:
        """Close this socket when the conversation ends."""
        self._sockets.add(one)

    def drop(self, one: socket.socket) -> None:
        """Close this socket now."""
        self._sockets.discard(one)
        one.close()

    def total(self, until: float) -> float:
        """Note and answer the phase ``total``, ending at ``until``; the time to resolve the name is part of it."""
        self.phases["total"] = max(0.0, until - self.began) + self._resolved_in
        return self.phases["total"]

    def close(self) -> None:
        """Close every socket that is left."""
        for one in self._sockets:
            one.close()
        self._sockets.clear()


def conduct(talk: Talk, steps: Steps[Outcome]) -> Steps[Outcome]:
    """Run a conversation to its outcome, whatever happens in it, and close its sockets."""
    try:
        outcome = yield from steps
    except Trouble as trouble:
        outcome = Outcome(trouble.status, trouble.cause, trouble.detail)
    except Expired as expired:
        passed = monotonic() - talk.began
        whose = "when the round's time was over" if expired.round_over else "when its time was up"
        detail = f"No answer from {talk.where} after {passed:.1f} s: it was {talk.doing} {whose}"
        outcome = Outcome("failed", "timeout", detail)
    except OSError as error:
        told = trouble_of(error, talk.where, talk.doing)
        outcome = Outcome(told.status, told.cause, told.detail)
    finally:
        talk.close()
    if "total" not in talk.phases:
        talk.total(monotonic())
    return Outcome(outcome.status, outcome.cause, outcome.detail, talk.phases)


def connect(talk: Talk, addresses: Sequence[Address], port: int) -> Steps[socket.socket]:
    """Connect to the first address that takes us.

    Raises Trouble with the worst that was heard when none does, OutOfFiles when not even one could be tried.
    """
    waiting = list(addresses)
    tried: dict[int, socket.socket] = {}
    errors: list[OSError] = []
    began = monotonic()
    fresh = False
    next_at = began
    while waiting or tried:
        if waiting and (not tried or monotonic() >= next_at):
            one = _begin(talk, waiting.pop(0), port, errors, first=not tried and not errors)
            if one is not None:
                tried[one.fileno()] = one
                fresh, next_at = True, monotonic() + NEXT_AFTER
            continue
        stamp, file = yield Wait(tuple(tried), WRITE, next_at if waiting else None, fresh)
        fresh = False
        if file is None:
            continue
        one = tried.pop(file)
        number = one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number == 0:
            for other in tried.values():
                talk.drop(other)
            talk.phases["connect"] = max(0.0, stamp - began)
            return one
        talk.drop(one)
        errors.append(OSError(number, os.strerror(number)))
        next_at = stamp
    raise _verdict(talk.where, errors)


def _begin(
    talk: Talk, address: Address, port: int, errors: list[OSError], *, first: bool
) -> socket.socket | None:
    """Begin to connect to one address; an error that comes at once goes to ``errors``."""
    family, place = address
    try:
        one = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        if first and error.errno in NO_FILES:
            raise OutOfFiles(error.errno) from error
        errors.append(error)
        return None
    talk.hold(one)
    one.setblocking(False)
    # Without it the request that follows a TLS 1.3 handshake waits 40 ms for an acknowledgement.
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    number = one.connect_ex((place[0], port, *place[2:]))
    if number in _PENDING:
        return one
    talk.drop(one)
    errors.append(OSError(number, os.strerror(number)))
    return None


def _verdict(where: str, errors: Sequence[OSError]) -> Trouble:
    """Choose what to tell: what a target said beats what this machine could not do."""
    theirs = [error for error in errors if error.errno not in OURS]
    return trouble_of((theirs or list(errors))[0], where, "connecting")
