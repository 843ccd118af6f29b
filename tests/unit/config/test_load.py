"""Loading: where the file is found, the cache that saves a start, and where values came from."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dreamnet_actions.config import cache
from dreamnet_actions.config.load import Loaded, find, load
from dreamnet_actions.errors.configuration import ConfigInvalid, ConfigMissing
from tests.unit.config.slots import COMPOSED, GOOD

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path / ".github"
    folder.mkdir()
    (folder / "dreamnet.yml").write_text(GOOD, encoding="utf-8")
    return folder / "dreamnet.yml"


@pytest.fixture
def kept(file: Path, tmp_path: Path) -> Path:
    """A cache that was just written, and the file's place in it."""
    load(file, COMPOSED, cache_in=tmp_path / "cache")
    return cache.place_in(tmp_path / "cache", file)


def reload(file: Path, kept: Path) -> Loaded:
    return load(file, COMPOSED, cache_in=kept.parent)


# ── Finding ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", [".github/dreamnet.yaml", "dreamnet.yml", "dreamnet.yaml"])
def test_the_file_is_found_at_each_place(tmp_path: Path, name: str) -> None:
    (tmp_path / ".github").mkdir()
    (tmp_path / name).touch()

    assert find(tmp_path) == tmp_path / name


def test_the_file_in_github_comes_first(file: Path) -> None:
    root = file.parent.parent
    (root / "dreamnet.yml").touch()

    assert find(root) == file


def test_without_a_file_all_places_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigMissing, match=r"\.github/dreamnet\.yml.*dreamnet\.yaml"):
        find(tmp_path)


def test_paths_start_from_the_repository(file: Path, tmp_path: Path) -> None:
    (tmp_path / "dreamnet.yml").write_text("version: 1")

    assert load(file, COMPOSED).root == tmp_path
    assert load(tmp_path / "dreamnet.yml", COMPOSED).root == tmp_path


def test_a_file_that_cannot_be_read_is_a_mistake_and_no_traceback(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="cannot be read: Is a directory"):
        load(tmp_path, COMPOSED)
    with pytest.raises(ConfigMissing):
        load(tmp_path / "nothing.yml", COMPOSED)


# ── Cache ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_configuration_from_the_cache_equals_a_fresh_one(file: Path, kept: Path) -> None:
    fresh = load(file, COMPOSED)
    cached = reload(file, kept)

    assert cached.from_cache
    assert not fresh.from_cache
    assert cached.config == fresh.config
    assert repr(cached.config) == repr(fresh.config)
    assert cached.provenance == fresh.provenance


def test_the_cache_is_private(kept: Path) -> None:
    assert kept.stat().st_mode & 0o777 == 0o600


def test_a_changed_file_is_read_anew_and_takes_the_place(file: Path, kept: Path) -> None:
    file.write_text("version: 1\n")

    assert not reload(file, kept).from_cache
    assert reload(file, kept).from_cache
    assert list(kept.parent.iterdir()) == [kept]


@pytest.mark.parametrize("cut", [0, 1, 64, 65, 100, 200, -1])
def test_a_cache_cut_short_is_ignored_and_written_again(file: Path, kept: Path, cut: int) -> None:
    whole = kept.read_bytes()
    kept.write_bytes(whole[:cut])

    assert not reload(file, kept).from_cache
    assert kept.read_bytes() == whole


def test_a_cache_with_any_byte_changed_is_ignored(file: Path, kept: Path) -> None:
    whole = kept.read_bytes()
    for place in range(0, len(whole), 97):
        kept.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert cache.read(kept, whole[:64].decode(), COMPOSED) is None


@pytest.mark.parametrize(
    "body",
    [
        '["m","os.system",{}]',
        '["m","joined.Config",{"version":1,"nothing":1}]',
        '["x"]',
        "[" * 100_000,
        '"text"',
        '["m","joined.Service",{"platform":"p"}]',
    ],
)
def test_a_cache_that_says_something_else_is_ignored(file: Path, kept: Path, body: str) -> None:
    import hashlib

    key = kept.read_bytes()[:64].decode()
    kept.write_text(f"{key}\n{hashlib.sha256(body.encode()).hexdigest()}\n{body}")

    assert not reload(file, kept).from_cache


def test_a_cache_that_others_can_write_is_not_read(file: Path, kept: Path) -> None:
    kept.chmod(0o666)

    assert not reload(file, kept).from_cache
    assert kept.stat().st_mode & 0o777 == 0o600


def test_a_cache_behind_a_link_is_not_read(file: Path, kept: Path) -> None:
    other = kept.with_name("other")
    kept.rename(other)
    kept.symlink_to(other)

    assert not reload(file, kept).from_cache


def test_a_folder_that_cannot_be_written_costs_time_only(file: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").touch()

    assert load(file, COMPOSED, cache_in=tmp_path / "taken").config.version == 1


def test_a_broken_configuration_is_never_kept(file: Path, tmp_path: Path) -> None:
    file.write_text("version: 1\nunknown: 1\n")

    for _ in range(2):
        with pytest.raises(ConfigInvalid):
            load(file, COMPOSED, cache_in=tmp_path / "cache")


def test_a_start_from_the_cache_imports_neither_yaml_nor_pydantic(file: Path, kept: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tests.unit.config.slots import COMPOSED;"
        "from dreamnet_actions.config.load import load;"
        f"done = load(Path({str(file)!r}), COMPOSED, cache_in=Path({str(kept.parent)!r}));"
        "print(done.from_cache, *(name in sys.modules for name in ('yaml', 'pydantic', 'annotated_types')))"
    )
    env = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(ROOT)}

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    )

    # A fresh process has the same key: nothing in the fingerprint is of one process only.
    assert done.stdout.split() == ["True", "False", "False", "False"]


# ── Provenance ───────────────────────────────────────────────────────────────────────────────────────────


def test_every_value_says_where_it_came_from(file: Path) -> None:
    origins = load(file, COMPOSED).provenance

    assert origins["services.web.port"] == (8080, f"{file}:6:11")
    assert origins["services.web.heal.steps[1]"] == ("rollback", f"{file}:20:21")
    assert origins["services.web.replicas"] == (1, "default")
    assert origins["services.web.stop-grace"] == ("5s", "default")
    assert origins["platforms.local.process.cluster"] == (None, "default")
    assert origins["services.db.heal.steps"] == ([], f"{file}:26:33")
