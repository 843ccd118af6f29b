"""From a source's values to the names that are written: which values are needed, what is made of them. Pure.

``Mapping`` is one env entry's rules. A *label* says where a name's value comes from, at which version and by which way,
and never what it is: two sets with the same labels are the same, so nothing has to be read to know that nothing
changed. Labels are what plans show and sinks remember:

=======================  ==============================================================
``7``                    version 7 of the value that is called like the name itself
``db@7``                 version 7 of ``db``
``db@7#user``            the part ``user`` of it
``db@7~base64``          decoded
``t:3fa9c1d2``           a template of values at certain versions (a hash of their labels)
=======================  ==============================================================
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from dreamnet_actions.domain.decoding import Undecodable, decoded, part_of, parts_of, rendered, variables_of
from dreamnet_actions.domain.limited import TooSlow, found_in, replaced
from dreamnet_actions.domain.secret import LATEST, Ref, SecretValue, Versioned
from dreamnet_actions.domain.spec.env import EnvEntry
from dreamnet_actions.errors import RequestInvalid

R = TypeVar("R")
_ILLEGAL = re.compile(r"[^A-Za-z0-9_]")


@dataclass(frozen=True)
class Piece:
    """One name's value as a part of a source's value: ``path`` within its JSON, None for all of it."""

    ref: Ref
    path: str | None = None


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What one entry's names are to be: ``pieces`` by name, ``whole`` the values whose keys become names."""

    pieces: Mapping[str, Piece]
    whole: tuple[Piece, ...] = ()

    @property
    def refs(self) -> frozenset[Ref]:
        """Every value of the source that it needs."""
        return frozenset(piece.ref for piece in (*self.pieces.values(), *self.whole))


