"""The secrets of the stand-in: plain values behind one lock, without a word of protobuf.

A resource's name is ``projects/P/secrets/S`` or, for a regional one, ``projects/P/locations/L/secrets/S``; P is the
project's id or its number, and answers hold the number, as the service's do.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from dreamnet_actions.testing.google.secretmanager.filters import Row
from dreamnet_actions.testing.google.secretmanager.refusals import (
    Refusal,
    invalid,
    missing,
    precondition,
    stale,
)

LARGEST = 65_536
"""Bytes of a payload (https://cloud.google.com/secret-manager/quotas)."""
ALIASES = 50
_PARENT = re.compile(r"projects/(?P<project>[^/]+)(?:/locations/(?P<location>[^/]+))?")
_SECRET = re.compile(rf"(?P<parent>{_PARENT.pattern})/secrets/(?P<id>[A-Za-z0-9_-]{{1,255}})")
_VERSION = re.compile(rf"(?P<secret>{_SECRET.pattern})/versions/(?P<version>[A-Za-z0-9_-]{{1,63}})")
_LABEL = re.compile(r"[^\W\d_A-Z][\w-]{0,62}")
_ALIAS = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")
_ANNOTATION = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_DONE = {"ENABLED": "ENABLE", "DISABLED": "DISABLE", "DESTROYED": "DESTROY"}
"""What an event calls it that a version is in a state now."""


@dataclass(kw_only=True)
class Version:
    """One version. ``state`` is the API's word; ``data`` is gone once it is destroyed."""

    number: int
    created: float
    data: bytes | None
    crc32c: int
    checked: bool
    """Whether the client told the checksum."""
    state: str = "ENABLED"
    destroyed: float | None = None
    revision: int = 1


@dataclass(kw_only=True)
class Secret:
    """One secret with all its versions, from the first on."""

    name: str
    id: str
    created: float
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, int] = field(default_factory=dict)
    locations: tuple[str, ...] = ()
    """Where it is replicated by its owner; empty: wherever Google chooses."""
    topics: tuple[str, ...] = ()
    """The topics of Pub/Sub that are told of what happens to it."""
    lags: int = 0
    """By how many versions ``latest`` is behind: it is eventually consistent, only a version's number is not
    (https://cloud.google.com/secret-manager/docs/reference/consistency)."""
    expires: float | None = None
    versions: list[Version] = field(default_factory=list)
    revision: int = 1

    @property
    def etag(self) -> str:
        """What changes whenever the secret is written. A new version alone does not change it here, nor may anybody
        count on that it does."""
        return f'"{int(self.created * 1000):x}{self.revision:04x}"'

    def row(self) -> Row:
        """Answer what a filter sees of it."""
        times = {"create_time": self.created, "expire_time": self.expires}
        return Row(id=self.id, name=self.name, labels=self.labels, times=times)

    def etag_of(self, version: Version) -> str:
        """Answer a version's etag."""
        return f'"{int(version.created * 1000):x}{version.number:02x}{version.revision:02x}"'

    def row_of(self, version: Version) -> Row:
        """Answer what a filter sees of a version."""
        name = f"{self.name}/versions/{version.number}"
        return Row(
            id=str(version.number), name=name, state=version.state, times={"create_time": version.created}
        )


