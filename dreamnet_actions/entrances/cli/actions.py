"""One command per action, made from the table of actions: a keeper's action cannot be without its command."""

from __future__ import annotations

from typing import Any

import click

from dreamnet_actions.domain.actions import ACTIONS, Key
from dreamnet_actions.domain.result import AgentResult
from dreamnet_actions.entrances.cli.annotating import annotate
from dreamnet_actions.entrances.cli.choice import Choice, choice
from dreamnet_actions.entrances.cli.render import show_result
from dreamnet_actions.entrances.wire import read_json, with_id, write_json
from dreamnet_actions.errors import RequestError

POSITIONAL: dict[tuple[str, str], tuple[str, ...]] = {
    ("dreamkeeper", "check"): ("service",),
    ("dreamkeeper", "verify"): ("service",),
    ("dreamkeeper", "heal"): ("dream", "remedy"),
    ("dreamkeeper", "approve"): ("dream", "remedy"),
    ("dreamkeeper", "snooze"): ("dream", "for"),
    ("dreamkeeper", "wont-fix"): ("dream",),
    ("dreamkeeper", "reopen"): ("dream",),
    ("deploykeeper", "deploy"): ("service", "version"),
    ("deploykeeper", "canary"): ("service", "version"),
    ("deploykeeper", "approve"): ("service",),
    ("deploykeeper", "promote"): ("service",),
    ("deploykeeper", "abort"): ("service",),
    ("deploykeeper", "verify"): ("service",),
    ("deploykeeper", "rollback"): ("service",),
    ("deploykeeper", "restart"): ("service",),
    ("deploykeeper", "scale"): ("service", "replicas"),
    ("deploykeeper", "status"): ("service",),
    ("envkeeper", "plan"): ("source",),
    ("envkeeper", "sync"): ("source",),
    ("envkeeper", "validate"): ("source",),
    ("envkeeper", "restore"): ("entry",),
    ("envkeeper", "flags"): ("flag",),
    ("envkeeper", "set-flag"): ("flag", "variant"),
    ("envkeeper", "toggle-flag"): ("flag",),
    ("envkeeper", "kill-flag"): ("flag",),
    ("envkeeper", "enable-flag"): ("flag",),
    ("envkeeper", "roll-out"): ("flag", "variant", "share"),
    ("envkeeper", "advance-flag"): ("flag",),
    ("envkeeper", "turn-back-flag"): ("flag",),
    ("relaybot", "relay"): ("from", "to", "message"),
    ("relaybot", "publish"): ("event",),
    ("relaybot", "replay"): ("message",),
}
"""Keys that may also be given by their place; ``--key`` always works."""

SEVERITY = ("healthy", "unknown", "degraded", "failing")
"""Verdicts of a check from good to bad: ``--fail-on`` means its own and all after it."""


def agent_group(agent: str) -> click.Group:
    """Make the group of one keeper: ``dreamnet deploykeeper restart …``."""
    group = click.Group(agent, help=f"What {agent} does.")
    for action in ACTIONS[agent]:  # type: ignore[index]
        group.add_command(command(agent, action))
    return group


def command(agent: str, action: str) -> click.Command:
    """Make the command of one action."""
    spec = ACTIONS[agent][action]  # type: ignore[index]
    places = POSITIONAL.get((agent, action), ())
    params: list[click.Parameter] = [
        click.Argument([f"at_{_python(key)}"], required=False, metavar=_metavar(key, spec.keys[key]))
        for key in places
    ]
    params += [_option(key, row) for key, row in spec.keys.items()]
    params += [
        click.Option(
            ["--id", "request_id"], metavar="ID", help="The request's id: the same id is done once."
        ),
        click.Option(["--dry-run"], is_flag=True, help="Plan only; nothing is written."),
        click.Option(["--no-deliver"], is_flag=True, help="Leave the messages that follow to another run."),
        click.Option(["--json", "as_json"], is_flag=True, help="Print the AgentResult."),
    ]
    if (agent, action) == ("dreamkeeper", "check"):
        params.append(
            click.Option(
                ["--fail-on"],
                type=click.Choice(SEVERITY[:0:-1]),
                help="End with status 5 when the verdict is this or worse; a fault that was found is no failure else.",
            )
        )

    @choice
    @click.pass_context
    def callback(ctx: click.Context, chosen: Choice, /, **given: Any) -> None:
        _run(ctx, chosen, agent, action, given)

    return click.Command(action, callback=callback, params=params, help=spec.doc)


