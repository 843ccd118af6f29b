"""``dreamnet pause``, ``resume`` and ``down``: the brakes."""

from __future__ import annotations

import click

from dreamnet_actions.domain.times import rfc3339
from dreamnet_actions.entrances.cli.choice import Choice, choice
from dreamnet_actions.entrances.cli.environment import user
from dreamnet_actions.entrances.cli.terminal import one_line, say


@click.command()
@click.option("--reason", default="a person asked for it", help="Why; it is shown to whoever is refused.")
@choice
def pause(chosen: Choice, reason: str) -> None:
    """A run that is under way stops before its next write. Looking goes on."""
    with chosen.system(aloud=False) as system:
        system.pause(user(), reason)
    say("Paused: nothing is written until 'dreamnet resume'.")


@click.command()
@choice
def resume(chosen: Choice) -> None:
    """What was put off meanwhile is done by the next check and delivery."""
    with chosen.system(aloud=False) as system:
        paused = system.paused()
        system.resume(user())
        still = system.environ.get("DREAMNET_PAUSED")
    if paused is None:
        say("Was not paused.")
    else:
        say(f"Resumed; it was paused by {one_line(paused['by'])} since {rfc3339(paused['at'])}.")
    if still:
        say(f"The variable DREAMNET_PAUSED is {one_line(still)!r}: runs that see it stay paused.")


@click.command()
@choice
def down(chosen: Choice) -> None:
    """Only those of this configuration's state; what shall run stays recorded and comes back with the next check."""
    with chosen.system(aloud=False) as system:
        ended = []
        for name, platform in system.platforms.items():
            shutdown = getattr(platform, "shutdown", None)
            if shutdown is not None:
                shutdown()
                ended.append(name)
    say(
        f"Ended the services of {', '.join(ended)}."
        if ended
        else "No platform here runs processes of this machine."
    )
