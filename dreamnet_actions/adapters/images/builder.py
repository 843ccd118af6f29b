"""What all builders of images have in common: one image a commit, found again by its tag, answered by its digest.

The files come from another builder (the port ``Builder``): a checkout of the commit with the service's own ``build``
command run in it. The image's tag is the commit; where anything but the folder decides on the image (another
Dockerfile, arguments, a command), a hash of that follows, so that two services may share one repository of images.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from dreamnet_actions.adapters.images import commands
from dreamnet_actions.adapters.registry import NoSuchImage, Reference, Registry, is_here
from dreamnet_actions.adapters.registrylogins import Login, Logins
from dreamnet_actions.domain.release import Release
from dreamnet_actions.domain.spec.images import ImageBuild
from dreamnet_actions.domain.spec.models import ReleaseRules, Service
from dreamnet_actions.errors import NotFound
from dreamnet_actions.errors.configuration import ConfigLacks
from dreamnet_actions.ports.delivery import Builder
from dreamnet_actions.ports.system import Reporter

REVISION = "org.opencontainers.image.revision"
SOURCE = "org.opencontainers.image.source"
"""Labels of the image (opencontainers/image-spec, annotations.md)."""
_FILES = ("Containerfile", "Dockerfile")


@dataclass(frozen=True, kw_only=True)
class Order:
    """One image that is to be made: of ``context``, under the name ``reference`` (with its tag)."""

    service: str
    commit: str
    image: ImageBuild
    context: Path
    file: Path
    reference: str
    labels: Mapping[str, str]
    plain_http: bool
    seconds: float
    log: Path


class ImageBuilder(Builder, ABC):
    """Makes images of commits. ``files`` makes the folders; ``state`` is DreamNet's own directory; ``environ`` is what
    programs get and where logins are found; ``origin`` answers the repository's address, for a label."""

    WRITES: ClassVar[frozenset[str]] = frozenset({"build"})

    def __init__(
        self,
        files: Builder,
        *,
        state: Path,
        environ: Mapping[str, str],
        reporter: Reporter,
        origin: Callable[[], str] = str,
    ) -> None:
        self._files, self._state, self._reporter, self._origin = files, state, reporter, origin
        self.environ = dict(environ)

    def build(self, service: str, spec: Service, revision: str) -> Release:
        """Answer the release of a commit with its image by digest; what the registry has already is not built again."""
        rules, image = _rules(service, spec)
        release = self._files.build(service, spec, revision)
        reference = tagged(rules, image, str(release.revision))
        try:
            digest = self._registry(image).digest(reference)
            self._reporter.say(f"{reference} is built already.")
        except NoSuchImage:
            digest = self._built(service, release, rules, image, reference)
        return replace(release, image=Reference.parse(image.push).at(digest))

    @contextlib.contextmanager
    def foreseen(self, service: str, spec: Service, revision: str) -> Iterator[Release]:
        """Answer the release that ``build`` would make; an image that is yet to be built stands there by its tag."""
        rules, image = _rules(service, spec)
        with self._files.foreseen(service, spec, revision) as release:
            found = tagged(rules, image, str(release.revision))
            with contextlib.suppress(NoSuchImage):
                found = Reference.parse(image.push).at(self._registry(image).digest(found))
            yield replace(release, image=found)

    def _built(
        self, service: str, release: Release, rules: ReleaseRules, image: ImageBuild, reference: str
    ) -> str:
        context = Path(release.directory or ".") / image.build
        logs = self._state / "images"
        logs.mkdir(parents=True, exist_ok=True)
        labels = {REVISION: str(release.revision)} | ({SOURCE: self._origin()} if self._origin() else {})
        order = Order(
            service=service,
            commit=str(release.revision),
            image=image,
            context=context,
            file=_file(context, image),
            reference=reference,
            labels=labels,
            plain_http=image.plain_http or is_here(Reference.parse(image.push).host),
            seconds=rules.build_timeout,
            log=logs / f"{service}.log",
        )
        order.log.unlink(missing_ok=True)
        with self._reporter.waiting(f"the image of {service}", order.seconds) as tell:
            return self.make(order, tell)

    @abstractmethod
    def make(self, order: Order, tell: Callable[[str], None]) -> str:
        """Build and push an image within ``order.seconds``; answer its digest. Raises CommandFailed, DeadlineExceeded,
        ConfigError."""

    def login(self, host: str) -> Login | None:  # noqa: ARG002 - for builders that bring a login of their own
        """Answer a login that no file holds, or None."""
        return None

    def run(self, order: Order, name: str, command: list[str], tell: Callable[[str], None]) -> None:
        """Run one program of a build. Raises CommandFailed with its last lines."""
        commands.run(
            command,
            name=name,
            cwd=order.context,
            env=self.environ,
            log=order.log,
            seconds=order.seconds,
            tell=tell,
        )

    def _registry(self, image: ImageBuild) -> Registry:
        host = Reference.parse(image.push).host
        return Registry(Logins(self.environ, self.login), [host] if image.plain_http else [])


def tagged(rules: ReleaseRules, image: ImageBuild, commit: str) -> str:
    """Answer the name and tag of a commit's image."""
    decides = [image.file, image.target, sorted(image.args.items()), list(image.platforms), list(rules.build)]
    if image.build not in (".", "./"):
        decides.append(image.build)
    plain = not any(decides)
    text = hashlib.sha256(json.dumps(decides).encode()).hexdigest()[:8]
    return f"{image.push}:{commit}" if plain else f"{image.push}:{commit}-{text}"


def words(order: Order) -> list[str]:
    """Answer the arguments that ``buildah build`` and ``docker buildx build`` have in common."""
    found = ["--file", str(order.file)]
    for name, value in order.labels.items():
        found += ["--label", f"{name}={value}"]
    for name, value in sorted(order.image.args.items()):
        found += ["--build-arg", f"{name}={value}"]
    if order.image.target:
        found += ["--target", order.image.target]
    return found


def _rules(service: str, spec: Service) -> tuple[ReleaseRules, ImageBuild]:
    rules = spec.release
    if rules is None or rules.image is None:
        raise ConfigLacks(
            f"image to build for the service {service!r}",
            (),
            lines=f"services:\n  {service}:\n    release:\n      image: {{push: registry.example.com/{service}}}",
            section=f"services.{service}.release",
        )
    return rules, rules.image


def _file(context: Path, image: ImageBuild) -> Path:
    names = (image.file,) if image.file else _FILES
    for name in names:
        if (context / name).is_file():
            return context / name
    shown = " or ".join(names)
    raise NotFound("file", f"{image.build}/{shown} (in the commit)")
