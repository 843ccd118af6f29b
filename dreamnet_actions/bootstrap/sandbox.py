"""The sandbox, put together: the entrance names neither the stand-in nor a clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dreamnet_actions.adapters.system.clock import SystemClock
from dreamnet_actions.bootstrap.sandbox_google import wishes
from dreamnet_actions.errors import TemporaryError
from dreamnet_actions.errors.configuration import ExtraMissing
from dreamnet_actions.ports.system import Clock

if TYPE_CHECKING:
    from dreamnet_actions.testing.github.sandbox.session import (
        Sandbox as Sandbox,
    )  # entrances name it from here

_ORDERLY = 2.0
"""Seconds for services to end by themselves."""


def make_sandbox(
    folder: Path,
    *,
    path: str,
    say: Callable[[str], None],
    environ: Mapping[str, str] | None = None,
    name: str | None = None,
    port: int = 0,
    dirty: bool = False,
    every: float | None = None,
    house: Path | None = None,
    secrets: Mapping[str, str] | None = None,
    gcp_secrets: Path | None = None,
    clock: Clock | None = None,
) -> Sandbox:
    """Make a sandbox around the repository in ``folder``; it starts when it is entered.

    ``path`` is the PATH of every step, ``environ`` this machine's environment, ``secrets`` are the repository's,
    ``every`` (seconds) replaces the schedules' own times, ``gcp_secrets`` is a file of values for its Secret Manager,
    which is there where the configuration or this file wants one. Raises ExtraMissing where the extra is not installed,
    ConfigError where there is no repository.
    """
    try:
        import uvicorn  # noqa: F401 - asked for now, so that nothing has begun when it is missing

        from dreamnet_actions.testing.github.sandbox.session import Sandbox, SandboxOptions

        google = wishes(folder, gcp_secrets, say)
        options = SandboxOptions(
            folder=folder,
            path=path,
            environ=environ or {},
            end_services=end_services,
            name=name,
            port=port,
            dirty=dirty,
            every=every,
            house=house,
            secrets=secrets or {},
            google=google,
        )
        return Sandbox(options, clock or SystemClock(), say)
    except ModuleNotFoundError as error:
        missing = (error.name or "a package").partition(".")[0]
        raise ExtraMissing("The sandbox", missing, "sandbox") from None


def end_services(state: Path) -> int:
    """End every service that runs by this state folder, and wait until they are gone: orderly at first, by force after
    two seconds, since nothing of a sandbox may outlive it. Answer how many platforms ran.

    Raises DeadlineExceeded where even that does not end them.
    """
    ran = 0
    for folder in sorted(state.glob("platform-*")):
        from dreamnet_actions.adapters.process import launch
        from dreamnet_actions.adapters.process.control import NoSupervisor
        from dreamnet_actions.adapters.process.places import Places

        places = Places(state, folder.name.removeprefix("platform-"))
        try:
            launch.ask(places, {"do": "shutdown"})
            launch.wait_until_gone(places, _ORDERLY)
        except NoSupervisor:
            continue
        except TemporaryError:  # it does not answer, or its services take their time
            launch.end_by_force(places)
            launch.wait_until_gone(places, _ORDERLY)
        ran += 1
    return ran
