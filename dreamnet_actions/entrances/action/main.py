"""How a step runs: the first stage here, then the second in place of this process, in its own environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import dreamnet_actions
from dreamnet_actions.domain.endings import failure
from dreamnet_actions.entrances.action.first import extras, first
from dreamnet_actions.entrances.action.install import environment
from dreamnet_actions.entrances.action.naming import request_id
from dreamnet_actions.entrances.action.stopping import CUT, cut, interruptible
from dreamnet_actions.entrances.action.telling import tell
from dreamnet_actions.entrances.cli.environment import environ, now
from dreamnet_actions.errors import DreamNetError

SECOND = "dreamnet_actions.entrances.action.run"


def start(root: Path) -> int:
    """Run the first stage; answers the exit status, or becomes the second stage. ``root`` is the action's folder."""
    from dreamnet_actions.bootstrap.runner import runner_of

    found = environ()
    runner = runner_of(found)

    def stopped() -> None:
        tell(cut(found, now=now()), found, runner)

    try:
        with interruptible(stopped):
            asked, status = first(found, runner, now=now())
            if asked is None:
                return status
            try:
                python = environment(root, extras(found), found, lambda text: print(text, flush=True))  # noqa: T201
            except DreamNetError as error:
                result = failure(error, request_id=request_id(found, error.message), at=now())
                tell(result, found, runner, error=error)
                return result.exit_status
    except KeyboardInterrupt:
        stopped()
        return CUT
    return _second(python, found)


def _second(python: Path, found: Mapping[str, str]) -> NoReturn:
    """Become the second stage, which takes signals again once it can. Its code is where this stage's came from.

    -P: neither the working folder (the user's repository) nor a script's own is searched for modules. Bytecode is
    written, whatever the job's own variables say: the environment is kept, and compiling PyGithub alone takes longer
    than all the rest of a start (docs/benchmarks.md).
    """
    ours = {**found, "PYTHONPATH": str(Path(dreamnet_actions.__file__).parents[1])}
    for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX"):
        ours.pop(name, None)
    sys.stdout.flush()
    os.execve(python, [str(python), "-P", "-m", SECOND], ours)  # noqa: S606
