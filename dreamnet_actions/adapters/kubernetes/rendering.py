"""From manifests and an image to the objects of one release. Pure but for reading the files.

Every object gets the platform's namespace and the service's label; a ConfigMap gets a name with its content's hash and
becomes immutable, and whoever reads it is pointed there: a release and its configuration go out, and back, as one.
``replicas`` is taken out: how many run is scaling's business, and lives on through releases.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from dreamnet_actions.adapters.kubernetes import kustomize
from dreamnet_actions.adapters.kubernetes.api import Object
from dreamnet_actions.adapters.kubernetes.kinds import order
from dreamnet_actions.adapters.kubernetes.options import KubernetesWorkload
from dreamnet_actions.adapters.kubernetes.record import OURS, SERVICE, Revision
from dreamnet_actions.adapters.kubernetes.references import config_of, containers_of, pods_in, template_of
from dreamnet_actions.domain.release import Release
from dreamnet_actions.domain.spec.workloads import KINDS
from dreamnet_actions.errors.configuration import ConfigInvalid, Mistake

_SUFFIXES = (".yaml", ".yml", ".json")
JOB_KEPT = 86400
"""Seconds for which a Job that is done is kept."""
_REFUSED = {
    "Secret": "a Secret's values belong into no file; let an 'env' entry sync them",
    "Namespace": "the namespace is the platform's, and has to be there",
    "Pod": "a Pod alone is no service; write a Deployment, StatefulSet, DaemonSet or Job",
    "Kustomization": "name the folder that it is in as 'manifests', or take it out",
}
_OF_THE_CLUSTER = frozenset({
    "APIService", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "IngressClass",
    "MutatingWebhookConfiguration", "Node", "PersistentVolume", "PriorityClass", "RuntimeClass", "StorageClass",
    "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration",
})  # fmt: skip
"""Kinds of Kubernetes' own that are in no namespace; of others the API server is asked."""


def kind_and_name(keys: KubernetesWorkload) -> tuple[str, str]:
    """Answer the kind and name of a service's workload."""
    word, _, name = (keys.workload or "").partition("/")
    return KINDS[word], name


def rendered(
    service: str,
    keys: KubernetesWorkload,
    release: Release,
    root: Path,
    namespace: str,
    environ: Mapping[str, str] | None = None,
) -> Revision:
    """Make the revision of a release out of the manifests below ``root``; ``environ`` is what kustomize gets.

    Raises ConfigInvalid with all mistakes, and what ``kustomize.render`` raises.
    """
    kind, name = kind_and_name(keys)
    found = Manifests(root / (keys.manifests or "."), root, namespace, environ or {}).read()
    workload = found.pop((kind, name), None)
    if workload is None:
        there = ", ".join(f"{one.lower()}/{other}" for one, other in found) or "nothing"
        message = f"there is no {keys.workload} in these manifests; there is {there}"
        raise ConfigInvalid([Mistake(str(keys.manifests), 1, 1, "", message)])
    workload["spec"].pop("replicas", None)
    if kind == "Job":  # the record of releases is on it: it goes when a later run takes its place
        workload["spec"].pop("ttlSecondsAfterFinished", None)
    image = release.image or keys.image
    if image:
        pod_spec = template_of(workload)["spec"]
        written = chosen_container(pod_spec, keys, str(keys.manifests)).get("image")
        put_image(workload, keys, image, str(keys.manifests))
        for pod in (pod for one in (workload, *found.values()) for pod in pods_in(one)):
            _swap(pod, written, image)
    others = [hashed if one["kind"] == "ConfigMap" else one for one, hashed in _with_hashes(found, workload)]
    objects = [*sorted(others, key=order), workload]
    for one in objects:
        meta = one["metadata"]
        meta["labels"] = {**(meta.get("labels") or {}), **OURS, SERVICE: service}
    return Revision(release=release, objects=objects)


def _swap(pod: Object, written: str | None, image: str) -> None:
    """Give a release's image to what is written with the same image as its workload: a migration beside it."""
    for container in containers_of(pod):
        if written and container.get("image") == written:
            container["image"] = image


def name_by_content(job: Object) -> None:
    """Name a Job by what it does, for it can never be changed; once done it is kept for a day, unless it says how
    long."""
    job["spec"].setdefault("ttlSecondsAfterFinished", JOB_KEPT)
    digest = hashlib.sha256(json.dumps(job["spec"], sort_keys=True).encode()).hexdigest()[:10]
    job["metadata"]["name"] = f"{job['metadata']['name'][:52].rstrip('-.')}-{digest}"


def image_only(keys: KubernetesWorkload, release: Release, live: Mapping[str, Any]) -> Revision:
    """Make the revision that says of a workload which is there already nothing but the image."""
    container = chosen_container(template_of(live)["spec"], keys, str(keys.workload))
    image = release.image or keys.image or container["image"]
    spec: Object = {"template": {"spec": {"containers": [{"name": container["name"], "image": image}]}}}
    kind, name = kind_and_name(keys)
    if kind == "CronJob":
        spec = {"jobTemplate": {"spec": spec}}
    workload = {"apiVersion": live["apiVersion"], "kind": kind, "metadata": {"name": name}, "spec": spec}
    return Revision(release=release, objects=[workload], whole=False)


def put_image(workload: Object, keys: KubernetesWorkload, image: str, where: str) -> None:
    """Put an image into the container that is the service's."""
    chosen_container(template_of(workload)["spec"], keys, where)["image"] = image


