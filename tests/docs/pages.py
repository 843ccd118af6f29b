"""The documentation as data: its files, headings, links, fences and generated blocks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_BLOCK = re.compile(r"(<!-- generated: (?P<name>[^>]+?) -->\n)(?P<body>.*?)(<!-- end -->)", re.S)
_FENCE = re.compile(r"^(?P<fence>`{3,})(?P<lang>\w*)[^\n]*\n(?P<body>.*?)^(?P=fence)[ \t]*$", re.S | re.M)
_NOTE = re.compile(r"<!-- (?P<kind>run|not run): (?P<what>[^<>]+?) -->\s*\Z")


def pages() -> list[Path]:
    """Every page: the README and all below docs/ and examples/."""
    return [
        ROOT / "README.md",
        *sorted((ROOT / "docs").rglob("*.md")),
        *sorted((ROOT / "examples").rglob("*.md")),
    ]


def shown(page: Path) -> str:
    """A page's path from the repository's root."""
    return page.relative_to(ROOT).as_posix()


@dataclass(frozen=True)
class Fence:
    """One fenced block: its language and text, where the text stands in the page, and the comment right before it."""

    lang: str
    body: str
    start: int
    end: int
    closed: int
    note: str = ""
    what: str = ""


def fences(text: str) -> list[Fence]:
    """Answer the fenced blocks of a page in order."""
    found = []
    for one in _FENCE.finditer(text):
        note = _NOTE.search(text[max(0, one.start() - 300) : one.start()])
        found.append(
            Fence(
                one["lang"],
                one["body"],
                one.start("body"),
                one.end("body"),
                one.end(),
                note["kind"] if note else "",
                note["what"] if note else "",
            )
        )
    return found


def prose(text: str) -> str:
    """Answer a page without its fenced blocks."""
    return _FENCE.sub("", text)


def headings(text: str) -> list[str]:
    """Answer the headings of a page, without their marks."""
    return [
        re.sub(r"`", "", line.lstrip("#").strip())
        for line in prose(text).split("\n")
        if re.match("#+ ", line)
    ]


def anchors(text: str) -> set[str]:
    """Answer the anchors that GitHub makes of a page's headings."""
    found: set[str] = set()
    for heading in headings(text):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
        anchor = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        number, one = 0, anchor
        while one in found:
            number += 1
            one = f"{anchor}-{number}"
        found.add(one)
    return found


def links(text: str) -> Iterator[str]:
    """Yield the targets of a page's links and images."""
    plain = re.sub(r"`[^`\n]*`", "", prose(text))
    yield from re.findall(r"\]\(([^)\s]+)\)", plain)
    yield from re.findall(r'(?:src|srcset|href)="([^"\s]+)"', plain)


def block_names(text: str) -> list[str]:
    """Answer the names of the generated blocks of a page."""
    return [one["name"] for one in _BLOCK.finditer(text)]


def refill(text: str, make: Callable[[str], str]) -> str:
    """Answer a page with every generated block made again; ``make`` answers the block of a name."""
    return _BLOCK.sub(lambda one: f"{one[1]}\n{make(one['name']).strip()}\n\n{one[4]}", text)
