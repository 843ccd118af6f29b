"""JobEnvironmentSink: variables of the job's next steps, by the file GITHUB_ENV (the port ``SecretSink``).

Every job begins with none, so there is nothing to compare with and nothing to go back to: what a sync writes holds
for the rest of its job. EnvKeeper has every form of a value masked before any sink gets it.

The file: docs.github.com/actions, "Setting an environment variable", and ``src/Runner.Worker/FileCommandManager.cs``
of github.com/actions/runner.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Collection, Mapping
from typing import ClassVar

from dreamnet_actions.adapters.runner import commands
from dreamnet_actions.adapters.runner.options import STEPS, JobEnvironmentOptions
from dreamnet_actions.domain.secret import SecretValue, SinkState, Versioned
from dreamnet_actions.errors import Conflict, NotFound, PermanentError, RefusedError
from dreamnet_actions.ports.secrets import SecretSink
from dreamnet_actions.ports.site import Site

LARGEST = 131_072
"""Bytes of one ``NAME=value``: Linux's MAX_ARG_STRLEN, 32 pages (execve(2)); with a longer one no step starts."""


class JobEnvironmentSink(SecretSink):
    """The environment of the steps that follow. ``file`` is the one that the runner reads (GITHUB_ENV); without it
    there are no next steps."""

    WRITES: ClassVar[frozenset[str]] = SecretSink.WRITES
    name = "job-environment"
    readable = False
    services: Collection[str] = ()

    def __init__(self, file: str) -> None:
        self._file = file
        self._state = SinkState()

    @classmethod
    def at(cls, options: JobEnvironmentOptions, site: Site) -> JobEnvironmentSink:  # noqa: ARG003 - all that it says
        """Make it from the step's environment."""
        environ = site.environ
        return cls(environ.get("GITHUB_ENV", "") if environ.get("GITHUB_ACTIONS") == "true" else "")

    def state(self) -> SinkState:
        """Answer what this step has written; a job begins with nothing."""
        return self._state

    def write(self, values: Mapping[str, Versioned], keep: Mapping[str, str] | None = None) -> str:
        """Append all values in one write. A name that this step had written before and that is left out becomes empty:
        the runner can take none away."""
        if not self._file:
            raise RefusedError(
                "job-environment is for a step of a workflow, and this is none (GITHUB_ACTIONS, GITHUB_ENV).",
                hint="Run it by the action, or let the entry write somewhere else.",
            )
        keep = keep or {}
        if keep.keys() - self._state.versions.keys():
            raise Conflict(f"What {self.name} holds")
        if wrong := [f"{name}: {why}" for name in sorted(values) if (why := _why_not(name, values[name]))]:
            raise PermanentError(
                f"{self.name} cannot hold {'; '.join(wrong)}.",
                hint="Nothing was written. Leave them out, or give them another name by 'keys' or 'rename'.",
            )
        texts = {name: one.value.reveal() for name, one in sorted(values.items())}
        gone = self._state.versions.keys() - values.keys() - keep.keys()
        entries = [*texts.items(), *((name, "") for name in sorted(gone))]
        commands.pairs(self._file, entries, delimiter=f"dreamnet_{secrets.token_hex(16)}")
        versions = {**keep, **{name: one.version for name, one in values.items()}}
        revision = hashlib.sha256(json.dumps(sorted(versions.items())).encode()).hexdigest()[:12]
        former = self._state.former if revision == self._state.revision else self._state.revision
        self._state = SinkState(versions=versions, revision=revision, former=former)
        return revision

    def read_back(self) -> Mapping[str, SecretValue]:
        """Answer nothing: the runner reads the file once the step has ended."""
        return {}

    def restore(self, revision: str) -> None:
        """Raise NotFound: no former set is kept."""
        if revision != self._state.revision:
            raise NotFound(f"set of values in {self.name}", revision)


def _why_not(name: str, one: Versioned) -> str:
    """Answer why no step may get such a variable, or nothing."""
    if why := STEPS.why_not(name):
        return why
    if not one.value.is_text:
        return "it is no text that UTF-8 can hold"
    if "\0" in one.value.reveal():
        return "it holds a NUL character"
    if len(name) + len(one.value.raw()) + 2 > LARGEST:
        return f"it is longer than {LARGEST} bytes, and no step would start with it"
    return ""
