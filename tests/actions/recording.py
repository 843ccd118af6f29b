"""Records what the action's process itself wrote, byte for byte, as the runner would read it: not what act made of it.

The folder answered by ``recorder`` goes first into the PATH of the steps. Its ``python3`` runs the machine's own with
the same arguments, on a pipe as the runner's, and keeps what it printed and appended to the files of commands.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

FILES = ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE")

PROGRAM = """\
#!{real} -IS
import json, os, subprocess, sys, tempfile, time
where = tempfile.mkdtemp(prefix=f"{{time.time_ns()}}-", dir={kept!r})
files = {{name: os.environ[name] for name in {files!r} if os.environ.get(name)}}
before = {{name: os.path.getsize(path) if os.path.exists(path) else 0 for name, path in files.items()}}
began = time.monotonic()
with open(f"{{where}}/printed", "wb") as out:
    status = subprocess.call([{real!r}, *sys.argv[1:]], stdout=out, stderr=subprocess.STDOUT)
for name, path in files.items():
    with open(path, "rb") as file, open(f"{{where}}/{{name}}", "wb") as copy:
        file.seek(before[name])
        copy.write(file.read())
told = {{"status": status, "seconds": time.monotonic() - began, "argv": sys.argv[1:],
         "event": os.environ.get("GITHUB_EVENT_NAME", ""), "agent": os.environ.get("DREAMNET_INPUT_AGENT", "")}}
with open(f"{{where}}/told", "w") as file:
    json.dump(told, file)
with open(f"{{where}}/printed", "rb") as out:
    sys.stdout.buffer.write(out.read())
sys.exit(status)
"""


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """One step of the action: ``printed`` on both streams, ``files`` what it appended to each, its exit ``status``."""

    printed: bytes
    files: dict[str, bytes]
    status: int
    seconds: float
    event: str
    agent: str


def recorder(folder: Path) -> Path:
    """Make the folder for PATH; ``recorded`` answers what was kept."""
    kept, programs = folder / "kept", folder / "bin"
    kept.mkdir(parents=True)
    programs.mkdir()
    real = Path(sys._base_executable).parent / "python3"
    program = programs / "python3"
    program.write_text(PROGRAM.format(real=str(real), kept=str(kept), files=FILES), encoding="utf-8")
    program.chmod(0o755)
    return programs


def recorded(programs: Path) -> list[Recorded]:
    """Answer every step so far that ran the action, in the order in which they began."""
    found = []
    for one in sorted((programs.parent / "kept").iterdir(), key=lambda path: path.name):
        if not (one / "told").is_file():
            continue  # it still runs, or was killed
        told = json.loads((one / "told").read_text(encoding="utf-8"))
        if not any(str(part).endswith("scripts/action.py") for part in told["argv"]):
            continue
        files = {name: (one / name).read_bytes() for name in FILES if (one / name).is_file()}
        found.append(
            Recorded(
                printed=(one / "printed").read_bytes(), files=files, status=told["status"],
                seconds=told["seconds"], event=told["event"], agent=told["agent"],
            )
        )  # fmt: skip
    return found