class Mapper:
    """The rules of one entry. ``where`` answers its place in the configuration, for a pattern that is at fault."""

    def __init__(self, spec: EnvEntry, where: Callable[[], str] = str) -> None:
        self._spec, self._where = spec, where
        self.lists = bool(spec.find) or not (spec.keys or spec.extract)
        """Whether the source has to be asked for its names."""
        rules = [[one.match, one.to] for one in spec.rename]
        by_rule = [rules, spec.names] if rules or spec.names != "keep" else []
        self._rules = f"~{_hash(json.dumps(by_rule))}" if by_rule else ""

    def wanted(self, found: Collection[str] = ()) -> Wanted:
        """Say what the names are to be; ``found`` are the source's names where it was asked for them.

        Raises RequestInvalid where two become one, with all such names.
        """
        spec = self._spec
        pieces: dict[str, Piece] = {}
        mistakes: list[str] = []
        pattern = spec.find.name if spec.find else None
        for name in sorted(found):
            if pattern is None or self._timed("find", found_in, pattern, name):
                self._put(pieces, self._named(name), Piece(Ref(name)), mistakes)
        for name, reference in spec.keys.items():
            pieces[name] = _piece(reference)  # what is written out wins over what is only found
        if mistakes:
            raise RequestInvalid(mistakes, hint="Nothing was written. Mend 'rename' or 'names' of the entry.")
        return Wanted(pieces=pieces, whole=tuple(_piece(one) for one in spec.extract))

    def labels(
        self, wanted: Wanted, versions: Mapping[Ref, str], held: Mapping[str, str]
    ) -> tuple[dict[str, str], set[Ref]]:
        """Answer every name's label as far as it is known without a value, and the values that must be read to know the
        rest: those whose keys become names, unless ``held`` (labels that a sink remembers) has them at this version."""
        labels = {
            name: self._label(name, piece, versions[piece.ref]) for name, piece in wanted.pieces.items()
        }
        unknown: set[Ref] = set()
        for one in wanted.whole:
            start = _start(one, versions[one.ref])
            known = {
                name: self._label(
                    name, Piece(one.ref, _path(one, _key(label, start))), versions[one.ref], self._rules
                )
                for name, label in held.items()
                if label.startswith(start) and _rules_of(label) == self._rules and name not in wanted.pieces
            }
            labels |= known
            if not known:
                unknown.add(one.ref)
        return self._with_templates(labels), unknown

    def needed(self, wanted: Wanted, names: Iterable[str]) -> set[Ref]:
        """Answer the source's values that the values of ``names`` are made of."""
        asked = set(names)
        for name in list(asked):
            if name in self._spec.templates:
                asked |= set(variables_of(self._spec.templates[name]))
        refs = {wanted.pieces[name].ref for name in asked & wanted.pieces.keys()}
        if asked - wanted.pieces.keys() - self._spec.templates.keys():
            refs |= {one.ref for one in wanted.whole}
        return refs

    def read(self, wanted: Wanted, given: Mapping[Ref, Versioned]) -> dict[str, Versioned]:
        """Make every name that the given values are enough for; its version is its label.

        Raises RequestInvalid with all that is wrong: what is no JSON, has no such part, cannot be decoded, two values
        for one name.
        """
        made: dict[str, Versioned] = {}
        mistakes: list[str] = []
        for name, piece in wanted.pieces.items():
            if piece.ref in given:
                with _noting(mistakes, f"{name} ({piece.ref})"):
                    value = given[piece.ref].value
                    part = value if piece.path is None else part_of(value, piece.path)
                    made[name] = self._made(name, part, self._label(name, piece, given[piece.ref].version))
        for one in wanted.whole:
            if one.ref in given:
                with _noting(mistakes, str(one.ref)):
                    parts = parts_of(given[one.ref].value, one.path)
                    self._take(made, one, parts, given[one.ref].version, wanted.pieces, mistakes)
        labels = self._with_templates({name: one.version for name, one in made.items()})
        for name, text in self._spec.templates.items():
            lost = [one for one in variables_of(text) if one not in made]
            if lost and all(self._settled(wanted, one, given) for one in lost):
                mistakes.append(f"{name} is made of {', '.join(lost)}, and there is no such value.")
            if not lost:
                with _noting(mistakes, name):
                    value = rendered(text, {one: made[one].value for one in variables_of(text)})
                    made[name] = Versioned(value=value, version=labels[name])
        if mistakes:
            raise RequestInvalid(mistakes, hint="Nothing was written. Mend the source or the entry.")
        return made

    @staticmethod
    def _settled(wanted: Wanted, name: str, given: Collection[Ref]) -> bool:
        """Say whether everything is read that could have given this name."""
        piece = wanted.pieces.get(name)
        return piece.ref in given if piece else all(one.ref in given for one in wanted.whole)

    def written(self, names: Iterable[str]) -> set[str]:
        """Answer the names among ``names`` that are written, and not only there for templates."""
        return set(names) - set(self._spec.only_for_templates)

    # ── names ────────────────────────────────────────────────────────────────────────────────────────────

    def _named(self, name: str) -> str:
        for one in self._spec.rename:
            name = self._timed("rename", replaced, one.match, one.to, name)
        if self._spec.names == "keep":
            return name
        name = _ILLEGAL.sub("_", name)
        name = f"_{name}" if name[:1].isdigit() else name
        return name.upper() if self._spec.names == "upper" else name

    def _timed(self, key: str, do: Callable[..., R], *given: str) -> R:
        """Raise RequestInvalid where the pattern of a key takes too long: with the next name it would again."""
        try:
            return do(*given)
        except TooSlow as error:
            raise RequestInvalid(
                [f"The pattern of '{key}' {error}{self._where()}."],
                hint="Nothing was written. Mend the entry.",
            ) from None

    @staticmethod
    def _put(pieces: dict[str, Piece], name: str, piece: Piece, mistakes: list[str]) -> None:
        if not name:
            mistakes.append(f"{piece.ref.name} has no name left once it is renamed.")
        elif name in pieces:
            mistakes.append(f"{pieces[name].ref.name} and {piece.ref.name} both become {name}.")
        else:
            pieces[name] = piece

    # ── labels and values ────────────────────────────────────────────────────────────────────────────────

    def _label(self, name: str, piece: Piece, version: str, rules: str = "") -> str:
        path = f"#{piece.path}" if piece.path is not None else ""
        plain = version if piece.ref.name == name and not path else f"{piece.ref.name}@{version}{path}"
        how = self._spec.decode.get(name)
        return f"{plain}{f'~{how}' if how else ''}{rules}"

    def _with_templates(self, labels: dict[str, str]) -> dict[str, str]:
        made = {}
        for name, text in self._spec.templates.items():
            inputs = [labels.get(one, "") for one in variables_of(text)]
            made[name] = f"t:{_hash(json.dumps([text, inputs]))}"
        return labels | made

    def _made(self, name: str, value: SecretValue, label: str) -> Versioned:
        how = self._spec.decode.get(name)
        return Versioned(value=decoded(value, how) if how else value, version=label)

    def _take(
        self,
        made: dict[str, Versioned],
        whole: Piece,
        parts: Mapping[str, SecretValue],
        version: str,
        pieces: Collection[str],
        mistakes: list[str],
    ) -> None:
        """Make a name of each key of one value; what is written out in ``keys`` wins over them."""
        taken: dict[str, str] = {}
        for key, value in parts.items():
            name = self._named(key)
            if name in pieces:
                continue
            if not name:
                mistakes.append(f"{whole.ref}: {key!r} has no name left once it is renamed.")
            elif name in made:
                mistakes.append(
                    f"{whole.ref}: {key!r} and {taken.get(name, 'another value')!r} both become {name}."
                )
            else:
                taken[name] = key
                label = self._label(name, Piece(whole.ref, _path(whole, key)), version, self._rules)
                with _noting(mistakes, f"{name} ({whole.ref})"):
                    made[name] = self._made(name, value, label)


@contextmanager
def _noting(mistakes: list[str], what: str) -> Iterator[None]:
    """Keep what cannot be decoded with the name of what it was for."""
    try:
        yield
    except Undecodable as error:
        mistakes.append(f"{what}: {error}.")


def _piece(reference: str) -> Piece:
    """Read ``NAME``, ``NAME@VERSION``, ``NAME@VERSION#PATH``."""
    whole, hash_, path = reference.partition("#")
    name, _, version = whole.partition("@")
    return Piece(Ref(name, version or LATEST), path if hash_ else None)


def _path(whole: Piece, key: str) -> str:
    return key if whole.path is None else f"{whole.path}.{key}"


def _start(whole: Piece, version: str) -> str:
    """Answer how the labels begin that name a key of ``whole`` at this version."""
    return f"{whole.ref.name}@{version}#{_path(whole, '')}"


def _key(label: str, start: str) -> str:
    """Answer the key that a label names behind its beginning."""
    return re.sub(r"(~(base64|base64url|auto))?(~[0-9a-f]{8})?$", "", label[len(start) :])


def _rules_of(label: str) -> str:
    found = re.search(r"~[0-9a-f]{8}$", label)
    return found[0] if found else ""


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
