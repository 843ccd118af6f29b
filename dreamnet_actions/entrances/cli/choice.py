"""What the global options choose, and the system that is assembled from it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dreamnet_actions.config.source import find, root_of
from dreamnet_actions.entrances.cli.environment import environ
from dreamnet_actions.errors.configuration import ConfigMissing

if TYPE_CHECKING:
    from dreamnet_actions.bootstrap import System


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The global options. ``file`` answers the configuration they mean."""

    root: Path | None = None
    config: Path | None = None
    state: Path | None = None
    home: str = "embedded"
    quiet: bool = False

    def file(self) -> Path:
        """Answer the configuration's file: the one named, else the nearest from the root (or here) upwards.

        Raises ConfigMissing, naming where it was looked for.
        """
        if self.config is not None:
            return self.config
        if self.root is not None:
            return find(self.root)
        here = Path.cwd()
        for folder in (here, *here.parents):
            try:
                return find(folder)
            except ConfigMissing:
                continue
        return find(here)

    @contextmanager
    def system(self, *, aloud: bool = True, lasting: bool = False) -> Iterator[System]:
        """Assemble the system for the block. ``aloud``: what goes on is told on stderr, unless ``--quiet`` was said;
        ``lasting``: the block runs until it is stopped."""
        from dreamnet_actions import bootstrap

        file = self.file()
        options = bootstrap.Options(
            root=self.root or root_of(file),
            config=file,
            state=self.state,
            environ=environ(),
            home=self.home,
            lasting=lasting,
            aloud=aloud and not self.quiet,
        )
        system = bootstrap.assemble(options)
        try:
            yield system
            system.finish()
        finally:
            system.close()


choice = click.make_pass_decorator(Choice)
"""Hands a command the global options as its first argument."""
