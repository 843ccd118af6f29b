"""What a sandbox's Secret Manager begins with: the secrets that the configuration names, and those of a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dreamnet_actions.bootstrap.late import imported
from dreamnet_actions.errors import ConfigError, RequestInvalid
from dreamnet_actions.errors.configuration import ConfigInvalid

if TYPE_CHECKING:
    from dreamnet_actions.domain.spec.validation import Rule
    from dreamnet_actions.testing.google.seeded import Wishes

KIND = "gcp-secret-manager"
NOBODYS = "sandbox-project"
"""The project where the configuration names none."""
MADE_UP = {
    "integer": "1",
    "number": "1.5",
    "boolean": "true",
    "url": "https://example.com/made-up",
    "json": '{"made": "up"}',
    "email": "made-up@example.com",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "duration": "1m",
    "timestamp": "2026-01-01T00:00:00Z",
    "host": "example.com",
    "host-port": "example.com:5432",
    "port": "8080",
    "ip": "192.0.2.1",
    "hex": "c0ffee",
    "base64": "bWFkZSB1cA==",
    "base64url": "bWFkZSB1cA",
}
"""A value of each form of ``rules`` that one can be made up of; a certificate, key or token has to be given."""


def wishes(folder: Path, file: Path | None, say: Callable[[str], None]) -> Wishes | None:
    """Answer what the configuration in ``folder`` and a file of ``NAME=value`` lines want; None where neither does.

    A secret that the file does not give a value has one that is made up, of the form that ``rules`` ask for. Raises
    ConfigError for a file that cannot be read, RequestInvalid for a value that Secret Manager would not take.
    """
    entries = _entries(folder)
    if file is None and not entries:
        return None
    from dreamnet_actions.testing.google.seeded import SeededSecret, Wishes

    given = _read(file) if file is not None else {}
    if empty := [name for name, value in given.items() if not value]:
        raise RequestInvalid([f"{', '.join(empty)} in {file}: Secret Manager holds no empty values."])
    places = [(one.project, one.location or "") for one, _ in entries] or [(NOBODYS, "")]
    wanted: dict[tuple[str, str, str], str] = {}
    named: set[str] = set()
    for options, spec in entries:
        begun = made_up(spec)
        named |= set(begun)
        for name, value in begun.items():
            wanted[options.project, options.location or "", name] = given.get(name, value)
    for project, location in places:
        wanted |= {(project, location, name): value for name, value in given.items() if name not in named}
    if invented := sorted(named - set(given)):
        say(f"Made up the values of {', '.join(invented)}; --gcp-secrets FILE gives them others.")
    return Wishes(
        projects=tuple(dict.fromkeys(project for project, _ in places)),
        secrets=tuple(
            SeededSecret(project=project, location=location, name=name, value=value)
            for (project, location, name), value in wanted.items()
        ),
        accounts=frozenset(one.service_account for one, _ in entries if one.service_account),
    )


def _entries(folder: Path) -> list[tuple[Any, Any]]:
    """Answer the options and entry of each env entry that reads Secret Manager. A configuration that is none has none:
    the sandbox shows its mistakes."""
    from dreamnet_actions.bootstrap import check_config

    try:
        found = check_config(folder).config.env.values()
    except ConfigError:
        return []
    return [(one.from_.options.gcp_secret_manager, one) for one in found if one.from_.kind == KIND]


def made_up(spec: Any) -> dict[str, str]:
    """Answer the secrets that an entry names, each with a value of the form that its rules and paths ask for."""
    found: dict[str, str] = {}
    parts: dict[str, dict[str, Any]] = {_secret(one): {"MADE_UP": "made-up"} for one in spec.extract}
    for name, reference in spec.keys.items():
        secret, value = _secret(reference), _fitting(spec.rules.get(name))
        found.setdefault(secret, value or f"made-up-{secret}")
        if path := reference.partition("#")[2]:
            inner = parts.setdefault(secret, {})
            *way, last = path.split(".")
            for step in way:
                inner = inner.setdefault(step, {})
            inner[last] = value or f"made-up-{last}"
    return found | {secret: json.dumps(whole) for secret, whole in parts.items()}


def _fitting(rule: Rule | None) -> str | None:
    """Answer a value that a rule lets pass, as far as its form, bounds, schemes and list of values go; None for a text
    that may be anything."""
    if rule is None:
        return None
    if rule.allowed:
        return rule.allowed[0]
    value = MADE_UP.get(rule.type_)
    if rule.type_ == "url" and rule.schemes:
        return f"{rule.schemes[0]}://example.com/made-up"
    if value is not None and rule.type_ in ("integer", "number", "port"):
        number = float(value) if rule.min is None else max(float(value), rule.min)
        number = number if rule.max is None else min(number, rule.max)
        return value if number == float(value) else f"{number:g}"
    if value is None and rule.min_length:
        return "made-up".ljust(rule.min_length, "-")
    return value


def _secret(reference: str) -> str:
    return reference.partition("#")[0].partition("@")[0]


def _read(file: Path) -> Mapping[str, str]:
    read_text: Any = imported("dreamnet_actions.adapters.files.atomic:read_text")
    reader = imported("dreamnet_actions.adapters.files.grammar:Reader")(
        read_text(file, "The file of secrets", hint="Write NAME=value lines into it."), str(file)
    )
    if reader.mistakes:
        raise ConfigInvalid(reader.mistakes)
    entries: Mapping[str, str] = reader.entries
    return entries
