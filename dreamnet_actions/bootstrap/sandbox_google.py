"""What a sandbox's Secret Manager begins with: the secrets that the configuration names, and those of a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dreamnet_actions.bootstrap.late import imported
from dreamnet_actions.errors import ConfigError, ConfigInvalid, RequestInvalid

if TYPE_CHECKING:
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
}
"""A value of each form of ``rules``."""


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
        made_up = _made_up(spec)
        named |= set(made_up)
        for name, value in made_up.items():
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


def _made_up(spec: Any) -> dict[str, str]:
    """Answer the secrets that an entry names, each with a value of the form that its rules and paths ask for."""
    found: dict[str, str] = {}
    parts: dict[str, dict[str, Any]] = {_secret(one): {"MADE_UP": "made-up"} for one in spec.extract}
    for name, reference in spec.keys.items():
        secret, value = _secret(reference), MADE_UP.get(spec.rules.get(name, "text"))
        found.setdefault(secret, value or f"made-up-{secret}")
        if path := reference.partition("#")[2]:
            inner = parts.setdefault(secret, {})
            *way, last = path.split(".")
            for step in way:
                inner = inner.setdefault(step, {})
            inner[last] = value or f"made-up-{last}"
    return found | {secret: json.dumps(whole) for secret, whole in parts.items()}


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
