"""``dreamnet watch``, ``serve`` and ``demo``: what runs until it is stopped."""

from __future__ import annotations

import click

from dreamnet_actions.entrances.cli.choice import Choice, choice
from dreamnet_actions.entrances.cli.environment import variable
from dreamnet_actions.entrances.cli.options import duration
from dreamnet_actions.entrances.cli.terminal import one_line, say

KEY_VARIABLE = "DREAMNET_KEY"


@click.command()
@click.option("--for", "seconds", callback=duration, metavar="DURATION", help="End after this time, as 10m.")
@click.option("--once", is_flag=True, help="One round of checks and all messages that follow, then end.")
@click.option(
    "--workers", default=2, type=click.IntRange(1, 16), show_default=True, help="Messages at a time."
)
@choice
def watch(chosen: Choice, seconds: float | None, once: bool, workers: int) -> None:
    """The time between two rounds is `watch.every` of the configuration. Ctrl-C and SIGTERM end it within 5 s."""
    from dreamnet_actions.domain.units import counted
    from dreamnet_actions.entrances.watch import run

    with chosen.system(aloud=False, lasting=True) as system:
        if not chosen.quiet:
            every = system.config.watch.every
            say(f"Watching {counted(len(system.config.services), 'service')} every {every:g} s.")
        run(system, tell=lambda line: say(one_line(line)), seconds=seconds, once=once, workers=workers)


@click.command()
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Where to listen; beyond this machine with a key."
)
@click.option(
    "--port", default=8321, type=click.IntRange(0, 65535), show_default=True, help="0 takes a free one."
)
@click.option(
    "--key-variable", default=KEY_VARIABLE, show_default=True, help="The variable that holds the bearer key."
)
@click.option(
    "--deliver/--no-deliver", default=True, help="Hand messages to their keepers.  [default: deliver]"
)
@click.option(
    "--workers", default=2, type=click.IntRange(1, 16), show_default=True, help="Messages at a time."
)
@choice
def serve(chosen: Choice, host: str, port: int, key_variable: str, deliver: bool, workers: int) -> None:
    """POST /api/agent takes the same JSON as `dreamnet call`; /openapi.json describes all of it.

    The first line printed is the address. Without a key only this machine is listened to.
    """
    from dreamnet_actions.entrances.guard import require_key
    from dreamnet_actions.entrances.server import run

    key = variable(key_variable)
    require_key(host, key, key_variable)
    with chosen.system(aloud=False, lasting=True) as system:
        run(system, host=host, port=port, key=key, deliver=deliver, workers=workers, tell=say)


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def demo(ctx: click.Context, arguments: tuple[str, ...]) -> None:
    """See `dreamnet demo --help`."""
    from importlib import import_module

    main = import_module("dreamnet_actions.entrances.demo").main
    ctx.exit(main(list(arguments)) or 0)
