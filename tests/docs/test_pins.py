"""What users are told to write behind ``uses:`` names a release that there is: the one in .github/published.json."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import record_release  # noqa: E402

RECORD = json.loads(record_release.RECORD.read_text(encoding="utf-8"))
MOVING = "v1"
SHA = re.compile(r"[0-9a-f]{40}")


def wrong(text: str, record: dict[str, str | None]) -> list[str]:
    """Answer each snippet of ``text`` that names another reference than the moving tag or the released commit."""
    found = []
    for one in record_release.pinned(str(record["repository"])).finditer(text):
        place, ref, comment = one.groups()
        if ref.startswith(("$", "<")) or ref == MOVING:
            continue
        if not SHA.fullmatch(ref):
            found.append(f"{one[0]}: neither {MOVING} nor a full SHA")
        elif ref != record["commit"]:
            found.append(
                f"{place}@{ref}: released is {record['tag']} at {record['commit']}; 'scripts/release record TAG'"
            )
        elif comment.strip("# ") != record["tag"]:
            found.append(f"{place}@{ref}: the comment must be '# {record['tag']}'")
    return found


def test_every_snippet_names_what_is_released() -> None:
    found = {
        str(file.relative_to(ROOT)): mistakes
        for file in record_release.texts(ROOT)
        if (mistakes := wrong(file.read_text(encoding="utf-8"), RECORD))
    }
    assert found == {}


def test_the_record_is_whole() -> None:
    assert (RECORD["tag"] is None) == (RECORD["commit"] is None)
    assert RECORD["tag"] is None or re.fullmatch(r"v\d+\.\d+\.\d+", RECORD["tag"])
    assert RECORD["commit"] is None or SHA.fullmatch(RECORD["commit"])


A, B = "a" * 40, "b" * 40


@pytest.mark.parametrize(
    ("snippet", "mistaken"),
    [
        (f"uses: d/d@{A} # v1.2.3", False),
        (f"uses: d/d/.github/workflows/relaybot.yml@{A} # v1.2.3", False),
        ("uses: d/d@v1", False),
        (f"uses: d/d@{A}", True),
        (f"uses: d/d@{A} # v1.2.2", True),
        (f"uses: d/d@{B} # v1.2.3", True),
        ("uses: d/d@main", True),
        ("uses: d/d/.github/workflows/relaybot.yml@v1.2.3", True),
        ("uses: other/d@main", False),
    ],
)
def test_a_stale_snippet_is_seen_and_mended(snippet: str, mistaken: bool) -> None:
    record = {"repository": "d/d", "tag": "v1.2.3", "commit": A}
    assert bool(wrong(snippet, record)) == mistaken
    mended = record_release.repin(snippet, "d/d", "v1.2.3", A)
    assert record_release.repin(mended, "d/d", "v1.2.3", A) == mended
    if SHA.search(snippet):
        assert wrong(mended, record) == []
