"""Manifests from a kustomization, by the real ``kustomize`` or the one in ``kubectl``."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from dreamnet_actions.errors import CommandFailed, ConfigError, DeadlineExceeded

FILES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
"""The names by which kustomize knows its file."""
TIMEOUT = 60.0
"""Seconds that rendering may take: a base may be in another repository."""


def is_kustomization(folder: Path) -> bool:
    """Say whether a folder holds a kustomization."""
    return any((folder / one).is_file() for one in FILES)


def render(folder: Path, environ: Mapping[str, str], shown: str) -> str:
    """Answer the manifests of a kustomization as YAML; ``shown`` is what errors call it.

    Raises ConfigError where neither program is installed, CommandFailed with what they said, DeadlineExceeded.
    """
    path = environ.get("PATH")
    if shutil.which("kustomize", path=path) is not None:
        command = ["kustomize", "build", str(folder)]
    elif shutil.which("kubectl", path=path) is not None:
        command = ["kubectl", "kustomize", str(folder)]
    else:
        raise ConfigError(
            f"{shown} is a kustomization, and neither kustomize nor kubectl is installed here.",
            hint="Install one of them (https://kubernetes.io/docs/tasks/tools/); GitHub's hosted runners have both.",
        )
    name = f"{command[0]} {command[1]} {shown}"
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise DeadlineExceeded(name, TIMEOUT) from error
    except OSError as error:
        raise CommandFailed(name, 127, f"it could not be started: {error.strerror}") from error
    if done.returncode != 0:
        raise CommandFailed(name, done.returncode, done.stderr.strip()[-4000:])
    return done.stdout
