"""PrometheusSource: one number to one PromQL expression, by the instant query (the port ``MetricSource``).

https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries. Thanos, Mimir and VictoriaMetrics answer the
same. An answer that may lack a part of the data is no answer: a sum that misses half of the pods would scale down.
"""

from __future__ import annotations

import base64
import json
import math
import threading
from collections.abc import Mapping
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from dreamnet_actions.adapters.prometheus.options import PrometheusOptions
from dreamnet_actions.domain.spec.metrics import shortened
from dreamnet_actions.errors import (
    ConfigError,
    DreamNetError,
    PermissionMissing,
    RequestInvalid,
    TemporaryError,
    Unauthenticated,
)
from dreamnet_actions.ports.metrics import MetricSource
from dreamnet_actions.ports.site import Site

if TYPE_CHECKING:
    import httpx2

HERE = frozenset({"localhost", "127.0.0.1", "::1"})
"""Hosts that may get a token without TLS: it does not leave the machine."""
MOST = 1 << 20
"""Bytes of an answer that are read; one number takes a hundred."""
LONG = 1500
"""Characters of an expression from which on it is posted: addresses have limits on the way."""
_HARMLESS = "PromQL info:"
"""How Prometheus begins a warning that only advises (such as a counter's name that does not end in _total)."""


class PrometheusSource(MetricSource):
    """Asks one server. Safe to use from many threads; nothing is sent before the first question."""

    WRITES: ClassVar[frozenset[str]] = MetricSource.WRITES

    def __init__(self, options: PrometheusOptions, *, environ: Mapping[str, str], root: Path) -> None:
        self._options, self._environ, self._root = options, environ, root
        self._lock = threading.Lock()
        self._client: httpx2.Client | None = None

    @classmethod
    def at(cls, options: PrometheusOptions, site: Site) -> PrometheusSource:
        """Make the source of the configuration."""
        return cls(options, environ=site.environ, root=site.root)

    def close(self) -> None:
        """Let go of the connections."""
        with self._lock:
            if self._client is not None:
                self._client.close()
            self._client = None

    def value(self, expression: str, *, timeout: float | None = None) -> float | None:
        """Answer the number (see the port). ``timeout`` is in seconds, and at most the configured one. NaN and infinity
        are no data: they come of a division by nothing."""
        seconds = min(timeout or self._options.timeout, self._options.timeout)
        status, body = self._asked(expression, seconds)
        return _number(expression, self._judged(expression, status, body))

    # ── inside ──────────────────────────────────────────────────────────────────────────────────────────

    def _asked(self, expression: str, seconds: float) -> tuple[int, bytes]:
        """Send the question; answer the status and the body."""
        import httpx2  # late: it takes a third of a second

        given = {"query": expression, "timeout": f"{seconds:g}"}
        how: dict[str, Any] = {"data": given} if len(expression) > LONG else {"params": given}
        until = monotonic() + seconds
        try:
            client = self._connected()
            url = f"{self._options.url.rstrip('/')}/api/v1/query"
            method = "POST" if "data" in how else "GET"
            with client.stream(method, url, timeout=seconds, **how) as response:
                if 300 <= response.status_code < 400:
                    raise ConfigError(
                        f"Prometheus at {self._options.url} sends on to another address.",
                        hint="Write the final address as 'url' of metrics.prometheus; no redirect is followed.",
                    )
                body = b""
                for part in response.iter_bytes():
                    body += part
                    if len(body) > MOST:
                        raise RequestInvalid(
                            [f"{shortened(expression)!r} answers more than one number."], hint=_ONE
                        )
                    if monotonic() > until:
                        raise TemporaryError(f"Prometheus did not answer within {seconds:g} s.")
                return response.status_code, body
        except httpx2.TimeoutException as error:
            raise TemporaryError(f"Prometheus did not answer within {seconds:g} s.") from error
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
            raise ConfigError(
                f"'url' of metrics.prometheus cannot be used: {one_line(str(error))}"
            ) from error
        except httpx2.HTTPError as error:
            raise TemporaryError(
                f"Prometheus at {self._options.url} cannot be reached: {one_line(str(error)) or type(error).__name__}",
                hint="That is no fault of the service. Look at 'metrics' of the configuration, and at the network.",
            ) from error

    def _judged(self, expression: str, status: int, body: bytes) -> dict[str, Any]:
        """Answer the data of a good answer; raises for any other."""
        try:
            told = json.loads(body)
        except ValueError:
            told = None
        words = one_line(str(told.get("error", ""))) if isinstance(told, dict) else ""
        if status == 401:
            raise Unauthenticated(
                f"Prometheus at {self._options.url} does not take our token.",
                hint="Look at 'token-variable' of metrics.prometheus, and at what the variable holds.",
            )
        if status == 403:
            raise PermissionMissing(
                f"Prometheus at {self._options.url} does not let us ask. {words}".rstrip(),
                hint="Allow the token to read metrics.",
            )
        if status in (400, 422) and words:
            raise RequestInvalid(
                [f"Prometheus cannot answer {shortened(expression)!r}: {words}"],
                hint="Try the expression in Prometheus' own page, and mend it in the configuration.",
            )
        if status == 429 or status >= 500:
            raise TemporaryError(f"Prometheus answered {status}. {words}".rstrip(), retry_after=30.0)
        if not isinstance(told, dict) or told.get("status") != "success" or status != 200:
            raise ConfigError(
                f"{self._options.url} does not answer as Prometheus does ({status}).",
                hint="'url' of metrics.prometheus is what stands before /api/v1/query.",
            )
        doubts = [str(one) for one in told.get("warnings") or [] if not str(one).startswith(_HARMLESS)]
        if doubts or told.get("isPartial"):
            why = one_line(doubts[0]) if doubts else "a part of the data is missing"
            raise TemporaryError(f"Prometheus warns that its answer is not whole: {why}")
        data = told.get("data")
        return data if isinstance(data, dict) else {}

    def _connected(self) -> httpx2.Client:
        """Make the client once. Raises ConfigError where the token or the certificates cannot be used."""
        import httpx2

        with self._lock:
            if self._client is None:
                here = urlsplit(self._options.url).hostname in HERE  # then no proxy is on the way
                self._client = httpx2.Client(
                    headers={"User-Agent": "dreamnet", **self._authorization()},
                    verify=self._trusted(),
                    trust_env=not here,
                )
            return self._client

    def _trusted(self) -> Any:
        if self._options.ca_file is None:
            return True
        import ssl

        file = self._root / self._options.ca_file
        try:
            return ssl.create_default_context(cafile=str(file))
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                f"The certificates in {self._options.ca_file} cannot be used: {error}"
            ) from error

    def _authorization(self) -> dict[str, str]:
        """Answer the header that proves who asks. The token is in no error and in no log."""
        variable = self._options.token_variable
        if variable is None:
            return {}
        token = self._environ.get(variable, "").strip()
        if not token or not token.isascii() or not token.isprintable():
            raise ConfigError(
                f"The variable {variable} holds no token."
                if token
                else f"The variable {variable} is not set.",
                hint="In a workflow hand over the secret 'prometheus-token' (docs/adapters/prometheus.md); or set it.",
            )
        where = urlsplit(self._options.url)
        if where.scheme != "https" and where.hostname not in HERE:
            raise ConfigError(
                "A token is only sent over TLS, and 'url' of metrics.prometheus begins with http://.",
                hint="Write https://, or leave 'token-variable' out.",
            )
        if self._options.user is None:
            return {"Authorization": f"Bearer {token}"}
        pair = f"{self._options.user}:{token}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