class Store:
    """All secrets. ``numbers`` are the projects: id → number. Every method is whole: it holds the lock, or raises
    Refusal and changed nothing."""

    def __init__(self, numbers: Mapping[str, str], now: Callable[[], float]) -> None:
        self.numbers = dict(numbers)
        self._now = now
        self._lock = threading.RLock()
        self._secrets: dict[str, Secret] = {}
        self.check_topics: Callable[[Secret], None] = lambda _: None
        """Holds a secret's topics to the rules; raises Refusal."""
        self.heard: Callable[[str, Secret, Version | None], None] = lambda *_: None
        """Is told of everything that happened: the event's type, the secret, and the version that it is about."""

    # ── Names ───────────────────────────────────────────────────────────────────────────────────────────

    def canonical(self, name: str) -> str:
        """Answer a resource's name with the project's number in it."""
        project, slash, rest = name.removeprefix("projects/").partition("/")
        return f"projects/{self.numbers.get(project, project)}{slash}{rest}"

    def parent(self, name: str) -> str:
        """Check the name of a project, or of a place in it. Raises Refusal."""
        if not _PARENT.fullmatch(name):
            raise invalid(
                f"The provided parent name [{name}] does not match the expected format [projects/*]."
            )
        return self.canonical(name)

    # ── Secrets ─────────────────────────────────────────────────────────────────────────────────────────

    def create(self, parent: str, secret_id: str, new: Secret) -> Secret:
        """Add a secret."""
        name = f"{self.parent(parent)}/secrets/{secret_id}"
        if not _SECRET.fullmatch(name):
            raise invalid(f"The provided secret ID [{secret_id}] does not match the expected format.")
        _check(new)
        with self._lock:
            if self._living(name) is not None:
                raise Refusal(status="ALREADY_EXISTS", message=f"Secret [{name}] already exists.")
            new.name, new.id, new.created = name, secret_id, self._now()
            self.check_topics(new)
            self._secrets[name] = new
            self._configured(new)
            self.heard("SECRET_CREATE", new, None)
            return new

    def get(self, name: str) -> Secret:
        """Answer a secret."""
        if not _SECRET.fullmatch(name):
            raise invalid(
                f"The provided secret name [{name}] does not match the expected format [projects/*/secrets/*]."
            )
        whole = self.canonical(name)
        with self._lock:
            found = self._living(whole)
        if found is None:
            raise missing(f"Secret [{whole}] not found.")
        return found

    def holds(self, name: str) -> bool:
        """Say whether there is a secret of this name."""
        with self._lock:
            return self._living(self.canonical(name)) is not None

    def all(self, parent: str) -> list[Secret]:
        """Answer the secrets of a project, or of a place in it, by name. A project's are its global ones only."""
        start = f"{self.parent(parent)}/secrets/"
        with self._lock:
            names = sorted(name for name in self._secrets if name.startswith(start))
            return [one for name in names if (one := self._living(name)) is not None]

    def everything(self, project: str) -> list[Secret]:
        """Answer the secrets of a project, regional ones too, by name."""
        start = f"{self.parent(f'projects/{project}')}/"
        with self._lock:
            names = sorted(name for name in self._secrets if name.startswith(start))
            return [one for name in names if (one := self._living(name)) is not None]

    def change(self, name: str, etag: str, edit: Callable[[Secret], None]) -> Secret:
        """Let ``edit`` change a secret's own fields."""
        with self._lock:
            found = self.get(name)
            _same(etag, found.etag, found.name)
            had, tried = found.topics, replace(found)
            edit(tried)
            _check(tried)
            self.check_topics(tried)
            edit(found)
            found.revision += 1
            if had != found.topics:
                self._configured(found)
            self.heard("SECRET_UPDATE", found, None)
            return found

    def delete(self, name: str, etag: str) -> None:
        """Take a secret away with all its versions."""
        with self._lock:
            found = self.get(name)
            _same(etag, found.etag, found.name)
            del self._secrets[found.name]
            self.heard("SECRET_DELETE", found, None)

    def _configured(self, secret: Secret) -> None:
        """Try a secret's topics: each gets a message that says so."""
        if secret.topics:
            self.heard("TOPIC_CONFIGURED", secret, None)

    # ── Versions ────────────────────────────────────────────────────────────────────────────────────────

    def add(self, name: str, data: bytes, crc32c: int | None) -> tuple[Secret, Version]:
        """Add a version. An empty payload is refused, as the service does ("Secret Payload cannot be empty")."""
        import google_crc32c

        with self._lock:
            found = self.get(name)
            if not data:
                raise invalid("Secret Payload cannot be empty.")
            if len(data) > LARGEST:
                raise invalid(
                    f"Secret Payload is too large: {len(data)} bytes, at most {LARGEST} are allowed."
                )
            right = int(google_crc32c.value(data))
            if crc32c is not None and crc32c != right:
                raise invalid("The checksum of the Secret Payload does not match its data.")
            new = Version(
                number=len(found.versions) + 1,
                created=self._now(),
                data=data,
                crc32c=right,
                checked=crc32c is not None,
            )
            found.versions.append(new)
            self.heard("SECRET_VERSION_ADD", found, new)
            return found, new

    def version(self, name: str) -> tuple[Secret, Version]:
        """Answer a version by its number, an alias, or ``latest``: the newest, whatever its state."""
        asked = _VERSION.fullmatch(name)
        if asked is None:
            raise invalid(
                f"The provided secret version name [{name}] does not match the expected format "
                "[projects/*/secrets/*/versions/*]."
            )
        with self._lock:
            whole = self.canonical(asked["secret"])
            found = self._living(whole)
            if found is None or not found.versions:
                raise missing(f"Secret [{whole}] not found or has no versions.")
            wanted = asked["version"]
            newest = max(1, len(found.versions) - found.lags)
            number = newest if wanted == "latest" else found.aliases.get(wanted, 0)
            number = int(wanted) if wanted.isdecimal() else number
            if not 1 <= number <= len(found.versions):
                raise missing(f"Secret Version [{whole}/versions/{wanted}] not found.")
            return found, found.versions[number - 1]

    def access(self, name: str) -> tuple[Secret, Version, bytes]:
        """Answer a version's payload; its state must be ENABLED."""
        with self._lock:
            found, version = self.version(name)
            if version.state != "ENABLED" or version.data is None:
                raise _in_state(found, version)
            return found, version, version.data

    def turn(self, name: str, state: str, etag: str) -> tuple[Secret, Version]:
        """Enable, disable or destroy a version; what is destroyed stays so."""
        with self._lock:
            found, version = self.version(name)
            _same(etag, found.etag_of(version), f"{found.name}/versions/{version.number}")
            if version.state == "DESTROYED" and state != "DESTROYED":
                raise _in_state(found, version)
            if version.state != state:
                version.state = state
                version.revision += 1
                if state == "DESTROYED":
                    version.data, version.destroyed = None, self._now()
                self.heard(f"SECRET_VERSION_{_DONE[state]}", found, version)
            return found, version

    def _living(self, name: str) -> Secret | None:
        """Answer a secret that has not expired; one that has is gone with its versions."""
        found = self._secrets.get(name)
        if found is not None and found.expires is not None and found.expires <= self._now():
            del self._secrets[name]
            return None
        return found


