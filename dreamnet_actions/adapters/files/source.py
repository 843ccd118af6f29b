"""DotenvSource: secret values from a ``.env`` file (the port ``SecretSource``)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from dreamnet_actions.adapters.files.atomic import read_text
from dreamnet_actions.adapters.files.grammar import Reader
from dreamnet_actions.adapters.files.options import DotenvSourceOptions
from dreamnet_actions.domain.secret import SecretValue, Versioned
from dreamnet_actions.errors import ConfigInvalid, NotFound
from dreamnet_actions.ports.site import Site

LATEST = "latest"


def version_of(value: str, hash_key: bytes) -> str:
    """Answer the version of a value: 12 hex digits of an HMAC-SHA-256, so that it tells nothing without the key."""
    return hmac.new(hash_key, value.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:12]


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

    def versions(self) -> Mapping[str, str]:
        """Answer every name with the hash of its value."""
        return {name: version_of(value, self._hash_key) for name, value in self._read().items()}

    def access(self, names: Mapping[str, str]) -> Mapping[str, Versioned]:
        """Answer values. An old version is NotFound: a file keeps only what it holds now."""
        values = self._read()
        found: dict[str, Versioned] = {}
        for name, wanted in names.items():
            if name not in values:
                raise NotFound(f"name in {self._shown}", name, values)
            version = version_of(values[name], self._hash_key)
            if wanted not in (LATEST, version):
                raise NotFound(f"version of {name} in {self._shown}", wanted, [version, LATEST])
            found[name] = Versioned(value=SecretValue(values[name]), version=version)
        return found

    def _read(self) -> dict[str, str]:
        text = read_text(
            self._file,
            "The file of values",
            hint="Create it with NAME=value lines, or mend 'dotenv' in the entry's 'from'.",
        )
        reader = Reader(text, self._shown)
        if reader.mistakes:
            raise ConfigInvalid(reader.mistakes)
        return reader.entries
