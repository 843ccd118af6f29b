"""The sources of values that are asked over the network: whether DreamNet may see and read each secret."""

from __future__ import annotations

from collections.abc import Iterator

from dreamnet_actions.entrances.doctor.check import Finding, Surroundings
from dreamnet_actions.errors import ConfigError, TemporaryError
from dreamnet_actions.errors.configuration import ExtraMissing


def secrets(at: Surroundings) -> Iterator[Finding]:
    """Every secret that the configuration needs is there, and may be read. No value is."""
    if isinstance(at.config, ConfigError):
        return
    from dreamnet_actions.bootstrap.reach import reached, remote

    if at.environ is None:
        for name in remote(at.config):
            yield Finding(status="unknown", what=f"secrets of {name}", detail="not looked at: --offline")
        return
    well: dict[tuple[str, str], int] = {}
    for entry, who, secret, error in reached(at.config, at.environ):
        what = f"secrets of {entry}"
        if error is None:
            well[entry, who] = well.get((entry, who), 0) + 1
        elif isinstance(error, (TemporaryError, ExtraMissing)):
            yield Finding(status="unknown", what=what, detail=error.message, fix=error.hint)
        else:
            yield Finding(
                status="failed",
                what=f"{what}: {secret}" if secret else what,
                detail=error.message,
                fix=error.hint,
            )
    for (entry, who), count in well.items():
        detail = f"{count} can be read" + (f" by {who}" if who else "")
        yield Finding(status="ok", what=f"secrets of {entry}", detail=detail)
