"""DotenvSource: secret values from a ``.env`` file (the port ``SecretSource``)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import ClassVar

from dreamnet_actions.adapters.files.atomic import read_text
from dreamnet_actions.adapters.files.grammar import Reader
from dreamnet_actions.adapters.files.options import DotenvSourceOptions
from dreamnet_actions.domain.secret import LATEST, Ref, SecretValue, Versioned
from dreamnet_actions.errors import ConfigError, NotFound
from dreamnet_actions.errors.configuration import ConfigInvalid
from dreamnet_actions.ports.site import Site


def version_of(value: str, hash_key: bytes) -> str:
    """Answer the version of a value: 12 hex digits of an HMAC-SHA-256, so that it tells nothing without the key."""
    return hmac.new(hash_key, value.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:12]


def refuse_labels(labels: Mapping[str, str] | None, shown: str) -> None:
    """Raise ConfigError where values of a file are to be found by labels."""
    if labels:
        raise ConfigError(
            f"{shown} is a file, and its values carry no labels.",
            hint="Find them by 'name', or take 'labels' out.",
        )


def chosen(
    values: Mapping[str, str], refs: Collection[Ref], hash_key: bytes, shown: str
) -> dict[Ref, Versioned]:
    """Answer the values of a file that ``refs`` name. Raises NotFound for one that is not there, or not any more."""
    found: dict[Ref, Versioned] = {}
    for ref in refs:
        if ref.name not in values:
            raise NotFound(f"name in {shown}", ref.name, values)
        version = version_of(values[ref.name], hash_key)
        if ref.version not in (LATEST, version):
            raise NotFound(f"version of {ref.name} in {shown}", ref.version, [version, LATEST])
        found[ref] = Versioned(value=SecretValue(values[ref.name]), version=version)
    return found


class DotenvSource:
    """The values of one ``.env`` file, in the grammar of ``grammar``.

    A version is a keyed hash of the value: a file knows no other. The file is read anew at each call.
    """

    WRITES: ClassVar[frozenset[str]] = frozenset()
    kind: str = "dotenv"

    def __init__(self, file: str | Path, *, hash_key: bytes, shown: str | None = None) -> None:
        self._file = Path(file)
        self._hash_key = hash_key
        self._shown = shown or str(file)

    @classmethod
    def at(cls, options: DotenvSourceOptions, site: Site) -> DotenvSource:
        """Make the source of the file that the options name."""
        return cls(site.root / options.dotenv, hash_key=site.hash_key(), shown=options.dotenv)

    def names(self, labels: Mapping[str, str] | None = None) -> Collection[str]:
        """Answer every name of the file."""
        refuse_labels(labels, self._shown)
        return list(self._read())

    def resolve(self, refs: Collection[Ref]) -> Mapping[Ref, str]:
        """Answer the hash of each value. An old version is NotFound: a file keeps only what it holds now."""
        return {ref: one.version for ref, one in self.access(refs).items()}

    def access(self, refs: Collection[Ref]) -> Mapping[Ref, Versioned]:
        """Answer values, each with the hash of its own as its version."""
        return chosen(self._read(), refs, self._hash_key, self._shown)

    def place(self, name: str) -> tuple[str, int, int] | None:
        """Answer where a value stands in the file."""
        return self._reader().places.get(name)

    def _read(self) -> dict[str, str]:
        return self._reader().entries

    def _reader(self) -> Reader:
        text = read_text(
            self._file,
            "The file of values",
            hint="Create it with NAME=value lines, or mend 'dotenv' in the entry's 'from'.",
        )
        reader = Reader(text, self._shown)
        if reader.mistakes:
            raise ConfigInvalid(reader.mistakes)
        return reader
