"""The key under which values are hashed that know no versions: whose it is, and whether the next run has it, too.

Plans and the branch ``dreamnet`` show those hashes to everybody who may read the repository. A short value could be
guessed from its hash by who has the key; so it is never kept there. A run on a runner has nothing of its own that
outlives it; what it is handed over does: a key, or a token that lasts.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from dreamnet_actions.bootstrap.late import imported
from dreamnet_actions.domain.secret import SecretValue
from dreamnet_actions.errors import ConfigError
from dreamnet_actions.ports.site import HASH_KEY

if TYPE_CHECKING:
    from dreamnet_actions.bootstrap.system import Options
    from dreamnet_actions.ports.system import Reporter

SHORTEST = 16
"""Characters that a given key has at least."""
_LASTING = ("ghp_", "github_pat_", "gho_")
"""How tokens begin that are not made anew for each run (https://github.blog/2021-04-05-behind-githubs-new-token-formats);
an App's are."""


def key_of(options: Options, state: Path, reporter: Reporter) -> tuple[Callable[[], bytes], bool]:
    """Answer what makes the key, and whether it lasts: the given one; at GitHub one made of the token that secrets are
    written with, where that is no App's; else this installation's own.

    What makes it raises ConfigError for a given one that could be guessed.
    """
    environ = options.environ
    if given := environ.get(HASH_KEY):
        return lambda: _given(given, reporter), True
    if options.home != "github":
        return lambda: _own(state), True
    temporary = environ.get("RUNNER_TEMP")
    passes = bool(temporary) and state.is_relative_to(Path(temporary or "").resolve())
    names = ("DREAMNET_SECRETS_TOKEN", *(("GITHUB_TOKEN", "GH_TOKEN") if passes else ()))
    token = next((environ[one] for one in names if environ.get(one)), "")
    if token.startswith(_LASTING):
        # One way, and for this alone: from the key nobody comes back to the token.
        return lambda: hmac.new(token.encode(), b"dreamnet: key of versions", hashlib.sha256).digest(), True
    return lambda: _own(state), not passes


def _own(state: Path) -> bytes:
    made: bytes = imported("dreamnet_actions.adapters.process.environment:installation_key")(state)
    return made


def _given(text: str, reporter: Reporter) -> bytes:
    if len(text) < SHORTEST:
        raise ConfigError(
            f"{HASH_KEY} has {len(text)} characters, and could be guessed.",
            hint=f"Give it at least {SHORTEST}, made by chance: openssl rand -hex 32",
        )
    reporter.mask(SecretValue(text))
    return text.encode()
