"""A bed for whole stories: the stand-in for GitHub, its engine with the real act, and a small shop that really runs."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dreamnet_actions.adapters.system.clock import SystemClock
from dreamnet_actions.entrances.setup.workflows import Wanted, callers
from dreamnet_actions.testing.github.actions.act import ActOptions
from dreamnet_actions.testing.github.actions.engine import Engine
from dreamnet_actions.testing.github.actions.routes import ActionsRoutes
from dreamnet_actions.testing.github.actions.runs import Run
from dreamnet_actions.testing.github.hosting import Event
from dreamnet_actions.testing.github.standin import StandIn

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 900.0 if os.environ.get("EVERY_HOSTILE_PAIR") else 240.0
"""Seconds after which something that still runs is stuck; a proof of all texts takes its time on a busy machine."""
OPENAPI = ROOT / "tests/github/node_modules/@octokit/openapi/generated/api.github.com.json"
SHOP, OURS = "octo/shop", "dreamnet/dreamnet"
PASSED_ON = ("HOME", "LANG", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
"""Variables of this machine that a step of a workflow sees: where certificates are, for the installer."""

APP = """\
import http.server, sys
VERSION = "{version}"
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = f"shop {{VERSION}}".encode()
        self.send_response({status})
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Page).serve_forever()
"""

CONFIG = """\
version: 1
platforms:
  here: {{process: {{}}}}
services:
  web:
    platform: here
    command: [{python}, app.py, "{{port}}"]
    port: {port}
    restart-policy: never          # DreamKeeper is the one who heals it
    checks:
      home: {{http: "http://127.0.0.1:{port}/"}}
    release: {{git: ., branch: main, ready-within: 10s}}
"""


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def our_files() -> dict[str, str | bytes]:
    """Answer DreamNet's own repository as it stands in this checkout: what git knows, with its changes."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "action.yml", "scripts",
         "requirements", ".github", "dreamnet_actions"],
        cwd=ROOT, capture_output=True, check=True, text=True,
    ).stdout.split("\0")  # fmt: skip
    return {path: (ROOT / path).read_bytes() for path in listed if path and (ROOT / path).is_file()}


