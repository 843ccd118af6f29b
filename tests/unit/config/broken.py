"""The broken configurations: each with the lines that must be complained of, and a phrase of each complaint."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dreamnet_actions.config.reader import read_bytes
from dreamnet_actions.errors import ConfigError
from dreamnet_actions.errors.configuration import ConfigInvalid, Mistake
from tests.unit.config.slots import COMPOSED

DATA = Path(__file__).with_name("broken.txt")
MARK = "#! "


@dataclass(frozen=True)
class Case:
    """One broken configuration. ``expected`` holds a line and a phrase for each complaint that must come."""

    name: str
    data: bytes
    expected: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Outcome:
    """What came of a case: the complaints that were right, those that did not come, and those nobody expects."""

    right: int
    lacking: tuple[tuple[int, str], ...]
    unexpected: tuple[Mistake, ...]


def written() -> Iterator[Case]:
    """Answer the cases of the data file."""
    for part in re.split(r"(?m)^=== ", DATA.read_text(encoding="utf-8"))[1:]:
        name, text = part.split("\n", 1)
        text = text.rstrip("\n") + "\n"
        lines = enumerate(text.split("\n"), 1)
        marked = [(number, line.split(MARK, 1)[1]) for number, line in lines if MARK in line]
        phrases = [(number, phrase) for number, all_of in marked for phrase in all_of.split(" && ")]
        yield Case(name, text.encode(), tuple(phrases))


def bombs() -> Iterator[Case]:
    """Answer the cases that are too large or too strange to be written down."""
    head = b"version: 1\n"
    laughs = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10)
    )
    merges = "a0: &a0 {x: 1}\n" + "".join(
        f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 9)
    )
    block = "\n".join(" " * level + "a:" for level in range(700))
    text = "x" * 100_000
    yield Case("billion laughs", laughs.encode(), ((5, "More than 20000 values"),))
    yield Case("merge-key bomb", merges.encode(), ((2, "Merge keys"),))
    yield Case(
        "aliases of a large text", f"a: &a {text}\nb: [{'*a, ' * 50}]\n".encode(), ((2, "characters"),)
    )
    yield Case("101 aliases", b"a: &a 1\nb:\n" + b" - *a\n" * 101, ((103, "More than 100 aliases"),))
    yield Case("30,000 nested lists", b"[" * 30_000, ((1, "More than 64 levels"),))
    yield Case("30,000 nested mappings", b"{a: " * 30_000, ((1, "More than 64 levels"),))
    yield Case("30,000 nested keys", b"{" * 30_000, ((1, "More than 64 levels"),))
    yield Case("256 KiB of nested lists", head + b"a: " + b"[" * 262_000, ((2, "More than 64 levels"),))
    yield Case("nested block lists", head + b"a:\n" + b"- " * 100_000, ((3, "More than 64 levels"),))
    yield Case("nested block mappings", block.encode(), ((65, "More than 64 levels"),))
    yield Case("10 MB", head + b"# " + b"x" * 10_000_000, ((1, "more than 256 KiB"),))
    yield Case("10 MB of brackets", b"[" * 10_000_000, ((1, "more than 256 KiB"),))
    yield Case("NUL bytes", b"version: 1\nflags:\0 5\n", ((2, "U+0000"),))
    yield Case("only NUL bytes", b"\0" * 1000, ((1, "no text"),))
    yield Case("control characters", b"version: 1\nflags: \x1b[31m\n", ((2, "U+001B"),))
    yield Case("next line", "version: 1\nflags: a\x85b\n".encode(), ((2, "U+0085"),))
    yield Case("line separator", "version: 1\n# a\u2028b\n".encode(), ((2, "U+2028"),))
    yield Case("UTF-16", "version: 1\n".encode("utf-16"), ((1, "UTF-16"),))
    yield Case("UTF-16 without a mark", "version: 1\n".encode("utf-16-be"), ((1, "UTF-16"),))
    yield Case("UTF-8 with a mark", b"\xef\xbb\xbfversion: 1\n", ((1, "byte order mark"),))
    yield Case("Latin 1", "version: 1\n# größer\n".encode("latin-1"), ((2, "0xf6 is no UTF-8"),))
    yield Case("half a character", b"version: 1\n# \xe2\x82\n", ((2, "no UTF-8"),))
    yield Case("random bytes", bytes(range(128, 256)) * 100, ((1, "no UTF-8"),))
    yield Case("empty", b"", ((1, "The file is empty"),))
    yield Case("only comments", b"# nothing\n\n", ((1, "The file is empty"),))
    yield Case("large text", head + b"flags: {file: '" + b"x" * 250_000 + b"'}\n", ((2, "is too long"),))
    yield Case("large digits", head + b"watch: {every: '" + b"1" * 250_000 + b"'}\n", ((2, "is too long"),))
    yield Case(
        "large number", head + b"watch: {umbrella-over: " + b"9" * 250_000 + b"}\n", ((2, "too long"),)
    )
    yield Case("large key", head + b"? " + b"k" * 250_000 + b"\n: 1\n", ((2, "Unknown key"),))
    yield Case("large anchor", head + b"flags: *" + b"a" * 250_000, ((2, "No anchor"),))
    yield Case("large tag", head + b"flags: !<" + b"a" * 250_000 + b"> x\n", ((2, "Tags"),))
    yield Case(
        "many tag directives", b"%TAG !a! tag:a,2000:\n" * 12_000 + b"---\na: 1\n", ((1, "Directives"),)
    )
    yield Case("unclosed quote to the end", head + b'flags: "' + b"x\n" * 120_000, ((2, "never closed"),))
    yield from _floods(head)


def _floods(head: bytes) -> Iterator[Case]:
    """Answer cases with thousands of mistakes, or of values."""
    unknown = "".join(f"k{n}: v\n" for n in range(9_000)).encode()
    twice = b"".join(b"watch: {}\n" for _ in range(9_000))
    lonely = "".join(f" s{n}: {{needs: [t{n}]}}\n" for n in range(4_500)).encode()
    chain = "".join(f" s{n}: {{needs: [s{(n + 1) % 4_500}]}}\n" for n in range(4_500)).encode()
    woven = "".join(f" s{n}: {{needs: [s{n + 1}, s0, s1, s2]}}\n" for n in range(2_500)).encode()
    kinds = ",".join(f"c{n}: {{htp: x}}" for n in range(6_000)).encode()
    yield Case("9,000 unknown keys", head + unknown, ((2, "Unknown key 'k0'"), (102, "more mistakes")))
    yield Case("9,000 keys twice", head + twice, ((3, "there twice"), (103, "more mistakes")))
    yield Case("4,500 unknown needs", head + b"services:\n" + lonely, ((3, "Unknown service 't0'"),))
    yield Case("a circle of 4,500", head + b"services:\n" + chain, ((3, "The key 'platform' is missing"),))
    yield Case("thousands of circles", head + b"services:\n" + woven, ((3, "The key 'platform' is missing"),))
    yield Case(
        "6,000 unknown kinds",
        head + b"services: {w: {checks: {" + kinds + b"}}}\n",
        ((2, "No kind of check is given"),),
    )
    yield Case(
        "100,000 values", head + b"routes:\n" + b"-\n" * 100_000, ((20_000, "More than 20000 values"),)
    )
    yield Case(
        "100,000 commas", head + b"routes: [" + b"a," * 100_000 + b"]\n", ((2, "More than 20000 values"),)
    )
    yield Case("100,000 colons", head + b"routes: " + b":" * 100_000 + b"\n", ((2, "A ':' inside"),))
    yield Case(
        "many anchors", head + b"routes: [" + b"&a 1," * 50_000 + b"]\n", ((2, "More than 20000 values"),)
    )


def cases() -> list[Case]:
    """Answer every case."""
    return [*written(), *bombs()]


def complaints(data: bytes) -> tuple[Mistake, ...]:
    """Read and check a configuration; answer its mistakes, none if it is right. Any other error goes through."""
    try:
        COMPOSED.validate(read_bytes(data))
    except ConfigInvalid as error:
        return error.mistakes
    except ConfigError as error:
        return (Mistake("dreamnet.yml", 1, 1, "", error.message),)
    return ()


def judge(case: Case, mistakes: tuple[Mistake, ...]) -> Outcome:
    """Compare the complaints with what was expected of a case."""
    lacking = tuple(
        (line, phrase)
        for line, phrase in case.expected
        if not any(one.line == line and phrase in one.message for one in mistakes)
    )
    lines = {line for line, _ in case.expected}
    unexpected = tuple(one for one in mistakes if one.line not in lines)
    return Outcome(len(case.expected) - len(lacking), lacking, unexpected)
