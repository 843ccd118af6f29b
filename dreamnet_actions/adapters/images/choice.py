"""Which builder of images a service gets (the one that its configuration names, else what is installed here), and what
it is told of the repository."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from dreamnet_actions.adapters.gitcalls import Git
from dreamnet_actions.domain.spec.images import BuilderName, ImageBuild
from dreamnet_actions.errors import DreamNetError


def builder_of(image: ImageBuild, environ: Mapping[str, str]) -> BuilderName:
    """Answer the kind of builder. Where none is installed it is ``buildah``, which then says so itself."""
    if image.with_ is not None:
        return image.with_
    if image.cloud_build is not None:
        return "cloud-build"
    path = environ.get("PATH")
    if shutil.which("buildah", path=path) is None and any(
        shutil.which(one, path=path) for one in ("docker", "buildx")
    ):
        return "buildx"
    return "buildah"


def origin(repository: Path, environ: Mapping[str, str]) -> str:
    """Answer the address of a repository, for the images made of it: GitHub's in a workflow, else that of its remote
    ``origin``, without a login; empty where it has none."""
    if environ.get("GITHUB_ACTIONS") == "true" and (name := environ.get("GITHUB_REPOSITORY")):
        return f"{environ.get('GITHUB_SERVER_URL', 'https://github.com')}/{name}"
    try:
        _, said = Git(repository, environ, 10.0, "git")("config", "--get", "remote.origin.url", allow=(0, 1))
    except DreamNetError:
        return ""  # only a label would have been made of it
    return re.sub(r"^(\w+://)[^/@]*@", r"\1", said.strip())
