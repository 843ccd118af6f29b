"""What is generated into the pages, block by block, read off the code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from dreamnet_actions.adapters.table import ROWS
from dreamnet_actions.domain.actions import ACTIONS, AGENTS
from dreamnet_actions.domain.command import COMMANDS as COMMENT_COMMANDS
from dreamnet_actions.domain.dream import NEXT
from dreamnet_actions.domain.journal import KINDS
from dreamnet_actions.domain.message import HOP_LIMIT, MAX_DATA
from dreamnet_actions.domain.request import MAX_BYTES, MAX_DEPTH
from dreamnet_actions.domain.result import EXIT_BY_VERDICT
from dreamnet_actions.domain.route import DEFAULTS
from dreamnet_actions.entrances.action.event import DEFAULT_AGENT, RULES
from dreamnet_actions.entrances.cli.actions import POSITIONAL
from dreamnet_actions.entrances.cli.root import dreamnet
from dreamnet_actions.entrances.cli.table import COMMANDS, SHORT
from dreamnet_actions.errors import (
    ConfigError,
    DreamNetError,
    PermanentError,
    RefusedError,
    RequestError,
    TemporaryError,
)
from tests.docs import errors, options, planned, starters, workflows
from tests.docs.pages import ROOT


def make(name: str) -> str:
    """Answer the block of a name, as ``action dreamkeeper check``."""
    kind, *words = name.split()
    return MAKERS[kind](*words)


def action(agent: str, name: str) -> str:
    """One action: what it does, its command, whether it writes, and its keys."""
    spec = ACTIONS[agent][name]  # type: ignore[index]
    places = " ".join(f"[{key.upper()}]" for key in POSITIONAL.get((agent, name), ()))
    short = f"dreamnet {name}" if SHORT.get(name) == agent else f"dreamnet {agent} {name}"
    writes = "It writes." if spec.writes else "It only looks; nothing is written."
    lines = [f"{spec.doc} {writes}", "", f"Command: `{f'{short} {places}'.strip()}`", ""]
    if not spec.keys:
        return "\n".join([*lines, "It takes no keys."])
    lines += ["| key | what it is | what it means |", "|---|---|---|"]
    for key, row in spec.keys.items():
        form = " or ".join(f"`{one}`" for one in row.choices) or row.form
        lines.append(f"| `{key}` | {form}{', **required**' if row.required else ''} | {row.doc} |")
    return "\n".join(lines)


def actions() -> str:
    """Every action of every keeper in one table."""
    lines = ["| keeper | action | what it does |", "|---|---|---|"]
    for agent in AGENTS:
        for name, spec in ACTIONS[agent].items():
            lines.append(f"| {agent} | [`{name}`]({agent}.md#{name}) | {spec.doc} |")
    return "\n".join(lines)


def exit_status() -> str:
    """The exit statuses, with what leads to each."""
    by_class = (ConfigError, RequestError, RefusedError, PermanentError, TemporaryError, DreamNetError)
    rows = {
        0: ("done, unchanged or planned", "200"),
        **{one.exit_status: ("", str(one.http_status)) for one in by_class},
        **{status: (f"the verdict `{verdict}`", "200") for verdict, status in EXIT_BY_VERDICT.items()},
    }
    meanings = {
        ConfigError.exit_status: "the configuration is wrong, or lacks what was asked for",
        RequestError.exit_status: "the request is wrong, or the command line was",
        RefusedError.exit_status: "understood and not allowed",
        PermanentError.exit_status: "tried, and failed for good",
        TemporaryError.exit_status: "deferred: the same request may work later",
        DreamNetError.exit_status: "a bug of DreamNet's",
    }
    lines = ["| exit status | meaning | HTTP |", "|---|---|---|"]
    lines += [
        f"| {status} | {meanings.get(status) or rows[status][0]} | {rows[status][1]} |"
        for status in sorted(rows)
    ]
    return "\n".join(lines)


def facts() -> str:
    """The kinds of facts."""
    return "\n".join(
        ["| kind | what it says |", "|---|---|", *[f"| `{kind}` | {doc} |" for kind, doc in KINDS.items()]]
    )


def routes() -> str:
    """The built-in routes."""
    lines = ["| message | goes to | as |", "|---|---|---|"]
    lines += [f"| `{one.on}` | {one.to} | `{one.input['action']}` |" for one in DEFAULTS]
    return "\n".join(lines)


def dream_states() -> str:
    """Which state of a dream may follow which."""
    lines = ["| from | to |", "|---|---|"]
    order = list(NEXT)
    for before, after in NEXT.items():
        lines.append(f"| `{before}` | {', '.join(f'`{one}`' for one in sorted(after, key=order.index))} |")
    return "\n".join(lines)


def comment_commands() -> str:
    """List what a comment on a dream may say."""
    rows = [f"| `{kind.usage}` | {kind.doc} | {kind.needs} |" for kind in COMMENT_COMMANDS.values()]
    return "\n".join(["| comment | what it does | needs |", "|---|---|---|", *rows])


def limits() -> str:
    """The limits of requests and messages."""
    rows = {
        "a request's bytes": f"{MAX_BYTES:,}",
        "a request's depth": MAX_DEPTH,
        "a message's data in bytes": f"{MAX_DATA:,}",
        "hops of a message": HOP_LIMIT,
    }
    return "\n".join(
        ["| what | at most |", "|---|---|", *[f"| {what} | {most} |" for what, most in rows.items()]]
    )


def commands() -> str:
    """The help of every command that is not an action."""
    text = [f"## dreamnet\n\n```text\n{_help(dreamnet, [])}\n```"]
    for name in COMMANDS:
        command = dreamnet.get_command(click.Context(dreamnet), name)
        assert command is not None
        text.append(f"## {name}\n\n```text\n{_help(command, [name])}\n```")
        inner = command.commands if isinstance(command, click.Group) else {}
        text += [
            f"### {name} {one}\n\n```text\n{_help(below, [name, one])}\n```" for one, below in inner.items()
        ]
    return "\n\n".join(text)


def action_commands() -> str:
    """The commands that are actions, with where they are told."""
    lines = ["| command | also as | told in |", "|---|---|---|"]
    for agent in AGENTS:
        for name in ACTIONS[agent]:
            also = f"`dreamnet {name}`" if SHORT.get(name) == agent else "-"
            lines.append(f"| `dreamnet {agent} {name}` | {also} | [{agent}]({agent}.md#{name}) |")
    return "\n".join(lines)


def _help(command: click.Command, path: list[str]) -> str:
    if path == ["demo"]:
        from dreamnet_actions.entrances.demo import command as demo

        command = demo
    parent = None
    for name in ("dreamnet", *path)[:-1]:
        parent = click.Context(
            dreamnet, info_name=name, parent=parent
        )  # a group: it has no arguments to show
    names = ["--help"] if path == ["demo"] else ["-h", "--help"]
    shown = click.Context(
        command, info_name=("dreamnet", *path)[-1], parent=parent, terminal_width=96, help_option_names=names
    )
    lines = command.get_help(shown).split("\n")
    return "\n".join(line.rstrip() for line in lines)


def option_tables() -> str:
    """Every option of the configuration."""
    text = []
    for one in options.sections():
        text.append(
            f"### {options.heading(one)}\n\n{one.doc}\n\n{options.table(one.model, one.keys)}".replace(
                "``", "`"
            )
        )
    return "\n\n".join(text)


def adapter(port: str, kind: str) -> str:
    """The options of one adapter."""
    row = next(one for one in ROWS if (one.port, one.kind) == (port, kind))
    parts = []
    for model in (row.options, row.workload):
        if model is not None:
            parts.append(
                f"{options.class_doc(model)}\n\n{options.table(model, tuple(options.shapes.hints(model)))}"
            )
    return "\n\n".join(parts).replace("``", "`") or "It takes no options."


def adapters() -> str:
    """Every adapter by port."""
    lines = ["| port | kind | page |", "|---|---|---|"]
    lines += [
        f"| {one.port} | `{one.kind}` | [{page(one.adapter)}]({page(one.adapter)}.md) |" for one in ROWS
    ]
    return "\n".join(lines)


def page(place: str) -> str:
    """Answer the name of the page of an adapter: its family's."""
    return place.split(".")[2]


