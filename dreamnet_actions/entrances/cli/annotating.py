"""What can be mended in a file, shown at its line where a workflow's step runs the command line."""

from __future__ import annotations

from dreamnet_actions.domain.result import AgentResult
from dreamnet_actions.entrances.cli.environment import environ
from dreamnet_actions.errors import DreamNetError
from dreamnet_actions.errors.configuration import ConfigInvalid


def annotate(what: AgentResult | DreamNetError) -> None:
    """In GitHub Actions annotate the values of a result that are not as they should be, or a configuration's mistakes;
    by standard error, since standard output is what was asked for. Anywhere else it does nothing."""
    found = environ()
    if found.get("GITHUB_ACTIONS") != "true":
        return
    from dreamnet_actions.bootstrap.runner import runner_of  # late: only who runs there needs it
    from dreamnet_actions.entrances.action.telling import annotate_file, annotate_values, judged_values

    runner = runner_of(found, aside=True)
    if isinstance(what, AgentResult):
        annotate_values(judged_values(what, found), runner)
    elif isinstance(what, ConfigInvalid):
        annotate_file(what, runner, found, "error")
