"""The env entries of a configuration, each with its source and sinks, and where flags are published to."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from dreamnet_actions.bootstrap.late import adapter
from dreamnet_actions.domain.secret import SecretValue
from dreamnet_actions.domain.spec.models import Chosen
from dreamnet_actions.keepers.envkeeper.entries import Entry, see_that_none_share
from dreamnet_actions.ports.flags import FlagTarget
from dreamnet_actions.ports.platform import Platform
from dreamnet_actions.ports.secrets import SecretSink

if TYPE_CHECKING:
    from dreamnet_actions.bootstrap.assembly import Assembly
    from dreamnet_actions.config.tree import Tree


def entries(of: Assembly, platforms: Mapping[str, Platform]) -> dict[str, Entry]:
    """Make the source and sinks of each env entry."""
    found = {
        name: Entry(
            name=name,
            spec=spec,
            source=adapter("SecretSource", spec.from_.kind).at(spec.from_.options, of.site),
            sinks=[of.gate.before(_sink(of, one, platforms), outside=True) for one in spec.to],
            place=partial(_place_of, of, name),
        )
        for name, spec in of.config.env.items()
    }
    see_that_none_share(found.values())
    return found


def flag_targets(of: Assembly, platforms: Mapping[str, Platform]) -> list[FlagTarget]:
    """Make the places that flags are published to."""
    chosen = of.config.flags.publish if of.config.flags is not None else ()
    return [of.gate.before(_written_to(of, "FlagTarget", one, platforms), outside=True) for one in chosen]


def _place_of(of: Assembly, entry: str, name: str) -> tuple[str, int, int]:
    """Answer where the configuration speaks of a name of an env entry; the file is read again for it."""
    tree = of.loaded.tree
    steps = ("env", entry)
    inner = next((key for key in ("rules", "keys", "templates") if _has(tree, (*steps, key, name))), None)
    found = tree.follow((*steps, inner, name) if inner else steps)
    file, root = of.loaded.file.resolve(), of.loaded.root.resolve()
    shown = file.relative_to(root).as_posix() if file.is_relative_to(root) else str(file)
    return shown, found.key.line, found.key.column


def _has(tree: Tree, steps: tuple[str, ...]) -> bool:
    return tree.follow(steps).path == steps


def _sink(of: Assembly, chosen: Chosen, platforms: Mapping[str, Platform]) -> SecretSink:
    """Make one sink of values; one that is a part of a platform is made on it. The token that some are reached by
    is never printed."""
    if text := of.options.environ.get("DREAMNET_SECRETS_TOKEN"):
        of.reporter.mask(SecretValue(text))
    made: SecretSink = _written_to(of, "SecretSink", chosen, platforms)
    return made


def _written_to(of: Assembly, port: str, chosen: Chosen, platforms: Mapping[str, Platform]) -> Any:
    """Make what is written to; where that is a part of a platform, on it."""
    kind = adapter(port, chosen.kind)
    if hasattr(kind, "on"):
        return kind.on(chosen.options, of.site, platforms)
    return kind.at(chosen.options, of.site)
