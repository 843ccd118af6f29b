"""DotenvSource: secret values from a ``.env`` file (the port ``SecretSource``), and what all sources of files share."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Collection, Mapping
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


class ReadWhole:
    """A source that ``read`` answers whole: name → value. A version is a keyed hash of the value, for a file knows no
    other (the port ``Hashing``). It is read anew at each call."""

    WRITES: ClassVar[frozenset[str]] = frozenset()
    kind: str

    def __init__(
        self, read: Callable[[], Mapping[str, str]], *, hash_key: bytes, shown: str, lasts: bool = True
    ) -> None:
        self._read, self._hash_key, self._shown, self.lasts = read, hash_key, shown, lasts

    def names(self, labels: Mapping[str, str] | None = None) -> Collection[str]:
        """Answer every name that there is. Raises ConfigError where values are to be found by labels."""
        if labels:
            raise ConfigError(
                f"{self._shown} is a file, and its values carry no labels.",
                hint="Find them by 'name', or take 'labels' out.",
            )
        return list(self._read())

    def resolve(self, refs: Collection[Ref]) -> Mapping[Ref, str]:
        """Answer the hash of each value. An old version is NotFound: only what is there now is kept."""
        return self.hashes(refs, (b"",))[b""]

    def access(self, refs: Collection[Ref]) -> Mapping[Ref, Versioned]:
        """Answer values, each with the hash of its own as its version."""
        values = self._read()
        versions = self._hashes(values, refs, (b"",))[b""]
        return {
            ref: Versioned(value=SecretValue(values[ref.name]), version=one) for ref, one in versions.items()
        }

    def hashes(self, refs: Collection[Ref], keys: Collection[bytes]) -> Mapping[bytes, Mapping[Ref, str]]:
        """Answer the hash of each value under each key, all of one reading."""
        return self._hashes(self._read(), refs, keys)

    def _hashes(
        self, values: Mapping[str, str], refs: Collection[Ref], keys: Collection[bytes]
    ) -> dict[bytes, dict[Ref, str]]:
        found: dict[bytes, dict[Ref, str]] = {key: {} for key in keys}
        for ref in refs:
            if ref.name not in values:
                raise NotFound(f"name in {self._shown}", ref.name, values)
            for key, versions in found.items():
                versions[ref] = version_of(values[ref.name], key or self._hash_key)
            known = sorted({versions[ref] for versions in found.values()})
            if ref.version not in (LATEST, *known):
                raise NotFound(f"version of {ref.name} in {self._shown}", ref.version, [*known, LATEST])
        return found


class DotenvSource(ReadWhole):
    """The values of one ``.env`` file, in the grammar of ``grammar``."""

    kind = "dotenv"

    def __init__(
        self, file: str | Path, *, hash_key: bytes, shown: str | None = None, lasts: bool = True
    ) -> None:
        self._file = Path(file)
        super().__init__(
            lambda: self._reader().entries, hash_key=hash_key, shown=shown or str(file), lasts=lasts
        )

    @classmethod
    def at(cls, options: DotenvSourceOptions, site: Site) -> DotenvSource:
        """Make the source of the file that the options name."""
        return cls(
            site.root / options.dotenv,
            hash_key=site.hash_key(),
            shown=options.dotenv,
            lasts=site.hash_key_lasts,
        )

    def place(self, name: str) -> tuple[str, int, int] | None:
        """Answer where a value stands in the file."""
        return self._reader().places.get(name)

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
