"""``dreamnet validate`` and ``dreamnet config``: the configuration itself."""

from __future__ import annotations

from collections.abc import Sized
from pathlib import Path

import click

from dreamnet_actions.domain.units import counted
from dreamnet_actions.entrances.cli.choice import Choice, choice
from dreamnet_actions.entrances.cli.terminal import say
from dreamnet_actions.entrances.wire import write_json


@click.command()
@click.argument("file", required=False)
@choice
def validate(chosen: Choice, file: str | None) -> None:
    """FILE left out is the configuration of this folder. Status 2 when there are mistakes; nothing is started."""
    from dreamnet_actions.bootstrap import check_config

    loaded = check_config(Path(file) if file else chosen.file())
    config = loaded.config
    counts: dict[str, Sized] = {
        "service": config.services,
        "platform": config.platforms,
        "env entry": config.env,
        "route": config.routes,
    }
    said = ", ".join(_counted(len(section), name) for name, section in counts.items() if section)
    say(f"ok: {loaded.file}" + (f" ({said})" if said else ""))


def _counted(number: int, noun: str) -> str:
    """Write a number with its noun, ``entry`` included."""
    return counted(number, noun).replace("entrys", "entries")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON: path → value and where.")
@click.option("--schema", "as_schema", is_flag=True, help="Print the JSON Schema of the file instead.")
@choice
def config(chosen: Choice, as_json: bool, as_schema: bool) -> None:
    """Where is file:line:column, or `default`."""
    from dreamnet_actions import bootstrap

    if as_schema:
        click.echo(write_json(bootstrap.schema()))
        return
    found = bootstrap.check_config(chosen.file()).provenance
    if as_json:
        click.echo(
            write_json({path: {"value": one.value, "where": one.where} for path, one in found.items()})
        )
        return
    for path, one in found.items():
        say(f"{path} = {write_json(one.value, indent=None)}  ({one.where})")
