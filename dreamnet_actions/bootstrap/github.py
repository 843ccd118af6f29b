"""The memory of the home ``github``: issues, dispatches and the branch ``dreamnet`` of one repository."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from functools import partial
from os import getpid
from typing import TYPE_CHECKING

from dreamnet_actions.bootstrap.late import adapter, imported
from dreamnet_actions.bootstrap.memory import Memory
from dreamnet_actions.domain.addresses import run_url
from dreamnet_actions.domain.secret import SecretValue
from dreamnet_actions.errors import ConfigError

if TYPE_CHECKING:
    from dreamnet_actions.adapters.github.client import GitHubRepository
    from dreamnet_actions.bootstrap.system import Options
    from dreamnet_actions.domain.spec.models import NeedsHuman
    from dreamnet_actions.ports.stores import DreamStore
    from dreamnet_actions.ports.system import Clock, Ids, Reporter

TOKENS = ("GITHUB_TOKEN", "GH_TOKEN")
"""The variables that may hold the token, the first that is set."""
WRITE_SPACING = 1.0
"""Seconds between two writes, as GitHub advises: https://docs.github.com/en/rest/using-the-rest-api/best-practices"""
REDRIVE_AFTER = 600.0
"""Seconds after which a message that waits is announced once more: its run was lost, or its keeper had to wait."""

ANNOUNCEMENTS = 6
"""How often a message is announced that no run takes; after that it is put aside, for a person."""


def github(options: Options, clock: Clock, ids: Ids, reporter: Reporter, called: NeedsHuman) -> Memory:
    """Make it from the variables that GitHub sets in every run; ``called`` is who is called when a dream waits for a
    person. Raises ConfigError for what is missing, all at once."""
    environ = options.environ
    repository = repository_of(environ, clock)
    reporter.mask(repository.token)
    kept = imported("dreamnet_actions.adapters.github.memory:GitHubMemory").at(
        f"{repository.url}.git",
        token=repository.token.reveal(),
        environ=environ,
        clock=clock,
        ids=ids,
        mode="eager" if options.lasting else "write-behind",
        dispatch=repository.dispatch,
        holder=holder(environ),
    )

    workflows = imported("dreamnet_actions.adapters.github.client:WORKFLOW_LOGIN")
    in_a_run = bool(environ.get("GITHUB_RUN_ID"))
    bus = imported("dreamnet_actions.adapters.github.given:GivenMessages")(kept.bus, everything=not in_a_run)

    def finish() -> None:
        try:
            if options.environ.get("GITHUB_EVENT_NAME") == "schedule":
                kept.bus.give_up(REDRIVE_AFTER, after=ANNOUNCEMENTS)
                kept.bus.redrive(REDRIVE_AFTER)
        finally:  # a message that cannot be read keeps nothing back of what this run did
            kept.journal.finish()

    # Those that workflows filed are ours, too, for a person who looks from elsewhere with a token of their own.
    dreams: DreamStore = adapter("DreamStore", "github")(
        repository, logins=(workflows,), run_url=run_url(environ), assignees=called.assignees
    )
    keeping = adapter("Keeping", "github")(kept.branch, kept.remote, clock, dreams)
    apart = repository_of(environ, clock)
    return Memory(
        dreams=dreams,
        keeping=keeping,
        alarm=keeping.alarm,
        journal=kept.journal,
        bus=bus,
        lock=kept.lock,
        close=kept.close,
        barrier=kept.journal.barrier,
        finish=finish,
        receive_only=bus.give,
        releases=adapter("ReleaseReporter", "github")(
            repository, sha=environ.get("GITHUB_SHA", ""), run_url=run_url(environ) or None
        ),
        source=adapter("Source", "github")(repository, environment=environ),
        conversation=adapter("Conversation", "github")(repository, logins=(workflows,)),
        hosting=adapter("Hosting", "github")(apart),
        notices=adapter("Notices", "github")(apart),
        page=lambda number: f"{repository.url}/issues/{number}",
        document=partial(adapter("Document", "github"), repository),
        watched=adapter("Source", "github")(apart, environment=environ),
    )


def repository_of(environ: Mapping[str, str], clock: Clock) -> GitHubRepository:
    """Answer the repository that the environment names, reached with its token. Nothing is asked yet."""
    name = environ.get("GITHUB_REPOSITORY", "")
    token = next((environ[one] for one in TOKENS if environ.get(one)), "")
    missing = [
        what for what, given in (("GITHUB_REPOSITORY", name), (" or ".join(TOKENS), token)) if not given
    ]
    if missing:
        raise ConfigError(
            f"The home 'github' needs the variable {' and '.join(missing)}.",
            hint="In a workflow give the step 'token'; elsewhere: export GITHUB_REPOSITORY=owner/name GITHUB_TOKEN=….",
        )
    is_here = imported("dreamnet_actions.adapters.github.client:is_here")
    made: GitHubRepository = imported("dreamnet_actions.adapters.github.client:GitHubRepository")(
        name,
        SecretValue(token),
        clock=clock,
        **_addresses(environ),
        login=environ.get("DREAMNET_LOGIN") or None,
        write_spacing=0.0 if is_here(environ.get("GITHUB_API_URL", "")) else WRITE_SPACING,
    )
    return made


def _addresses(environ: Mapping[str, str]) -> dict[str, str]:
    """Answer the addresses of the server, where the environment has others than github.com's (GitHub Enterprise)."""
    given = {"api_url": environ.get("GITHUB_API_URL"), "server_url": environ.get("GITHUB_SERVER_URL")}
    return {name: value for name, value in given.items() if value}


def holder(environ: Mapping[str, str]) -> str:
    """Name this process in leases: the run's attempt and job, elsewhere the machine and process."""
    run = run_url(environ)
    return f"{run}#{environ.get('GITHUB_JOB', '')}" if run else f"{socket.gethostname()}:{getpid()}"
