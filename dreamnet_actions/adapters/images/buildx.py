"""Images by docker's buildx (BuildKit), as GitHub's hosted runners have it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from typing import ClassVar

from dreamnet_actions.adapters.images.builder import ImageBuilder, Order, words
from dreamnet_actions.errors import PermanentError


class BuildxBuilder(ImageBuilder):
    """Builds and pushes with ``docker buildx build``. Logins are docker's; which builder is used is docker's own choice
    (``docker buildx use``, ``BUILDX_BUILDER``)."""

    WRITES: ClassVar[frozenset[str]] = ImageBuilder.WRITES

    def make(self, order: Order, tell: Callable[[str], None]) -> str:
        """Build and push in one, and answer the digest that BuildKit noted."""
        told = order.log.with_suffix(".json")
        told.unlink(missing_ok=True)
        image = order.image
        output = "type=image,push=true" + (",registry.insecure=true" if order.plain_http else "")
        command = [*program(self.environ), "build", "--progress=plain", f"--metadata-file={told}"]
        command += [f"--output={output}", "--tag", order.reference, *words(order)]
        if image.platforms:
            command += ["--platform", ",".join(image.platforms)]
        self.run(order, "docker buildx build", [*command, str(order.context)], tell)
        try:
            digest = json.loads(told.read_text("utf-8"))["containerimage.digest"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise PermanentError(
                f"docker buildx built {order.reference} and told no digest of it.", hint=f"See {order.log}."
            ) from error
        return str(digest)


def program(environ: Mapping[str, str]) -> list[str]:
    """Answer the command that is buildx: docker's plugin, else the program alone."""
    path = environ.get("PATH")
    if shutil.which("docker", path=path) is None and shutil.which("buildx", path=path) is not None:
        return ["buildx"]
    return ["docker", "buildx"]
