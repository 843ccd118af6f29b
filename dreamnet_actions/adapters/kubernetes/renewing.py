"""A restart of what reads copies: its pods get copies of what the originals hold now.

The release stays the same one, and so does what it can go back to: only the references to copies change, and a restart
after the originals were put back makes the very revision again that was there before.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dreamnet_actions.adapters.kubernetes.api import Object
from dreamnet_actions.adapters.kubernetes.copies import point_at_newest
from dreamnet_actions.adapters.kubernetes.record import Record, record_of

if TYPE_CHECKING:
    from dreamnet_actions.adapters.kubernetes.namespace import Namespace
    from dreamnet_actions.adapters.kubernetes.options import KubernetesWorkload


@dataclass(frozen=True)
class Renewed:
    """The revision ``before``, and the one ``after`` that reads the newest copies; both empty where nothing changed."""

    before: str = ""
    after: str = ""

    @classmethod
    def of(cls, space: Namespace, service: str, keys: KubernetesWorkload, token: str) -> Renewed:
        """Make it for a service's restart: copies and the revision are written down, what stands beside the workload is
        applied. Nothing is asked where the configuration says nothing of copies, or the restart was done before."""
        record = record_of(space.live(keys)) if keys.copy else None
        if record is None or token in record.restarted:
            return cls()
        revision = space.revisions.get(service, record.stable.revision)
        objects: list[Object] = json.loads(json.dumps(list(revision.objects)))
        *others, workload = objects
        # A Job beside the workload is done with its release, and not again.
        standing = [*(one for one in others if one["kind"] != "Job"), workload]
        point_at_newest(space.api, service, standing, keys.copy)
        if objects == list(revision.objects):
            return cls()
        digest = space.revisions.keep(service, replace(revision, objects=objects))
        for one, former in zip(others, revision.objects, strict=False):
            if one != former:
                space.applied(one, keys)
        return cls(record.stable.revision, digest)

    def put(self, record: Record) -> Record:
        """Answer the record with the newer revision as its stable one; of another release than it was made for, as it
        is."""
        if not self.after or record.stable.revision != self.before:
            return record
        return replace(record, stable=replace(record.stable, revision=self.after))
