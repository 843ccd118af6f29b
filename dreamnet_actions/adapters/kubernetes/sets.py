"""What a Secret or ConfigMap holds of ours, what we remember of it, and what it cannot hold. Pure.

::

    NAME              what pods name: our keys beside those of others, and the record (dreamnet.dev/values)
    NAME-<revision>   one set of our values as it was written, immutable, with their versions (dreamnet.dev/versions)
    NAME-removed      only while NAME is deleted by us: the record, so that the values can come back

A revision is a keyed hash of names and values. Its key (``salt``) stands in the record, which only those can read who
may read the values: from a name alone no value can be guessed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dreamnet_actions.adapters.kubernetes.api import Object
from dreamnet_actions.adapters.kubernetes.record import OURS
from dreamnet_actions.domain.keynames import KUBERNETES
from dreamnet_actions.domain.secret import SecretValue
from dreamnet_actions.errors import StateDamaged

VALUES = "dreamnet.dev/values"
"""The annotation of NAME that holds the record."""
VERSIONS = "dreamnet.dev/versions"
"""The annotation of a set: the version of each of its values."""
SET_OF = "dreamnet.dev/set-of"
"""The annotation of a set: the NAME that it was written to."""
KEPT = 10
"""How many sets are kept."""
LIMIT = 1024 * 1024
"""Bytes that all values of one object may have together (MaxSecretSize of kubernetes/kubernetes)."""
NOTES_LIMIT = 256 * 1024
"""Bytes that all annotations of one object may have together (TotalAnnotationSizeLimitB)."""


@dataclass(frozen=True, kw_only=True)
class Held:
    """The record: ``versions`` by name of what is current, its ``revision`` and the ``former`` one, every set that is
    ``kept`` (the one that was current longest ago first), the key of revisions, and whether the object was ``made`` by
    us."""

    salt: str
    made: bool
    revision: str | None = None
    former: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    kept: tuple[str, ...] = ()

    def moved(self, revision: str | None, versions: Mapping[str, str]) -> Held:
        """Answer the record once another set is current; the same one keeps its former."""
        former = self.former if self.revision in (revision, None) else self.revision
        former = None if former == revision else former
        kept = (*(one for one in self.kept if one != revision), *([revision] if revision else []))
        return replace(self, revision=revision, former=former, versions=dict(versions), kept=kept)

    def text(self) -> str:
        """Write the annotation's value."""
        data = {
            "salt": self.salt,
            "made": self.made,
            "revision": self.revision,
            "former": self.former,
            "versions": dict(self.versions),
            "kept": list(self.kept),
        }
        return json.dumps(data, separators=(",", ":"))


def held_in(thing: Mapping[str, Any] | None, kind: str, name: str) -> Held | None:
    """Read an object's record; None where it has none. Raises StateDamaged for one that is no record of ours."""
    notes = ((thing or {}).get("metadata") or {}).get("annotations") or {}
    if (text := notes.get(VALUES)) is None:
        return None
    try:
        data = json.loads(text)
        return Held(
            salt=str(data["salt"]),
            made=bool(data["made"]),
            revision=data["revision"],
            former=data["former"],
            versions=_texts(data["versions"]),
            kept=tuple(map(str, data["kept"])),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StateDamaged(f"the annotation {VALUES} of {kind} {name}", type(error).__name__) from error


def versions_of(thing: Mapping[str, Any]) -> dict[str, str]:
    """Answer the versions of a set's values; of one whose annotation is lost there are none."""
    try:
        return _texts(json.loads((thing["metadata"].get("annotations") or {})[VERSIONS]))
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _texts(given: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): str(one) for name, one in given.items()}


# ── Values ───────────────────────────────────────────────────────────────────────────────────────────────


def values_in(
    thing: Mapping[str, Any] | None, names: Collection[str] | None = None
) -> dict[str, SecretValue]:
    """Answer the values that an object holds, of those ``names`` only where they are given."""
    found: dict[str, SecretValue] = {}
    kind = (thing or {}).get("kind")
    for place in ("data", "binaryData"):
        for name, text in ((thing or {}).get(place) or {}).items():
            if names is not None and name not in names:
                continue
            plain = kind == "ConfigMap" and place == "data"
            try:
                found[name] = SecretValue(text) if plain else SecretValue.of(base64.b64decode(text))
            except binascii.Error:  # no API server answers that
                raise StateDamaged(f"the value of {name}", "it is no base64") from None
    return found


