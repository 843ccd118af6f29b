"""What the pages take from the code is what the code says now."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs import blocks, generate
from tests.docs.pages import ROOT, block_names, pages, refill, shown


@pytest.mark.parametrize("page", pages(), ids=shown)
def test_generated_blocks_are_fresh(page: Path) -> None:
    text = page.read_text("utf-8")
    assert refill(text, blocks.make) == text, "run scripts/generate docs"


def test_the_schema_is_fresh() -> None:
    assert (ROOT / "schema/dreamnet.schema.json").read_text("utf-8") == generate.schema(), (
        "run scripts/generate schema"
    )


@pytest.mark.parametrize("page", pages(), ids=shown)
def test_every_marked_block_is_closed(page: Path) -> None:
    text = page.read_text("utf-8")
    assert text.count("<!-- generated:") == text.count("<!-- end -->") == len(block_names(text))


def test_a_stale_block_would_be_seen() -> None:
    stale = "<!-- generated: exit-status -->\nold\n<!-- end -->"
    fresh = refill(stale, blocks.make)
    assert "rolled-back" in fresh
    assert refill(fresh, blocks.make) == fresh
