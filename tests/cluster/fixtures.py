"""The fixtures ``cluster`` and ``namespace``, for every test folder.

One cluster serves a whole run: the first worker that needs it brings it up once the tests are collected, before any
test's own time limit counts; the others wait; the run's end takes it down. With ``KUBECONFIG`` given that cluster is
used instead, and only namespaces of our own are made in it.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.cluster.client import SCRIPT, Cluster, script
from tests.cluster.errors import BedError
from tests.cluster.places import BEDS

_FAILED = pytest.StashKey[str]()


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Cluster:
    """Answer the run's cluster."""
    if given := os.environ.get("KUBECONFIG"):
        return Cluster(given, os.environ.get("CLUSTER_REGISTRY", ""))
    if reason := request.config.stash.get(_FAILED, ""):
        pytest.fail(f"the cluster did not come up: {reason}", pytrace=False)
    name = _name(request.config)
    facts = json.loads(script("status", "--name", name, "--json"))
    return Cluster(facts["kubeconfig"], facts["registry"], name)


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """Answer a namespace of the test's own; what is in it is told where the test fails."""
    with cluster.namespace() as name:
        yield name


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Show what is in a failed test's namespace, which is gone when somebody looks."""
    report = yield
    used = getattr(item, "funcargs", {})
    if call.when == "call" and report.failed and {"cluster", "namespace"} <= used.keys():
        try:
            told = used["cluster"].state(used["namespace"])
        except BedError as problem:
            told = str(problem)
        report.sections.append(("what is in the namespace", told))
    return report


def pytest_collection_finish(session: pytest.Session) -> None:
    """Bring the cluster up where a test of this worker needs it: a test's time limit is no time for that."""
    config = session.config
    wanted = any("cluster" in getattr(item, "fixturenames", ()) for item in session.items)
    if not wanted or config.option.collectonly or os.environ.get("KUBECONFIG"):
        return
    capture = config.pluginmanager.get_plugin("capturemanager")
    with capture.global_and_fixture_disabled():
        config.stash[_FAILED] = _up(_owner(config))


def _up(owner: int) -> str:
    """Bring the run's cluster up, once; answer why it could not be, or nothing."""
    record = _record(owner)
    with record.open("a+", encoding="utf-8") as told:
        fcntl.flock(told, fcntl.LOCK_EX)  # the other workers wait here
        told.seek(0)
        before = told.read()
        if before:
            return before.removeprefix("up")
        command = ["bash", str(SCRIPT), "up", "--name", f"tests-{owner}", "--owner", str(owner)]
        # Its progress goes to the terminal: the first time takes minutes.
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=False)
        answer = (
            "" if done.returncode == 0 else f"scripts/cluster up ended with {done.returncode} (above is why)"
        )
        told.write(answer or "up")
    return answer


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Take the cluster down with the run; what a killed run leaves, the next ``up`` takes away."""
    if hasattr(session.config, "workerinput"):
        return
    _record(os.getpid()).unlink(missing_ok=True)
    name = _name(session.config)
    if (BEDS / name).exists():
        try:
            script("down", "--name", name)
        except BedError as problem:
            print(f"\n{problem}")
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _record(owner: int) -> Path:
    """Answer the file by which the workers of one run agree; pids come again, so its start time is in the name."""
    born = int(psutil.Process(owner).create_time())
    return Path(tempfile.gettempdir()) / f"dreamnet-cluster-{owner}-{born}"


def _owner(config: pytest.Config) -> int:
    """Answer the process that the run lives in: all workers of one run name the same."""
    return os.getppid() if hasattr(config, "workerinput") else os.getpid()


def _name(config: pytest.Config) -> str:
    return f"tests-{_owner(config)}"
