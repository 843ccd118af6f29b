"""``scripts/prove loop``: the whole story under the real act, with what each step took.

A push deploys, the service is killed, a schedule files it, dispatches relay, the issue is closed; then a quiet
schedule, a bad push that is taken back, and a button. A row a step: seconds until all that followed had ended, requests
to the API (``charged`` are those that cost rate limit) and to git, commits on the branch ``dreamnet``; and one a run.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.actions.bed import Bed, bed, told
from tests.actions.test_loop import commits


@dataclass(frozen=True)
class Row:
    """One run, or (``what`` not indented) all that one step led to; what was counted belongs to the whole step."""

    what: str
    seconds: float
    counted: str
    ended: str


def main() -> int:
    """Run the story and print its table; answers 1 where a step did not go as it should."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="dreamnet-loop-") as folder, bed(Path(folder)) as story:
        story.shop()
        rows += step(story, "push", lambda: story.push("1"))
        story.kill()
        began = time.monotonic()
        rows += step(story, "schedule, service down", story.tick)
        healed = time.monotonic() - began
        rows += step(story, "schedule, all well", story.tick)
        rows += step(story, "bad push", lambda: story.push("2", status=500))
        rows += step(story, "button: status", lambda: story.press("dreamnet-deploy.yml", action="status"))
        page, issues, violations = story.page(), story.issues(), story.github.violations
        for run in story.runs():
            if run.conclusion not in ("success", "failure"):
                print(told(run), file=sys.stderr)
    print(f"{'what':<52}{'seconds':>8}{'charged':>8}{'calls':>7}{'git':>5}{'commits':>8}  ended")
    for row in rows:
        print(f"{row.what:<52}{row.seconds:>8.1f}{row.counted}  {row.ended}")
    print(f"from the schedule's start to the closed issue: {healed:.1f} s; the page says {page!r}")
    closed = [one["number"] for one in issues if one["state"] == "closed"]
    print(f"issues: {len(issues)}, closed: {closed}; violations of GitHub's description: {len(violations)}")
    ended = [row.ended for row in rows if row.what.startswith(" ")]
    good = page == "shop 1" and len(issues) == len(closed) == 1 and not violations
    return 0 if good and ended.count("failure") == 1 else 1


def step(story: Bed, what: str, do: Callable[[], object]) -> list[Row]:
    """Do one thing, wait until all that follows has ended, and answer what it took, with a row for each run."""
    known, before, first = len(story.runs()), commits(story), len(story.github.calls.all())
    began = time.monotonic()
    do()
    story.settle()
    took = time.monotonic() - began
    calls = story.github.calls.all()[first:]
    git = sum(
        one.path.partition("?")[0].endswith(("info/refs", "upload-pack", "receive-pack")) for one in calls
    )
    charged = sum(one.charged for one in calls)
    counted = f"{charged:>8}{len(calls) - git:>7}{git:>5}{commits(story) - before:>8}"
    rows = [Row(what, took, counted, "")]
    for run in story.runs()[known:]:
        seconds = (run.now.completed_at or 0.0) - (run.now.started_at or 0.0)
        rows.append(Row(f"  {run.workflow.file}: {run.title}"[:51], seconds, " " * 28, str(run.conclusion)))
    return rows


if __name__ == "__main__":
    sys.exit(main())
