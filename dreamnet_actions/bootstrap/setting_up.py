"""What ``init`` and ``doctor`` look at, joined without a configuration: the working copy, and the repository's host."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from dreamnet_actions.bootstrap.late import adapter, imported
from dreamnet_actions.domain.secret import SecretValue
from dreamnet_actions.ports.hosting import Hosting, Place, WorkingCopy


def working_copy(folder: Path, environ: Mapping[str, str]) -> WorkingCopy | None:
    """Look at the git repository that a folder is in; None where it is in none."""
    found: WorkingCopy | None = imported("dreamnet_actions.adapters.git.checkout:working_copy")(
        folder, environ
    )
    return found


def hosting(place: Place) -> Hosting:
    """Reach a repository at its host; nothing is sent before the first question. Raises ConfigError for a name or
    address that cannot be one."""
    repository = imported("dreamnet_actions.adapters.github.client:GitHubRepository")(
        place.repository, SecretValue(place.token), clock=adapter("Clock", "system")(), api_url=place.api_url
    )
    made: Hosting = adapter("Hosting", "github")(repository)
    return made
