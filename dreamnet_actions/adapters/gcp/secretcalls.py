"""Calls of Secret Manager: the official client over gRPC, with our token, at a pace that the quota allows.

A project may make 600 read requests and 90,000 access requests a minute, whoever makes them
(https://cloud.google.com/secret-manager/quotas). So reads are held to 600 a minute here, and where somebody else took
their share, the service's own word on when to ask again is kept to.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dreamnet_actions.adapters.gcp.identity import Identity
from dreamnet_actions.errors import ConfigError, TemporaryError
from dreamnet_actions.errors.configuration import ExtraMissing
from dreamnet_actions.ports.system import Clock

TIMEOUT = 20.0
"""Seconds for one call."""
READS = 600
"""Reads in a minute."""
PATIENCE = 150.0
"""Seconds that one call may wait for a quota: two turns of a minute, and a little."""
TRIES = 3
"""Tries of a call that found nobody there."""
_MINUTE = 60.0
_AGAIN = 1.0
_LOGGERS = ("transports.grpc", "client")
_ROOTS = ("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
"""Variables that name the authorities to trust; gRPC itself knows only the first."""


class Pace:
    """Lets ``READS`` calls begin in any minute; whoever comes later waits. ``say`` is told of a wait."""

    def __init__(self, clock: Clock, say: Callable[[str], None], reads: int = READS) -> None:
        self._clock, self._say, self._reads = clock, say, reads
        self._lock = threading.Lock()
        self._begun: deque[float] = deque()

    def turn(self) -> None:
        """Wait until a read may begin."""
        with self._lock:
            now = self._clock.monotonic()
            while self._begun and self._begun[0] <= now - _MINUTE:
                self._begun.popleft()
            if len(self._begun) >= self._reads:
                wait = self._begun[0] + _MINUTE - now
                self._say(f"Secret Manager allows {self._reads} reads a minute: going on in {wait:.0f} s.")
                self._clock.sleep(wait)
                self._begun.popleft()
            self._begun.append(self._clock.monotonic())


class Calls:
    """The client of one endpoint (``address``). Safe to use from many threads; it is made by the first call.

    ``environ`` names the authorities to trust, where not gRPC's own.
    """

    def __init__(
        self,
        address: str,
        identity: Identity,
        *,
        environ: Mapping[str, str],
        clock: Clock,
        say: Callable[[str], None],
    ) -> None:
        self._address, self._identity, self._environ, self._clock = address, identity, environ, clock
        self._say = say
        self._pace = Pace(clock, say)
        self._lock = threading.Lock()
        self._client: Any = None
        self._channel: Any = None

    def call(self, method: str, request: Any) -> Any:
        """Make one call. Raises google.api_core's GoogleAPICallError where the service says no for good, TemporaryError
        where it was not to be had within the patience, and what Identity raises."""
        from google.api_core import exceptions

        made = getattr(self._made(), method)
        token = self._identity.token()
        renewed, failed, waited = False, 0, 0.0
        while True:
            if method != "access_secret_version":
                self._pace.turn()
            try:
                metadata = list(self._identity.headers(token).items())
                return made(request=request, retry=None, timeout=TIMEOUT, metadata=metadata)
            except exceptions.Unauthenticated:
                if renewed:
                    raise
                token, renewed = self._identity.renew(token), True
            except (exceptions.ServerError, exceptions.Aborted, exceptions.Cancelled) as error:
                failed += 1
                if failed >= TRIES:
                    raise away(error) from error
                self._clock.sleep(_AGAIN * 2 ** (failed - 1))
            except exceptions.ResourceExhausted as error:
                wait = retry_delay(error)
                if waited + wait > PATIENCE:
                    raise spent(wait) from error
                self._say(f"Secret Manager's quota of this minute is used up: going on in {wait:.0f} s.")
                self._clock.sleep(wait)
                waited += wait

    def close(self) -> None:
        """Let go of the connection."""
        with self._lock:
            if self._channel is not None:
                self._channel.close()
            self._client = self._channel = None

    def _made(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = self._make()
            return self._client

    def _make(self) -> Any:
        try:
            import google_crc32c  # noqa: F401 - asked for now, and not after the first value came
            import grpc
            from google.api_core.gapic_v1.client_info import ClientInfo
            from google.cloud import secretmanager_v1
            from google.cloud.secretmanager_v1.services.secret_manager_service import transports
        except ImportError as error:
            missing = "google-crc32c" if error.name == "google_crc32c" else "google-cloud-secret-manager"
            raise ExtraMissing("A source of kind gcp-secret-manager", missing, "gcp") from None
        for one in _LOGGERS:
            # At DEBUG the client writes whole answers to the log, payloads too (GOOGLE_SDK_PYTHON_LOGGING_SCOPE).
            name = f"google.cloud.secretmanager_v1.services.secret_manager_service.{one}"
            logging.getLogger(name).setLevel(logging.WARNING)
        parts = urlsplit(self._address)
        here = parts.hostname in ("127.0.0.1", "::1", "localhost")
        options = [("grpc.enable_http_proxy", 0)] if here else []
        target = parts.netloc if parts.port else f"{parts.netloc}:443"
        if parts.scheme == "https":
            trusted = grpc.ssl_channel_credentials(_roots(self._environ))
            self._channel = grpc.secure_channel(target, trusted, options=options)
        elif here and parts.scheme == "http":
            self._channel = grpc.insecure_channel(target, options=options)
        else:
            raise ConfigError(
                f"The address of Secret Manager, {self._address!r}, is not one that secrets may come from.",
                hint="Write https:// in CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER, or unset it; without TLS only "
                "this machine itself is asked.",
            )
        transport = transports.SecretManagerServiceGrpcTransport(channel=self._channel)
        known: Any = ClientInfo  # its constructor has no types
        return secretmanager_v1.SecretManagerServiceClient(
            transport=transport, client_info=known(user_agent="dreamnet")
        )


def retry_delay(error: Any) -> float:
    """Answer in how many seconds the service wants to be asked again: its RetryInfo, else a minute."""
    for one in error.details:
        delay = getattr(one, "retry_delay", None)
        if delay is not None:
            return float(max(delay.seconds + delay.nanos / 1e9, 0.1))
    return _MINUTE


def away(error: Exception) -> TemporaryError:
    """Nobody answered, or the service itself is in trouble."""
    said = " ".join(str(getattr(error, "message", error)).split())[:300]
    return TemporaryError(
        f"Secret Manager cannot be reached: {said}",
        hint="Nothing was changed. Look at this machine's network, and at status.cloud.google.com; then run again.",
        retry_after=30.0,
    )


def spent(wait: float) -> TemporaryError:
    """The quota is used up, and somebody else uses it."""
    return TemporaryError(
        "Secret Manager's quota is used up by others: it allows 600 reads a minute and project.",
        hint="Nothing was changed. Run again later, sync less often, or ask for more: "
        "console.cloud.google.com/iam-admin/quotas?service=secretmanager.googleapis.com",
        retry_after=wait,
    )


def _roots(environ: Mapping[str, str]) -> bytes | None:
    for name in _ROOTS:
        if given := environ.get(name):
            try:
                return Path(given).read_bytes()
            except OSError as error:
                raise ConfigError(
                    f"The authorities in {given!r} ({name}) cannot be read: {error.strerror}."
                ) from None
    return None
