"""``dreamnet sandbox``: a GitHub of one's own on this machine, for the repository in which it is called."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dreamnet_actions.domain.times import clock_time
from dreamnet_actions.entrances.cli.environment import environ, now
from dreamnet_actions.entrances.cli.options import duration
from dreamnet_actions.entrances.cli.terminal import one_line, say, table, tell
from dreamnet_actions.errors import RequestInvalid

if TYPE_CHECKING:
    from dreamnet_actions.bootstrap.sandbox import Sandbox

EVENTS = ("push", "schedule", "workflow_dispatch", "repository_dispatch")
ONCE_SECONDS = 600.0
FAILED = 5
"""The exit status where a run of ``--once`` did not succeed."""
_PATH = "/usr/local/bin:/usr/bin:/bin"


@click.command()
@click.option(
    "--port", default=0, type=click.IntRange(0, 65535), help="Where to listen.  [default: a free port]"
)
@click.option(
    "--every", callback=duration, metavar="DURATION", help="Let every schedule tick this often, as 20s."
)
@click.option(
    "--once", type=click.Choice(EVENTS), help="Start this event, wait for its runs, tell how they ended."
)
@click.option("--workflow", metavar="FILE", help="Of --once: the workflow's file, or the type of a dispatch.")
@click.option(
    "--input", "inputs", multiple=True, metavar="NAME=VALUE", help="Of --once: an input; may be repeated."
)
@click.option("--for", "seconds", callback=duration, metavar="DURATION", help="End after this time, as 10m.")
@click.option("--dirty", is_flag=True, help="Take what is not committed yet, too.")
@click.option(
    "--name", metavar="OWNER/NAME", help="The repository's name.  [default: that of the remote origin]"
)
@click.option(
    "--secret", "secrets", multiple=True, metavar="NAME", help="An Actions secret, from the variable NAME."
)
@click.option(
    "--gcp-secrets",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Values for its Secret Manager, as NAME=value lines.  [default: made up, as the configuration names them]",
)
@click.option(
    "--action",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="FOLDER",
    help="The checkout that dreamnet/dreamnet@… means.  [default: the DreamNet that runs]",
)
def sandbox(
    port: int,
    every: float | None,
    once: str | None,
    workflow: str | None,
    inputs: tuple[str, ...],
    seconds: float | None,
    dirty: bool,
    name: str | None,
    secrets: tuple[str, ...],
    gcp_secrets: Path | None,
    action: Path | None,
) -> None:
    """Issues, git, tokens and workflows as on GitHub, with act as the runner; what is committed here is its
    first push.

    The first line printed is the address of its page. It starts anew each time, and nothing of it remains when
    it ends (Ctrl-C): services that were deployed in it end with it. The sandbox itself needs no network; the
    packages that DreamNet's own jobs need are fetched once. Steps run on this machine as you: only use it for
    workflows that you would run yourself.
    """
    from dreamnet_actions.bootstrap.sandbox import make_sandbox
    from dreamnet_actions.entrances.watch import until_stopped

    for option, value in (("--workflow", workflow), ("--input", inputs)):
        if value and once is None:
            raise click.UsageError(f"{option} is of --once: say which event, as --once workflow_dispatch.")
    variables = environ()
    given = _inputs(inputs)
    made = make_sandbox(
        Path.cwd(),
        path=variables.get("PATH", _PATH),
        environ=variables,
        say=_report,
        name=name,
        port=port,
        dirty=dirty,
        every=every,
        house=action,
        secrets=_secrets(secrets, variables),
        gcp_secrets=gcp_secrets,
    )
    stop = threading.Event()
    status = 0
    with until_stopped(stop), made as running:
        if once is not None:
            status = _once(running, stop, once, workflow, given, seconds or ONCE_SECONDS)
        else:
            _tell_how(running)
            running.push()
            running.live(stop, seconds)
            tell("Ending.")
    if status:
        raise click.exceptions.Exit(status)


def _report(line: str) -> None:
    """Tell what goes on, with the time of day; a line that belongs to the one before stays set in."""
    tell(f"{clock_time(now())} {'  ' if line.startswith(' ') else ''}{one_line(line)}")


def _inputs(given: tuple[str, ...]) -> dict[str, str]:
    wrong = [one for one in given if "=" not in one]
    if wrong:
        raise click.BadParameter(f"{wrong[0]!r} is not NAME=VALUE.", param_hint="--input")
    return {name: value for name, _, value in (one.partition("=") for one in given)}


def _secrets(names: tuple[str, ...], known: Mapping[str, str]) -> dict[str, str]:
    missing = [one for one in names if not known.get(one)]
    if missing:
        raise RequestInvalid(
            [f"The variable {missing[0]!r} is not set, or empty; its value would be the secret."],
            hint=f"Set it first: export {missing[0]}=…",
        )
    return {one: known[one] for one in names}


def _tell_how(running: Sandbox) -> None:
    say(f"{running.github.server_url}/")
    say(f"  repository   {running.address} (branch {running.branch})")
    say(f"  API          {running.github.api_url}")
    say(f"  token        {running.token_file}")
    say(f"  push again   {running.push_command}")
    if running.google is not None:
        count, where = len(running.google.secrets()), ", ".join(running.google.projects)
        say(f"  secrets      {running.github.server_url}/secret-manager ({count} in {where})")
    say(
        "It starts anew each time. Services that are deployed here run on this machine until it ends: Ctrl-C."
    )


def _once(
    running: Sandbox,
    stop: threading.Event,
    event: str,
    workflow: str | None,
    inputs: dict[str, str],
    seconds: float,
) -> int:
    if not running.start(event, workflow, inputs):
        tell(f"No workflow starts on {event}.")
        return FAILED
    runs = running.finish(stop, seconds)
    for run in runs:
        if run.conclusion not in {"success", "skipped"}:
            tell(run.log)
    say(
        table(
            ["workflow", "event", "title", "ended"],
            [(run.workflow.file, run.event.name, run.title, run.conclusion or run.status) for run in runs],
        )
    )
    return 0 if all(run.conclusion in {"success", "skipped"} for run in runs) else FAILED