def _run(ctx: click.Context, chosen: Choice, agent: str, action: str, given: dict[str, Any]) -> None:
    """Send the request that the arguments mean, and show its result."""
    raw = {"agent": agent, "input": {"action": action, **_input(agent, action, given)}}
    with chosen.system() as system:
        raw = with_id(raw, given["request_id"], "--id")
        result = system.pipe.submit(raw, dry_run=given["dry_run"])
        if given["as_json"]:
            click.echo(write_json(result.to_json()))
        else:
            show_result(result)
        annotate(result)
        if not given["dry_run"] and not given["no_deliver"] and result.exit_status != 3:
            system.pipe.drain()
    ctx.exit(_status(result, given.get("fail_on")))


def _status(result: AgentResult, fail_on: str | None) -> int:
    if fail_on and result.verdict in SEVERITY and SEVERITY.index(result.verdict) >= SEVERITY.index(fail_on):
        return 5
    return result.exit_status


def _input(agent: str, action: str, given: dict[str, Any]) -> dict[str, Any]:
    """Join what was given by place and by name; the pipe judges it, as it does for every entrance."""
    found: dict[str, Any] = {}
    for key, row in ACTIONS[agent][action].keys.items():  # type: ignore[index]
        by_name, by_place = given[_python(key)], given.get(f"at_{_python(key)}")
        if by_name is not None and by_place is not None:
            raise click.UsageError(f"{key} is given twice: {by_place!r} and --{key} {by_name!r}.")
        value = by_name if by_name is not None else by_place
        if value is not None and value != ():
            found[key] = _value(key, row, value)
    return found


def _value(key: str, row: Key, text: Any) -> Any:
    """Read an argument in the form that its key has."""
    if row.form == "integer":
        try:
            return int(text)
        except ValueError:
            raise click.UsageError(f"{key} is {text!r}; expected a whole number.") from None
    if row.form == "pairs":
        return dict(_pair(key, one) for one in text)
    if row.form in ("object", "any"):
        return _json(key, text)
    return text


def _pair(key: str, text: str) -> tuple[str, Any]:
    """Read ``name=text``, or ``name:=JSON`` for what is no text."""
    name, sign, value = text.partition("=")
    if not sign or not name.removesuffix(":"):
        raise click.UsageError(f"--{key} {text!r} is no NAME=VALUE (or NAME:=JSON, as in age:=30).")
    return (name[:-1], _json(key, value)) if name.endswith(":") else (name, value)


def _json(key: str, text: str) -> Any:
    try:
        return read_json(text.encode("utf-8", "surrogateescape"))
    except RequestError as error:
        raise click.UsageError(f"--{key}: {error.message}") from None


def _option(key: str, row: Key) -> click.Option:
    name = _python(key)
    if row.form == "boolean":
        return click.Option([f"--{key}/--no-{key}", name], default=None, help=row.doc)
    kind = click.Choice(row.choices) if row.choices else None
    several = row.form == "pairs"
    return click.Option(
        [f"--{key}", name],
        multiple=several,
        type=kind,
        metavar=None if kind else _metavar(key, row),
        help=row.doc,
    )


def _metavar(key: str, row: Key) -> str:
    return {"integer": "NUMBER", "object": "JSON", "pairs": "NAME=VALUE"}.get(row.form, key.upper())


def _python(key: str) -> str:
    """Name a key as a parameter: ``for`` and ``from`` are words of Python."""
    return f"key_{key.replace('-', '_')}"