def one_line(text: str, most: int = 300) -> str:
    """Answer what a server said as one printable line."""
    line = " ".join(text[: 4 * most].split())
    line = "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in line)
    return line if len(line) <= most else f"{line[: most - 1]}…"


_ONE = "Make one number of them, as by sum(…) or max(…)."


def _number(expression: str, data: Mapping[str, Any]) -> float | None:
    """Read the one number of an answer's data; None where it has none."""
    kind, result = data.get("resultType"), data.get("result")
    try:
        if kind == "vector" and isinstance(result, list):
            if not result:
                return None
            if len(result) > 1:
                raise _several(expression, result)
            if "value" not in result[0]:
                raise _wrong(expression, "a histogram")
            number = float(result[0]["value"][1])
        elif kind == "scalar" and isinstance(result, list):
            number = float(result[1])
        else:
            raise _wrong(
                expression, {"matrix": "a range of values", "string": "a text"}.get(str(kind), "nothing")
            )
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise TemporaryError("Prometheus answered a number that cannot be read.") from error
    return number if math.isfinite(number) else None


def _several(expression: str, result: list[Any]) -> DreamNetError:
    first = one_line(", ".join(f"{key}={value}" for key, value in (result[0].get("metric") or {}).items()))
    return RequestInvalid(
        [f"{shortened(expression)!r} answers {len(result)} series (the first is of {first or 'no label'})."],
        hint=_ONE,
    )


def _wrong(expression: str, what: str) -> DreamNetError:
    return RequestInvalid(
        [f"{shortened(expression)!r} answers {what}, and a check needs one number."], hint=_ONE
    )
