"""Programs are built once, whole or not at all, and whoever comes meanwhile waits."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster import builds
from tests.cluster.builds import Module, built
from tests.cluster.errors import BedError

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = next(module for module in builds.MODULES if module.name == "samples")
PROGRAM = """\
from tests.cluster.builds import MODULES, built
print(built(next(module for module in MODULES if module.name == "samples")))
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Answer a cache of the test's own; Go keeps what it compiled where it is, or each test would take minutes."""
    compiled = subprocess.run(
        ["go", "env", "GOCACHE"], capture_output=True, text=True, check=True, timeout=60
    )
    monkeypatch.setenv("GOCACHE", compiled.stdout.strip())
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "dreamnet" / "cluster"


def test_two_at_once_build_once(cache: Path) -> None:
    both = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            cwd=ROOT,
            env=os.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    try:
        told = [one.communicate(timeout=100) for one in both]
    finally:
        for one in both:
            one.kill()
    places = {out.strip() for out, _ in told}
    said = "".join(err for _, err in told)
    assert len(places) == 1
    assert said.count("built samples in") == 1, said
    place = Path(places.pop())
    assert sorted(path.name for path in place.iterdir()) == ["pause", "sample", "seconds"]
    assert os.access(place / "sample", os.X_OK)
    assert list(cache.glob("*.unfinished-*")) == []


def test_what_is_there_is_not_built_again(cache: Path) -> None:
    said: list[str] = []
    place = built(SAMPLES, said.append)
    assert said
    said.clear()
    assert built(SAMPLES, said.append) == place
    assert said == []


def test_a_build_that_was_cut_short_is_begun_afresh(cache: Path) -> None:
    place = cache / f"samples-{builds._fingerprint(SAMPLES)}"
    half = place.with_suffix(".unfinished-1")
    half.mkdir(parents=True)
    (half / "sample").write_text("half of it", encoding="utf-8")
    assert built(SAMPLES, lambda _: None) == place
    assert (place / "sample").stat().st_size > 1_000_000
    assert not half.exists()


def test_what_go_said_is_told_and_nothing_is_kept(cache: Path) -> None:
    wrong = Module("samples", {"sample": "./nowhere"})
    with pytest.raises(BedError, match=r"sample could not be built[\s\S]*nowhere"):
        built(wrong, lambda _: None)
    assert [path for path in cache.iterdir() if path.suffix == ""] == []


def test_another_source_or_recipe_is_another_build() -> None:
    other = Module("samples", SAMPLES.programs, ("-ldflags=-s",))
    assert builds._fingerprint(other) != builds._fingerprint(SAMPLES)
    assert builds._fingerprint(SAMPLES) == builds._fingerprint(SAMPLES)


def test_without_go_it_says_so(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(BedError, match="no Go found"):
        built(SAMPLES, lambda _: None)


def test_what_go_cannot_do_is_told_with_its_words() -> None:
    with pytest.raises(
        BedError, match=r"(?s)`go mod download -json example\.com/nothing`.*example\.com/nothing"
    ):
        builds.sources("example.com/nothing", builds.SOURCES / "samples")
