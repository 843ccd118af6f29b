"""What Dockerfiles, compose files, Kubernetes manifests and Helm charts say of a service. Pure.

They are read for names, ports and readiness only: what ``init`` writes are processes.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from dreamnet_actions.config.reader import read_text
from dreamnet_actions.config.tree import to_json
from dreamnet_actions.entrances.setup.seen import Seen, folder
from dreamnet_actions.errors import ConfigError

HERE_TOO = frozenset(
    {
        "bundle",
        "deno",
        "gunicorn",
        "hypercorn",
        "java",
        "node",
        "npm",
        "npx",
        "php",
        "pnpm",
        "python",
        "python3",
    }
    | {"ruby", "uvicorn", "waitress-serve", "yarn"}
)
"""Programs of an image that a machine has as well; a path into the image means nothing outside it."""
_COMPOSE = ("compose.yml", "compose.yaml", "docker-compose.yml", "docker-compose.yaml")
_KINDS = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
_NOT_YET = "What init writes are processes (for Kubernetes give --platform kubernetes)"
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, kw_only=True)
class Image:
    """What a Dockerfile's last stage says."""

    command: tuple[str, ...] = ()
    port: int | None = None
    ready: str | None = None
    where_folder: str = "."


@dataclass(frozen=True, kw_only=True)
class Workload:
    """A service that a compose file or a manifest names; ``directory`` is what it is built from, if that is said."""

    name: str
    where: str
    port: int | None = None
    ready: str | None = None
    directory: str | None = None


@dataclass(frozen=True, kw_only=True)
class Declared:
    """All of it, with what a person has to know."""

    images: tuple[Image, ...] = ()
    services: tuple[Workload, ...] = ()
    notes: tuple[str, ...] = ()


def declared(seen: Seen) -> Declared:
    """Read every such file of a repository."""
    notes: list[str] = []
    images = []
    for path in seen.named("Dockerfile"):
        one = dockerfile(seen.texts.get(path, ""))
        images.append(Image(command=one.command, port=one.port, ready=one.ready, where_folder=folder(path)))
    services = [*_compose(seen, notes), *_manifests(seen, notes)]
    notes += [f"{path}: a Helm chart. {_NOT_YET}; it is left alone." for path in seen.named("Chart.yaml")]
    return Declared(images=tuple(images), services=tuple(services), notes=tuple(notes))


def dockerfile(text: str) -> Image:
    """Read the last stage of a Dockerfile: its first EXPOSE, and the last CMD and HEALTHCHECK, which alone count in a
    build."""
    command: tuple[str, ...] = ()
    port: int | None = None
    ready: str | None = None
    for line in re.sub(r"\\\n", " ", text).splitlines():
        word, _, rest = line.strip().partition(" ")
        rest = rest.strip()
        match word.upper():
            case "FROM":
                command, port, ready = (), None, None
            case "EXPOSE":
                port = port or _port(re.split(r"[\s/]", rest)[0])
            case "CMD":
                command = _words(rest)
            case "HEALTHCHECK":
                found = re.search(r"https?://[^/\s\"']+(/[^\s\"'|;&)]*)", rest)
                ready = found[1] if found else None
    usable = command if command and command[0] in HERE_TOO else ()
    return Image(command=usable, port=port, ready=ready)


def _words(text: str) -> tuple[str, ...]:
    """Read CMD's two forms: a JSON list, or a line for a shell (kept where it needs none)."""
    try:
        listed = json.loads(text)
        if isinstance(listed, list) and all(isinstance(one, str) for one in listed):
            return tuple(listed)
    except (ValueError, RecursionError):
        pass
    if re.search(r"[|&;<>`*]|\$(?!\{?PORT\b)", text):
        return ()
    try:
        return tuple(shlex.split(text))
    except ValueError:
        return ()


def _compose(seen: Seen, notes: list[str]) -> Iterator[Workload]:
    for path in seen.named(*_COMPOSE):
        for document in documents(seen.texts.get(path, ""), path):
            for name, one in _mapping(document.get("services")).items():
                service = _mapping(one)
                if "build" not in service:
                    image = str(service.get("image", "an image"))[:80]
                    notes.append(f"{path}: {name} runs from {image}. {_NOT_YET}; it is left alone.")
                    continue
                build = service["build"]
                context = str(_mapping(build).get("context", ".") if isinstance(build, Mapping) else build)
                directory = PurePosixPath(folder(path), context).as_posix()
                if _LABEL.fullmatch(name) and name != "self":
                    yield Workload(name=name, where=path, port=_published(service), directory=directory)


def _published(service: Mapping[str, Any]) -> int | None:
    """Answer the first port that a compose service is reached at."""
    ports = service.get("ports")
    for one in ports if isinstance(ports, list) else ():
        if isinstance(one, Mapping):
            return _port(str(one.get("published", "")))
        return _port(re.split(r"[:/]", str(one))[-2 if ":" in str(one) else 0])
    return None


def _manifests(seen: Seen, notes: list[str]) -> Iterator[Workload]:
    for path, text in seen.texts.items():
        if not path.endswith((".yml", ".yaml")) or "apiVersion" not in text or "kind" not in text:
            continue
        for document in documents(text, path):
            name = _mapping(document.get("metadata")).get("name")
            if document.get("kind") not in _KINDS or not isinstance(name, str):
                continue
            notes.append(
                f"{path}: {document['kind']} {name}. {_NOT_YET}; only its port and readiness are used."
            )
            template = _mapping(_mapping(_mapping(document.get("spec")).get("template")).get("spec"))
            listed = template.get("containers")
            container = _mapping(listed[0]) if isinstance(listed, list) and listed else {}
            ports = container.get("ports")
            first = _mapping(ports[0]) if isinstance(ports, list) and ports else {}
            get = _mapping(_mapping(container.get("readinessProbe")).get("httpGet"))
            ready = get.get("path")
            if _LABEL.fullmatch(name) and name != "self":
                yield Workload(
                    name=name,
                    where=path,
                    port=_port(str(first.get("containerPort", ""))),
                    ready=ready if isinstance(ready, str) and re.fullmatch(r"/\S*", ready) else None,
                )


def documents(text: str, path: str) -> Iterator[Mapping[str, Any]]:
    """Read the documents of a YAML file that are mappings; one that the guarded reader refuses is passed over."""
    for part in re.split(r"^---.*$", text, flags=re.M)[:50]:
        if not part.strip():
            continue
        try:
            value = json.loads(to_json(read_text(part, path).root))
        except (ConfigError, ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            yield value


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _port(text: str) -> int | None:
    port = int(text) if text.isascii() and text.isdigit() and len(text) <= 5 else 0
    return port if 1 <= port <= 65535 else None
