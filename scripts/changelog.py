"""The changelog: fragments of changelog.d become a section of CHANGELOG.md. Needs nothing but Python.

Used by ``scripts/changelog`` and ``scripts/release``; changelog.d/README.md tells the form of a fragment.
"""

from __future__ import annotations

import argparse
import datetime as dt
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
KINDS = {
    "added": "Added",
    "changed": "Changed",
    "fixed": "Fixed",
    "removed": "Removed",
    "security": "Security",
}
"""The kinds in the order of a section, with their headings."""
UNRELEASED = "## Unreleased\n"
_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")


class Wrong(Exception):
    """Something a person has to mend first; the text says what."""


def fragments(folder: Path) -> list[tuple[str, str, Path]]:
    """Answer (kind, text, file) of every fragment in the order of a section.

    Raises:
        Wrong: a file's name is not ``NAME.KIND.md``, or its text is empty or holds a heading.
    """
    found = []
    for file in sorted(folder.glob("*.md")):
        if file.name == "README.md":
            continue
        name, _, kind = file.stem.rpartition(".")
        text = " ".join(file.read_text(encoding="utf-8").split("\n")).strip()
        if not name or kind not in KINDS:
            raise Wrong(f"{file.name}: a fragment is named NAME.KIND.md; kinds: {', '.join(KINDS)}")
        if not text or text.startswith("#"):
            raise Wrong(f"{file.name}: a fragment is one or two sentences without a heading")
        found.append((kind, text, file))
    return sorted(found, key=lambda one: list(KINDS).index(one[0]))


def section(version: str, day: str, found: list[tuple[str, str, Path]]) -> str:
    """Write the section of one version: a heading for each kind that has fragments, one point a fragment."""
    parts = [f"## {version} ({day})\n"]
    for kind, heading in KINDS.items():
        points = [f"- {text}\n" for one, text, _ in found if one == kind]
        if points:
            parts.append(f"### {heading}\n\n{''.join(points)}")
    return "\n".join(parts)


def release(root: Path, version: str, day: str) -> str:
    """Move the fragments below ``root`` into CHANGELOG.md as the section of ``version``; answers the section.

    Raises:
        Wrong: no version, a section of it is there already, there is no fragment, or a fragment has no right form.
    """
    if not _VERSION.fullmatch(version):
        raise Wrong(f"{version!r} is no version; write it as 1.2.3")
    log = root / "CHANGELOG.md"
    text = log.read_text(encoding="utf-8")
    if f"\n## {version} " in text:
        raise Wrong(f"CHANGELOG.md has a section of {version} already")
    found = fragments(root / "changelog.d")
    if not found:
        raise Wrong("changelog.d holds no fragment: there is nothing to release")
    head, mark, rest = text.partition(UNRELEASED)
    if not mark:
        raise Wrong(f"CHANGELOG.md has no line {UNRELEASED.strip()!r}")
    note, older, tail = rest.partition("\n## ")
    new = section(version, day, found)
    log.write_text(f"{head}{mark}{note.rstrip()}\n\n{new}{older}{tail}", encoding="utf-8")
    for _, _, file in found:
        file.unlink()
    return new


def notes(root: Path, version: str) -> str:
    """Answer what CHANGELOG.md says about ``version``, without its heading.

    Raises:
        Wrong: there is no section of it.
    """
    text = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    found = re.search(rf"^## {re.escape(version)} \([^\n]*\)\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    if not found:
        raise Wrong(
            f"CHANGELOG.md has no section of {version}; run 'scripts/changelog {version}' and commit it"
        )
    return found[1].strip() + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/changelog", description=__doc__)
    parser.add_argument("version", nargs="?", help="move the fragments into the section of this version")
    parser.add_argument("--notes", metavar="VERSION", help="only print the section of VERSION")
    given = parser.parse_args()
    try:
        if given.notes:
            sys.stdout.write(notes(ROOT, given.notes))
        elif given.version:
            day = dt.datetime.now(dt.UTC).date().isoformat()
            sys.stdout.write(release(ROOT, given.version, day))
        else:
            sys.stdout.write(section("Unreleased", "not yet", fragments(ROOT / "changelog.d")))
    except Wrong as wrong:
        sys.exit(f"error: {wrong}")


if __name__ == "__main__":
    main()
