"""Images by Google Cloud Build, over its REST API (cloud.google.com/build/docs/api/reference/rest/v1).

A build is asked for once: it carries a tag that names service and commit, and a run that was cut off finds the build
that it began by that tag.
"""

from __future__ import annotations

import contextlib
import io
import re
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic
from typing import Any, ClassVar

from dreamnet_actions.adapters.images.builder import ImageBuilder, Order, words
from dreamnet_actions.adapters.images.google import Google
from dreamnet_actions.adapters.registrylogins import Login
from dreamnet_actions.domain.secret import SecretValue
from dreamnet_actions.domain.spec.images import CloudBuild
from dreamnet_actions.errors import (
    CommandFailed,
    ConfigError,
    DeadlineExceeded,
    DreamNetError,
    PermanentError,
)

POLL = 2.0
"""Seconds between two looks at a build (a minute's quota is 300 looks a project)."""
DOCKER = "gcr.io/cloud-builders/docker"
"""Google's own image with docker in it, which builds and pushes."""
_OVER = frozenset({"FAILURE", "INTERNAL_ERROR", "TIMEOUT", "CANCELLED", "EXPIRED"})
_GOES_ON = ("PENDING", "QUEUED", "WORKING")
_GOOGLES = re.compile(r"(?:[a-z0-9-]+\.)?gcr\.io|[a-z0-9-]+-docker\.pkg\.dev")


class CloudBuildBuilder(ImageBuilder):
    """Lets Google Cloud Build build and push; the registry is asked with the same account."""

    WRITES: ClassVar[frozenset[str]] = ImageBuilder.WRITES

    def __init__(self, *args: Any, pause: Callable[[float], None], **more: Any) -> None:
        super().__init__(*args, **more)
        self._google, self._pause = Google(self.environ), pause

    def login(self, host: str) -> Login | None:
        """Answer the account's own login at Google's registries."""
        if not _GOOGLES.fullmatch(host):
            return None
        return Login(user="oauth2accesstoken", secret=SecretValue(self._google.token()))

    def make(self, order: Order, tell: Callable[[str], None]) -> str:
        """Ask for the build (or find the one that goes on), watch it, and answer the digest that it pushed."""
        where = _where(order)
        began, parent = monotonic(), f"/v1/projects/{where.project}/locations/{where.region}/builds"
        build = self._going_on(parent, order) or self._asked(parent, order, where)
        name = str(build["name"])
        while build.get("status") in (*_GOES_ON, None):
            if monotonic() - began > order.seconds:
                with contextlib.suppress(DreamNetError):
                    self._google.ask("cloudbuild", "POST", f"/v1/{name}:cancel", body={})
                raise DeadlineExceeded(f"Cloud Build to build {order.reference} ({name})", order.seconds)
            tell(f"{build.get('status', 'asked for')}: {build.get('logUrl', name)}")
            self._pause(POLL)
            build = self._google.ask("cloudbuild", "GET", f"/v1/{name}")
        if build["status"] in _OVER:
            raise CommandFailed(f"Cloud Build {name}", 1, self._why(build))
        images = (build.get("results") or {}).get("images") or []
        digest = next((one.get("digest") for one in images if one.get("name") == order.reference), None)
        if not digest:
            raise PermanentError(f"Cloud Build ended {name} ({build['status']}) and names no digest.")
        return str(digest)

    def _going_on(self, parent: str, order: Order) -> dict[str, Any] | None:
        """Answer the build of this order that a run which was cut off has begun, if it goes on."""
        query = {"filter": f'tags="{_tag(order)}"', "pageSize": "20"}
        found = self._google.ask("cloudbuild", "GET", parent, query=query).get("builds") or []
        return next((one for one in found if one.get("status") in _GOES_ON), None)

    def _asked(self, parent: str, order: Order, where: CloudBuild) -> dict[str, Any]:
        file = order.file.relative_to(order.context)
        arguments = ["build", *words(order)]
        arguments[arguments.index("--file") + 1] = file.as_posix()
        arguments += ["--tag", order.reference, "."]
        body: dict[str, Any] = {
            "source": self._source(order, where),
            "steps": [{"name": DOCKER, "args": [one.replace("$", "$$") for one in arguments]}],
            "images": [order.reference],
            "timeout": f"{order.seconds:g}s",
            "tags": ["dreamnet", _tag(order)],
        }
        if where.service_account:
            account = where.service_account
            full = account if "/" in account else f"projects/{where.project}/serviceAccounts/{account}"
            body |= {"serviceAccount": full, "options": {"logging": "CLOUD_LOGGING_ONLY"}}
        started = self._google.ask("cloudbuild", "POST", parent, body=body)
        try:
            build: dict[str, Any] = started["metadata"]["build"]
            _ = build["name"]
        except (KeyError, TypeError) as error:
            raise PermanentError("Cloud Build took a build and did not name it.") from error
        return build

    def _source(self, order: Order, where: CloudBuild) -> Mapping[str, Any]:
        folder = order.image.build
        if where.bucket is None:
            inside = {} if folder in (".", "./") else {"dir": folder}
            repository = str(where.repository)
            if repository.startswith("projects/"):
                return {"connectedRepository": {"repository": repository, "revision": order.commit, **inside}}
            return {"gitSource": {"url": repository, "revision": order.commit, **inside}}
        name = f"dreamnet/{order.service}/{order.commit}.tar.gz"
        stored = self._google.ask(
            "storage",
            "POST",
            f"/upload/storage/v1/b/{where.bucket}/o",
            query={"uploadType": "media", "name": name},
            data=_packed(order.context),
        )
        return {
            "storageSource": {"bucket": where.bucket, "object": name, "generation": str(stored["generation"])}
        }

    def _why(self, build: Mapping[str, Any]) -> str:
        """Answer the last lines of a build's log, where it can be read, and what Cloud Build itself says."""
        said = [
            str(one)
            for one in (build.get("statusDetail"), (build.get("failureInfo") or {}).get("detail"))
            if one
        ]
        bucket = str(build.get("logsBucket", "")).removeprefix("gs://")
        if bucket:
            place, _, folder = bucket.partition("/")
            name = "%2F".join(one for one in (folder, f"log-{build['id']}.txt") if one)
            with contextlib.suppress(DreamNetError):
                data = self._google.ask(
                    "storage", "GET", f"/storage/v1/b/{place}/o/{name}", query={"alt": "media"}, raw=True
                )
                said = [*data.decode("utf-8", "replace").rstrip().splitlines()[-20:], *said]
        return "\n".join([*said, f"See {build.get('logUrl', build['name'])}"])


def _where(order: Order) -> CloudBuild:
    where = order.image.cloud_build
    if where is None or (where.bucket is None) == (where.repository is None):
        raise ConfigError(
            f"Cloud Build has to know its project, and one place that the files of {order.service} come from.",
            hint="Below 'image': cloud-build: {project: NAME, bucket: NAME}, or 'repository' instead of 'bucket'.",
        )
    if order.image.platforms:
        raise ConfigError(
            "Cloud Build's docker builds for its own platform only.", hint="Take 'platforms' out of 'image'."
        )
    return where


def _tag(order: Order) -> str:
    """Answer the tag of a build: its service and the tag of the image."""
    return f"{order.service}-{order.reference.rpartition(':')[2]}"[:128]


def _packed(folder: Path) -> bytes:
    """Pack a folder, the same bytes for the same files."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz", compresslevel=6) as archive:
        for one in sorted(folder.rglob("*")):
            if ".git" not in one.relative_to(folder).parts:
                archive.add(one, one.relative_to(folder).as_posix(), recursive=False)
    return made.getvalue()
