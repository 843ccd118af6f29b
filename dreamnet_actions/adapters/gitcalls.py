"""How git is called wherever an adapter calls it: no prompt, no pager, no hooks, and none of the caller's ``GIT_*``.

Variables that point git elsewhere (``GIT_DIR`` and its kin, set inside every hook) are taken away. Families of adapters
do not know each other; this is no family, it holds only what more than one of them must do alike.
"""

from __future__ import annotations

from collections.abc import Mapping

SAFE = (
    "-c", "core.hooksPath=/dev/null",
    "-c", "core.fsmonitor=false",
    "-c", "core.quotePath=false",
    "-c", "core.pager=cat",
    "-c", "log.showSignature=false",
    "-c", "protocol.ext.allow=never",
    "-c", "advice.detachedHead=false",
    "-c", "gc.auto=0",
)  # fmt: skip


def clean(environment: Mapping[str, str]) -> dict[str, str]:
    """Answer the environment that git gets: the caller's, without its own git settings."""
    kept = {name: value for name, value in environment.items() if not name.startswith("GIT_")}
    return kept | {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "LC_ALL": "C",
    }
