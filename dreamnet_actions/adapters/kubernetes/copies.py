"""Copies of the Secrets and ConfigMaps that a release reads and that are somebody else's to write.

A copy has the name of its content and cannot be changed: the release keeps what it started with, and a rollback
brings that back, byte for byte. The name's hash is keyed by the original's ``uid``, which only those know who may read
it: from the name alone a value cannot be guessed. Values go from the API server to it and are kept nowhere else.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from dreamnet_actions.adapters.kubernetes.api import Api, Object
from dreamnet_actions.adapters.kubernetes.flagmaps import holds_flags
from dreamnet_actions.adapters.kubernetes.record import OURS, SERVICE
from dreamnet_actions.adapters.kubernetes.references import config_of, pods_in
from dreamnet_actions.errors import PlatformFailed

COPY_OF = "dreamnet.dev/copy-of"
"""The annotation of a copy: the name of what it was made from."""
KINDS = {"secrets": "Secret", "configmaps": "ConfigMap"}
"""What may be copied, by its word in the configuration."""
_BOUND = "kubernetes.io/service-account-token"


def point_at_copies(
    api: Api, service: str, objects: Sequence[Object], words: Collection[str], *, write: bool
) -> None:
    """Let the pods of ``objects`` read copies; these are made where ``write`` says so.

    Raises PlatformFailed where something that has to be there is not.
    """
    wanted = {KINDS[one] for one in words}
    own = {(one["kind"], one["metadata"]["name"]) for one in objects}
    names: dict[tuple[str, str], str] = {}
    for named in (one for thing in objects for pod in pods_in(thing) for one in config_of(pod)):
        key = (named.kind, named.name)
        if named.kind not in wanted or key in own:
            continue
        if key not in names:
            live = api.get("v1", named.kind, named.name)
            if live is None and not named.optional:
                raise PlatformFailed(
                    f"The {named.kind} {named.name!r} that {service} reads is not in the namespace {api.namespace!r}.",
                    hint="Make it first, or let an 'env' entry sync it.",
                )
            if live is None:
                continue
            names[key] = named.name if _stays(live) else _copied(api, service, live, write=write)
        named.put(names[key])


def point_at_newest(api: Api, service: str, objects: Sequence[Object], words: Collection[str]) -> None:
    """Let the pods of ``objects`` that read copies read those of what the originals hold now; these are made. What was
    never copied stays, and so does the copy of an original that is gone."""
    wanted = {KINDS[one] for one in words}
    names: dict[tuple[str, str], str] = {}
    for named in (one for thing in objects for pod in pods_in(thing) for one in config_of(pod)):
        key = (named.kind, named.name)
        if named.kind not in wanted:
            continue
        if key not in names:
            names[key] = _newest(api, service, named.kind, named.name)
        named.put(names[key])


def _newest(api: Api, service: str, kind: str, copy: str) -> str:
    """Answer the name of the newest copy of what ``copy`` was made from; its own where there is none."""
    there = api.get("v1", kind, copy)
    original = there and (there["metadata"].get("annotations") or {}).get(COPY_OF)
    live = api.get("v1", kind, original) if original else None
    return copy if live is None else _copied(api, service, live, write=True)


def is_copy(thing: Mapping[str, Any]) -> bool:
    """Say whether an object is a copy of ours."""
    return COPY_OF in (thing["metadata"].get("annotations") or {})


def _stays(live: Mapping[str, Any]) -> bool:
    """Say whether an object cannot change anyway, is bound to its name, or is there to change under running pods."""
    return bool(live.get("immutable")) or live.get("type") == _BOUND or holds_flags(live)


def _copied(api: Api, service: str, live: Mapping[str, Any], *, write: bool) -> str:
    name = live["metadata"]["name"]
    content = {one: live[one] for one in ("data", "binaryData", "type") if live.get(one)}
    text = json.dumps(content, sort_keys=True).encode()
    digest = hmac.new(live["metadata"]["uid"].encode(), text, hashlib.sha256).hexdigest()[:10]
    copy = f"{name[:240]}-{digest}"
    if write:
        meta = {
            "name": copy,
            "labels": {**OURS, SERVICE: service},
            "annotations": {COPY_OF: name},
        }
        api.create({"apiVersion": "v1", "kind": live["kind"], "metadata": meta, "immutable": True, **content})
    return copy
