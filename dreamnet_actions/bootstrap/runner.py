"""The runner that executes this step, chosen by the environment. Imports no more than the first stage may."""

from __future__ import annotations

from collections.abc import Mapping

from dreamnet_actions.bootstrap.late import imported
from dreamnet_actions.ports.runner import Runner


def runner_of(environ: Mapping[str, str], *, aside: bool = False) -> Runner:
    """Answer the workflow's runner that the step's files and standard output speak to (``aside``: standard error)."""
    made: Runner = imported("dreamnet_actions.adapters.runner.actions:ActionsRunner").of(environ, aside=aside)
    return made
