"""What is looked at in every value without being asked for. Pure; names and what is wrong, never a value.

Each lint has a name and a level; an entry's ``accept`` passes one over, for some names or for all, with a reason.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from dreamnet_actions.domain.pem import has_private_key
from dreamnet_actions.domain.secret import Versioned
from dreamnet_actions.domain.spec.models import EnvEntry
from dreamnet_actions.domain.spec.validation import Form, LintName, Rule
from dreamnet_actions.domain.validation import Level, Trouble

LEVELS: Mapping[LintName, Level] = {
    "placeholder": "error",
    "private-key-in-public": "error",
    "secret-in-public": "warning",
    "shared-secret": "warning",
    "white-space": "warning",
    "line-end": "warning",
    "quotes": "warning",
    "base64": "warning",
    "empty": "warning",
    "crlf": "warning",
    "bom": "warning",
}
"""How bad each lint is: an error keeps the entry from being written, a warning is told."""
SECRET_FORMS: Collection[Form] = ("private-key", "jwt")
"""Forms whose values are secret whatever they look like."""
LEAST = 20
"""Characters from which on a text by chance is taken for a secret."""
BITS = 3.3
"""Bits of entropy a character from which on a text is by chance; English words have about 3 at this length."""

_PLACEHOLDER = re.compile(
    r"(?i)change[-_ ]?me|to[-_ ]?do|tbd|fix[-_ ]?me|xxx+|placeholder|replace[-_ ]?me|<[^<>]*>|\$\{[^}]*\}|\{\{[^}]*\}\}"
    r"|your[-_ ][a-z-_ ]+|insert[-_ ][a-z-_ ]+[-_ ]here"
)
_KNOWN_TOKENS = re.compile(
    r"gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{40,}|AKIA[A-Z0-9]{16}|xox[abprs]-[A-Za-z0-9-]{10,}"
    r"|(?:sk|rk)_live_[A-Za-z0-9]{16,}|AIza[A-Za-z0-9_-]{35}|glpat-[A-Za-z0-9_-]{20,}"
    r"|eyJ[A-Za-z0-9_-]{5,}\.eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*"
)
_NO_SECRET = re.compile(r"(?i)(^|_)(sha\d*|digest|commit|revision|version|hash|image|ref|uuid|id)($|_)")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_BY_CHANCE = re.compile(r"[A-Za-z0-9+/=_\-.~!@#$%^&*]+")
_ENVIRONMENTS = {
    word: environment
    for environment, words in {
        "production": ("production", "prod", "live"),
        "staging": ("staging", "stage", "preprod"),
        "test": ("test", "testing", "qa", "ci"),
        "development": ("development", "dev", "local"),
        "preview": ("preview", "review"),
    }.items()
    for word in words
}


def lints(entry: EnvEntry, values: Mapping[str, Versioned], public: Collection[str] = ()) -> list[Trouble]:
    """Answer what every lint says of an entry's values, in the order of names. ``public`` are those of its sinks that
    people may read who may read no secret (a ConfigMap, a variable)."""
    found = []
    for name in sorted(values):
        text, rule = values[name].value.reveal(), entry.rules.get(name, _ANY)
        required = rule.required or name in entry.require
        for lint, told in (*_looks(text, rule, required), *_in_public(name, text, rule, public)):
            if not _accepted(entry, lint, name):
                found.append(_trouble(lint, name, f"{name} {told}."))
    return found


def _looks(text: str, rule: Rule, required: bool) -> Iterator[tuple[LintName, str]]:
    """What is odd about a text by itself."""
    if not text:
        if not required:
            yield "empty", "is empty"
        return
    if _PLACEHOLDER.fullmatch(text.strip()):
        yield "placeholder", "still holds a placeholder"
        return
    if text.startswith(("\ufeff", "\xef\xbb\xbf")):
        yield "bom", "begins with a byte order mark"
    if "\r" in text:
        yield "crlf", "has line ends of Windows (CR LF)" if "\r\n" in text else "holds a carriage return"
    bare = text.rstrip("\r\n")
    is_block = text.startswith("-----BEGIN ")
    if bare != text and not (is_block and text.count("\n") > 1 and not text.endswith("\n\n")):
        yield "line-end", "ends with a line end"
    if bare != bare.strip():
        yield "white-space", "has white space at its beginning or end"
    if len(bare) > 1 and bare[0] == bare[-1] and bare[0] in "'\"`" and rule.type_ != "json":
        yield "quotes", "stands in quotes, which are a part of it"
    if rule.type_ == "text" and (why := _half_base64(text)):
        yield "base64", f"looks like base64, and {why}"


def _half_base64(text: str) -> str:
    """Answer why a text that looks like base64 is none that everybody reads; "" where it does not, or is."""
    body = text.strip()
    if not re.search(r"\s", body):
        padding = len(body) - len(body.rstrip("="))
        if len(body) >= 16 and padding and re.fullmatch(r"[A-Za-z0-9+/_-]+=+", body) and len(body) % 4:
            return "its padding is wrong"
        return ""
    lines = body.split()
    even = (
        len(lines) > 1 and {*map(len, lines[:-1])} in ({60}, {64}, {76}) and len(lines[-1]) <= len(lines[0])
    )
    if even and all(re.fullmatch(r"[A-Za-z0-9+/]+={0,2}", one) for one in lines):
        return "it is broken into lines"
    return ""


def _in_public(name: str, text: str, rule: Rule, public: Collection[str]) -> Iterator[tuple[LintName, str]]:
    if not public:
        return
    where = ", ".join(public)
    if has_private_key(text):
        yield "private-key-in-public", f"holds a private key, and {where} is no place for secrets"
    elif rule.type_ in SECRET_FORMS or looks_secret(name, text):
        yield "secret-in-public", f"looks like a secret, and {where} is no place for one"


def looks_secret(name: str, text: str) -> bool:
    """Guess whether a value is secret: a token of a known form, a password in a URL, or text by chance."""
    if has_private_key(text) or _KNOWN_TOKENS.search(text):
        return True
    if "://" in text:
        try:
            return bool(urlsplit(text.strip()).password)
        except ValueError:
            return False
    if len(text) < LEAST or _NO_SECRET.search(name) or _UUID.fullmatch(text) or text.startswith("sha256:"):
        return False
    if not _BY_CHANCE.fullmatch(text) or not re.search(r"\d", text) or not re.search(r"[A-Za-z]", text):
        return False
    counts = Counter(text).values()
    return -sum(one / len(text) * math.log2(one / len(text)) for one in counts) >= BITS


# ── one secret in two environments ───────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Sealed:
    """One entry's secrets by name, as keyed hashes: enough to see that two are the same, and for nothing else."""

    environment: str
    spec: EnvEntry
    seals: Mapping[str, bytes]


