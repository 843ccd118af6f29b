"""How a service's releases stand, from the journal and from its platform's own record."""

from __future__ import annotations

from typing import Any

from dreamnet_actions.domain import chronicle
from dreamnet_actions.errors import DreamNetError
from dreamnet_actions.keepers.context import Context


def history(context: Context, name: str, limit: int) -> dict[str, Any]:
    """Answer one service's releases as plain data; where its platform cannot be asked, ``text`` says why."""
    key, platform = context.key(name), context.platform_of(name)
    told = chronicle.releases(context.journal.read(kinds=chronicle.RELEASE_KINDS, service=key))
    state, problem = None, ""
    try:
        state = platform.observe().services.get(name)
    except DreamNetError as error:
        problem = f"its platform cannot be asked: {error.message}"
    prefix = f"held/{key}/"
    held = {one.removeprefix(prefix): why for one, why in context.journal.states(prefix).items() if why}
    found = chronicle.standing(
        name,
        told,
        out=state.stable.release if state else None,
        former=state.former if state else (),
        held=held,
        limit=limit,
    )
    return found | {"platform": platform.name} | ({"text": problem} if problem else {})