def _in_state(secret: Secret, version: Version) -> Refusal:
    return precondition(
        f"Secret Version [{secret.name}/versions/{version.number}] is in {version.state} state."
    )


def _same(sent: str, stored: str, name: str) -> None:
    if sent and sent != stored:
        raise stale(name)


def _check(secret: Secret) -> None:
    """Hold a secret's fields to the rules in the API reference (Secret.labels, annotations, version_aliases)."""
    wrong = [one for one in secret.labels if not _LABEL.fullmatch(one) or one != one.lower()]
    wrong += [
        one
        for one in secret.labels.values()
        if len(one) > 63 or not re.fullmatch(r"[\w-]*", one) or one != one.lower()
    ]
    if wrong or len(secret.labels) > 64:
        raise invalid(f"Invalid labels: {', '.join(wrong) or 'more than 64'}.")
    wrong = [one for one in secret.annotations if not _ANNOTATION.fullmatch(one)]
    size = sum(len(key.encode()) + len(value.encode()) for key, value in secret.annotations.items())
    if wrong or size >= 16_384:
        raise invalid(f"Invalid annotations: {', '.join(wrong) or 'larger than 16 KiB'}.")
    wrong = [one for one in secret.aliases if not _ALIAS.fullmatch(one) or one in ("latest", "NEW")]
    if wrong or len(secret.aliases) > ALIASES:
        raise invalid(f"Invalid version aliases: {', '.join(wrong) or f'more than {ALIASES}'}.")
    gone = [name for name, number in secret.aliases.items() if not 1 <= number <= len(secret.versions)]
    if gone:
        raise precondition(f"The version of alias {gone[0]} does not exist.")