def content(kind: str, values: Mapping[str, SecretValue]) -> Object:
    """Answer the fields of an object that hold these values."""
    if kind == "Secret":
        return {"data": {name: _encoded(one) for name, one in sorted(values.items())}}
    text = {name: one.reveal() for name, one in sorted(values.items()) if one.is_text}
    binary = {name: _encoded(one) for name, one in sorted(values.items()) if not one.is_text}
    return {"data": text, "binaryData": binary}


def change(kind: str, values: Mapping[str, SecretValue], gone: Collection[str]) -> Object:
    """Answer the merge patch that makes an object hold these values, and no longer what is ``gone``."""
    made = content(kind, values)
    places: Object = {place: {**dict.fromkeys(gone), **made[place]} for place in made}
    if kind == "ConfigMap":  # a value that is text now may have been bytes before
        places["data"] |= dict.fromkeys(made["binaryData"])
        places["binaryData"] |= dict.fromkeys(made["data"])
    return places


def _encoded(value: SecretValue) -> str:
    return base64.b64encode(value.raw()).decode()


def revision_of(salt: str, values: Mapping[str, SecretValue]) -> str:
    """Answer the name of a set's content."""
    text = json.dumps([[name, _encoded(one)] for name, one in sorted(values.items())])
    return hmac.new(salt.encode(), text.encode(), hashlib.sha256).hexdigest()[:12]


def key_of(salt: str) -> bytes:
    """Answer the key that sources which know no versions hash their values under. It lies in the record, too: so every
    run has it, on any machine, and nobody has who may not read the values."""
    return hmac.new(salt.encode(), b"versions of values", hashlib.sha256).digest()


def new_salt(hash_key: bytes, place: str) -> str:
    """Answer the salt of a new record of the object ``place``: one that the hash key's owner makes again, and that
    tells nothing of it."""
    return hmac.new(hash_key, f"salt of {place}".encode(), hashlib.sha256).hexdigest()[:32]


def set_name(name: str, revision: str) -> str:
    """Answer what the object of one set is called."""
    return f"{name}-{revision}"


def a_set(
    kind: str, name: str, revision: str, values: Mapping[str, SecretValue], versions: Mapping[str, str]
) -> Object:
    """Answer the object that keeps one set."""
    return {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {
            "name": set_name(name, revision),
            "labels": dict(OURS),
            "annotations": {SET_OF: name, VERSIONS: json.dumps(dict(versions), separators=(",", ":"))},
        },
        "immutable": True,
        **content(kind, values),
    }


# ── Limits and owners ────────────────────────────────────────────────────────────────────────────────────


def unfit(kind: str, values: Mapping[str, SecretValue], others: Mapping[str, SecretValue]) -> list[str]:
    """Answer all that keeps a Secret or ConfigMap from holding these values beside those of ``others``: names and
    sizes, never values."""
    return [*_bad_keys(kind, values), *_too_much(kind, values, others)]


def _bad_keys(kind: str, values: Collection[str]) -> Iterator[str]:
    for name in sorted(values):
        if why := KUBERNETES.why_not(name):
            yield f"{name!r} cannot be a key of a {kind}: {why}"


def _too_much(
    kind: str, values: Mapping[str, SecretValue], others: Mapping[str, SecretValue]
) -> Iterator[str]:
    sizes = {name: len(one.raw()) for name, one in values.items()}
    rest = sum(len(one.raw()) for one in others.values())
    if (whole := sum(sizes.values()) + rest) > LIMIT:
        largest = sorted(sizes, key=lambda name: -sizes[name])[:3]
        most = ", ".join(f"{name} {sizes[name]}" for name in largest)
        beside = f", {rest} of them of others" if rest else ""
        yield f"a {kind} holds {LIMIT} bytes, and these are {whole}{beside} (the most: {most})"


def managers(thing: Mapping[str, Any], key: str) -> list[str]:
    """Answer who else says that they manage a key of an object."""
    found = {
        str(one.get("manager"))
        for one in thing["metadata"].get("managedFields") or []
        for place in ("f:data", "f:binaryData")
        if f"f:{key}" in ((one.get("fieldsV1") or {}).get(place) or {})
    }
    return sorted(found)


def owner_of(thing: Mapping[str, Any]) -> str:
    """Say whose an object is: what controls it, else who manages its values."""
    meta = thing["metadata"]
    for one in meta.get("ownerReferences") or []:
        return f"{one.get('kind')} {one.get('name')}"
    named = {str(one.get("manager")) for one in meta.get("managedFields") or []}
    return ", ".join(sorted(named)) or "somebody"
