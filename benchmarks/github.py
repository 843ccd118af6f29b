"""What a check of DreamKeeper's costs at GitHub, whatever the number of services, beside upptime's recorded figures.

    python -m benchmarks.github [--json FILE] [--most N] [--case NAME]

Whole runs in the home ``github`` (assembled, checked, finished, closed) against the stand-in for GitHub on this
machine; the services are one loopback server that answers 200, or 503 where a case says so. Cases, for N of 1, 100 and
1,000 services with the default thresholds (three failed looks, two good ones) and remedies:

``quiet``           everything is well, and was before
``one-newly-down``  one fails, and is confirmed and filed
``all-newly-down``  all fail at once
``one-still-down``  the run after ``one-newly-down``
``one-recovered``   the run that closes that dream
``one-again-down``  the run that opens it again

The repository has 40 issues of people's and DreamNet's labels: the first dream that needs a label costs a call more.

``rest_calls`` are those that count against the token's limit, ``commits`` those on the branch ``dreamnet``,
``cpu_seconds`` those of this process and of git; the stand-in's own are among them. On this machine writes are not
spaced: at GitHub each one after the first takes a second more. upptime's figures were recorded in a whole run of it
against a mock; its ``wall_seconds`` are the least that it waits for each site that is down.
"""

from __future__ import annotations

import argparse
import http.server
import json
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import yaml

from dreamnet_actions.adapters.github.client import GitHubRepository
from dreamnet_actions.adapters.github.dreams import GitHubDreamStore
from dreamnet_actions.adapters.system.clock import SystemClock
from dreamnet_actions.bootstrap import Options, assemble
from dreamnet_actions.domain.secret import SecretValue
from dreamnet_actions.testing.github.standin import StandIn

REPOSITORY = "octo/shop"
BRANCH = "dreamnet"
ISSUES = 40
CASES = ("quiet", "one-newly-down", "all-newly-down", "one-still-down", "one-recovered", "one-again-down")
SIZES = (1, 100, 1000)
SOURCE = "a whole run of upptime against a mock of GitHub, 2026-11; docs/benchmarks.md tells its formula"
CHECK = {"agent": "dreamkeeper", "input": {"action": "check"}}
LIMIT = 30.0
"""Seconds that the services' server has for an answer."""
UNITS = {"rest_calls": "calls", "commits": "commits", "wall_seconds": "s", "cpu_seconds": "s"}


