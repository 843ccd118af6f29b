"""``dreamnet journal``: look through what is remembered, repair it, write it out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dreamnet_actions.domain.journal import KINDS
from dreamnet_actions.domain.units import counted
from dreamnet_actions.entrances.cli.choice import Choice, choice
from dreamnet_actions.entrances.cli.options import duration
from dreamnet_actions.entrances.cli.terminal import one_line, say
from dreamnet_actions.entrances.wire import write_json
from dreamnet_actions.errors import PermanentError, RequestError

if TYPE_CHECKING:
    from dreamnet_actions.bootstrap import System

_ALL = 10**9
"""More facts than any journal holds."""


@click.group()
def journal() -> None:
    """What is remembered is in docs/journal.md."""


@journal.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON: flaws, facts, files, size in bytes.")
@choice
def verify(chosen: Choice, as_json: bool) -> None:
    """Look through all of it, and tell everything that is wrong with file and line. Nothing is changed.

    Status 5 when anything is wrong.
    """
    with chosen.system(aloud=False) as system:
        found = system.memory.keeping.verify()
    if as_json:
        told = {"where": found.where, "flaws": [one.to_json() for one in found.flaws]}
        click.echo(write_json({**told, "facts": found.facts, "files": found.files, "size": found.size}))
    else:
        for flaw in found.flaws:
            say(one_line(flaw))
        wrong = counted(len(found.flaws), "flaw") if found.flaws else "nothing is wrong"
        held = f"{counted(found.facts, 'fact')} in {counted(found.files, 'file')}, {found.size / 1e6:.1f} MB"
        say(f"{one_line(found.where)}: {wrong}; {held}.")
        if found.flaws:
            say("'dreamnet journal repair --dry-run' shows what can be done.")
    if found.flaws:
        raise click.exceptions.Exit(PermanentError.exit_status)


@journal.command()
@click.option("--dry-run", is_flag=True, help="Only show what would be done.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: flaws, steps, commit.")
@choice
def repair(chosen: Choice, dry_run: bool, as_json: bool) -> None:
    """Set right what is damaged, from all that is still known. Nothing is thrown away.

    In the home github it is one commit: from the other files, from former commits, and from the dreams. What is
    damaged is moved below journal/damaged/, and a dream on self/journal tells of it.
    """
    with chosen.system(aloud=False) as system:
        done = system.memory.keeping.repair(dry_run=dry_run)
    if as_json:
        flaws = [one.to_json() for one in done.flaws]
        click.echo(write_json({"flaws": flaws, "steps": list(done.steps), "commit": done.commit}))
        return
    if not done.flaws:
        say("Nothing is wrong.")
        return
    for line in (*map(str, done.flaws), "", *done.steps):
        say(one_line(line))
    say(f"Repaired by the commit {done.commit}." if done.commit else "Nothing was changed: a dry run.")


@journal.command()
@click.option("--dry-run", is_flag=True, help="Only count what would be dropped.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: facts, summaries, rows, store.")
@choice
def compact(chosen: Choice, dry_run: bool, as_json: bool) -> None:
    """Drop what is older than 'journal' in the configuration says. A schedule does it by itself, now and then.

    In the home github the history of the branch begins anew, with exactly what it holds by then.
    """
    with chosen.system(aloud=False) as system:
        done = system.compact(dry_run=dry_run)
    if as_json:
        click.echo(write_json(vars(done)))
        return
    would = "would be " if dry_run else ""
    say(
        f"{counted(done.facts, 'fact')} and {counted(done.rows, 'row')} {would}dropped, "
        f"{counted(done.summaries, 'fact')} in the place of ticks {would}written."
    )
    if done.store:
        say(one_line(done.store))


@journal.command()
@click.option("--since", callback=duration, metavar="DURATION", help="The last so long, as 30d.")
@click.option(
    "--kind", "kinds", multiple=True, type=click.Choice(list(KINDS)), metavar="KIND", help="Only this kind."
)
@click.option("--state", "with_state", is_flag=True, help="The shared state, too, after the facts.")
@click.option("--output", metavar="FILE", help="Write it there; else it is printed.")
@choice
def export(
    chosen: Choice, since: float | None, kinds: tuple[str, ...], with_state: bool, output: str | None
) -> None:
    """Write out all facts, one a line as JSON, in the order of their numbers.

    A line of shared state has "state" (the key), "version" and "value"; they come in the order of keys.
    """
    with chosen.system(aloud=False) as system:
        start = system.clock.now() - since if since else 0.0
        lines = [write_json(one, indent=None) for one in _exported(system, start, kinds, with_state)]
    if output is None:
        for line in lines:
            click.echo(line)
        return
    try:
        Path(output).write_text("".join(f"{line}\n" for line in lines), "utf-8")
    except OSError as error:
        raise RequestError(
            f"{output!r} cannot be written: {error.strerror}.", hint="Name a file in a folder that there is."
        ) from error
    say(f"{counted(len(lines), 'line')} in {output}.")


def _exported(
    system: System, since: float, kinds: tuple[str, ...], with_state: bool
) -> Iterator[dict[str, Any]]:
    for fact in system.journal.read(kinds=kinds, since=since, limit=_ALL):
        yield fact.to_json()
    for key in sorted(system.journal.states("")) if with_state else ():
        value, version = system.journal.state(key)
        yield {"state": key, "version": version, "value": value}
