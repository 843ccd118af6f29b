"""A commit's files written into a directory, whole or not at all, for every source that has a git repository at hand.

No family of adapters: it holds what more than one of them must do alike (``gitcalls``).
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from dreamnet_actions.adapters.gitcalls import Git
from dreamnet_actions.errors import PermanentError


def checkout(git: Git, commit: str, directory: str) -> None:
    """Write the files of ``commit`` (a full hash that the repository of ``git`` has) into ``directory``.

    They are written beside it and put in place by one rename. A directory that holds exactly these files is left as
    it is; one that holds anything else is refused (PermanentError): nothing of somebody else's is removed.
    """
    place = Path(directory).absolute()
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        if place.is_dir() and _holds(git, place, commit):
            return
        raise PermanentError(
            f"{place} holds other files than revision {commit[:7]}, so nothing is written there.",
            hint="Move it away, or name another directory.",
        )
    place.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{place.name}.", suffix=".part", dir=place.parent))
    try:
        part.chmod(0o755)
        with _index(git, commit, part) as extra:
            git("checkout-index", "--all", "--force", "--quiet", directory=part, extra=extra)
        # A rename replaces an empty directory, and fails on one that somebody filled meanwhile.
        part.rename(place)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise PermanentError(f"{place} cannot be written: {why}.", hint="See who may write there.") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextlib.contextmanager
def _index(git: Git, commit: str, work_tree: Path) -> Iterator[dict[str, str]]:
    """Give an index of our own that holds ``commit``, as git's environment; the repository's stays untouched.

    Unlike ``git archive`` this leaves out nothing that the attributes mark ``export-ignore``.
    """
    _, git_directory = git("rev-parse", "--absolute-git-dir")
    with tempfile.TemporaryDirectory(prefix="dreamnet-index-") as held:
        extra = {
            "GIT_DIR": git_directory.rstrip("\n"),
            "GIT_WORK_TREE": str(work_tree),
            "GIT_INDEX_FILE": str(Path(held) / "index"),
        }
        git("read-tree", "--end-of-options", commit, directory=work_tree, extra=extra)
        yield extra


def _holds(git: Git, directory: Path, commit: str) -> bool:
    """Tell whether a directory holds exactly the files of a commit."""
    with _index(git, commit, directory) as extra:
        git("update-index", "-q", "--refresh", directory=directory, extra=extra, allow=(0, 1))
        differs, _ = git("diff-files", "--quiet", directory=directory, extra=extra, allow=(0, 1))
        _, others = git("ls-files", "--others", "-z", directory=directory, extra=extra)
        return differs == 0 and not others
