"""What every test shares: a clean environment, seeded samples, and no skipped test in CI."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

# The same examples in every run; `scripts/prove` runs the same properties with fresh seeds and full counts.
settings.register_profile("dreamnet", derandomize=True, deadline=None, database=None)
settings.load_profile("dreamnet")

pytest_plugins = ["tests.cluster.fixtures"]

IN_CI = os.environ.get("CI", "").lower() in {"1", "true"}
FOREIGN = ("DREAMNET_", "GITHUB_", "RUNNER_", "ACTIONS_", "GH_", "INPUT_")


def pytest_configure() -> None:
    """Take the host's own settings away: a test that needs one sets it."""
    for name in [name for name in os.environ if name.startswith(FOREIGN)]:
        del os.environ[name]


@pytest.fixture(autouse=True)
def _no_signal_is_left_blocked() -> Iterator[None]:
    """Fail the test that leaves signals blocked: whatever a later one starts would inherit that, and never end."""
    yield
    if left := signal.pthread_sigmask(signal.SIG_BLOCK, ()):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, left)
        pytest.fail(f"it left {', '.join(sorted(one.name for one in left))} blocked")


LONGEST = ("tests/actions/", "tests/kubernetes/", "tests/cluster/")
"""Where the stories are that take a minute and more each."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let each worker begin with its part of the longest stories, so that none is left alone with them in the end.

    Each worker gets one piece of the list at first (``--dist worksteal``).
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    long = [one for one in items if one.get_closest_marker("slow") and one.nodeid.startswith(LONGEST)]
    chosen = set(long)
    rest = [one for one in items if one not in chosen]
    size = -(-len(rest) // workers)
    items[:] = [
        one for at in range(workers) for one in (*long[at::workers], *rest[at * size : (at + 1) * size])
    ]


def pytest_collection_finish() -> None:
    """Leave what was imported and collected out of each later look for garbage: it stays to the end, and going through
    it took a tenth of the processor time of the fast tests."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a tier that was skipped was not run, so the run is red."""
    if IN_CI and _skipped(session.config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say why a run without a failure is red."""
    skipped = _skipped(terminalreporter.config)
    if IN_CI and skipped:
        terminalreporter.section("skipped in CI", red=True)
        for name in skipped:
            terminalreporter.line(name)
        terminalreporter.line("With CI=true every tier must run: scripts/setup.sh installs what it needs.")


def _skipped(config: pytest.Config) -> list[str]:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return [report.nodeid for report in reporter.stats.get("skipped", [])] if reporter else []
