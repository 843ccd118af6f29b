"""Services recognised in Kubernetes manifests and kustomizations: which workload, out of which files. Pure.

A service's manifests are applied as one, so a folder is taken for one service alone: where several workloads lie in it,
each has its own file. What DreamNet refuses to apply (Secrets, what is of the whole cluster) is told, and left out.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from dreamnet_actions.entrances.setup.containers import documents
from dreamnet_actions.entrances.setup.recognise import label
from dreamnet_actions.entrances.setup.seen import Seen, folder

KUSTOMIZATIONS = ("kustomization.yaml", "kustomization.yml", "Kustomization")
LONG = ("Deployment", "StatefulSet", "DaemonSet")
SHORT = ("CronJob", "Job")
REFUSED = frozenset(
    {"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "Namespace", "Pod", "Secret"}
)
"""Kinds that no manifests of a service may hold."""
BY_ROLE = frozenset({*LONG, *SHORT, "ConfigMap", "Kustomization", "Service"})
"""Kinds that the shipped Role is enough for."""
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_ASIDE = frozenset({"charts", "example", "examples", "fixtures", "templates", "test", "testdata", "tests"})
"""Folders whose manifests are no service's of this repository."""
_LIVE = re.compile(r"prod(uction)?|live", re.I)


@dataclass(frozen=True, kw_only=True)
class Clustered:
    """One service on Kubernetes: its ``workload`` as ``deployment/web``, the path of its ``manifests`` (None: it is in
    the cluster already), its ``namespace`` where the files say one, the file that said so (``why``), and the ``kinds``
    in them."""

    name: str
    workload: str
    manifests: str | None
    namespace: str | None = None
    why: str = ""
    kinds: frozenset[str] = frozenset()

    @property
    def batch(self) -> bool:
        """Say whether it is a Job or a CronJob."""
        return self.workload.startswith(("job/", "cronjob/"))


