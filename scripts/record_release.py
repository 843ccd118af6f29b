"""Record which commit a release has, and bring every snippet pinned by SHA to it. Run by ``scripts/release record``.

    python scripts/record_release.py TAG COMMIT

``tests/docs/test_pins.py`` holds the snippets against the record.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RECORD = ROOT / ".github" / "published.json"
PLACES = ("README.md", "docs", "examples", "workflow-templates")
"""Where snippets for users stand."""


def pinned(repository: str) -> re.Pattern[str]:
    """What a ``uses:`` of ours looks like: (place, reference, comment); the comment names the tag of a SHA."""
    return re.compile(
        rf"({re.escape(repository)}(?:/[A-Za-z0-9_./-]+)?)@([A-Za-z0-9_.-]+)((?:[ ]+#[ ]+\S+)?)"
    )


def texts(root: Path) -> list[Path]:
    """Every file below ``root`` that may hold a snippet."""
    found = []
    for place in PLACES:
        where = root / place
        files = [where] if where.is_file() else where.rglob("*")
        found += [file for file in files if file.suffix in (".md", ".yml", ".yaml")]
    return sorted(found)


def repin(text: str, repository: str, tag: str, commit: str) -> str:
    """Answer ``text`` with each snippet that is pinned by SHA at ``commit``; moving tags stay."""

    def newer(found: re.Match[str]) -> str:
        if not re.fullmatch(r"[0-9a-f]{40}", found[2]):
            return found[0]
        return f"{found[1]}@{commit} # {tag}"

    return pinned(repository).sub(newer, text)


def main(tag: str, commit: str) -> None:
    record = json.loads(RECORD.read_text(encoding="utf-8")) | {"tag": tag, "commit": commit}
    RECORD.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    for file in texts(ROOT):
        old = file.read_text(encoding="utf-8")
        new = repin(old, record["repository"], tag, commit)
        if new != old:
            file.write_text(new, encoding="utf-8")
            print(file.relative_to(ROOT))
    print(RECORD.relative_to(ROOT))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
