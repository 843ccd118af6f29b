"""Site: where DreamNet stands, as an adapter needs to know it that is made from the configuration's options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from dreamnet_actions.domain.spec.models import Config
from dreamnet_actions.ports.system import Clock, Reporter

HASH_KEY = "DREAMNET_HASH_KEY"
"""The variable with the key that values are hashed under."""
_CREDENTIALS = frozenset({"GITHUB_TOKEN", "GH_TOKEN"})
_OURS = ("ACTIONS_", "DREAMNET_")
_COMMAND_FILES = frozenset(
    {"GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STATE", "GITHUB_STEP_SUMMARY"}
)


def for_commands(environ: Mapping[str, str]) -> dict[str, str]:
    """Answer what of an environment the user's own commands (builds, checks) may see.

    In a workflow's run that is neither its tokens nor the files by which a step speaks to the runner: a step of the
    user's own would have to be given them. Elsewhere it is everything but the token for secrets and the key of hashes.
    """
    if environ.get("GITHUB_ACTIONS") != "true":
        ours = ("DREAMNET_SECRETS_TOKEN", HASH_KEY)
        return {name: value for name, value in environ.items() if name not in ours}
    taken = _CREDENTIALS | _COMMAND_FILES
    return {
        name: value for name, value in environ.items() if name not in taken and not name.startswith(_OURS)
    }


class Keep(Protocol):
    """A little plain data that outlives the run, for an adapter that cannot ask what it wrote. Never a value."""

    def get(self, key: str) -> Any:
        """Answer what is kept under a key; None where nothing is."""

    def put(self, key: str, data: Any, *, first: bool = False) -> None:
        """Keep plain data under a key. ``first``: it must be durable before the caller goes on."""


def _nothing_kept() -> Keep:
    raise AssertionError("this site has nothing that outlives it")


@dataclass(frozen=True, kw_only=True)
class Site:
    """What an adapter is made from. Its class offers ``at(options, site)``; a platform, ``at(name, options, site)``.

    ``root`` is the configuration's root, ``state`` DreamNet's own directory, ``environ`` the environment's variables.
    ``hash_key()`` answers the key under which values are hashed, so that equal ones can be told without keeping them;
    ``hash_key_lasts`` says whether the next run has the same one.
    ``reporter`` tells people of waits, and masks what must not be seen.
    ``kept()`` answers what outlives the run.
    """

    root: Path
    state: Path
    environ: Mapping[str, str]
    clock: Clock
    config: Config
    hash_key: Callable[[], bytes]
    hash_key_lasts: bool = True
    reporter: Reporter | None = None
    kept: Callable[[], Keep] = _nothing_kept