@dataclass(frozen=True, kw_only=True)
class Found:
    """What manifests say: the services, and what a person has to know."""

    services: tuple[Clustered, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Thing:
    path: str
    kind: str
    name: str
    namespace: str | None


def in_manifests(seen: Seen) -> Found:
    """Look for services in a repository's manifests; those that a kustomization reaches are taken out of it."""
    notes: list[str] = []
    files = {path: list(_things(seen, path)) for path in _yaml(seen)}
    kustomized, covered = _kustomized(seen, files, notes)
    plain = {path: things for path, things in files.items() if path not in covered}
    services = [*kustomized, *_plain(plain, _strange(seen, files), notes)]
    return Found(services=tuple(_apart(_in_one_namespace(services, notes))), notes=tuple(notes))


# ── Kustomizations ───────────────────────────────────────────────────────────────────────────────────────


def _kustomized(
    seen: Seen, files: Mapping[str, list[_Thing]], notes: list[str]
) -> tuple[list[Clustered], set[str]]:
    """Answer the services of the kustomization that is deployed, and all files that kustomizations reach."""
    all_of = {folder(path): _first(seen, path) for path in seen.named(*KUSTOMIZATIONS)}
    reach = {place: _reach(place, all_of) for place in all_of}
    covered = {path for place in all_of for path in files if _below(path, place) or path in reach[place]}
    tops = [one for one in all_of if not any(one in reach[other] for other in all_of if other != one)]
    if not tops:
        return [], covered
    top = next((one for one in tops if _LIVE.search(one)), tops[0])
    if others := sorted(set(tops) - {top}):
        notes.append(f"kustomizations: {top} is taken; there are also {', '.join(others)}.")
    said = [all_of[one] for one in (top, *sorted(reach[top] & set(all_of)))]
    prefix = "".join(str(one.get("namePrefix") or "") for one in said)
    suffix = "".join(str(one.get("nameSuffix") or "") for one in reversed(said))
    namespace = next((str(one["namespace"]) for one in said if one.get("namespace")), None)
    mine = [
        thing
        for path, things in files.items()
        if path in reach[top] or folder(path) in reach[top] | {top}
        for thing in things
    ]
    kinds = frozenset(one.kind for one in mine)
    services = []
    chosen = [one for one in mine if one.kind in LONG] or [one for one in mine if one.kind in SHORT]
    for one in {(each.kind, each.name): each for each in reversed(chosen)}.values():
        name = f"{prefix}{one.name}{suffix}"
        services.append(_service(one, name, top, namespace or one.namespace, kinds))
    services.reverse()
    if len(services) > 1:
        rest = ", ".join(one.workload for one in services[1:])
        notes.append(
            f"{top}: {services[0].workload} is the service, and {rest} goes out with it. "
            "For services of their own give each a kustomization."
        )
    return services[:1], covered


def _reach(place: str, all_of: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Answer the paths that a kustomization reads, those of others that it builds on included."""
    found: set[str] = set()
    todo = [place]
    while todo:
        here = todo.pop()
        said = all_of.get(here) or {}
        for key in ("resources", "bases", "components"):
            listed = said.get(key)
            for one in listed if isinstance(listed, Sequence) and not isinstance(listed, str) else ():
                path = posixpath.normpath(posixpath.join(here, str(one)))
                if path not in found and "://" not in str(one):
                    found.add(path)
                    todo.append(path)
    return found


# ── Plain manifests ──────────────────────────────────────────────────────────────────────────────────────


def _plain(files: Mapping[str, list[_Thing]], strange: set[str], notes: list[str]) -> Iterator[Clustered]:
    by_folder: dict[str, list[str]] = {}
    for path in files:
        by_folder.setdefault(folder(path), []).append(path)
    for place, paths in by_folder.items():
        things = [one for path in paths for one in files[path]]
        long = [one for one in things if one.kind in LONG]
        workloads = long or [one for one in things if one.kind in SHORT]
        if not workloads:
            continue
        below = [one for path, held in files.items() if _below(path, place) for one in held]
        bad = [one for one in below if one.kind in REFUSED]
        whole = place != "." and not bad and not any(_below(one, place) for one in strange)
        more = [one for one in below if one.kind in LONG and one not in workloads]
        if whole and len(workloads) == 1 and not more:
            yield _service(workloads[0], workloads[0].name, place, None, frozenset(one.kind for one in below))
            continue
        yield from _by_file(paths, files, workloads, bad, notes)


def _by_file(
    paths: Sequence[str],
    files: Mapping[str, list[_Thing]],
    workloads: Sequence[_Thing],
    bad: Sequence[_Thing],
    notes: list[str],
) -> Iterator[Clustered]:
    """Answer a service for each file that has a workload; what lies beside it is told."""
    for path in paths:
        own = [one for one in files[path] if one in workloads]
        if not own:
            kinds = sorted({one.kind for one in files[path] if one.kind not in REFUSED})
            if kinds:
                notes.append(
                    f"{path}: {', '.join(kinds)} is in no service's manifests; give each service a folder of its own."
                )
            continue
        if wrong := [one for one in files[path] if one.kind in REFUSED]:
            named = ", ".join(f"{one.kind} {one.name}" for one in wrong)
            notes.append(
                f"{path}: {named} cannot be part of a service's manifests; move it into another file."
            )
            continue
        if len(own) > 1:
            others = ", ".join(f"{one.kind} {one.name}" for one in own[1:])
            notes.append(
                f"{path}: {others} goes out with {own[0].name}; a file of its own makes it a service."
            )
        yield _service(own[0], own[0].name, path, None, frozenset(one.kind for one in files[path]))
    notes += [f"{one.path}: {one.kind} {one.name} is left to you: DreamNet applies none." for one in bad]


def _strange(seen: Seen, files: Mapping[str, list[_Thing]]) -> set[str]:
    """Answer the files that a folder of manifests may not hold: YAML that is none, or that was not read."""
    held = {path for path, things in files.items() if things}
    return {
        one
        for one in seen.files
        if one.endswith((".yml", ".yaml", ".json")) and one not in held and not one.startswith(".github/")
    }


# ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────


def _yaml(seen: Seen) -> list[str]:
    return [
        path
        for path, text in seen.texts.items()
        if path.endswith((".yml", ".yaml"))
        and "apiVersion" in text
        and not path.startswith(".github/")
        and PurePosixPath(path).name not in KUSTOMIZATIONS
        and not _ASIDE.intersection(PurePosixPath(path).parts)
    ]


def _things(seen: Seen, path: str) -> Iterator[_Thing]:
    for one in documents(seen.texts[path], path):
        meta = one.get("metadata")
        meta = meta if isinstance(meta, Mapping) else {}
        kind, name, namespace = one.get("kind"), meta.get("name"), meta.get("namespace")
        if isinstance(kind, str) and isinstance(name, str) and _NAME.fullmatch(name):
            yield _Thing(
                path=path, kind=kind, name=name, namespace=namespace if isinstance(namespace, str) else None
            )


def _first(seen: Seen, path: str) -> Mapping[str, Any]:
    return next(documents(seen.texts.get(path, ""), path), {})


def _service(
    one: _Thing, name: str, manifests: str, namespace: str | None, kinds: frozenset[str]
) -> Clustered:
    return Clustered(
        name=label(name),
        workload=f"{one.kind.lower()}/{name}",
        manifests=manifests,
        namespace=namespace or one.namespace,
        why=one.path,
        kinds=kinds,
    )


def _in_one_namespace(services: Sequence[Clustered], notes: list[str]) -> list[Clustered]:
    """Keep the services of the first namespace: a platform is one."""
    spaces = list(dict.fromkeys(one.namespace for one in services if one.namespace))
    if len(spaces) < 2:
        return list(services)
    notes += [
        f"{one.why}: {one.workload} is in the namespace {one.namespace}; a platform is one, so write another."
        for one in services
        if one.namespace not in (None, spaces[0])
    ]
    return [one for one in services if one.namespace in (None, spaces[0])]


def _apart(services: Sequence[Clustered]) -> Iterator[Clustered]:
    """Name services apart; of one workload that is there twice the first counts."""
    taken: set[str] = set()
    workloads: set[str] = set()
    for one in services:
        if one.workload in workloads:
            continue
        workloads.add(one.workload)
        name = one.name
        for number in range(2, 99):
            if name not in taken:
                break
            name = f"{one.name[:60]}-{number}"
        taken.add(name)
        yield Clustered(**{**vars(one), "name": name})


def _below(path: str, place: str) -> bool:
    return place == "." or path.startswith(f"{place}/")
