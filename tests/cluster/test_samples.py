"""The sample service does what it is told: tests of the cluster lean on that."""

from __future__ import annotations

import socket
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.cluster.builds import MODULES, built
from tests.cluster.processes import wait_for

pytestmark = pytest.mark.slow


class Sample:
    """One process of the service, as an image starts it."""

    def __init__(self, program: Path, log: Path, words: tuple[str, ...], environment: dict[str, str]) -> None:
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            self.port = int(one.getsockname()[1])
        self.log = log
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [program, *words], env={"PORT": str(self.port), **environment}, stdout=out, stderr=out
            )

    def ask(self, path: str, *, post: bool = False) -> tuple[int, str]:
        """Answer status and body; 0 where nothing listens."""
        call = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", method="POST" if post else "GET")
        try:
            with urllib.request.urlopen(call, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()
        except OSError:
            return 0, ""

    def listens(self) -> Sample:
        wait_for("the sample to listen", lambda: self.ask("/healthz")[0], 20)
        return self


Start = Callable[..., Sample]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Answer what starts a sample with these words and variables."""
    program = built(next(module for module in MODULES if module.name == "samples")) / "sample"
    started: list[Sample] = []

    def one(*words: str, **environment: str) -> Sample:
        started.append(Sample(program, tmp_path / f"{len(started)}.log", words, environment))
        return started[-1]

    yield one
    for sample in started:
        sample.process.kill()
        sample.process.wait(timeout=10)


def test_its_page_tells_the_version_and_a_flag_wins(start: Start) -> None:
    sample = start("-version=v3", VERSION="v2").listens()
    status, page = sample.ask("/")
    assert (status, page.split()[:2]) == (200, ["sample", "v3"])
    assert sample.ask("/readyz")[0] == 200


def test_errors_come_at_the_exact_rate(start: Start) -> None:
    sample = start(ERROR_RATE="0.2").listens()
    statuses = [sample.ask("/")[0] for _ in range(100)]
    assert statuses.count(500) == 20
    assert statuses.count(200) == 80
    assert statuses[:10].count(500) == 2, "evenly spread"
    metrics = sample.ask("/metrics")[1]
    assert 'sample_requests_total{code="200"} 80\n' in metrics
    assert 'sample_requests_total{code="500"} 20\n' in metrics


def test_a_behaviour_can_change_while_it_runs(start: Start) -> None:
    sample = start().listens()
    assert sample.ask("/")[0] == 200
    assert sample.ask("/set?error-rate=1&never-ready=true", post=True)[0] == 200
    assert [sample.ask(path)[0] for path in ("/", "/readyz", "/healthz")] == [500, 503, 200]
    assert sample.ask("/set?error-rate=2", post=True)[0] == 400
    assert sample.ask("/set?colour=red", post=True) == (400, "nothing is named colour\n")


def test_a_slow_start_listens_late_and_is_ready_later(start: Start) -> None:
    sample = start(START_AFTER="300ms", READY_AFTER="300ms")
    assert sample.ask("/readyz")[0] == 0
    sample.listens()
    assert sample.ask("/readyz")[0] == 503
    wait_for("the sample to be ready", lambda: sample.ask("/readyz")[0] == 200, 20)


@pytest.mark.parametrize("after", ["0s", "300ms"])
def test_it_crashes_when_it_is_told_with_its_last_words(start: Start, after: str) -> None:
    sample = start(CRASH_AFTER=after, EXIT_CODE="3", MESSAGE="no database")
    assert sample.process.wait(timeout=20) == 3
    assert sample.log.read_text(encoding="utf-8").splitlines()[-1] == "no database"


def test_it_crashes_on_request(start: Start) -> None:
    sample = start().listens()
    sample.ask("/crash?code=7", post=True)
    assert sample.process.wait(timeout=20) == 7


def test_it_becomes_unwell(start: Start) -> None:
    sample = start(UNHEALTHY_AFTER="200ms").listens()
    wait_for("the sample to be unwell", lambda: sample.ask("/healthz")[0] == 500, 20)


def test_it_takes_memory_and_keeps_it(start: Start) -> None:
    sample = start(MEMORY_PER_SECOND=str(100 * 2**20)).listens()
    memory = psutil.Process(sample.process.pid).memory_info
    before = memory().rss
    wait_for("the sample to have taken 50 MiB", lambda: memory().rss > before + 50 * 2**20, 20)


def test_on_sigterm_it_drains_and_ends_well(start: Start) -> None:
    sample = start(DRAIN="500ms").listens()
    sample.process.terminate()
    wait_for("the sample to be no longer ready", lambda: sample.ask("/readyz")[0] == 503, 20)
    assert sample.ask("/")[0] == 200, "it goes on answering"
    assert sample.process.wait(timeout=20) == 0


def test_on_sigterm_it_may_end_at_once_or_never(start: Start) -> None:
    quick = start(TERM="exit").listens()
    quick.process.terminate()
    assert quick.process.wait(timeout=20) == 143
    deaf = start(TERM="ignore").listens()
    deaf.process.terminate()
    wait_for("the sample to have heard", lambda: "going on" in deaf.log.read_text(encoding="utf-8"), 20)
    assert deaf.ask("/")[0] == 200


def test_values_and_files_come_byte_for_byte(start: Start, tmp_path: Path) -> None:
    value = 'a "b" $c \\ é'
    file = tmp_path / "value"
    file.write_text(value, encoding="utf-8")
    sample = start(SECRET=value).listens()
    assert sample.ask("/env/SECRET") == (200, value)
    assert sample.ask(f"/file{file}") == (200, value)
    assert sample.ask("/env/NOTHING")[0] == 404


def test_it_asks_others(start: Start) -> None:
    one, other = start(VERSION="one").listens(), start(VERSION="other").listens()
    status, page = one.ask(f"/fetch?url=http://127.0.0.1:{other.port}/")
    assert (status, page.split()[1]) == (200, "other")
    assert one.ask("/fetch?url=http://127.0.0.1:1/")[0] == 502


def test_a_wrong_value_is_told(start: Start) -> None:
    sample = start(ERROR_RATE="often")
    assert sample.process.wait(timeout=20) == 1
    assert 'ERROR_RATE="often"' in sample.log.read_text(encoding="utf-8")
