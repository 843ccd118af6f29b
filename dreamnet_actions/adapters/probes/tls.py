"""TLS on a non-blocking socket: one context a process, a verified handshake, and why it failed in plain words."""

from __future__ import annotations

import functools
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path
from time import gmtime, monotonic, strftime

from dreamnet_actions.adapters.probes.connect import Talk, connect
from dreamnet_actions.adapters.probes.loop import READ, WRITE, Expired, Steps, Wait
from dreamnet_actions.adapters.probes.outcome import Trouble
from dreamnet_actions.adapters.probes.resolve import Address, literal
from dreamnet_actions.domain.certificate import Certificate, read_certificate

_NOT_YET, _EXPIRED, _SELF_SIGNED, _WRONG_NAME = 9, 10, (18, 19), (62, 64)


def context_for(ca_file: str | None) -> ssl.SSLContext:
    """Answer the context that trusts ``ca_file``, or the system's certificates: one a process for each.

    Reading a bundle of 145 certificates costs 18 ms, so a file is read again only when it has changed. Raises
    Trouble (``unknown``: ours) for a file that cannot be read or holds no certificate.
    """
    if ca_file is None:
        return _context(None, (0, 0))
    try:
        seen = Path(ca_file).stat()
        return _context(ca_file, (seen.st_mtime_ns, seen.st_size))
    except ssl.SSLError as error:
        why = "it holds no certificate that can be read"
        raise Trouble(
            "tls", f"The file of trusted certificates {ca_file} cannot be used: {why}", "unknown"
        ) from error
    except OSError as error:
        why = (error.strerror or "").lower()
        raise Trouble(
            "tls", f"The file of trusted certificates {ca_file} cannot be read: {why}", "unknown"
        ) from error


@functools.lru_cache(maxsize=64)
def _context(ca_file: str | None, _seen: tuple[int, int]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file)
    context.set_alpn_protocols(["http/1.1"])
    return context


@functools.lru_cache(maxsize=1)
def _unverified() -> ssl.SSLContext:
    """Answer the context of the second look. It sees a certificate; nothing is ever sent through it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class TlsStream:
    """A socket behind a finished handshake that waits as a plain one does: BlockingIOError, and ``b""`` at the end."""

    def __init__(self, inner: ssl.SSLSocket) -> None:
        self._inner = inner

    def fileno(self) -> int:
        """Answer the descriptor to wait for."""
        return self._inner.fileno()

    def recv(self, size: int) -> bytes:
        """Answer at most ``size`` bytes; raises BlockingIOError when there are none yet."""
        try:
            return self._inner.recv(size)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError) as wait:
            raise BlockingIOError from wait
        except ssl.SSLZeroReturnError:
            return b""
        except ssl.SSLError as error:
            raise Trouble("tls", f"The TLS connection broke: {_reason(error)}") from error

    def send(self, data: bytes) -> int:
        """Send what fits and answer how much; raises BlockingIOError when nothing does."""
        try:
            return self._inner.send(data)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError) as wait:
            raise BlockingIOError from wait
        except ssl.SSLError as error:
            raise Trouble("tls", f"The TLS connection broke: {_reason(error)}") from error


def handshake(
    talk: Talk,
    plain: socket.socket,
    host: str,
    context: ssl.SSLContext,
    addresses: Sequence[Address],
    port: int,
) -> Steps[ssl.SSLSocket]:
    """Make a verified handshake for ``host`` and note the phase ``tls``.

    Where the certificate does not verify, looks again without verification to say why; raises Trouble.
    """
    talk.doing = "in the TLS handshake"
    began = monotonic()
    try:
        inner = yield from _shake(talk, plain, host, context)
    except ssl.SSLCertVerificationError as error:
        talk.phases["tls"] = monotonic() - began
        talk.total(monotonic())
        seen = yield from _look_again(talk, host, addresses, port)
        raise Trouble("tls", f"The certificate of {talk.where} {_why(error, host, seen)}") from error
    except ssl.SSLEOFError as error:
        raise Trouble("tls", f"{talk.where} ended the connection during the TLS handshake") from error
    except ssl.SSLError as error:
        raise Trouble("tls", f"The TLS handshake with {talk.where} failed: {_reason(error)}") from error
    talk.phases["tls"] = monotonic() - began
    return inner


def _shake(talk: Talk, plain: socket.socket, host: str, context: ssl.SSLContext) -> Steps[ssl.SSLSocket]:
    inner = context.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
    talk.hold(inner)  # the plain socket gave its descriptor away
    while True:
        try:
            inner.do_handshake()
        except ssl.SSLWantReadError:
            yield Wait((inner.fileno(),), READ)
        except ssl.SSLWantWriteError:
            yield Wait((inner.fileno(),), WRITE)
        else:
            return inner


def _look_again(talk: Talk, host: str, addresses: Sequence[Address], port: int) -> Steps[Certificate | None]:
    """Answer the certificate that is shown, verified or not; None where it cannot be had.

    Its time is limited by the look's own; the phases stay those of the first handshake.
    """
    phases = dict(talk.phases)
    try:
        plain = yield from connect(talk, addresses, port)
        inner = yield from _shake(talk, plain, host, _unverified())
        shown = inner.getpeercert(binary_form=True)
        return read_certificate(shown) if shown else None
    except (OSError, ValueError, Trouble, Expired):
        return None
    finally:
        talk.phases.clear()
        talk.phases.update(phases)


def certificate_of(inner: ssl.SSLSocket) -> Certificate | None:
    """Answer the verified certificate of a connection, None where it has a form that we cannot read."""
    try:
        return read_certificate(inner.getpeercert(binary_form=True) or b"")
    except ValueError:
        return None


def day(moment: float) -> str:
    """Write a moment as its day (UTC)."""
    try:
        return strftime("%Y-%m-%d", gmtime(moment))
    except (OverflowError, OSError, ValueError):
        return "a day beyond the calendar"


def _why(error: ssl.SSLCertVerificationError, host: str, seen: Certificate | None) -> str:
    code = getattr(error, "verify_code", 0)
    if code == _EXPIRED:
        return f"expired on {day(seen.ends)}" if seen else "has expired"
    if code == _NOT_YET:
        return f"is valid only from {day(seen.begins)} on" if seen else "is not valid yet"
    if code in _SELF_SIGNED:
        return (
            "is self-signed" if code == _SELF_SIGNED[0] else "leads to a self-signed one that is not trusted"
        )
    if code in _WRONG_NAME or "mismatch" in str(error):
        names = ", ".join(seen.names[:5]) if seen and seen.names else "other names"
        return f"is for {names}, not for {host}"
    words = getattr(error, "verify_message", "") or _reason(error)
    return f"does not verify: {words}"


def _reason(error: ssl.SSLError) -> str:
    """Say in words what the library says in capitals."""
    reason = (error.reason or "").replace("_", " ").lower()
    if reason in ("wrong version number", "http request", "record layer failure", "packet length too long"):
        return "it does not speak TLS there"
    return reason or "no reason given"


def sni(host: str) -> str:
    """Answer ``host`` as the handshake names it: as ASCII, and without the scope of an IPv6 address."""
    return host.partition("%")[0] if literal(host) else host
