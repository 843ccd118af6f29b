"""``dreamnet demo``: a real small system breaks in every way the mission names, and heals itself before your eyes."""

from __future__ import annotations

import os
import shutil
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dreamnet_actions.bootstrap import Options, System, assemble
from dreamnet_actions.entrances.cli.environment import environ
from dreamnet_actions.entrances.demo.client import Client
from dreamnet_actions.entrances.demo.director import Director, begin
from dreamnet_actions.entrances.demo.story import CALM, Stage
from dreamnet_actions.entrances.demo.view import LiveView, PlainView, Screen, is_terminal, summary
from dreamnet_actions.entrances.demo.workspace import Workspace, make
from dreamnet_actions.entrances.watch import running, until_stopped

if TYPE_CHECKING:
    from rich.console import Console

WORKERS = 3
"""Threads that hand messages to their keepers."""


@click.command(name="dreamnet demo")
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), help="Write the record here."
)
@click.option("--svg", type=click.Path(path_type=Path, dir_okay=False), help="Draw the last screen here.")
@click.option("--plain", is_flag=True, help="Lines instead of a live screen, also on a terminal.")
@click.option("--keep", is_flag=True, help="Leave the services running; `dreamnet down` ends them.")
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".demo"),
    show_default=True,
    help="Where the demo's system lives.",
)
def command(json_file: Path | None, svg: Path | None, plain: bool, keep: bool, directory: Path) -> int:
    """Break a small real system in every way the mission names, and watch it heal itself.

    Ends with 0 only if every step reached its proof. Cut off, it goes on where it was the next time.
    """
    space = make(directory, running=_runs(directory))
    system = assemble(Options(root=space.root, environ=environ()))
    stop = threading.Event()
    with until_stopped(stop):
        try:
            return _play(system, space, stop, Output(json_file, svg, plain))
        finally:
            if not keep:
                _end(system)
            system.close()


def main(arguments: list[str]) -> int:
    """Run ``dreamnet demo`` with these arguments; answers the exit status."""
    status = command.main(args=arguments, standalone_mode=False)
    return int(status or 0)


@dataclass(frozen=True)
class Output:
    """Where the demo shows and writes what it saw."""

    json_file: Path | None
    svg: Path | None
    plain: bool


def _play(system: System, space: Workspace, stop: threading.Event, output: Output) -> int:
    run, goes_on = begin(system, system.ids.fresh)
    began = system.clock.monotonic()
    _open(system, space, goes_on)
    client = Client(space.url("shop"), CALM, workers=12).start()
    stage = Stage(system=system, space=space, client=client, run=run)
    views: list[Any] = []
    director = Director(stage, lambda played: views[0].tell(played), stop)
    screen = Screen(stage, director, _height())
    view = PlainView(stage) if output.plain or not is_terminal() else LiveView(screen, _console())
    views.append(view)
    with running(system, stop, workers=WORKERS):
        player = threading.Thread(target=director.play, daemon=True)
        player.start()
        while player.is_alive():
            view.refresh()
            player.join(0.2)
    client.stop()
    view.close()
    if output.json_file is not None:
        director.write(output.json_file)
    if output.svg is not None:
        screen.save(output.svg, "scripts/demo")
    good = all(one["outcome"] == "done" for one in director.record()["scenarios"])
    click.echo(summary(director, system.clock.monotonic() - began))
    click.echo(_look_around(space))
    return 0 if good else 5


def _open(system: System, space: Workspace, goes_on: bool) -> None:
    """Sync the values and bring every service up, as ``dreamnet sync`` and ``dreamnet deploy`` would."""
    click.echo(
        "Going on with the demo that was cut off." if goes_on else f"The demo's system is in {space.root}."
    )
    if not goes_on:
        space.mend()
    system.revive()
    running = system.platforms["local"].observe().services
    if not goes_on or set(running) < set(system.config.services):
        system.pipe.submit({"agent": "envkeeper", "input": {"action": "sync"}})
    for name in system.config.services:
        if name in running and (goes_on or running[name].stable.settled):
            continue  # what was under way when the former run was cut off is taken up from the bus
        result = system.pipe.submit({"agent": "deploykeeper", "input": {"action": "deploy", "service": name}})
        click.echo(result.summary)


def _console() -> Console:
    from rich.console import Console

    return Console()


def _height() -> int:
    return shutil.get_terminal_size((132, 46)).lines


def _runs(directory: Path) -> bool:
    """Say whether the services of a former demo run still: then their ports stay as they are."""
    if not (directory / "dreamnet.yml").exists():
        return False
    system = assemble(Options(root=directory.resolve(), environ=environ()))
    try:
        states = system.platforms["local"].observe().services.values()
        return any(state.stable.ready for state in states)
    finally:
        system.close()


def _end(system: System) -> None:
    for platform in system.platforms.values():
        shutdown = getattr(platform, "shutdown", None)
        if shutdown is not None:
            shutdown()


def _look_around(space: Workspace) -> str:
    root = os.path.relpath(space.root)
    lines = [
        f"  .venv/bin/dreamnet --root {root} {what}"
        for what in ("dreams", "dreams show local/stock", "messages", "releases", "status")
    ]
    return "Look around:\n" + "\n".join(lines)
