"""The REST endpoints, one module a subject: thin handlers over the records. ``all_routes`` lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.routing import Route


def all_routes() -> list[Route]:
    """Answer every route of the host half, the more special paths first."""
    from dreamnet_actions.testing.github.rest import issues, labels, refs, repositories

    return [
        *repositories.routes(),
        *labels.routes(),
        *issues.routes(),
        *refs.routes(),
    ]
