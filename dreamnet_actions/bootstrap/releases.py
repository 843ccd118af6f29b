"""What services are released from and built with, and who is told how a release stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from dreamnet_actions.bootstrap.late import adapter, imported
from dreamnet_actions.domain.release import Release
from dreamnet_actions.domain.revert import Proposed, Revert
from dreamnet_actions.domain.spec.models import ReleaseRules
from dreamnet_actions.errors import DreamNetError
from dreamnet_actions.ports.delivery import Builder, ReleaseReporter, Source
from dreamnet_actions.ports.platform import Platform
from dreamnet_actions.ports.site import for_commands

if TYPE_CHECKING:
    from dreamnet_actions.bootstrap.assembly import Assembly


def releases(of: Assembly, platforms: Mapping[str, Platform]) -> tuple[dict[str, Source], dict[str, Builder]]:
    """Make the source and builder of each service that is released from a repository."""
    sources: dict[str, Source] = {}
    builders: dict[str, Builder] = {}
    for name, spec in of.config.services.items():
        if spec.release is None or (repository := spec.release.repository) is None:
            continue
        sources[name] = _source(of, repository)
        builder: Builder = adapter("Builder", "directory")(
            sources[name],
            of.state,
            environment=for_commands(of.options.environ),
            in_use=partial(_directories, platforms[spec.platform], name),
        )
        builders[name] = of.gate.before(_images(of, builder, spec.release))
    return sources, builders


def _images(of: Assembly, files: Builder, rules: ReleaseRules) -> Builder:
    """Answer what builds a service's images out of what ``files`` builds; that itself where there are none."""
    if rules.image is None:
        return files
    kind = imported("dreamnet_actions.adapters.images.choice:builder_of")(rules.image, of.options.environ)
    origin = imported("dreamnet_actions.adapters.images.choice:origin")
    more = {"pause": of.clock.sleep} if kind == "cloud-build" else {}
    made: Builder = adapter("Builder", kind)(
        files,
        state=of.state,
        environ=for_commands(of.options.environ),
        reporter=of.reporter,
        origin=partial(origin, of.loaded.root / (rules.repository or "."), of.options.environ),
        **more,
    )
    return made


def _source(of: Assembly, git: str) -> Source:
    """Make the source of one repository: the home's own where it is the checkout that this run stands in."""
    if of.memory.source is not None and is_own(of, git):
        return of.memory.source
    made: Source = adapter("Source", "git")(of.loaded.root / git, environment=of.options.environ)
    return made


def is_own(of: Assembly, git: str | None) -> bool:
    """Say whether a path is that of the checkout that the configuration is in."""
    if git is None:
        return False
    root = of.loaded.root.resolve()
    return (root / git).resolve() == root


def _directories(platform: Platform, service: str) -> set[str]:
    """Answer the directories that a service's releases, present and former, stand in."""
    state = platform.observe().services.get(service)
    if state is None:
        return set()
    releases = [track.release for track in state.tracks.values()] + list(state.former)
    return {release.directory for release in releases if release.directory}


def told(of: Assembly) -> ReleaseReporter:
    """Answer who is told how a release stands: the console, and the home's own way."""
    told: ReleaseReporter = adapter("ReleaseReporter", "console")(of.reporter)
    if of.memory.releases is not None:
        told = Told([told, of.memory.releases])
    return of.gate.before(told)


class Told:
    """Several who are told of releases, each of them whatever becomes of the others."""

    WRITES: ClassVar[frozenset[str]] = ReleaseReporter.WRITES

    def __init__(self, reporters: Sequence[ReleaseReporter]) -> None:
        self._reporters = reporters

    def report(
        self, release: Release, *, platform: str, state: str, text: str, url: str | None = None
    ) -> None:
        """Tell all; raises the first error once all were told."""
        failed: list[DreamNetError] = []
        for one in self._reporters:
            try:
                one.report(release, platform=platform, state=state, text=text, url=url)
            except DreamNetError as error:
                failed.append(error)
        if failed:
            raise failed[0]

    def revert(self, wanted: Revert) -> Proposed | None:
        """Have the first that can propose it."""
        return next((done for one in self._reporters if (done := one.revert(wanted)) is not None), None)
