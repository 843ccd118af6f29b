"""How long a step with the action takes: from its start to the first line, and to its result, beside pip.

    python -m benchmarks.action [--json FILE] [--rounds N]

The run line of ``action.yml`` is run as GitHub's runner runs it (``bash --noprofile --norc -e -o pipefail FILE``),
against the stand-in for GitHub on this machine, with the seed's health check as a dry run. Each case begins with what
is there already:

``refused``    an agent that does not exist: answered before anything is installed
``nothing``    nothing: as on a fresh runner, which has no uv either
``uv``         uv, and no cache
``packages``   uv and its cache of packages, and no environment
``ready``      the environment itself: a machine of one's own, or the cache that ``action.yml`` restores

The peer is ``python -m venv`` and ``pip install`` of the same hash-locked packages (``nothing``: no cache of pip's,
``packages``: its cache is full), without the request. Medians of the rounds; each round runs every case once.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dreamnet_actions.adapters.gitcalls import end
from dreamnet_actions.adapters.system.clock import SystemClock
from dreamnet_actions.testing.github.standin import StandIn

ROOT = Path(__file__).resolve().parents[1]
REPOSITORY = "octo/shop"
CONFIG = """\
version: 1
services:
  web: {platform: local, command: [python3, -m, http.server, "{port}"], port: 18400}
platforms:
  local: {process: {}}
"""
HEALTH = (ROOT / "examples" / "requests" / "dreamkeeper.json").read_text(encoding="utf-8")
KEPT = ("PIP_", "UV_", "SSL_", "REQUESTS_", "HTTP", "http", "NO_PROXY", "no_proxy", "HOME", "LANG")
"""Variables of this machine that an installer may need to reach its index."""
LIMIT = 120.0
"""Seconds after which a run is ended, and the benchmark with it."""


@dataclass(frozen=True)
class Taken:
    """Seconds from the start to the first line and to the end."""

    first: float
    result: float


class Bench:
    """One folder with all that a run needs; ``github`` is the running stand-in."""

    def __init__(self, folder: Path, github: StandIn) -> None:
        self.folder, self.github = folder, github
        self.workspace = folder / "workspace"
        (self.workspace / ".github").mkdir(parents=True)
        (self.workspace / ".github" / "dreamnet.yml").write_text(CONFIG)
        self.bin = folder / "bin"
        self.bin.mkdir()
        (self.bin / "python3").symlink_to(getattr(sys, "_base_executable", sys.executable))
        self.with_uv = folder / "bin-uv"
        self.with_uv.mkdir()
        (self.with_uv / "uv").symlink_to(Path(sys.executable).with_name("uv"))
        (step,) = [
            one
            for one in yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["runs"]["steps"]
            if "run" in one
        ]
        self.script = folder / "step.sh"
        self.script.write_text(step["run"] + "\n")
        self.number = 0

    def fresh(self, name: str) -> Path:
        """Answer an empty folder that no earlier run used."""
        self.number += 1
        return self.folder / f"{name}-{self.number}"

    def environment(self, *, uv: bool, tools: Path, cache: Path) -> dict[str, str]:
        """What the runner would set. ``tools`` is where environments are kept, ``cache`` the installers' own."""
        kept = {name: value for name, value in os.environ.items() if name.startswith(KEPT)}
        path = [self.bin, *([self.with_uv] if uv else []), "/usr/bin", "/bin"]
        return kept | {
            "PATH": ":".join(map(str, path)),
            "UV_CACHE_DIR": str(cache / "uv"),
            "PIP_CACHE_DIR": str(cache / "pip"),
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_API_URL": self.github.api_url,
            "GITHUB_EVENT_NAME": "workflow_dispatch",
            "GITHUB_JOB": "dreamkeeper",
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_RUN_ID": str(1000 + self.number),
            "GITHUB_SERVER_URL": self.github.server_url,
            "GITHUB_WORKSPACE": str(self.workspace),
            "RUNNER_TEMP": str(self.folder),
            "RUNNER_TOOL_CACHE": str(tools),
            "DREAMNET_INPUT_DRY_RUN": "true",
        }

    def step(
        self, environment: dict[str, str], *, agent: str = "", request: str = "", status: int = 0
    ) -> Taken:
        """Run the step once; ends the benchmark where it did not end as it should."""
        output = self.fresh("output")
        output.touch()
        inputs = {
            "DREAMNET_INPUT_AGENT": agent,
            "DREAMNET_INPUT_REQUEST": request,
            "GITHUB_OUTPUT": str(output),
        }
        token = {"GITHUB_TOKEN": self.github.person("alice")}
        command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(self.script)]
        taken, ended, said = timed(command, environment | inputs | token, self.workspace)
        if ended != status or "outcome" not in output.read_text():
            sys.exit(f"the step ended with {ended}, not {status}:\n{said}")
        return taken

    def pip(self, cache: Path) -> Taken:
        """The peer: a new environment, and the same packages."""
        venv = self.fresh("venv")
        environment = self.environment(uv=False, tools=venv, cache=cache)
        lock = ROOT / "requirements" / "action.txt"
        install = (
            f'"{venv}/bin/python" -m pip install --progress-bar off --require-hashes --no-deps -r "{lock}"'
        )
        command = ["bash", "-e", "-c", f'python3 -m venv "{venv}" && {install}']
        taken, ended, said = timed(command, environment, self.workspace)
        if ended:
            sys.exit(f"pip ended with {ended}:\n{said}")
        shutil.rmtree(venv)
        return taken


