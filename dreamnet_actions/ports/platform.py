"""Platform: where services run. Everything is declared, then observed: a call records what is wanted and returns."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager
from typing import ClassVar, Protocol

from dreamnet_actions.domain.constraints import Constraints
from dreamnet_actions.domain.difference import Difference
from dreamnet_actions.domain.evidence import Evidence
from dreamnet_actions.domain.release import Release, Snapshot
from dreamnet_actions.domain.spec.models import Service


class Platform(Protocol):
    """Runs the services of one platform of the configuration.

    Writes record the wanted state durably before they return (a SIGKILL right after loses nothing), and the platform
    then brings it about by itself; callers watch ``observe`` until a track is ``settled`` or has a ``failure``, and
    ``wait`` between two looks. Repeating a write with the same arguments changes nothing. Raises NotFound for a service
    that was never applied (where that matters), TemporaryError when the platform cannot be reached, PlatformFailed when
    it says no.
    """

    WRITES: ClassVar[frozenset[str]] = frozenset(
        {"apply", "restart", "scale", "shift", "promote", "withdraw", "undo", "remove", "tidy"}
    )
    name: str
    """The platform's name in the configuration."""
    kind: str
    """The platform's kind: ``process``, ``kubernetes``, ``gke``."""

    def hold(self, service: str, *, wants: str = "") -> AbstractContextManager[str]:
        """Be the only one that changes the service while the block lasts, whichever home others work from (``Lock``
        knows its own home only). Reading needs no hold; writes do not ask for one.

        Raises Leased while somebody else (or another thread of this process) holds it, with who, since when and until
        when; then ``wants``, the version that was to be brought out, is noted for who comes next: the block is given
        the other version that was refused last in the last half minute, else nothing. A holder that died is
        noticed within half a minute of asking.
        """

    def observe(self) -> Snapshot:
        """Answer one consistent view of all services that were applied. Starts nothing."""

    def wait(self, since: Snapshot, seconds: float) -> bool:  # noqa: ARG002
        """Return as soon as something has changed since that view, after ``seconds`` at the latest, and answer True.
        Where a platform does not notice changes by itself, answer False at once: whoever waits asks it again."""
        return False

    def evidence(self, service: str, *, canary: bool = False) -> Evidence | None:
        """Answer what the platform knows of the replica of a track that is worst, for people; None where there is
        nothing to tell. It may ask and read much, so it is for a failure that is told, not for watching. What cannot
        be read is left out; it raises nothing but NotFound and TemporaryError."""

    def configured(self, service: str, spec: Service) -> Release:
        """Answer the release that the configuration alone describes: its command in its directory (``cmd:…``)."""

    def preview(self, service: str, spec: Service, release: Release) -> Sequence[Difference]:  # noqa: ARG002
        """Answer what applying ``release`` would change, by the platform's own word, and what it would refuse; nothing
        is changed. A platform that has no such word answers nothing."""
        return ()

    def apply(
        self, service: str, spec: Service, release: Release, *, canary: bool = False, replicas: int = 0
    ) -> None:
        """Run ``release``. Stable: replaces the stable release, which becomes the first of ``former``; the new replicas
        take over one by one as they become ready, and the old ones keep serving until then. Canary: runs beside
        stable with weight 0. ``replicas`` 0 means: as many as run now (stable), one (canary), or the configured number.
        What a release brings to be done before it (a migration) is waited for; raises ReleaseFailed where that fails,
        and then nothing of it is out.
        """

    def restart(self, service: str, *, token: str) -> None:
        """Replace every replica of the stable track by a fresh one, the ready ones last. ``token`` names this
        restart: the same token again changes nothing."""

    def scale(self, service: str, replicas: int) -> None:
        """Let ``replicas`` (≥ 0) run on the stable track. Where a scaler decides the number (``constraints``), its
        bounds are moved (``Scaler.moved``); for 0 the number itself is written, which stops the scaler."""

    def shift(self, service: str, share: float) -> None:
        """Give the canary this share (0–1) of new connections."""

    def promote(self, service: str) -> None:
        """Make the canary's release the stable one, with stable's number of replicas; nothing is without a ready
        replica on the way. The canary is gone afterwards."""

    def withdraw(self, service: str) -> None:
        """Give stable all traffic at once and end the canary. No canary: nothing changes."""

    def undo(self, service: str, *, token: str, skip: Collection[str] = ()) -> Release:
        """Go back to exactly the first of ``former`` (its files, command and environment) whose version is not among
        ``skip``; it and those before it leave ``former``. Answer it. The same token again answers the same and
        changes nothing. Raises NotFound where there is none."""

    def tidy(self, service: str, spec: Service) -> Sequence[str]:  # noqa: ARG002
        """Delete what former releases put there and the present one, which has proved itself, does not have; answer
        what that was. Nothing that a kept release needs to come back, unless applying it makes that again."""
        return ()

    def remove(self, service: str) -> None:
        """End the service and forget it."""

    def constraints(self, service: str) -> Constraints:  # noqa: ARG002 - a platform may know of none
        """Answer what else has a say in the service's replicas now. Asks the platform anew; changes nothing."""
        return Constraints()

    def logs(self, service: str, lines: int = 50) -> list[str]:
        """Answer the last lines that its replicas wrote, oldest first."""

    def replica_addresses(self, service: str, *, canary: bool = False) -> Collection[str]:
        """Answer ``host:port`` of the ready replicas of one track, for probes that go past the shared address."""
