"""Images by buildah: no daemon, no root needed where user namespaces work; its layers are kept in DreamNet's state."""

from __future__ import annotations

import contextlib
import fcntl
import select
from collections.abc import Callable
from time import monotonic
from typing import ClassVar

from dreamnet_actions.adapters.images.builder import ImageBuilder, Order, words
from dreamnet_actions.errors import CommandFailed, Leased

STORAGE = "vfs"
"""The storage driver: slower than overlay, and it works everywhere, inside of containers too."""


class BuildahBuilder(ImageBuilder):
    """Builds with ``buildah build`` and pushes with ``buildah push``. Logins are those of buildah and docker."""

    WRITES: ClassVar[frozenset[str]] = ImageBuilder.WRITES

    def make(self, order: Order, tell: Callable[[str], None]) -> str:
        """Build, push, and answer the digest of what was pushed."""
        storage = self._state / "buildah"
        storage.mkdir(parents=True, exist_ok=True)
        digest = storage / f"{order.service}.digest"
        local = f"dreamnet-{order.service}"  # not the tag: what the next build leaves behind is pruned
        many = len(order.image.platforms) > 1
        named = ["--manifest" if many else "--tag", local]
        if order.image.platforms:
            named += ["--platform", ",".join(order.image.platforms)]
        tls = f"--tls-verify={'false' if order.plain_http else 'true'}"
        push = ["manifest", "push", "--all"] if many else ["push"]

        def buildah(name: str, *arguments: str) -> None:
            base = [
                "buildah",
                f"--storage-driver={STORAGE}",
                f"--root={storage}/root",
                f"--runroot={storage}/run",
            ]
            self.run(order, f"buildah {name}", [*base, *arguments], tell)

        with (storage / "lock").open("w") as lock:
            _alone(lock.fileno(), order.seconds, tell)
            digest.unlink(missing_ok=True)
            if many:
                with contextlib.suppress(CommandFailed):  # a list of images grows; this one begins anew
                    buildah("rmi", "rmi", local)
            # With kept layers one platform is taken for another: nothing in a layer of a scratch image says which.
            layers = f"--layers={'false' if many else 'true'}"
            build = ["build", "--isolation=chroot", layers, *named, *words(order), str(order.context)]
            buildah("build", *build)
            buildah("push", *push, tls, f"--digestfile={digest}", local, f"docker://{order.reference}")
            with contextlib.suppress(CommandFailed):  # it only costs space
                buildah("rmi", "rmi", "--prune")
            return digest.read_text("ascii").strip()


def _alone(file: int, seconds: float, tell: Callable[[str], None]) -> None:
    """Wait for the storage: one build at a time writes to it."""
    until = monotonic() + seconds
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if monotonic() >= until:
                raise Leased("buildah's storage", "another build") from None
            tell("waits for another build")
            select.select([], [], [], 0.2)
        else:
            return