def timed(command: list[str], environment: dict[str, str], where: Path) -> tuple[Taken, int, str]:
    """Run a command; answers when its first line and its end came, its status, and what it said."""
    began = time.perf_counter()
    with subprocess.Popen(
        command,
        cwd=where,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        process_group=0,
    ) as process:
        assert process.stdout
        # With what it started: an installer that hangs holds the output open, and that would be read for ever.
        cut = threading.Timer(LIMIT, end, [process])
        cut.start()
        try:
            line = process.stdout.readline()
            first = time.perf_counter() - began
            rest = process.stdout.read()
            ended = process.wait()
        finally:
            cut.cancel()
    return Taken(first, time.perf_counter() - began), ended, (line + rest).decode("utf-8", "replace")


def cases(bench: Bench) -> dict[tuple[str, str], Callable[[], Taken]]:
    """Every (case, subject) with what runs it once."""
    full, ready = bench.folder / "full", bench.folder / "ready"

    def step(*, uv: bool, tools: Path, cache: Path) -> Taken:
        return bench.step(bench.environment(uv=uv, tools=tools, cache=cache), request=HEALTH)

    def refused() -> Taken:
        environment = bench.environment(uv=False, tools=bench.fresh("tools"), cache=bench.fresh("cache"))
        return bench.step(environment, agent="dreamkeper", status=3)

    # What the warm cases begin with.
    step(uv=True, tools=ready, cache=full)
    bench.pip(full)
    return {
        ("refused", "dreamnet"): refused,
        ("nothing", "dreamnet"): lambda: step(
            uv=False, tools=bench.fresh("tools"), cache=bench.fresh("cache")
        ),
        ("uv", "dreamnet"): lambda: step(uv=True, tools=bench.fresh("tools"), cache=bench.fresh("cache")),
        ("packages", "dreamnet"): lambda: step(uv=True, tools=bench.fresh("tools"), cache=full),
        ("ready", "dreamnet"): lambda: step(uv=True, tools=ready, cache=full),
        ("nothing", "pip"): lambda: bench.pip(bench.fresh("cache")),
        ("packages", "pip"): lambda: bench.pip(full),
    }


def measure(rounds: int) -> list[dict[str, Any]]:
    """Answer the rows: medians in seconds."""
    taken: dict[tuple[str, str], list[Taken]] = {}
    with tempfile.TemporaryDirectory(prefix="dreamnet-action-") as name:
        folder = Path(name)
        with StandIn(clock=SystemClock(), root=folder / "github") as github:
            github.create_repository(REPOSITORY, files={".github/dreamnet.yml": CONFIG})
            found = cases(Bench(folder, github))
            for _ in range(rounds):
                for case, run in found.items():
                    taken.setdefault(case, []).append(run())
    rows = []
    for (case, subject), times in taken.items():
        for metric in ("first", "result"):
            if subject == "pip" and metric == "first":
                continue  # the first line of another program says nothing about ours
            value = round(statistics.median(getattr(one, metric) for one in times), 3)
            rows.append({"case": case, "subject": subject, "metric": metric, "value": value, "unit": "s"})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="write the rows here")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    rows = measure(given.rounds)
    for row in rows:
        print(f"{row['case']:<9} {row['subject']:<9} {row['metric']:<7} {row['value']:>8.2f} {row['unit']}")
    if given.json:
        given.json.write_text(json.dumps({"rows": rows}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
