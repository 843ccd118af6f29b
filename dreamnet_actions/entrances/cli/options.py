"""Forms of options that several commands take."""

from __future__ import annotations

import click

from dreamnet_actions.domain.units import parse_duration


def duration(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """Read a duration with its unit (``10s``, ``5m``)."""
    if value is None:
        return None
    try:
        return parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(f"{error}.", ctx, param) from None
