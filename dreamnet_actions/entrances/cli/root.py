"""The ``dreamnet`` group: global options, lazy commands, and what an error looks like on a terminal."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from dreamnet_actions import __version__
from dreamnet_actions.domain.actions import ACTIONS, AGENTS
from dreamnet_actions.entrances.cli.annotating import annotate
from dreamnet_actions.entrances.cli.table import COMMANDS, SECTIONS, SHORT
from dreamnet_actions.entrances.cli.terminal import tell
from dreamnet_actions.errors import BUG, DreamNetError
from dreamnet_actions.errors.words import nearest

USAGE = 3
"""The exit status of a usage error: the request is wrong. (Click's own is 2, which is ours for configuration.)"""
_PACKAGE = "dreamnet_actions.entrances.cli"


@contextmanager
def shown() -> Iterator[None]:
    """Turn what ends a command into what a person reads and a script can test: text on stderr and an exit status."""
    try:
        yield
    except DreamNetError as error:
        show(error)
        raise click.exceptions.Exit(error.exit_status) from None
    except click.UsageError as error:
        error.show()
        raise click.exceptions.Exit(USAGE) from None
    except click.exceptions.Exit:
        raise
    except click.ClickException as error:
        error.show()
        raise click.exceptions.Exit(error.exit_code) from None
    except (KeyboardInterrupt, click.Abort):
        raise click.exceptions.Exit(130) from None
    except BrokenPipeError:
        # The reader (head, less) has seen enough; the interpreter's last flush must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise click.exceptions.Exit(141) from None
    except Exception:
        import logging

        logging.getLogger("dreamnet").exception(
            "This is a bug of DreamNet's; please report it with these lines."
        )
        raise click.exceptions.Exit(BUG) from None


def show(error: DreamNetError) -> None:
    """Print an error on stderr: what is wrong, what to do, and the page that explains it."""
    show_lines(error.message, error.hint, error.docs)
    annotate(error)


def show_lines(message: str, hint: str, docs: str) -> None:
    """Print an error's three parts on stderr, leaving out the empty ones."""
    for head, text in (("error", message), ("hint", hint), ("docs", docs)):
        if text:
            tell(f"{head}: {text}")


class Root(click.Group):
    """The group of all commands, each imported when it is called."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        """Read the global options; mistakes end with our exit status."""
        with shown():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        with shown():
            return super().invoke(ctx)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 — click's signature
        """Answer every name: commands, keepers, and actions that need no keeper's name."""
        return [*SHORT, *COMMANDS, *AGENTS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 — click's
        """Import one command."""
        if cmd_name in AGENTS or cmd_name in SHORT:
            from dreamnet_actions.entrances.cli.actions import agent_group, command

            return agent_group(cmd_name) if cmd_name in AGENTS else command(SHORT[cmd_name], cmd_name)
        if cmd_name not in COMMANDS:
            return None
        row = COMMANDS[cmd_name]
        module, _, name = row.place.partition(":")
        found: click.Command = getattr(importlib.import_module(f"{_PACKAGE}.{module}"), name)
        found.name = cmd_name
        # The line of the list is the first line of the command's own help: written once, in the table.
        if not (found.help or "").startswith(row.summary):
            rest = inspect.cleandoc(found.help or "")  # before Python 3.13 a docstring keeps its indentation
            found.help = f"{row.summary}\n\n{rest}".strip()
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; an unknown one names the nearest, an ambiguous one the keepers that have it."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            raise click.UsageError(_unknown(name, self.list_commands(ctx)), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 — click's
        """List the commands by what they are for, without importing any."""
        lines: dict[str, list[tuple[str, str]]] = {section: [] for section in SECTIONS}
        for name, agent in SHORT.items():
            lines["Do"].append((name, ACTIONS[agent][name].doc))  # type: ignore[index]
        for name, row in COMMANDS.items():
            lines[row.section].append((name, row.summary))
        for agent in AGENTS:
            lines["Keepers"].append((agent, ", ".join(ACTIONS[agent])))
        for section, rows in lines.items():
            with formatter.section(section):
                formatter.write_dl(rows, col_max=14)


def _unknown(name: str, known: list[str]) -> str:
    keepers = [agent for agent in AGENTS if name in ACTIONS[agent]]
    if keepers:
        return f"Name the keeper: {' or '.join(f'dreamnet {agent} {name}' for agent in keepers)}."
    near = nearest(name, known)
    return f"There is no command {name!r}." + (f" Did you mean {near!r}?" if near else "")


@click.group(cls=Root, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option(
    "--root", metavar="FOLDER", help="The folder that the configuration is of; else the nearest upwards."
)
@click.option(
    "--config", metavar="FILE", help="The configuration; else .github/dreamnet.yml or dreamnet.yml."
)
@click.option(
    "--state", metavar="FOLDER", help="Where dreams, messages and the journal are kept (.dreamnet)."
)
@click.option(
    "--home",
    metavar="HOME",
    envvar="DREAMNET_HOME",
    default="embedded",
    help="Whose dreams, messages and journal: embedded (this machine's), or github (GITHUB_REPOSITORY's).",
)
@click.option("--quiet", "-q", is_flag=True, help="Say nothing about what goes on; only the answer.")
@click.version_option(__version__, "-V", "--version", message="dreamnet %(version)s")
@click.pass_context
def dreamnet(
    ctx: click.Context, root: str | None, config: str | None, state: str | None, home: str, quiet: bool
) -> None:
    """DreamNet watches, deploys, configures and routes a system from its own repository.

    Exit status: 0 done · 2 configuration · 3 request or usage · 4 refused · 5 failed · 10 rolled back ·
    11 rollback failed · 12 deployed, unverified · 70 a bug of DreamNet's · 75 try again later.
    """
    from pathlib import Path  # late: --help needs no paths

    from dreamnet_actions.entrances.cli.choice import Choice

    ctx.obj = Choice(
        root=Path(root) if root else None,
        config=Path(config) if config else None,
        state=Path(state) if state else None,
        home=home,
        quiet=quiet,
    )