class Services:
    """The services' server, in a process of its own; ``down`` are the numbers of those that answer 503."""

    def __init__(self) -> None:
        here, there = multiprocessing.Pipe()
        self._process = multiprocessing.get_context("fork").Process(target=serve, args=(there,), daemon=True)
        self._process.start()
        self._line = here
        self.port = int(self._answer())

    def down(self, numbers: range) -> None:
        """From now on these fail, and no others."""
        self._line.send(numbers)
        self._answer()

    def _answer(self) -> Any:
        """Wait for the process; ends the benchmark where it says nothing."""
        if not self._line.poll(LIMIT):
            sys.exit(f"the services' server did not answer within {LIMIT:g} s")
        return self._line.recv()

    def close(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.join()


def serve(line: Connection) -> None:
    """Answer for every service until killed."""
    state = {"down": range(0)}

    class Answers(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def do_GET(self) -> None:
            failing = int(self.path.strip("/")) in state["down"]
            self.send_response(503 if failing else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    class Server(http.server.ThreadingHTTPServer):
        request_queue_size = 4096

        def service_actions(self) -> None:
            while line.poll():
                state["down"] = line.recv()
                line.send(True)

    server = Server(("127.0.0.1", 0), Answers)
    line.send(server.server_address[1])
    server.serve_forever(poll_interval=0.02)


@dataclass(frozen=True)
class Cost:
    """What one run took."""

    rest_calls: int
    commits: int
    wall_seconds: float
    cpu_seconds: float
    dreams: int
    endpoints: dict[str, int]


class Bench:
    """One repository at the stand-in, with ``size`` services; every ``run`` is one workflow's."""

    def __init__(self, folder: Path, github: StandIn, services: Services, size: int) -> None:
        self._folder, self._github, self._services, self._size = folder, github, services, size
        self._runs = 0
        github.create_repository(REPOSITORY, files={"README.md": "# shop\n"})
        people = GitHubRepository(
            REPOSITORY,
            SecretValue(github.person("octocat")),
            clock=SystemClock(),
            api_url=github.api_url,
            server_url=github.server_url,
            write_spacing=0.0,
        )
        for number in range(ISSUES):
            people.call("POST", "/issues", body={"title": f"People's own, {number}"})
        GitHubDreamStore(people).ensure_labels()
        config = {
            "version": 1,
            "platforms": {"local": {"process": {}}},
            "services": {
                f"s{number}": {
                    "platform": "local",
                    "command": ["sleep", "1"],
                    "port": 20_000 + number,
                    "checks": {"home": {"http": f"http://127.0.0.1:{services.port}/{number}"}},
                }
                for number in range(size)
            },
        }
        (folder / "dreamnet.yml").write_text(yaml.safe_dump(config), encoding="utf-8")

    def run(self, down: int = 0) -> Cost:
        """Check once while the first ``down`` services fail."""
        self._services.down(range(down))
        self._runs += 1
        permissions = {"contents": "write", "issues": "write"}
        token = self._github.workflow_token(REPOSITORY, permissions, job=f"job-{self._runs}")
        environ = {
            "GITHUB_EVENT_NAME": "schedule",
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_API_URL": self._github.api_url,
            "GITHUB_SERVER_URL": self._github.server_url,
            "GITHUB_RUN_ID": str(self._runs),
            "GITHUB_TOKEN": token,
            "RUNNER_TEMP": str(self._folder / "temp"),
            "PATH": "/usr/local/bin:/usr/bin:/bin",
        }
        self._github.calls.clear()
        before = self._commits()
        wall, cpu = time.perf_counter(), processor()
        system = assemble(Options(root=self._folder, environ=environ, home="github"))
        try:
            result = system.pipe.submit(CHECK, claim=False)  # as a step on the schedule does
            system.finish()
        finally:
            system.close()
        wall, cpu = time.perf_counter() - wall, processor() - cpu
        if result.error is not None:
            sys.exit(f"The check went wrong: {result.error}")
        return Cost(
            rest_calls=self._github.calls.charged(),
            commits=self._commits() - before,
            wall_seconds=wall,
            cpu_seconds=cpu,
            dreams=len(result.dreams),
            endpoints=self._github.calls.by_endpoint(),
        )

    def case(self, name: str) -> Cost:
        """Bring about what the case begins with, and answer what its run takes."""
        self.run()
        self.run()
        if name == "quiet":
            return self.run()
        if name == "all-newly-down":
            return self.run(self._size)
        filed = self.run(1)
        if name == "one-newly-down":
            return filed
        if name == "one-still-down":
            return self.run(1)
        self.run()
        closed = self.run()
        return closed if name == "one-recovered" else self.run(1)

    def _commits(self) -> int:
        from tests.github.homes import commits

        return commits(self._github.git_dir(REPOSITORY))


def processor() -> float:
    """Answer the processor time so far, of this process and of those that it waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


@contextmanager
def bench(size: int, services: Services) -> Iterator[Bench]:
    """Set one up, and take it away."""
    with tempfile.TemporaryDirectory(prefix="dreamnet-bench-") as folder:
        place = Path(folder)
        with StandIn(clock=SystemClock(), root=place / "github") as github:
            yield Bench(place, github, services, size)


def upptime(case: str, size: int) -> dict[str, float]:
    """Answer upptime's recorded figures.

    A run without a change is 2 calls, any change 2N + 5 + 4 per newly down + 5 per recovered. Commits: changed sites
    + 2. Each down site holds the run up by 12 to 22 s.
    """
    down = {"quiet": 0, "all-newly-down": size, "one-recovered": 0}.get(case, 1)
    if case in ("quiet", "one-still-down"):
        return {"rest_calls": 2, "wall_seconds": 12.0 * down} if down else {"rest_calls": 2}
    calls = 2 * size + 5 + (5 if case == "one-recovered" else 4 * down)
    changed = max(down, 1)
    found = {"rest_calls": float(calls), "commits": float(changed + 2)}
    return found | ({"wall_seconds": 12.0 * down} if down else {})


def rows(case: str, size: int, cost: Cost) -> list[dict[str, Any]]:
    """Answer the rows of one case."""
    name = f"{case}-{size}"
    found: list[dict[str, Any]] = [
        {
            "case": name,
            "subject": "dreamnet",
            "metric": metric,
            "value": round(getattr(cost, metric), 3),
            "unit": unit,
        }
        for metric, unit in UNITS.items()
    ]
    found += [
        {
            "case": name,
            "subject": "upptime-recorded",
            "metric": metric,
            "value": value,
            "unit": UNITS[metric],
            "source": SOURCE,
        }
        for metric, value in upptime(case, size).items()
    ]
    return found


def aim(case: str, cost: Cost) -> int:
    """Answer how many calls the run may take at most."""
    return 2 if case == "quiet" else 3 + 3 * max(1, cost.dreams)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="write the rows here")
    parser.add_argument("--most", type=int, default=SIZES[-1], help="leave out sizes above this")
    parser.add_argument("--case", choices=CASES, action="append", help="only this one (may be repeated)")
    parser.add_argument("--endpoints", action="store_true", help="show which calls they are")
    given = parser.parse_args()
    found: list[dict[str, Any]] = []
    services = Services()
    try:
        print(
            f"{'case':<22} {'calls':>6} {'aim':>4} {'upptime':>8} {'commits':>8} {'wall s':>8} {'cpu s':>7}"
        )
        for case in given.case or CASES:
            for size in (one for one in SIZES if one <= given.most):
                with bench(size, services) as one:
                    cost = one.case(case)
                found += rows(case, size, cost)
                theirs = upptime(case, size)["rest_calls"]
                print(
                    f"{f'{case}-{size}':<22} {cost.rest_calls:>6} {aim(case, cost):>4} {theirs:>8g} {cost.commits:>8} "
                    f"{cost.wall_seconds:>8.2f} {cost.cpu_seconds:>7.2f}",
                    flush=True,
                )
                if given.endpoints:
                    print(*(f"    {count} {what}" for what, count in cost.endpoints.items()), sep="\n")
    finally:
        services.close()
    if given.json:
        given.json.write_text(json.dumps({"rows": found}, indent=2) + "\n")


if __name__ == "__main__":
    main()
