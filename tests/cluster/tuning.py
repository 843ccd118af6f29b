"""The kernel's settings that a kubelet changes for the whole machine: kept while beds are up, and put back after."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cluster.places import BEDS, Bed

CHANGED = (
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
)
"""What the kubelet sets when it starts (``pkg/kubelet/cm/container_manager_linux.go``, ``setupKernelTunables``)."""

_KEPT = BEDS / "kernel.json"


def keep() -> None:
    """Note the settings, unless a bed that is up noted them already."""
    if _KEPT.exists():
        return
    BEDS.mkdir(parents=True, exist_ok=True)
    found = {
        name: _path(name).read_text(encoding="ascii").strip() for name in CHANGED if _path(name).exists()
    }
    _KEPT.write_text(json.dumps(found, indent=1), encoding="ascii")


def restore(bed: Bed) -> None:
    """Put the settings back, if this bed is the last."""
    others = [path for path in BEDS.iterdir() if path.is_dir() and path != bed.home] if BEDS.is_dir() else []
    if others or not _KEPT.exists():
        return
    for name, value in json.loads(_KEPT.read_text(encoding="ascii")).items():
        if name in CHANGED and _path(name).read_text(encoding="ascii").strip() != value:
            _path(name).write_text(value, encoding="ascii")
    _KEPT.unlink()


def _path(name: str) -> Path:
    return Path("/proc/sys") / name
