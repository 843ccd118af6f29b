"""A checked configuration kept as JSON, so that the next start needs neither YAML nor pydantic.

The file says which configuration it is of (``key``), carries a checksum, and names classes of a closed table only: it
can be stale or damaged, never wrong or dangerous. Whatever is amiss with it, it is ignored and written again. It is
private to the user (0600), and one that others could have written is not read.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dreamnet_actions import __version__
from dreamnet_actions.config.compose import Composed
from dreamnet_actions.domain.spec.models import Config

FORMAT = 1
MAX_BYTES = 8_388_608


def key_of(data: bytes, composed: Composed) -> str:
    """Answer the key of a configuration: it changes with the file, with DreamNet and with the models."""
    head = f"{FORMAT}\n{__version__}\n{composed.fingerprint}\n".encode()
    return hashlib.sha256(head + data).hexdigest()


def place_in(directory: Path, file: Path) -> Path:
    """Answer where the cache of a configuration file stands; a changed file takes its former place."""
    name = hashlib.sha256(os.fsencode(file.resolve())).hexdigest()[:16]
    return directory / f"config-{name}.json"


def read(place: Path, key: str, composed: Composed) -> Config | None:
    """Answer the configuration kept at ``place`` under ``key``; None where there is none that can be used."""
    try:
        kept_key, checksum, body = _read_private(place).split(b"\n", 2)
        if kept_key.decode() != key or checksum.decode() != hashlib.sha256(body).hexdigest():
            return None
        config = _decode(json.loads(body), composed.classes)
    except (OSError, ValueError, TypeError, LookupError, RecursionError):
        # Absent, cut short, of another version: all of these mean that it is read anew.
        return None
    return config if isinstance(config, composed.config) else None


def write(place: Path, key: str, composed: Composed, config: Config) -> bool:
    """Keep a configuration at ``place``, all or nothing; answer whether it was kept. Never raises for a full disk."""
    import tempfile

    names = {one: name for name, one in composed.classes.items()}
    try:
        body = json.dumps(_encode(config, names), separators=(",", ":")).encode()
        checksum = hashlib.sha256(body).hexdigest()
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(dir=place.parent, prefix=".config-")
    except (OSError, LookupError, TypeError):
        return False
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(f"{key}\n{checksum}\n".encode() + body)
        Path(name).replace(place)
    except OSError:
        Path(name).unlink(missing_ok=True)
        return False
    return True


def _read_private(place: Path) -> bytes:
    """Answer the bytes of a regular file that only we can write; raises OSError or ValueError otherwise."""
    handle = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(handle, "rb") as file:
        state = os.fstat(handle)
        ours = stat.S_ISREG(state.st_mode) and state.st_uid == os.geteuid() and not state.st_mode & 0o022
        if not ours or state.st_size > MAX_BYTES:
            raise ValueError("not a cache of ours")
        return file.read()


# ── Values ───────────────────────────────────────────────────────────────────────────────────────────────
# A model is ["m", name, {fields}], a tuple ["t", items…], a list ["l", items…]; the rest is JSON's own.


def _encode(value: Any, names: Mapping[type, str]) -> Any:
    """Write a value; raises LookupError for a class outside the table, TypeError for a value that JSON lacks."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {one.name: getattr(value, one.name) for one in dataclasses.fields(value)}
        return ["m", names[type(value)], {name: _encode(one, names) for name, one in fields.items()}]
    if isinstance(value, tuple):
        return ["t", *(_encode(one, names) for one in value)]
    if isinstance(value, list):
        return ["l", *(_encode(one, names) for one in value)]
    if isinstance(value, dict):
        return {key: _encode(one, names) for key, one in value.items()}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"{type(value).__name__} cannot be kept")


def _decode(value: Any, classes: Mapping[str, type]) -> Any:
    """Read a value; raises LookupError, TypeError or ValueError for what ``_encode`` never writes."""
    if isinstance(value, dict):
        return {key: _decode(one, classes) for key, one in value.items()}
    if not isinstance(value, list):
        return value
    match value:
        case ["m", str(name), dict(fields)]:
            return classes[name](**{key: _decode(one, classes) for key, one in fields.items()})
        case ["t", *items]:
            return tuple(_decode(one, classes) for one in items)
        case ["l", *items]:
            return [_decode(one, classes) for one in items]
    raise ValueError("an unknown form")