def error(code: str) -> str:
    """One error: its class, statuses, and an example made by the class."""
    first = errors.tree()[code][0]
    example = errors.EXAMPLES[code]
    lines = [_doc(first), ""]
    lines += [
        f"Exit status {example.exit_status}, HTTP {example.http_status}, class `{type(example).__name__}`. For example:"
    ]
    lines += ["", "```text", f"error: {example.message}"]
    lines += [f"hint: {example.hint}"] if example.hint else []
    return "\n".join([*lines, f"docs: {example.docs}", "```"])


def _doc(one: type[DreamNetError]) -> str:
    return " ".join((one.__doc__ or "").split("\n\n")[0].split()).replace("``", "`")


def error_index() -> str:
    """Every code with its statuses."""
    lines = ["| code | exit status | HTTP | what it means |", "|---|---|---|---|"]
    for code, classes in sorted(errors.tree().items()):
        one = classes[0]
        lines.append(f"| [`{code}`]({code}.md) | {one.exit_status} | {one.http_status} | {_doc(one)} |")
    return "\n".join(lines)


def file(path: str) -> str:
    """A file of the repository, in a fence."""
    lang = {".yml": "yaml", ".py": "python", ".json": "json"}.get(Path(path).suffix, "text")
    return f"```{lang}\n{(ROOT / path).read_text('utf-8').rstrip()}\n```"


def action_events() -> str:
    """What the action does by an event, where the step says no request."""
    lines = ["| event | `agent` of the step | what happens |", "|---|---|---|"]
    for (agent, event), rule in RULES.items():
        whom = f"`{agent}`{', or none' * (DEFAULT_AGENT.get(event) == agent)}"
        lines.append(f"| `{event}` | {whom} | {(rule.__doc__ or '').splitlines()[0]} |")
    lines += [
        (
            "| `workflow_dispatch` | any, or none "
            "| The button's fields say it: `request`, else `agent`, `action` and the action's keys. |"
        ),
        "| `repository_dispatch` | `relaybot` | It says whose the message or request is, for that keeper's job. |",
        "| `repository_dispatch` | any other, or none | The message or request in it is done. |",
        "| any other | any, or none | Nothing, and the summary says so. |",
    ]
    return "\n".join(lines)


def starter(keeper: str) -> str:
    """The caller of one keeper as `dreamnet init` writes it for a small web service."""
    return f"```yaml\n{starters.callers()[keeper].rstrip()}\n```"


MAKERS: dict[str, Callable[..., str]] = {
    "action": action,
    "actions": actions,
    "exit-status": exit_status,
    "facts": facts,
    "routes": routes,
    "dream-states": dream_states,
    "limits": limits,
    "commands": commands,
    "action-commands": action_commands,
    "options": option_tables,
    "adapter": adapter,
    "adapters": adapters,
    "error": error,
    "error-index": error_index,
    "file": file,
    "action-events": action_events,
    "action-inputs": workflows.action_inputs,
    "action-outputs": workflows.action_outputs,
    "comment-commands": comment_commands,
    "workflow-inputs": workflows.workflow_inputs,
    "workflow-permissions": workflows.workflow_permissions,
    "starter": starter,
    "planner-comment": planned.comment,
}
