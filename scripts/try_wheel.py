"""Try an installed wheel as its first user would: the command, the examples, the seed's requests.

Run by ``scripts/release try``: ``python scripts/try_wheel.py BIN VERSION EXAMPLES``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

CARRIED = """
from pathlib import Path
import dreamnet_actions
from dreamnet_actions.testing.github.sandbox.house import installed
print(*installed(Path(dreamnet_actions.__file__).parent))
"""


def run(*command: str, where: Path, status: int = 0) -> str:
    done = subprocess.run(command, cwd=where, capture_output=True, text=True, check=False)
    if done.returncode != status:
        sys.exit(f"{command} ended with {done.returncode}, not {status}:\n{done.stdout}{done.stderr}")
    return done.stdout


def main(folder: Path, version: str, examples: Path) -> None:
    program = str(folder / "dreamnet")
    said = run(program, "--version", where=examples)
    if version not in said:
        sys.exit(f"dreamnet --version says {said!r}, not {version}")
    carried = run(str(folder / "python"), "-c", CARRIED, where=examples).split()
    if {"action.yml", "scripts/action.py", "requirements/action.txt", "dreamnet_actions/pipe.py"} - set(
        carried
    ):
        sys.exit(f"the wheel does not carry the action for its sandbox: {carried[:9]}")
    configured = sorted(examples.glob("*/dreamnet.yml"))
    if not configured:
        sys.exit(f"no example in {examples}")
    for file in configured:
        run(program, "validate", str(file), where=file.parent)
    seed = examples / "seed"
    for request in sorted((examples / "requests").glob("*.json")):
        answer = json.loads(run(program, "call", "--dry-run", str(request), where=seed))
        agent = json.loads(request.read_text(encoding="utf-8"))["agent"]
        if answer["agent"] != agent or answer["outcome"] not in ("done", "planned", "unchanged"):
            sys.exit(f"{request.name}: {answer}")
        print(f"try: {agent} {answer['action']}: {answer['outcome']}")
    print(f"try: dreamnet {version} validates {len(configured)} examples")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
