"""The sink job-environment: what the runner's own grammar reads of it, what is masked first, and what is refused."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from dreamnet_actions.adapters.runner.environment import LARGEST, JobEnvironmentSink
from dreamnet_actions.domain.secret import SecretValue
from dreamnet_actions.errors import Conflict, NotFound, PermanentError, RefusedError
from dreamnet_actions.testing.contracts.secrets import HARD, versioned
from tests.actions.grammar import pairs, parse

REFUSED = (
    "GITHUB_TOKEN", "github_env", "RUNNER_TEMP", "ACTIONS_ID_TOKEN", "CI", "PATH", "LD_PRELOAD", "NODE_OPTIONS",
    "PYTHONPATH", "PYTHONSTARTUP", "GOPATH", "BASH_ENV", "ENV", "GIT_SSH_COMMAND", "DYLD_INSERT_LIBRARIES", "HOME",
    "PERL5OPT", "RUBYOPT", "JAVA_TOOL_OPTIONS", "A-B", "1A",
)  # fmt: skip


def test_the_runner_reads_each_value_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_bytes(b"theirs=1")
    values = {name.upper(): value for name, value in HARD.items()}
    values["SNEAKY"] = "x\nEOF\nPATH<<EOF\n/evil\nEOF"
    sink = JobEnvironmentSink(str(file))
    first = sink.write(versioned(values, "1"))
    assert dict(pairs(file.read_bytes())) == {"theirs": "1", **values}
    assert (sink.state().revision, sink.state().versions["BLANK"]) == (first, "1")
    kept = {name: "1" for name in values if name not in ("SNEAKY", "TAB")}
    sink.write(versioned({"SNEAKY": "2"}, "2"), keep=kept)
    assert dict(pairs(file.read_bytes())) == {"theirs": "1", **values, "SNEAKY": "2", "TAB": ""}
    with pytest.raises(NotFound):
        sink.restore(first)
    with pytest.raises(Conflict):
        sink.write({}, keep={"NEVER": "1"})


def test_what_no_step_may_get_is_told_whole_and_nothing_is_written(tmp_path: Path) -> None:
    file = tmp_path / "env"
    sink = JobEnvironmentSink(str(file))
    wrong = dict.fromkeys(REFUSED, "1") | {"NUL": "\0", "BYTES": "\udcff", "LONG": "x" * LARGEST}
    with pytest.raises(PermanentError) as told:
        sink.write(versioned({"GOOD": "1", "CONFIG_PATH": "/etc/app", "ENVIRONMENT": "x", **wrong}))
    assert all(f"{name}:" in told.value.message for name in wrong)
    assert not any(f" {name}:" in told.value.message for name in ("GOOD", "CONFIG_PATH", "ENVIRONMENT"))
    assert not file.exists()


@pytest.mark.slow
def test_a_step_masks_every_form_first_and_elsewhere_it_is_refused(tmp_path: Path) -> None:
    import subprocess

    (tmp_path / "dreamnet.yml").write_text(
        "version: 1\nenv:\n  build: {from: {dotenv: b.env}, to: [{job-environment: next-steps}]}\n"
    )
    (tmp_path / "b.env").write_text("TOKEN='correct horse'\n")
    file = tmp_path / "env"
    file.touch()
    ask = [sys.executable, "-m", "dreamnet_actions", "sync"]
    base = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "GITHUB_ENV": str(file)}
    here = subprocess.run(
        ask, cwd=tmp_path, env=base, capture_output=True, text=True, timeout=60, check=False
    )
    assert (here.returncode, file.read_text()) == (RefusedError.exit_status, "")
    assert "is for a step of a workflow" in here.stdout + here.stderr
    step = subprocess.run(
        ask,
        cwd=tmp_path,
        env={**base, "GITHUB_ACTIONS": "true"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert step.returncode == 0, step.stderr
    assert dict(pairs(file.read_bytes())) == {"TOKEN": "correct horse"}
    lines = (step.stdout + step.stderr).splitlines()
    commands = [found for line in lines if (found := parse(line)) is not None]
    masked = {one.data for one in commands if one.name == "add-mask"}
    assert masked >= SecretValue("correct horse").forms()
    assert not any("correct horse" in line for line in lines if not line.startswith("::add-mask::"))