class Bed:
    """One GitHub with the shop and DreamNet's own repository. ``state`` is where the shop's processes are kept.

    ``programs`` is a folder that comes first in the PATH of every step; ``changed`` are files of DreamNet's own
    repository that are others here; ``environment`` is what steps have beside the runner's own, ``identity`` what those
    of jobs with ``id-token: write`` have.
    """

    def __init__(
        self,
        folder: Path,
        *,
        check: bool = True,
        programs: Path | None = None,
        changed: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        identity: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.port = free_port()
        self.state = folder / "state"
        routes = ActionsRoutes()  # what DreamNet asks of workflows and runs when it looks at itself
        self.github = StandIn(
            clock=SystemClock(),
            root=folder / "github",
            check=OPENAPI if check else None,
            public_reads=True,
            extend=[routes],
        ).__enter__()
        options = ActOptions(
            identity=identity or {},
            environment={**passed_on(), "DREAMNET_ACTION_HOME": str(tools()), **(environment or {})},
            path=":".join(
                [
                    *([str(programs)] if programs else []),
                    str(Path(sys._base_executable).parent),
                    os.environ["PATH"],
                ]
            ),
            keep_processes=True,
        )
        self.said: list[str] = []
        self._configured = ""
        self.engine = routes.engine = Engine(
            self.github, folder / "engine", options=options, say=self.said.append
        )
        self.github.create_repository(OURS, files={**our_files(), **(changed or {})})

    def shop(self, *, files: Mapping[str, str | bytes] | None = None, wanted: Wanted | None = None) -> None:
        """Make the shop's repository, with the callers that ``dreamnet init`` writes."""
        self.repository(
            {
                "README.md": "# shop\n",
                ".github/dreamnet.yml": self.config(),
                **callers(wanted or Wanted(branch="main", services=("web",), ref="main")),
                **(files or {}),
            }
        )

    def repository(self, whole: Mapping[str, str | bytes]) -> None:
        """Make the shop's repository of these files and no others."""
        self._configured = str(whole.get(".github/dreamnet.yml") or whole.get("dreamnet.yml", "version: 1\n"))
        self.github.create_repository(SHOP, files=whole)
        self.variable("DREAMNET_STATE", str(self.state))

    def variable(self, name: str, value: str) -> None:
        """Set an Actions variable, as a person does on the settings' page."""
        self.post("/actions/variables", {"name": name, "value": value})

    def secret(self, name: str, value: str) -> None:
        """Set an Actions secret, sealed for the repository's key, as GitHub's own program does."""
        from github import Auth, Github

        token = Auth.Token(self.github.person("octocat", "admin"))
        with Github(auth=token, base_url=self.github.api_url) as api:
            api.get_repo(SHOP).create_secret(name, value)

    def post(self, path: str, body: Mapping[str, Any], *, by: str = "octocat") -> Any:
        """Do something in the shop's repository as its owner, or as another who may do all that he may; answers what
        GitHub does (None where that is nothing)."""
        token = self.github.person(by, "admin")
        call = urllib.request.Request(
            f"{self.github.api_url}/repos/{SHOP}{path}",
            data=json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            method="POST",
        )
        with urllib.request.urlopen(call, timeout=10) as answer:
            said = answer.read()
        return json.loads(said) if said else None

    def dispatch(self, kind: str, payload: Mapping[str, Any]) -> None:
        """Send a ``repository_dispatch``."""
        self.post("/dispatches", {"event_type": kind, "client_payload": payload})

    def press(self, workflow: str, **fields: str) -> Run:
        """Press a workflow's button, and wait for its end."""
        run = self.engine.dispatch(SHOP, workflow, ref="main", inputs=fields)
        self.settle()
        return run

    def environ(self, token: str) -> dict[str, str]:
        """Answer the variables by which a command elsewhere reaches this GitHub."""
        return {
            **os.environ,
            "GITHUB_TOKEN": token,
            "GITHUB_REPOSITORY": SHOP,
            "GITHUB_API_URL": self.github.api_url,
            "GITHUB_SERVER_URL": self.github.server_url,
            "DREAMNET_HOME": "github",
            "DREAMNET_STATE": str(self.state),
        }

    def config(self) -> str:
        return CONFIG.format(port=self.port, python=sys.executable)

    def push(self, version: str, *, status: int = 200, **more: str) -> str:
        """Push a version of the shop to ``main``."""
        files: dict[str, str | bytes | None] = {"app.py": APP.format(version=version, status=status), **more}
        return self.github.commit(SHOP, files, f"shop {version}")

    def tick(self, workflow: str = "dreamnet-dream.yml", cron: str = "7,37 * * * *") -> None:
        """Let the schedule come."""
        world = self.github.world
        head = world.git(world.repository(SHOP)).head("main")
        payload = {
            **self.github.payload(SHOP, "octocat"),
            "schedule": cron,
            "workflow": f".github/workflows/{workflow}",
        }
        self.github.emit(
            Event(name="schedule", repository=SHOP, ref="refs/heads/main", sha=head, action=cron,
                  payload=payload, workflow=f".github/workflows/{workflow}")
        )  # fmt: skip

    def runs(self) -> list[Run]:
        """Answer the shop's runs, oldest first."""
        return sorted(self.engine.runs(SHOP), key=lambda run: run.id)

    def settle(self, seconds: float = PATIENCE) -> None:
        """Wait until nothing runs or waits."""
        self.engine.wait_idle(seconds)

    def page(self) -> str:
        """Answer what the shop answers, or how it does not."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=5) as answer:
                return str(answer.read().decode())
        except OSError as error:
            return f"no answer: {error}"

    def pids(self) -> list[int]:
        """Answer the processes of the shop's replicas."""
        found = subprocess.run(["pgrep", "-f", "app.py [0-9]+"], capture_output=True, text=True, check=False)
        pids = [int(one) for one in found.stdout.split()]
        return [pid for pid in pids if str(self.state) in environ_of(pid)]

    def kill(self) -> None:
        """End the shop as the kernel would when memory runs out."""
        for pid in self.pids():
            os.kill(pid, signal.SIGKILL)

    def get(self, path: str) -> Any:
        """Answer what GitHub's API shows to anybody, below the shop's repository."""
        with urllib.request.urlopen(f"{self.github.api_url}/repos/{SHOP}{path}", timeout=10) as answer:
            return json.load(answer)

    def issues(self) -> list[dict[str, Any]]:
        """Answer all issues of the shop."""
        return list(self.get("/issues?state=all"))

    def close(self) -> None:
        self.engine.close()
        self.github.__exit__(None, None, None)
        down = [sys.executable, "-m", "dreamnet_actions", "--state", str(self.state), "--config",
                str(self.folder / "down.yml"), "-q", "down"]  # fmt: skip
        (self.folder / "down.yml").write_text(self._configured or self.config(), encoding="utf-8")
        subprocess.run(down, cwd=ROOT, check=False, timeout=60, stdout=subprocess.DEVNULL)


def environ_of(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/environ").read_text("utf-8", "replace") + str(
            Path(f"/proc/{pid}/cwd").readlink()
        )
    return ""


def passed_on() -> dict[str, str]:
    """Answer what a step sees of this machine's environment: where packages come from, and by which certificates."""
    known = [name for name in os.environ if name in PASSED_ON or name.startswith(("PIP_", "UV_"))]
    return {name: os.environ[name] for name in known}


def tools() -> Path:
    """Answer where the action's environments are kept between tests: in the checkout's own .venv."""
    return Path(sys.prefix) / "action-tools"


@contextlib.contextmanager
def bed(folder: Path, **options: Any) -> Iterator[Bed]:
    made = Bed(folder, **options)
    try:
        yield made
    finally:
        made.close()


def told(run: Run) -> str:
    """Write a run for people: what a failed assertion shows."""
    jobs = "\n".join(f"── {job.name}: {job.conclusion}\n" + "\n".join(job.log[-60:]) for job in run.jobs)
    return f"{run.title}: {run.conclusion}\n{jobs}\n{run.log if not run.jobs else ''}"
