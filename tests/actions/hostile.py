"""More than three hundred hostile texts: what strangers put into titles, branches, comments and payloads to be obeyed.

``corpus(canary)`` answers them all, the same ones in the same order each time. A text that would run something creates
the file ``canary`` where it succeeds: after a run, that file must not be there. Each text says its ``kind`` and where
it is from. ``tests/actions/test_hostile.py`` proves the teeth of the corpus: every text of a shell does create its
canary where it is pasted into a script, and every command is one to the port of the runner's grammar.

Where they are from:

- ``blns``: Big List of Naughty Strings 1.0.0 by Max Woolf (MIT), npm ``big-list-of-naughty-strings``; ``naughty.json``
  holds the part of it that tries to be obeyed or to break a reader, its canary's path replaced,
- ``seclab``: GitHub Security Lab, "Keeping your GitHub Actions and workflows secure, part 2: Untrusted input",
- ``zizmor``: docs.zizmor.sh/audits, template-injection, github-env and insecure-commands,
- ``runner``: actions/runner, src/Test/L0/Worker/ActionCommandL0.cs and ActionCommandManagerL0.cs,
- ``codeql``: CodeQL's queries for Actions (argument, environment and PATH injection),
- ``own``: written here.

The names say after whose example a text is written; only those of ``blns`` are theirs to the letter.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tests.actions import hostile_texts as own
from tests.actions.hostile_texts import CANARY

NAUGHTY = Path(__file__).with_name("naughty.json")
WHOLE = bool(os.environ.get("EVERY_HOSTILE_PAIR"))
"""Whether all is tried that there is to try (``scripts/prove hostile``), or the suite's sample of it.

The sample is the same in each run. Each place stays, and at each place a text of each kind: under act by ``of_each``
and ``fields.spread``; without act, where each text stands alone in each field, a fourth of all pairs (``EVERY``).
"""
EVERY = 1 if WHOLE else 4

T = TypeVar("T")


def sampled(tries: Sequence[T]) -> Sequence[T]:
    """Answer each fourth of ``tries``, or all."""
    return tries[::EVERY]


@dataclass(frozen=True)
class Hostile:
    """One text. ``id`` is its name in tests: kind and number."""

    id: str
    kind: str
    source: str
    text: str

    @property
    def fits_environment(self) -> bool:
        """Whether it can be the value of a variable: no NUL, real UTF-8, shorter than Linux takes (128 KiB)."""
        return "\0" not in self.text and encodes(self.text) and len(self.text.encode()) < 128 * 1024

    @property
    def branch(self) -> str:
        """As much of the text as git takes in a branch's name (git-check-ref-format); blanks become ``${IFS}``."""
        name = re.sub(r"\s+", "${IFS}", self.text) if encodes(self.text) else "x"
        name = re.sub(r"[\x00-\x20\x7f~^:?*\[\\]|@\{|\.\.|//", "", name).strip("/.")
        parts = [re.sub(r"(\.lock)+$|^[.-]+", "", part)[:200] for part in name.split("/")]
        return "/".join(part.rstrip(".") for part in parts if part.strip("."))[:200].strip("/.") or "x"


def encodes(text: str) -> bool:
    """Whether ``text`` has no lone half of a surrogate pair, which UTF-8 cannot write."""
    return not re.search("[\ud800-\udfff]", text)


_OWN = {
    "shell": own.SHELL,
    "expression": own.EXPRESSIONS,
    "command": own.COMMANDS,
    "nearly": own.NEARLY,
    "file": own.FILES,
    "markdown": own.MARKDOWN,
    "terminal": own.TERMINAL,
    "unicode": own.UNICODE,
    "breaker": own.BREAKERS,
}


def corpus(canary: str | Path) -> list[Hostile]:
    """Answer all texts, with ``canary`` as the file that a text which is executed creates. The path needs no quotes."""
    found: list[Hostile] = []
    kinds = {**_OWN, "naughty": {"blns": json.loads(NAUGHTY.read_text(encoding="utf-8"))}}
    for kind, sources in kinds.items():
        pairs = [(source, text) for source, texts in sources.items() for text in texts]
        for number, (source, text) in enumerate(pairs, 1):
            found.append(Hostile(f"{kind}-{number:02}", kind, source, text.replace(CANARY, str(canary))))
    return found


def of(kind: str, canary: str | Path) -> list[Hostile]:
    """Answer the texts of one kind."""
    return [one for one in corpus(canary) if one.kind == kind]


def of_each(texts: Sequence[Hostile], count: int) -> list[Hostile]:
    """Answer ``count`` texts of each kind, those of one kind side by side: from its first to its last, evenly."""
    kinds: dict[str, list[Hostile]] = {}
    for one in texts:
        kinds.setdefault(one.kind, []).append(one)
    assert min(map(len, kinds.values())) >= count, "no kind stands for another"
    return [known[at * len(known) // count] for known in kinds.values() for at in range(count)]
