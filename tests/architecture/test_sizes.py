"""A module that outgrows one sitting is two modules."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 400


def test_no_module_is_over_the_limit() -> None:
    sizes = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for folder in ("dreamnet_actions", "tests", "benchmarks", "scripts")
        for path in (ROOT / folder).rglob("*")
        if path.is_file()
        and (path.suffix == ".py" or folder == "scripts")
        and "__pycache__" not in path.parts
    }
    assert sizes, "no module found: is the test looking in the right place?"
    assert {name: lines for name, lines in sizes.items() if lines > LIMIT} == {}
