"""The REST endpoints, one module a subject: thin handlers over the records. ``all_routes`` lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.routing import Route


def all_routes() -> list[Route]:
    """Answer every route of the host half; where two match, the first one serves."""
    from dreamnet_actions.testing.github.rest import (
        checks,
        commits,
        contents,
        deployments,
        issues,
        kept,
        labels,
        objects,
        pulls,
        refs,
        releases,
        repositories,
        settings,
        statuses,
    )

    # statuses and checks come before commits, whose {ref} may hold slashes; kept before settings, whose names may.
    modules = (
        repositories,
        labels,
        issues,
        pulls,
        refs,
        objects,
        statuses,
        checks,
        commits,
        contents,
        releases,
        deployments,
        kept,
        settings,
    )
    return [route for module in modules for route in module.routes()]
