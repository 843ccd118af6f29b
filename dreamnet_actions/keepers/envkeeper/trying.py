"""Probes of values: does what an address says accept a connection, does it answer? Through the port ``Probe``.

Of a value only scheme, host, port and path are used: user and password are cut off before anything is sent, so they go
nowhere at all. What is said of it names the cause (``refused``), never the address.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import SplitResult, urlsplit, urlunsplit

from dreamnet_actions.domain.health import Report
from dreamnet_actions.domain.secret import Versioned
from dreamnet_actions.domain.spec.env import EnvEntry
from dreamnet_actions.domain.spec.models import Check
from dreamnet_actions.domain.validation import Trouble
from dreamnet_actions.ports.probe import Look, Probe

Kind = Literal["tcp", "tls", "http"]
MakeCheck = Callable[[Kind, str, float], Check]
"""Makes a check of a kind: its address, and the most seconds that it may take."""

LIMIT = 5.0
"""Seconds that one value may take."""
ROUND = 15.0
"""Seconds that all values of an entry may take together."""

_PORTS: Mapping[str, int] = {
    "amqp": 5672, "amqps": 5671, "http": 80, "https": 443, "ldap": 389, "ldaps": 636, "mongodb": 27017, "mysql": 3306,
    "mariadb": 3306, "nats": 4222, "postgres": 5432, "postgresql": 5432, "redis": 6379, "rediss": 6379, "smtp": 25,
    "smtps": 465, "ssh": 22, "sftp": 22, "mqtt": 1883, "mqtts": 8883, "kafka": 9092, "clickhouse": 9000, "wss": 443,
    "ws": 80, "mssql": 1433, "sqlserver": 1433, "cassandra": 9042,
}  # fmt: skip
_TLS = frozenset({"amqps", "https", "ldaps", "mqtts", "rediss", "smtps", "wss"})
"""Schemes whose connection begins with a TLS handshake."""


@dataclass(frozen=True, kw_only=True)
class Trying:
    """Tries the values of one entry that its ``probe`` names."""

    spec: EnvEntry
    probe: Probe
    check: MakeCheck

    def __call__(self, values: Mapping[str, Versioned]) -> list[Trouble]:
        """Try ``values`` all at the same time. What is our own fault (no network) is a warning."""
        looks, found = [], []
        for name, one in values.items():
            try:
                kind, address = _target(one.value.reveal(), answers=self.spec.probe[name] == "answers")
                looks.append(Look(service="", name=name, check=self.check(kind, address, LIMIT)))
            except _NoTarget as error:
                found.append(_trouble(name, f"cannot be tried: {error}", "error"))
        for report in self.probe.probe(looks, ROUND):
            found += _told(report, self.spec.probe[report.check])
        return found


class _NoTarget(ValueError):
    """A value names nothing to connect to; the text says why."""


def _target(text: str, *, answers: bool) -> tuple[Kind, str]:
    """Answer what to look at. Raises _NoTarget."""
    try:
        parts = urlsplit(text if "://" in text else f"tcp://{text}")
        host, port = parts.hostname, parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        raise _NoTarget("it is no address") from None
    if answers:
        if parts.scheme not in ("http", "https") or not host:
            raise _NoTarget("only 'http' and 'https' answer; 'connect' is for other addresses")
        return "http", _without_user(parts)
    if not host or any(one.isspace() for one in host):
        raise _NoTarget("it names no host")
    if port is None:
        raise _NoTarget("it names no port, and its scheme has none of its own that is known here")
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return ("tls" if parts.scheme in _TLS else "tcp"), where


def _without_user(parts: SplitResult) -> str:
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, ""))


def _told(report: Report, wanted: str) -> list[Trouble]:
    if report.status in ("passed", "degraded"):
        return []
    cause = f" ({report.cause})" if report.cause else ""
    if report.status == "unknown":
        return [_trouble(report.check, f"could not be tried from here{cause}", "warning")]
    did = "does not answer as it should" if wanted == "answers" else "accepts no connection"
    return [_trouble(report.check, f"{did} where it points to{cause}", "error")]


def _trouble(name: str, told: str, level: Literal["error", "warning"]) -> Trouble:
    return Trouble(name=name, rule="probe", level=level, text=f"{name} {told}.")
