"""A working stand-in for GitHub on this machine: REST, git and workflows, behind `dreamnet sandbox` and the tests.

``StandIn`` (``standin.py``) is the whole host; it is imported when it is asked for, as it brings a server with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dreamnet_actions.testing.github.standin import StandIn

__all__ = ["StandIn"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from dreamnet_actions.testing.github import standin

        return getattr(standin, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
