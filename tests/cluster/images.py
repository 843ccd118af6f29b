"""The bed's images: our sample service with whatever behaviour is baked in, built by buildah and pushed.

The same behaviour gives the same digest in every bed, since no time goes into an image.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.cluster.errors import BedError
from tests.cluster.places import Bed

CONTAINERFILE = """\
FROM scratch
COPY {program} /{program}
{environment}EXPOSE 8080
USER 65534:65534
ENTRYPOINT ["/{program}"]
"""


def pause(bed: Bed, built: Mapping[str, Path]) -> str:
    """Push the image that holds a pod's namespaces."""
    return push(bed.registry, bed.home / "buildah", built["pause"], "pause:1", {})


def sample(bed: Bed, built: Mapping[str, Path], tag: str, behaviour: Mapping[str, str]) -> str:
    """Push ``sample:TAG`` with these variables (``{"CRASH_AFTER": "3s"}``); answer it by its digest."""
    # What its page tells is the tag, unless it is told otherwise.
    chosen = {"VERSION": tag, **behaviour}
    return push(bed.registry, bed.home / "buildah", built["sample"], f"sample:{tag}", chosen)


def push(registry: str, storage: Path, program: Path, name: str, environment: Mapping[str, str]) -> str:
    """Build an image of one program FROM scratch, push it, and answer ``REGISTRY/NAME@sha256:…``."""
    storage.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="dreamnet-image-") as folder,
        (storage / "lock").open("w") as lock,
    ):
        fcntl.flock(lock, fcntl.LOCK_EX)  # one storage, one writer
        context = Path(folder)
        shutil.copy2(program, context / program.name)
        lines = "".join(f"ENV {key}={_quoted(value)}\n" for key, value in sorted(environment.items()))
        (context / "Containerfile").write_text(
            CONTAINERFILE.format(program=program.name, environment=lines), encoding="utf-8"
        )
        reference = f"{registry}/{name}"
        _buildah(
            storage,
            "build",
            "--quiet",
            "--isolation",
            "chroot",
            "--timestamp",
            "0",
            "--tag",
            reference,
            folder,
        )
        _buildah(storage, "push", "--quiet", "--tls-verify=false", f"--digestfile={folder}/digest", reference)
        digest = (context / "digest").read_text(encoding="ascii").strip()
    return f"{registry}/{name.split(':')[0]}@{digest}"


def _quoted(value: str) -> str:
    # In a Containerfile $ begins a variable, also within quotes.
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$") + '"'


def _buildah(storage: Path, *words: str) -> str:
    command = [
        "buildah",
        "--storage-driver=vfs",
        f"--root={storage}/root",
        f"--runroot={storage}/run",
        *words,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode:
        raise BedError(f"`{' '.join(command)}` ended with {done.returncode}:\n{done.stderr.strip()[-2000:]}")
    return done.stdout
