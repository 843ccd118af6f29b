"""DotenvSink: a ``.env`` file that DreamNet owns and keeps in step (the port ``SecretSink``).

The file's first line names the revision, so that file and revision change in the same rename. What a revision held,
the versions that its values have at their source and the revision before it are kept in records beside each other
in DreamNet's state directory, readable by the owner only; a record is written before the file that it describes.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import hmac
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from dreamnet_actions.adapters.files.atomic import read_text, write_bytes
from dreamnet_actions.adapters.files.formats import FORMATS
from dreamnet_actions.adapters.files.options import DotenvSinkOptions
from dreamnet_actions.domain.secret import SecretValue, SinkState, Versioned, with_kept
from dreamnet_actions.errors import ConfigError, NotFound, PermanentError, StateDamaged
from dreamnet_actions.ports.site import Site

KEPT = 20
"""How many former sets are kept for ``restore``."""
_HEADER = "# Owned by DreamNet, which rewrites it: change the values at their source. Revision {}\n"
_OWNED = re.compile(r"# Owned by DreamNet, .* Revision ([0-9a-f]{12})\n")
_FOREIGN = "# Not DreamNet's; kept as found.\n"
_NO_VERSION = "unknown"


@dataclass(frozen=True, slots=True)
class _Record:
    """One set of values as it was written: the file's bytes, the values' versions, the revision before it."""

    revision: str
    former: str | None
    versions: Mapping[str, str]
    content: bytes = field(repr=False)
    format: str = "dotenv"

    @property
    def values(self) -> dict[str, str]:
        """The values by name, without what was there of others."""
        entries = FORMATS[self.format].read(self.content.decode("utf-8"))
        return {name: entries[name] for name in self.versions}


class DotenvSink:
    """A dotenv file written whole at each change (0600 where it is new), never over a file of somebody else's.

    ``services`` read it. Names that somebody adds to it by hand are kept at its end and are never ours.
    """

    WRITES: ClassVar[frozenset[str]] = frozenset({"write", "restore", "remove"})
    readable = True
    keeps = True
    public = False

    def __init__(
        self,
        file: str | Path,
        *,
        state_directory: str | Path,
        hash_key: bytes,
        services: Collection[str] = (),
        name: str | None = None,
        format: str = "dotenv",  # noqa: A002 - the option's name
    ) -> None:
        self._file = Path(file)
        self._format = FORMATS[format]
        self.name = name or str(file)
        self.services = tuple(services)
        self._hash_key = hash_key
        place = hashlib.sha256(str(self._file.absolute()).encode("utf-8", "surrogateescape")).hexdigest()
        self._records = Path(state_directory) / f"{self._file.name}-{place[:12]}"

    @classmethod
    def at(cls, options: DotenvSinkOptions, site: Site) -> DotenvSink:
        """Make the sink of the file that the options name."""
        state = site.state / "sinks"
        return cls(
            site.root / options.dotenv,
            state_directory=state,
            hash_key=site.hash_key(),
            name=options.dotenv,
            format=options.format,
        )

    def state(self) -> SinkState:
        """Answer what it holds of ours. A file that vanished, or whose record did, counts as drifted whole."""
        text = self._text()
        revision = _revision(text)
        if text is None:
            record = self._record(self._pointer())
            if record is None:
                return SinkState()
            names = frozenset(record.versions)
            return SinkState(
                versions=record.versions, revision=record.revision, former=record.former, drifted=names
            )
        if revision is None:
            return SinkState()
        record = self._record(revision)
        now = self._read(text, record)
        if record is None:
            return SinkState(
                versions=dict.fromkeys(now, _NO_VERSION), revision=revision, drifted=frozenset(now)
            )
        drifted = frozenset(name for name, value in record.values.items() if now.get(name) != value)
        if record.format != self._format.name:  # it is to be written anew, whatever it holds
            drifted = frozenset(record.versions)
        return SinkState(versions=record.versions, revision=revision, former=record.former, drifted=drifted)

    def write(self, values: Mapping[str, Versioned], keep: Mapping[str, str] | None = None) -> str:
        """Make ``values``, and the names of ``keep`` as they stand there, the whole of what is ours in the file."""
        values = with_kept(values, keep, self.read_back, self.name)
        for name, one in sorted(values.items()):
            why = self._format.fits(name, one.value.reveal())
            if why:
                raise PermanentError(
                    f"{self.name} cannot hold {name}: {why}.",
                    hint=f"Change {name} at its source, or leave it out.",
                )
        entries = [(name, one.value.reveal()) for name, one in sorted(values.items())]
        revision = self._revision_of(entries)
        foreign = self._foreign()  # refuses a file of somebody else's
        before = self.state()
        former = before.former if before.revision == revision else before.revision
        content = (_HEADER.format(revision) + self._format.write(entries)).encode("utf-8")
        versions = {name: one.version for name, one in sorted(values.items())}
        self._put(_Record(revision, former, versions, content, self._format.name), foreign)
        return revision

    def read_back(self) -> Mapping[str, SecretValue]:
        """Answer what the file holds of ours now."""
        text = self._text()
        revision = _revision(text)
        if text is None or revision is None:
            return {}
        record = self._record(revision)
        now = self._read(text, record)
        names = record.versions if record else now
        return {name: SecretValue(now[name]) for name in names if name in now}

    def former_set(self, revision: str) -> Mapping[str, Versioned]:
        """Answer what a set holds that is kept."""
        record = self._kept(revision)
        return {
            name: Versioned(value=SecretValue(text), version=record.versions[name])
            for name, text in record.values.items()
        }

    def restore(self, revision: str) -> None:
        """Make a former set current again; its ``former`` is then the set that it replaces."""
        record = self._kept(revision)
        foreign = self._foreign()
        before = self.state()
        former = record.former if before.revision == revision else before.revision
        self._put(_Record(revision, former, record.versions, record.content, record.format), foreign)

    def remove(self) -> None:
        """Delete the file, unless somebody added names to it: then only ours go. ``restore`` makes it again."""
        self.write({})
        if not self._foreign():
            self._file.unlink(missing_ok=True)

    # ── inside ──────────────────────────────────────────────────────────────────────────────────────────

    def _text(self) -> str | None:
        try:
            return read_text(self._file, "The file", hint="Mend 'dotenv' in the entry's 'to'.")
        except ConfigError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return None
            raise

    def _foreign(self) -> list[tuple[str, str]]:
        """Answer the entries in our file that are not ours. Raises PermanentError for a file that is not ours."""
        text = self._text()
        if text is None:
            return []
        revision = _revision(text)
        if revision is None:
            raise PermanentError(
                f"{self.name} is there already and was not written by DreamNet, so it is left alone.",
                hint="Move it away or delete it, or let the entry's 'to' name another file.",
            )
        record = self._record(revision)
        if record is None:
            return []
        entries = self._read(text, record)
        return [(name, value) for name, value in entries.items() if name not in record.versions]

    def _read(self, text: str, record: _Record | None) -> Mapping[str, str]:
        """Read the file as it was written; the format may be another one now."""
        return (FORMATS[record.format] if record else self._format).read(text)

    def _put(self, record: _Record, foreign: list[tuple[str, str]]) -> None:
        form = FORMATS[record.format]
        kept = [
            (name, value)
            for name, value in foreign
            if name not in record.versions and not form.fits(name, value)
        ]
        content = record.content
        if kept:
            content += (_FOREIGN + form.write(kept)).encode("utf-8")
        data = {
            "revision": record.revision,
            "former": record.former,
            "versions": dict(record.versions),
            "content": base64.b64encode(record.content).decode("ascii"),
            "format": record.format,
        }
        self._records.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_bytes(
            self._records / f"{record.revision}.json", json.dumps(data, indent=1).encode("utf-8"), mode=0o600
        )
        mode = None if self._file.exists() else 0o600
        write_bytes(self._file, content, mode=mode)
        write_bytes(self._records / "current", record.revision.encode("ascii"), mode=0o600)
        self._prune({record.revision, record.former})

    def _prune(self, keep: Collection[str | None]) -> None:
        records = sorted(self._records.glob("*.json"), key=lambda one: one.stat().st_mtime_ns, reverse=True)
        for one in records[KEPT:]:
            if one.stem not in keep:
                with contextlib.suppress(OSError):
                    one.unlink()

    def _pointer(self) -> str | None:
        try:
            return (self._records / "current").read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            return None

    def _record(self, revision: str | None) -> _Record | None:
        if revision is None or not re.fullmatch(r"[0-9a-f]{12}", revision):
            return None
        file = self._records / f"{revision}.json"
        try:
            data = json.loads(file.read_bytes())
            content = base64.b64decode(data["content"], validate=True)
            versions = {str(name): str(version) for name, version in data["versions"].items()}
            form = data.get("format", "dotenv")
            record = _Record(data["revision"], data["former"], versions, content, form)
            entries = sorted(record.values.items())
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
            raise StateDamaged(
                str(file), type(error).__name__
            ) from None  # the error may hold the record's text
        if self._revision_of(entries) != revision:
            # A key that changed is no damage; the set is then as unknown as one without a record.
            return None
        return record

    def _kept(self, revision: str) -> _Record:
        record = self._record(revision)
        if record is None:
            kept = sorted(one.stem for one in self._records.glob("*.json"))
            raise NotFound(f"revision of {self.name}", revision, kept)
        return record

    def _revision_of(self, entries: list[tuple[str, str]]) -> str:
        text = json.dumps(entries).encode("ascii")
        return hmac.new(self._hash_key, text, hashlib.sha256).hexdigest()[:12]


def _revision(text: str | None) -> str | None:
    """Answer the revision that a file of ours names; None for one that is not ours."""
    found = _OWNED.match(text) if text else None
    return found[1] if found else None
