"""Where an object names others: the pods that it makes, the ConfigMaps and Secrets that these read. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from dreamnet_actions.adapters.kubernetes.api import Object


@dataclass(frozen=True)
class Named:
    """One place in a pod that names a ConfigMap or Secret: ``holder[key]`` is the name. ``optional`` ones may lack."""

    kind: Literal["ConfigMap", "Secret"]
    holder: Object
    key: str
    optional: bool

    @property
    def name(self) -> str:
        """The name that stands there."""
        return str(self.holder[self.key])

    def put(self, name: str) -> None:
        """Write another name."""
        self.holder[self.key] = name


def template_of(workload: Mapping[str, Any]) -> Object:
    """Answer the template of the pods that a workload makes; a CronJob's stands in the Job that it makes."""
    spec = workload["spec"]
    template: Object = spec["jobTemplate"]["spec"]["template"] if "jobTemplate" in spec else spec["template"]
    return template


def pods_in(thing: Mapping[str, Any]) -> Iterator[Object]:
    """Answer the pod specs that an object holds."""
    spec = thing.get("spec") or {}
    inner = ((spec.get("jobTemplate") or {}).get("spec") or {}).get("template")
    for template in (spec.get("template"), inner):
        if isinstance(template, dict) and isinstance(template.get("spec"), dict):
            yield template["spec"]


def containers_of(pod: Mapping[str, Any]) -> list[Object]:
    """Answer all containers of a pod."""
    return [*(pod.get("initContainers") or []), *(pod.get("containers") or [])]


def config_of(pod: Mapping[str, Any]) -> Iterator[Named]:
    """Answer every place of a pod that names a ConfigMap or Secret whose values its containers read."""
    for volume in pod.get("volumes") or []:
        yield from _named("ConfigMap", volume.get("configMap"))
        yield from _named("Secret", volume.get("secret"), "secretName")
        for source in (volume.get("projected") or {}).get("sources") or []:
            yield from _named("ConfigMap", source.get("configMap"))
            yield from _named("Secret", source.get("secret"))
    for container in containers_of(pod):
        for one in container.get("envFrom") or []:
            yield from _named("ConfigMap", one.get("configMapRef"))
            yield from _named("Secret", one.get("secretRef"))
        for one in container.get("env") or []:
            source = one.get("valueFrom") or {}
            yield from _named("ConfigMap", source.get("configMapKeyRef"))
            yield from _named("Secret", source.get("secretKeyRef"))


def read_by(objects: Sequence[Mapping[str, Any]]) -> set[tuple[str, str]]:
    """Answer kind and name of all ConfigMaps and Secrets that objects hold or read."""
    held = {
        (one["kind"], one["metadata"]["name"]) for one in objects if one["kind"] in ("ConfigMap", "Secret")
    }
    return held | {
        (one.kind, one.name) for thing in objects for pod in pods_in(thing) for one in config_of(pod)
    }


def _named(kind: Literal["ConfigMap", "Secret"], holder: Any, key: str = "name") -> Iterator[Named]:
    if isinstance(holder, dict) and isinstance(holder.get(key), str):
        yield Named(kind, holder, key, bool(holder.get("optional")))
