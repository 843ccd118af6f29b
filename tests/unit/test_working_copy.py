"""The working copy as ``init`` and ``doctor`` see it, where a repository holds more than is looked at."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from dreamnet_actions.adapters.git import checkout


def test_of_too_many_files_those_near_the_top_are_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True, timeout=60)
    (tmp_path / "a" / "b").mkdir(parents=True)
    for name in ("a/b/1.txt", "a/b/2.txt", "a/3.txt", "web.py", "Procfile"):
        (tmp_path / name).touch()
    monkeypatch.setattr(checkout, "MOST_FILES", 3)
    copy = checkout.working_copy(tmp_path, os.environ)
    assert copy is not None
    assert copy.files == ("Procfile", "a/3.txt", "web.py")
