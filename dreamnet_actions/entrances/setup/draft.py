"""The configuration that ``dreamnet init`` writes, from what was recognised and answered. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from dreamnet_actions.entrances.setup.yaml import flow, scalar

CONFIG = ".github/dreamnet.yml"
"""Where the configuration is written."""
PLATFORM = "local"


@dataclass(frozen=True, kw_only=True)
class Service:
    """One service as it will stand in the configuration. ``check`` is the address that tells whether it is well."""

    name: str
    command: tuple[str, ...]
    port: int
    check: str
    directory: str = "."
    ready: str | None = None
    build: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """Everything that the configuration says."""

    services: tuple[Service, ...]
    platform: str = PLATFORM
    branch: str | None = None
    """The branch whose commits are deployed; None outside git: then the command itself is the only version."""
    env: str | None = None
    """A file of ``NAME=value`` lines that is kept in step with the services."""
    notes: tuple[str, ...] = field(default=())


def write(draft: Draft) -> str:
    """Write the configuration's file."""
    lines = [
        "# Written by `dreamnet init`. Every option: docs/configuration.md; after a change: dreamnet validate",
        "version: 1",
        "platforms:",
        f"  {scalar(draft.platform)}: {{process: {{}}}} # on the machine that the job or `dreamnet watch` runs on",
        "services:",
    ]
    for one in draft.services:
        lines += _service(one, draft)
    if draft.env is not None:
        sinks = [{"process": one.name} for one in draft.services]
        lines += ["env:", f"  {_name(draft.services[0].name)}:"]
        lines += [f"    from: {flow({'dotenv': draft.env})}", f"    to: {flow(sinks)}"]
    return "\n".join(lines) + "\n"


def _service(one: Service, draft: Draft) -> list[str]:
    lines = [
        f"  {_name(one.name)}:",
        f"    platform: {scalar(draft.platform)}",
        f"    command: {flow(one.command)}",
    ]
    if one.directory != ".":
        lines.append(f"    directory: {scalar(one.directory)}")
    lines.append(
        f"    port: {one.port} # clients use this one; the command listens on {{port}}, which is also $PORT"
    )
    if one.ready is not None:
        lines.append(f"    ready: {flow({'http': one.ready})}")
    lines += ["    checks:", f"      home: {flow({'http': one.check})}"]
    if draft.branch is not None:
        release: dict[str, object] = {"git": ".", "branch": draft.branch}
        if one.build:
            release["build"] = one.build
        lines.append(f"    release: {flow(release)}")
    return lines


def _name(name: str) -> str:
    """Write a service's name as a key: one of digits would be read as a number."""
    return scalar(name)