def sealed(entry: str, spec: EnvEntry, values: Mapping[str, Versioned], key: bytes) -> Sealed:
    """Seal those of an entry's values that look secret, under a key that is thrown away after the run."""
    seals = {
        name: hmac.new(key, one.value.raw(), hashlib.sha256).digest()
        for name, one in values.items()
        if spec.rules.get(name, _ANY).type_ in SECRET_FORMS or looks_secret(name, one.value.reveal())
    }
    return Sealed(environment_of(entry, spec), spec, seals)


def shared(entries: Mapping[str, Sealed]) -> dict[str, list[Trouble]]:
    """Answer by entry which of its secrets another environment has as well."""
    found: dict[str, list[Trouble]] = {}
    for entry, own in entries.items():
        for name, seal in sorted(own.seals.items()):
            theirs = [
                f"{other}'s {twin}"
                for other, one in entries.items()
                if own.environment and one.environment and own.environment != one.environment
                for twin, another in sorted(one.seals.items())
                if hmac.compare_digest(seal, another)
            ]
            if theirs and not _accepted(own.spec, "shared-secret", name):
                told = f"{name} is the same secret as {', '.join(theirs)}, in another environment."
                found.setdefault(entry, []).append(_trouble("shared-secret", name, told))
    return found


def environment_of(entry: str, spec: EnvEntry) -> str:
    """Answer which environment an entry is for: what it says, else a word in its name; "" where neither does."""
    if spec.environment:
        return spec.environment
    return next((_ENVIRONMENTS[word] for word in re.split(r"[-_]", entry) if word in _ENVIRONMENTS), "")


_ANY = Rule()


def _accepted(entry: EnvEntry, lint: LintName, name: str) -> bool:
    return any(one.lint == lint and (not one.names or name in one.names) for one in entry.accept)


def _trouble(lint: LintName, name: str, text: str) -> Trouble:
    return Trouble(name=name, rule=lint, level=LEVELS[lint], text=text)
