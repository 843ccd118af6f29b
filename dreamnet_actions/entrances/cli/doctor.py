"""``dreamnet doctor``: what is missing, here and at the host, with the line to add."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dreamnet_actions.entrances.cli.choice import Choice, choice
from dreamnet_actions.entrances.cli.environment import environ
from dreamnet_actions.entrances.cli.terminal import one_line, say
from dreamnet_actions.entrances.wire import write_json
from dreamnet_actions.errors import ConfigError, PermanentError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dreamnet_actions.entrances.doctor.check import Finding
    from dreamnet_actions.entrances.doctor.examine import Examined
    from dreamnet_actions.ports.hosting import Hosting, WorkingCopy


@click.command()
@click.option("--offline", is_flag=True, help="Look only at what is here; ask nobody.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON: verdict, findings, what was not looked at."
)
@choice
def doctor(chosen: Choice, offline: bool, as_json: bool) -> None:
    """It only looks. The token is that of GITHUB_TOKEN or GH_TOKEN; without one, only what is here is looked at.

    Status 2 when the configuration is missing or wrong, 5 when something else is missing, 0 otherwise.
    """
    from dreamnet_actions.bootstrap.setting_up import working_copy
    from dreamnet_actions.entrances.doctor.examine import examine, surroundings

    variables = environ()
    start = chosen.root or Path.cwd()
    copy = working_copy(start, variables)
    root = Path(copy.root) if copy else start
    hosting, because = (None, "--offline") if offline else _hosting(copy, variables)
    found = examine(surroundings(root, copy, variables, hosting, offline=offline), because=because)
    if as_json:
        click.echo(write_json(_as_json(found)))
    else:
        for line in _lines(found, root):
            say(line)
    if status := _status(found):
        raise click.exceptions.Exit(status)


def _hosting(copy: WorkingCopy | None, variables: Mapping[str, str]) -> tuple[Hosting | None, str]:
    """Reach the host; answers None and why where that is not possible."""
    from dreamnet_actions.bootstrap.setting_up import hosting
    from dreamnet_actions.ports.hosting import Place

    token = variables.get("GITHUB_TOKEN") or variables.get("GH_TOKEN")
    repository = variables.get("GITHUB_REPOSITORY") or (copy.repository if copy else None)
    if not token:
        return None, "neither GITHUB_TOKEN nor GH_TOKEN is set"
    if repository is None:
        return None, "no remote names a repository"
    host = copy.host if copy else None
    usual = "https://api.github.com" if host in (None, "github.com") else f"https://{host}/api/v3"
    url = variables.get("GITHUB_API_URL") or usual
    return hosting(Place(repository=repository, api_url=url, token=token)), ""


def _lines(found: Examined, root: Path) -> Iterator[str]:
    """Write the verdict, the table, what to do about each, and what was not looked at."""
    from dreamnet_actions.entrances.doctor.check import MARKS

    yield _verdict(found)
    width = max((len(one.what) for one in found.findings), default=0)
    for one in found.findings:
        place = _place(one, root)
        yield (
            one_line(f"{MARKS[one.status]} {one.what}")
            + " " * (width - len(one.what))
            + "  "
            + one_line(f"{one.detail} ({place})" if place else one.detail)
        )
        for line in one.fix.splitlines() if one.status != "ok" else ():
            yield f"  {' ' * width}  {line}"
    if found.passed_over:
        yield f"Not looked at ({found.because}): {', '.join(found.passed_over)}."


def _verdict(found: Examined) -> str:
    wrong, unsure, unknown = found.count("failed"), found.count("warning"), found.count("unknown")
    counts = [
        (wrong, "missing or wrong"),
        (unsure, "to look at"),
        (unknown, "that cannot be told"),
    ]
    said = ", ".join(f"{count} {words}" for count, words in counts if count)
    return f"{found.verdict}: {said or 'nothing is missing'}."


def _place(one: Finding, root: Path) -> str:
    """Write the place from the repository's root on, as an editor takes it."""
    where = one.where
    prefix = f"{root}/"
    return where.removeprefix(prefix)


def _as_json(found: Examined) -> dict[str, object]:
    return {
        "verdict": found.verdict,
        "findings": [one.to_json() for one in found.findings],
        "not_looked_at": list(found.passed_over),
        "because": found.because,
    }


def _status(found: Examined) -> int:
    if found.config_wrong:
        return ConfigError.exit_status
    return PermanentError.exit_status if found.count("failed") else 0
