"""A bug of ours may quote a value; its traceback is logged without it, wherever it is caught."""

from __future__ import annotations

import gc
import logging
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn

import pytest

from dreamnet_actions.adapters.console.reporter import ConsoleReporter
from dreamnet_actions.domain.result import AgentResult
from dreamnet_actions.domain.secret import SecretValue
from dreamnet_actions.entrances.action import run
from dreamnet_actions.entrances.watch import log

VALUE = "correct-horse-battery"
CONFIG = "version: 1\nenv:\n  app: {from: {dotenv: app.env}, to: [{dotenv: out.env}]}\n"
COMMAND = """\
import sys
from dreamnet_actions.bootstrap.system import System
def broken(self):
    raise RuntimeError({'value': 'correct-horse-battery'}) from KeyError(b'correct-horse-battery')
System.finish = broken
"""
CLI = f"{COMMAND}from dreamnet_actions.entrances.cli.root import dreamnet\ndreamnet(['-q', 'sync'])\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "dreamnet.yml").write_text(CONFIG)
    (tmp_path / "app.env").write_text(f"KEY={VALUE}\n")
    return tmp_path


def test_the_command_line_logs_a_bug_without_the_value(root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CLI], cwd=root, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 70
    assert "This is a bug of DreamNet's" in done.stderr
    assert "RuntimeError: {'value': '***'}" in done.stderr
    assert "KeyError: b'***'" in done.stderr
    assert VALUE not in done.stdout + done.stderr
    assert (root / "out.env").read_text().endswith(f"KEY={VALUE}\n")


def test_a_record_is_rewritten_before_any_handler_sees_it(caplog: pytest.LogCaptureFixture) -> None:
    reporter = ConsoleReporter(quiet=True)
    reporter.mask(SecretValue(VALUE))
    with caplog.at_level(logging.WARNING):
        try:
            raise ValueError(VALUE)
        except ValueError:
            log.exception("The round failed with %s", VALUE)
        logging.getLogger("some.library").warning("sent %r", {"key": VALUE})
        logging.getLogger("some.library").warning("100 % of it")
    assert VALUE not in caplog.text
    assert "The round failed with ***" in caplog.text
    assert "ValueError: ***" in caplog.text
    assert "sent {'key': '***'}" in caplog.text
    assert "100 % of it" in caplog.text


def test_a_record_whose_arguments_do_not_fit_is_told_without_them(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    class Odd:
        def __str__(self) -> str:
            raise RuntimeError(VALUE)

    reporter = ConsoleReporter(quiet=True)
    reporter.mask(SecretValue(VALUE))
    some = logging.getLogger("some.library")
    with caplog.at_level(logging.WARNING):
        some.warning("no place for it", VALUE)
        some.warning("%d", VALUE)
        some.warning("%s", Odd())
    assert [one.getMessage().count("its arguments do not fit") for one in caplog.records] == [1, 1, 1]
    assert VALUE not in caplog.text + "".join(capsys.readouterr())


def test_what_a_reporter_knew_is_forgotten_with_it(caplog: pytest.LogCaptureFixture) -> None:
    told = "a-value-of-this-test-alone"
    reporter = ConsoleReporter(quiet=True)
    reporter.mask(SecretValue(told))
    del reporter
    gc.collect()
    with caplog.at_level(logging.WARNING):
        logging.getLogger("dreamnet").warning(told)
    assert told in caplog.text


def test_a_step_of_a_workflow_logs_a_bug_without_the_value(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[AgentResult] = []

    def broken(_: object) -> NoReturn:
        system = SimpleNamespace(
            reporter=ConsoleReporter(quiet=True)
        )  # kept by this frame, as the real one is
        system.reporter.mask(SecretValue(VALUE))
        raise RuntimeError(VALUE)

    monkeypatch.setattr(run, "run", broken)
    monkeypatch.setattr(run, "tell", lambda result, *_, **__: told.append(result))
    try:
        with caplog.at_level(logging.ERROR):
            assert run.main() == 70
    finally:  # a step's end lets no signal in any more
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
    assert "RuntimeError: ***" in caplog.text
    assert VALUE not in caplog.text + str(told[0].to_json())