def chosen_container(pod: Mapping[str, Any], keys: KubernetesWorkload, where: str) -> Object:
    """Answer the container that a release's image is for. Raises ConfigInvalid where that is not clear."""
    containers: dict[str, Object] = {one["name"]: one for one in pod.get("containers") or []}
    wanted = keys.container or kind_and_name(keys)[1]
    if wanted in containers:
        return containers[wanted]
    if keys.container is None and len(containers) == 1:
        return next(iter(containers.values()))
    message = (
        f"which of the containers {', '.join(containers)} gets the image? Write 'container' for the service"
    )
    raise ConfigInvalid([Mistake(where, 1, 1, "", message)])


class Manifests:
    """The objects of a file or folder, by kind and name; every mistake is told at its file and line."""

    def __init__(self, place: Path, root: Path, namespace: str, environ: Mapping[str, str]) -> None:
        self._place, self._root, self._namespace, self._environ = place, root, namespace, environ
        self._mistakes: list[Mistake] = []

    def read(self) -> dict[tuple[str, str], Object]:
        """Read all. Raises ConfigInvalid."""
        found: dict[tuple[str, str], Object] = {}
        for file, line, thing in self._objects():
            if (key := self._checked(file, line, thing)) is None:
                continue
            if key in found:
                self._wrong(file, line, f"{key[0]} {key[1]!r} is there twice")
            found[key] = thing
        if self._mistakes:
            raise ConfigInvalid(self._mistakes)
        return found

    def _objects(self) -> Iterator[tuple[Path, int, Object]]:
        for file in self._files():
            try:
                loader = yaml.CSafeLoader(self._text(file))
                while loader.check_node():
                    node = loader.get_node()
                    if node is None:
                        break
                    thing = loader.construct_document(node)
                    if thing is not None:
                        yield from self._flat(file, node.start_mark.line + 1, thing)
            except yaml.MarkedYAMLError as error:
                mark = error.problem_mark
                line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
                self._wrong(file, line, str(error.problem or error), column)
            except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
                self._wrong(file, 1, f"cannot be read: {error}")

    def _text(self, file: Path) -> str:
        if file.is_dir():
            shown = str(file.relative_to(self._root) if file.is_relative_to(self._root) else file)
            return kustomize.render(file, self._environ, shown)
        return file.read_text(encoding="utf-8")

    def _files(self) -> list[Path]:
        if self._place.is_dir() and kustomize.is_kustomization(self._place):
            found = [self._place]
        elif self._place.is_dir():
            found = sorted(one for one in self._place.rglob("*") if one.suffix in _SUFFIXES and one.is_file())
        else:
            found = [self._place]
        if not found:
            self._wrong(self._place, 1, "holds no manifest (*.yaml, *.yml, *.json)")
        return found

    def _flat(self, file: Path, line: int, thing: Any) -> Iterator[tuple[Path, int, Object]]:
        if isinstance(thing, dict) and thing.get("kind") == "List" and isinstance(thing.get("items"), list):
            for one in thing["items"]:
                yield from self._flat(file, line, one)
        elif isinstance(thing, dict):
            yield file, line, thing
        else:
            self._wrong(
                file, line, "is no object; a manifest is a mapping with apiVersion, kind and metadata"
            )

    def _checked(self, file: Path, line: int, thing: Object) -> tuple[str, str] | None:
        meta = thing.get("metadata")
        meta = meta if isinstance(meta, dict) else {}
        said = {
            "apiVersion": thing.get("apiVersion"),
            "kind": thing.get("kind"),
            "metadata.name": meta.get("name"),
        }
        if lacks := [what for what, value in said.items() if not isinstance(value, str) or not value]:
            self._wrong(file, line, f"lacks {', '.join(lacks)}")
            return None
        kind, name = str(said["kind"]), str(said["metadata.name"])
        if kind in _OF_THE_CLUSTER and _is_built_in(str(said["apiVersion"])):
            why = "is of the whole cluster, and DreamNet changes one namespace; apply it by hand, and take it out"
            self._wrong(file, line, f"{kind} {name!r} {why}")
            return None
        if kind in _REFUSED:
            self._wrong(file, line, f"{kind} {name!r}: {_REFUSED[kind]}")
            return None
        place = meta.setdefault("namespace", self._namespace)
        if place != self._namespace:
            message = f"{kind} {name!r} is for the namespace {place!r}; the platform's is {self._namespace!r}"
            self._wrong(file, line, message)
        for one in ("creationTimestamp", "resourceVersion", "uid", "managedFields", "generation"):
            meta.pop(one, None)
        thing.pop("status", None)
        return kind, name

    def _wrong(self, file: Path, line: int, message: str, column: int = 1) -> None:
        shown = file.relative_to(self._root) if file.is_relative_to(self._root) else file
        self._mistakes.append(Mistake(str(shown), line, column, "", message))


def _is_built_in(version: str) -> bool:
    group = version.rpartition("/")[0]
    return "." not in group or group.endswith(".k8s.io")


def _with_hashes(
    found: Mapping[tuple[str, str], Object], workload: Object
) -> Iterator[tuple[Object, Object]]:
    """Answer each object with what becomes of it; ConfigMaps get their hash, and all pod templates point there."""
    renamed: dict[str, str] = {}
    made: list[tuple[Object, Object]] = []
    for one in found.values():
        hashed = copy.deepcopy(one)
        if one["kind"] == "ConfigMap":
            content = json.dumps([one.get("data"), one.get("binaryData")], sort_keys=True)
            digest = hashlib.sha256(content.encode()).hexdigest()[:10]
            renamed[one["metadata"]["name"]] = hashed["metadata"]["name"] = (
                f"{one['metadata']['name']}-{digest}"
            )
            hashed["immutable"] = True
        made.append((one, hashed))
    for thing in (workload, *(hashed for _, hashed in made), *(one for one, _ in made)):
        for pod in pods_in(thing):
            for named in config_of(pod):
                if named.kind == "ConfigMap" and named.name in renamed:
                    named.put(renamed[named.name])
    return iter(made)
