"""How a webhook is believed: by a secret or by Google's tokens, and by one of them only."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from dreamnet_actions.config.explain import Fault
from dreamnet_actions.config.tree import Tree, each_entry

_SECRET, _TOKENS = "secret-variable", "pubsub"


def of_webhooks(tree: Tree) -> Iterator[Fault]:
    """Answer every webhook that nobody could be believed at, or that could be believed in two ways."""
    for name, entry in each_entry(tree.root.get("webhooks")):
        hook = entry.node
        if not isinstance(hook.value, dict):
            continue
        # ``null`` is what a key is that is left out, as everywhere in the file.
        given = {key: one for key, one in hook.entries.items() if one.node.value is not None}
        tokens = given.get(_TOKENS)
        if tokens is None:
            if _SECRET not in given:
                text = f"The key {_SECRET!r} is missing, or {_TOKENS!r} in its place."
                yield Fault(("webhooks", name), entry.key, partial(str, text))
        elif _SECRET in given:
            text = f"{_TOKENS!r} and {_SECRET!r} are two ways to be believed; keep one of the two."
            yield Fault(("webhooks", name, _TOKENS), tokens.key, partial(str, text))
        elif name == "github":
            text = f"'github' is what GitHub signs; give a webhook with {_TOKENS!r} another name."
            yield Fault(("webhooks", name, _TOKENS), tokens.key, partial(str, text))
