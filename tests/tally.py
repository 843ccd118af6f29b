"""Print `N passed, N failed` from a JUnit file, as the last line of `scripts/test`."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from pathlib import Path


def tally(junit: Path) -> str:
    """Count as pytest does: an error is a failure here, and a run that wrote no file passed nothing."""
    counts = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    if junit.exists():
        for suite in ET.parse(junit).getroot().iter("testsuite"):
            for name in counts:
                counts[name] += int(suite.get(name, "0"))
    failed = counts["failures"] + counts["errors"]
    line = f"{counts['tests'] - failed - counts['skipped']} passed, {failed} failed"
    return f"{line}, {counts['skipped']} skipped" if counts["skipped"] else line


if __name__ == "__main__":
    print(tally(Path(sys.argv[1])))
