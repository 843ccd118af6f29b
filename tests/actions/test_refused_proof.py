"""A proof that GitHub refused for a missing permission: nothing is given up, and the dream closes afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.actions.bed import OURS, ROOT, bed, told

pytestmark = pytest.mark.slow


def test_a_dream_closes_after_its_proof_was_refused(tmp_path: Path) -> None:
    """RelayBot's call of DreamKeeper, and no other, lacks ``issues: write``; then it has it again."""
    keeper = (ROOT / ".github/workflows/dreamkeeper.yml").read_text(encoding="utf-8")
    relay = (ROOT / ".github/workflows/relaybot.yml").read_text(encoding="utf-8")
    poor, line = ".github/workflows/poor.yml", "      issues: write # dreams\n"
    called = "uses: $/.github/workflows/dreamkeeper.yml"
    assert keeper.count(line) == relay.count(called) == 1
    changed = {
        poor: keeper.replace(line, "      issues: read\n"),
        ".github/workflows/relaybot.yml": relay.replace(called, f"uses: $/{poor}"),
    }
    with bed(tmp_path, changed=changed) as story:
        story.shop()
        story.push("1")
        story.settle()
        story.kill()
        story.tick()
        story.settle()
        assert story.page() == "shop 1"  # healed, and not proved
        (issue,) = story.issues()
        assert issue["state"] == "open"
        refused = story.runs()[-1]
        assert refused.conclusion == "failure"
        assert "issues: write" in "\n".join(one.message for one in refused.annotations), told(refused)
        assert "could not be handled" not in refused.log, told(refused)

        story.github.commit(OURS, {".github/workflows/relaybot.yml": relay}, "all again")
        for state in ("open", "closed"):  # as many looks as `thresholds: successes` asks for, one a schedule
            story.tick()
            story.settle()
            (issue,) = story.issues()  # no dream about a message that is dead
            assert issue["state"] == state, told(story.runs()[-1])
        assert {one["name"] for one in issue["labels"]} == {"dream", "dream: resolved", "blip"}
        assert story.github.violations == []
