"""The stand-in's git: files that come at once are kept as those that come one by one."""

from __future__ import annotations

from pathlib import Path

import pytest

from dreamnet_actions.testing.github.gitstore import FEW, GitStore

ODD = [
    b"",
    b"\n",
    b"no end",
    b"get-mark :1\nblob\n",
    b"data 3\nabc\n",
    b"\0\xff\r\n",
    b"done\n",
    b"x" * 200_000,
]


@pytest.fixture
def store(tmp_path: Path) -> GitStore:
    return GitStore.create(tmp_path / "one.git", "main")


@pytest.mark.parametrize("count", [0, 1, FEW - 1, FEW, len(ODD)])
def test_many_blobs_are_those_that_git_makes_of_each(store: GitStore, tmp_path: Path, count: int) -> None:
    other = GitStore.create(tmp_path / "other.git", "main")
    shas = store.write_blobs(ODD[:count])
    assert shas == [other.write_blob(one) for one in ODD[:count]]
    assert [store.blob(one) for one in shas] == ODD[:count]
    assert store.write_blobs(ODD[:count]) == shas, "a second time, too"
    assert store.text("fsck", "--full", "--strict", "--no-dangling") == ""


def test_a_tree_of_many_files_with_some_taken_away(store: GitStore) -> None:
    files = {f"folder {n}/file-{n}": ODD[n] for n in range(len(ODD))}
    first = store.write_tree(None, files)
    found = {
        path: store.blob(sha) for _, kind, sha, _, path in store.tree(first, recursive=True) if kind == "blob"
    }
    assert found == files
    second = store.write_tree(first, {**dict.fromkeys(list(files)[:3]), "new": b"new"})
    left = [path for _, kind, _, _, path in store.tree(second, recursive=True) if kind == "blob"]
    assert left == [*list(files)[3:], "new"]
