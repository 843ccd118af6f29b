"""What ``init`` and ``doctor`` look at, joined without a configuration: the working copy, and the repository's host."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dreamnet_actions.bootstrap.late import adapter, imported
from dreamnet_actions.ports.hosting import Hosting, Place, WorkingCopy


def working_copy(folder: Path, environ: Mapping[str, str]) -> WorkingCopy | None:
    """Look at the git repository that a folder is in; None where it is in none."""
    found: WorkingCopy | None = imported("dreamnet_actions.adapters.git.checkout:working_copy")(
        folder, environ
    )
    return found


def hosting(place: Place) -> Hosting:
    """Reach a repository at its host; nothing is sent before the first question."""
    made: Hosting = adapter("Hosting", "github").at(place)
    return made
