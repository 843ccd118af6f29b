"""What a release would change, by the API server's own word: everything is applied as a dry run (``dryRun=All``), so
defaults, admission, conflicts of ownership and permissions are found now and not in the middle of a rollout."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dreamnet_actions.adapters.kubernetes import runs
from dreamnet_actions.adapters.kubernetes.api import Object
from dreamnet_actions.adapters.kubernetes.namespace import with_notes
from dreamnet_actions.adapters.kubernetes.options import KubernetesWorkload
from dreamnet_actions.adapters.kubernetes.record import Record, Revision, Run, record_of
from dreamnet_actions.domain.difference import Difference, FieldChange
from dreamnet_actions.errors import PlatformFailed

if TYPE_CHECKING:
    from dreamnet_actions.adapters.kubernetes.namespace import Namespace

HIDDEN = "***"
MOST = 200
"""Characters of a value that are shown."""
_OURS = "dreamnet.dev/"
_SERVERS = frozenset(
    {"creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"}
)
"""Fields of ``metadata`` that are the server's own."""
_NOTES = frozenset({"deployment.kubernetes.io/revision", "kubectl.kubernetes.io/last-applied-configuration"})
_HASH = re.compile(r"-[0-9a-f]{10}$")


def previewed(
    space: Namespace, service: str, keys: KubernetesWorkload, revision: Revision, now: Sequence[Object]
) -> Iterator[Difference]:
    """Answer what applying a revision would do to each object; ``now`` are the objects of the present release.

    What is refused for what it is, is told as such; a permission that lacks is raised (PermissionMissing): it says
    nothing about the release.
    """
    record = Record(stable=Run(revision.hash))
    workload: Object | None = with_notes(revision, record, service)
    if workload is not None and workload["kind"] == "Job":
        stands = record_of(runs.live(space, workload["metadata"]["name"]))
        new = stands is None or stands.stable.revision != revision.hash
        workload = runs.to_be(space, workload, record.stable.mark) if new else None
    for wanted in (*revision.objects[:-1], *([workload] if workload else [])):
        if space.routes.stays(wanted, service):
            continue
        kind, name = wanted["kind"], wanted["metadata"]["name"]
        shown = f"{kind}/{name}"
        try:
            live = space.api.get(wanted["apiVersion"], kind, name)
            seen = space.applied(wanted, keys, dry_run=True)
        except PlatformFailed as error:
            yield Difference(object=shown, effect="refused", why=error.message)
            continue
        if live is None:
            before = _former(wanted, now)
            fields = () if before is None else tuple(differences(before, seen))
            yield Difference(object=shown, effect="created", fields=fields)
        elif fields := tuple(differences(live, seen)):
            yield Difference(object=shown, effect="changed", fields=fields)


def _former(wanted: Object, now: Sequence[Object]) -> Object | None:
    """Answer what a ConfigMap with a hash in its name takes the place of: the one of the same name without it."""
    if wanted["kind"] != "ConfigMap":
        return None
    base = _HASH.sub("", wanted["metadata"]["name"])
    found = (one for one in now if one["kind"] == "ConfigMap")
    return next((one for one in found if _HASH.sub("", one["metadata"]["name"]) == base), None)


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[FieldChange]:
    """Answer the fields that differ between two states of one object, without those that are the server's or ours."""
    hidden = "secret" in str(after.get("kind", "")).lower()
    old, new = dict(_flat("", before)), dict(_flat("", after))
    for path in sorted(old.keys() | new.keys()):
        if old.get(path) != new.get(path):
            values = (
                None if path not in one else HIDDEN if hidden else _short(one[path]) for one in (old, new)
            )
            yield FieldChange(path=path, before=next(values), after=next(values))


def _flat(path: str, thing: Any) -> Iterator[tuple[str, Any]]:
    """Answer each value that holds no others, by its path; items of lists go by their name where all have one."""
    if isinstance(thing, Mapping) and thing:
        for key, value in thing.items():
            below = f"{path}.{key}" if path else str(key)
            if not _is_left_out(path, str(key)):
                yield from _flat(below, value)
    elif isinstance(thing, list) and thing:
        names = [one.get("name") if isinstance(one, Mapping) else None for one in thing]
        named = all(isinstance(one, str) for one in names) and len(set(names)) == len(names)
        for index, value in enumerate(thing):
            yield from _flat(f"{path}[{names[index] if named else index}]", value)
    else:
        yield path, thing


def _is_left_out(path: str, key: str) -> bool:
    if not path:
        return key in ("status", "apiVersion", "kind")
    if path == "metadata":
        return key in _SERVERS or key == "name"
    return path.endswith("metadata.annotations") and (key.startswith(_OURS) or key in _NOTES)


def _short(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
    return text if len(text) <= MOST else f"{text[: MOST - 1]}…"
