"""What values must be like before anything is written. Pure; says names and forms, never values."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from dreamnet_actions.domain.secret import Versioned
from dreamnet_actions.domain.spec.models import EnvEntry

_PLACEHOLDER = re.compile(r"(?i)^(changeme|change-me|todo|xxx+|<[^>]*>|\$\{[^}]*\})$")


def mistakes(
    entry: EnvEntry, values: Mapping[str, Versioned], known: Collection[str] | None = None
) -> list[str]:
    """Answer one sentence for each value that is missing or has the wrong form, in the order of names.

    ``known`` are all names that there are, where ``values`` are only some of them: the rest was checked when it was
    written.
    """
    names = {*values, *(known or ())}
    found = [
        f"{name} is required and {'empty' if name in names else 'missing'}."
        for name in sorted(entry.require)
        if name not in names or (name in values and not values[name].value)
    ]
    for name in sorted(values):
        text = values[name].value.reveal()
        form = entry.rules.get(name, "text")
        if "\0" in text and entry.nul == "refuse":
            found.append(f"{name} holds a NUL character, which no environment can carry.")
        elif not _fits(form, text):
            found.append(f"{name} is no {form} ({len(text)} characters long).")
        elif _PLACEHOLDER.match(text.strip()):
            found.append(f"{name} still holds a placeholder.")
    found += [
        f"{name} has a rule and no value." for name in sorted(set(entry.rules) - names - set(entry.require))
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
