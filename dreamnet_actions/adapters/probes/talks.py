"""The conversations themselves: what is said to a target for each kind of check, and what to make of the answer."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from dreamnet_actions.adapters.probes.connect import Talk, connect
from dreamnet_actions.adapters.probes.http import AnswerReader, Broken, Malformed, Target, request_for
from dreamnet_actions.adapters.probes.loop import READ, WRITE, Steps, Wait
from dreamnet_actions.adapters.probes.options import HttpCheck, HttpExpect, TcpCheck, TlsCheck
from dreamnet_actions.adapters.probes.outcome import Outcome, Trouble
from dreamnet_actions.adapters.probes.resolve import Address
from dreamnet_actions.adapters.probes.text import Redactor
from dreamnet_actions.domain.health import Cause
from dreamnet_actions.domain.units import format_duration

if TYPE_CHECKING:
    import ssl  # costs 10 ms: only checks that need it load it

_PIECE = 64 * 1024
"""Bytes read at once: most answers come whole, so that the server never writes to a closed connection."""


class Stream(Protocol):
    """What both a plain socket and one behind TLS can do."""

    def fileno(self) -> int: ...
    def recv(self, size: int, /) -> bytes: ...
    def send(self, data: bytes, /) -> int: ...


def tcp_talk(talk: Talk, addresses: Sequence[Address], port: int, check: TcpCheck) -> Steps[Outcome]:
    """Connect, and that is all."""
    yield from connect(talk, addresses, port)
    seconds = talk.total(talk.began + talk.phases["connect"])
    if check.within is not None and seconds > check.within:
        return Outcome("degraded", "slow", f"{talk.where} {_slow(seconds, check.within)}")
    return Outcome("passed", None, f"{talk.where} took the connection")


def tls_talk(
    talk: Talk,
    addresses: Sequence[Address],
    port: int,
    check: TlsCheck,
    *,
    host: str,
    context: ssl.SSLContext,
    now: Callable[[], float],
) -> Steps[Outcome]:
    """Make a verified handshake and see how long the certificate still holds."""
    from dreamnet_actions.adapters.probes import tls

    plain = yield from connect(talk, addresses, port)
    inner = yield from tls.handshake(talk, plain, tls.sni(host), context, addresses, port)
    talk.total(monotonic())
    certificate = tls.certificate_of(inner)
    if certificate is None:
        return Outcome("passed", None, f"The certificate of {talk.where} verifies")
    left = certificate.ends - now()
    until = f"the certificate of {talk.where} is valid until {tls.day(certificate.ends)}"
    if left < check.expires_after:
        wanted = format_duration(check.expires_after)
        text = (
            f"{until[0].upper()}{until[1:]}, {format_duration(max(0.0, left))} from now; {wanted} are wanted"
        )
        return Outcome("degraded", "tls", text)
    return Outcome("passed", None, until[0].upper() + until[1:])


def http_talk(
    talk: Talk,
    addresses: Sequence[Address],
    port: int,
    check: HttpCheck,
    *,
    target: Target,
    redact: Redactor,
    context: ssl.SSLContext | None,
) -> Steps[Outcome]:
    """Ask, read as much of the answer as the check needs, and compare it with what is expected."""
    expect = check.expect
    stream: Stream
    if context is not None:
        from dreamnet_actions.adapters.probes import tls

        plain = yield from connect(talk, addresses, port)
        inner = yield from tls.handshake(talk, plain, tls.sni(target.host), context, addresses, port)
        stream = tls.TlsStream(inner)
    else:
        stream = yield from connect(talk, addresses, port)
    reader = AnswerReader(
        method=check.method, want_body=expect.body_contains is not None or expect.body_missing is not None
    )
    try:
        seconds = yield from _exchange(talk, stream, request_for(target, check.method), reader)
    except Malformed as error:
        cause: Cause = "reset" if isinstance(error, Broken) else "other"
        raise Trouble(cause, f"The answer of {redact.shown} {error}") from error
    return _judge(expect, reader, seconds, redact, method=check.method)


def _exchange(talk: Talk, stream: Stream, request: bytes, reader: AnswerReader) -> Steps[float]:
    """Send the request, feed the reader until it is done; notes phases and answers the whole time in seconds."""
    talk.doing = "sending the request"
    while request:
        try:
            request = request[stream.send(request) :]
        except BlockingIOError:
            yield Wait((stream.fileno(),), WRITE)
    asked = monotonic()
    talk.doing = "waiting for the first byte"
    while not reader.done:
        stamp, _ = yield Wait((stream.fileno(),), READ)
        # Everything that is there: TLS may hold more than the descriptor shows.
        while not reader.done:
            try:
                data = stream.recv(_PIECE)
            except BlockingIOError:
                break
            if "first-byte" not in talk.phases and data:
                talk.phases["first-byte"] = max(0.0, stamp - asked)
                talk.doing = "reading the answer"
            if not data:
                reader.end()
                break
            reader.feed(data)
            if len(data) < _PIECE and isinstance(stream, socket.socket):
                break
    return talk.total(stamp)


def _judge(
    expect: HttpExpect, reader: AnswerReader, seconds: float, redact: Redactor, *, method: str
) -> Outcome:
    allowed = (expect.status,) if isinstance(expect.status, int) else expect.status
    if reader.status not in allowed:
        cause: Cause = "status-5xx" if reader.status >= 500 else "status"
        said = f"{reader.status} {redact(reader.reason)[:80]}".strip()
        wanted = " or ".join(str(one) for one in allowed) or "no status at all"
        to = (
            f" (to {redact(Redactor(reader.headers['location']).shown)})"
            if "location" in reader.headers
            else ""
        )
        return Outcome("failed", cause, f"{method} {redact.shown} answered {said}{to}, expected {wanted}")
    if expect.body_contains is not None or expect.body_missing is not None:
        text = reader.text
        if expect.body_contains is not None and expect.body_contains not in text:
            return Outcome(
                "failed", "body", f"The body of {redact.shown} lacks {expect.body_contains!r}{_coded(reader)}"
            )
        if expect.body_missing is not None and expect.body_missing in text:
            return Outcome("failed", "body", f"The body of {redact.shown} has {expect.body_missing!r} in it")
    if expect.within is not None and seconds > expect.within:
        return Outcome("degraded", "slow", f"{redact.shown} {_slow(seconds, expect.within)}")
    return Outcome("passed", None, f"{method} {redact.shown} answered {reader.status}")


def _coded(reader: AnswerReader) -> str:
    coding = reader.headers.get("content-encoding", "identity").lower()
    return "" if coding in ("identity", "") else f" (it came as {coding[:20]}, which was not asked for)"


def _slow(seconds: float, within: float) -> str:
    return f"took {format_duration(seconds)}, longer than {format_duration(within)}"
