"""Records what the action's process itself wrote, byte for byte, as the runner would read it: not what act made of it.

The folder answered by ``recorder`` goes first into the PATH of the steps. Its ``python3`` runs the machine's own with
the same arguments, on a pipe as the runner's, and keeps what it was given (inputs and event), what it printed and what
it appended to the files of commands.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
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
         "event": os.environ.get("GITHUB_EVENT_NAME", ""), "ref": os.environ.get("GITHUB_REF", ""),
         "inputs": {{name.removeprefix("DREAMNET_INPUT_"): value for name, value in os.environ.items()
                    if name.startswith("DREAMNET_INPUT_")}}}}
if os.path.isfile(os.environ.get("GITHUB_EVENT_PATH", "")):
    with open(os.environ["GITHUB_EVENT_PATH"], "rb") as file, open(f"{{where}}/payload", "wb") as copy:
        copy.write(file.read())
with open(f"{{where}}/told", "w") as file:
    json.dump(told, file)
with open(f"{{where}}/printed", "rb") as out:
    sys.stdout.buffer.write(out.read())
sys.exit(status)
"""


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """One step of the action: ``printed`` on both streams, ``files`` what it appended to each, its exit ``status``.

    It was given ``inputs`` (named as in their variables, ``DRY_RUN``), the ``event`` with the file ``payload``, and the
    ``ref`` of GITHUB_REF.
    """

    printed: bytes
    files: dict[str, bytes]
    status: int
    seconds: float = 0.0
    event: str = ""
    ref: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)
    payload: bytes = b""

    @property
    def agent(self) -> str:
        """The input ``agent``."""
        return self.inputs.get("AGENT", "")


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
        payload = one / "payload"
        files = {name: (one / name).read_bytes() for name in FILES if (one / name).is_file()}
        found.append(
            Recorded(
                printed=(one / "printed").read_bytes(), files=files, status=told["status"],
                seconds=told["seconds"], event=told["event"], ref=told["ref"], inputs=told["inputs"],
                payload=payload.read_bytes() if payload.is_file() else b"",
            )
        )  # fmt: skip
    return found
