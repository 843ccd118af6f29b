"""What values must be like before anything is written. Pure; says names and forms, never values."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from dreamnet_actions.domain.secret import Versioned
from dreamnet_actions.domain.spec.models import EnvEntry

_PLACEHOLDER = re.compile(r"(?i)^(changeme|change-me|todo|xxx+|<[^>]*>|\$\{[^}]*\})$")


def mistakes(entry: EnvEntry, values: Mapping[str, Versioned]) -> list[str]:
    """Answer one sentence for each value that is missing or has the wrong form, in the order of names."""
    found = [
        f"{name} is required and {'empty' if name in values else 'missing'}."
        for name in sorted(entry.require)
        if not (name in values and values[name].value)
    ]
    for name in sorted(values):
        text = values[name].value.reveal()
        form = entry.rules.get(name, "text")
        if "\0" in text:
            found.append(f"{name} holds a NUL character, which no environment can carry.")
        elif not _fits(form, text):
            found.append(f"{name} is no {form} ({len(text)} characters long).")
        elif _PLACEHOLDER.match(text.strip()):
            found.append(f"{name} still holds a placeholder.")
    found += [
        f"{name} has a rule and no value."
        for name in sorted(set(entry.rules) - set(values) - set(entry.require))
    ]
    return found


def _fits(form: str, text: str) -> bool:
    if form == "integer":
        return re.fullmatch(r"[+-]?\d{1,18}", text) is not None
    if form == "number":
        return re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", text) is not None
    if form == "boolean":
        return text in ("true", "false")
    if form == "url":
        try:
            parts = urlsplit(text)
        except ValueError:
            return False
        return bool(parts.scheme and (parts.netloc or parts.path)) and not re.search(r"\s", text)
    if form == "json":
        try:
            json.loads(text)
        except (ValueError, RecursionError):
            return False
    return True
