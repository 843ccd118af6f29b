"""The engine with the real act, and a host that is only git: what starts, what runs, what is cancelled."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from dreamnet_actions.testing.github.actions.act import ActOptions, find_act
from dreamnet_actions.testing.github.actions.engine import Engine
from dreamnet_actions.testing.github.actions.runs import NotNow
from tests.github.toyhost import ToyHost

pytestmark = pytest.mark.slow
REPOSITORY = "octo/demo"


@pytest.fixture
def host(tmp_path: Path) -> ToyHost:
    return ToyHost(tmp_path)


@pytest.fixture
def engine(host: ToyHost, tmp_path: Path) -> Iterator[Engine]:
    made = Engine(host, tmp_path / "engine", options=ActOptions(interrupt_seconds=2, terminate_seconds=1))
    yield made
    made.close()


PUSH = """
name: Push
run-name: pushed by ${{ github.actor }}
on: push
permissions: {contents: read}
jobs:
  first:
    runs-on: ubuntu-24.04
    outputs: {answer: "${{ steps.think.outputs.answer }}"}
    steps:
      - uses: actions/checkout@v4
      - id: think
        run: |
          echo "answer=$((6 * 7))" >> "$GITHUB_OUTPUT"
          echo "# Thought" >> "$GITHUB_STEP_SUMMARY"
          echo "::warning file=README.md,line=3,title=Hm, yes::so %25 it%0Ais"
          cat README.md; git remote get-url origin; git log --oneline
  second:
    needs: first
    runs-on: [self-hosted, linux]
    steps:
      - run: echo "the answer is ${{ needs.first.outputs.answer }} on ${{ github.ref_name }} at ${{ github.sha }}"
"""


def test_a_push_runs_jobs_in_order_with_outputs_summary_and_annotations(
    host: ToyHost, engine: Engine
) -> None:
    sha = host.push(REPOSITORY, {".github/workflows/push.yml": PUSH, "README.md": "hello from git\n"})
    engine.wait_idle(60)
    (run,) = engine.runs(REPOSITORY)
    assert run.conclusion == "success", run.log
    assert run.title == "pushed by mona"
    assert run.job("first").outputs == {"answer": "42"}
    assert run.summary == "# Thought\n"
    # Not repeated in the log, where only the script itself names them.
    assert run.log.count("Thought") == run.log.count('echo "# Thought"') > 0
    assert "answer=42" not in run.log
    assert f"the answer is 42 on main at {sha}" in "\n".join(run.job("second").log)
    first = "\n".join(run.job("first").log)
    assert "hello from git" in first
    assert f"{host.server_url}/{REPOSITORY}" in first
    (note,) = run.annotations
    assert (note.level, note.file, note.line, note.message) == ("warning", "README.md", 3, "so % it\nis")
    assert [step.conclusion for step in run.job("first").steps] == ["success", "success"]


def commits(files: dict[str, str]) -> dict[str, str]:
    return {f".github/workflows/{name}": text for name, text in files.items()}


def test_mistakes_make_a_failed_run(host: ToyHost, engine: Engine) -> None:
    host.push(REPOSITORY, commits({"bad.yml": "on: psh\njobs: {a: {runs-on: x, steps: [{run: a}]}}"}))
    engine.wait_idle(30)
    (run,) = engine.runs(REPOSITORY)
    assert (run.conclusion, run.title) == ("failure", ".github/workflows/bad.yml")
    assert "Invalid workflow file: .github/workflows/bad.yml" in run.annotations[0].message
    assert "Unexpected value 'psh'" in run.annotations[0].message


STEPS = """
on: push
jobs:
  fails: {runs-on: x, steps: [{run: "exit 3"}, {run: "echo never"}, {if: always(), run: "echo afterwards"}]}
  after: {needs: fails, runs-on: x, steps: [{run: "true"}]}
  cleans: {needs: fails, if: failure(), runs-on: x, steps: [{run: "true"}]}
  many:
    {runs-on: x, name: "leg ${{ matrix.n }}", strategy: {matrix: {n: [1, 2]}}, steps: [{run: "echo n=${{ matrix.n }}"}]}
"""


def test_failure_skips_what_needs_it_and_a_rerun_keeps_what_succeeded(host: ToyHost, engine: Engine) -> None:
    host.push(REPOSITORY, commits({"s.yml": STEPS}))
    engine.wait_idle(60)
    (run,) = engine.runs(REPOSITORY)
    assert run.conclusion == "failure"
    ends = {job.name: job.conclusion for job in run.jobs}
    assert ends == {
        "fails": "failure",
        "after": "skipped",
        "cleans": "success",
        "leg 1": "success",
        "leg 2": "success",
    }
    assert [step.conclusion for step in run.job("fails").steps] == ["failure", "skipped", "success"]
    with pytest.raises(NotNow):
        engine.cancel(run)
    engine.rerun(run, failed_only=True, actor="mona")
    engine.wait_idle(60)
    assert run.now.number == 2
    assert run.conclusion == "failure"
    assert "n=1" not in run.log
    assert "exit 3" in run.log
    assert len(host.tokens) == len(host.revoked)


SLOW = """
on: {workflow_dispatch: {inputs: {n: {required: true}}}}
run-name: run ${{ inputs.n }}
concurrency: {group: g%s}
jobs:
  a:
    runs-on: x
    steps:
      - run: echo began >> "$ROOT/began"; until [ -e "$ROOT/go" ]; do sleep 0.02; done
"""


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("queue", "ends"), [("", "success cancelled success"), (", queue: max", "success success success")]
)
def test_pending_runs_are_replaced_or_kept(host: ToyHost, tmp_path: Path, queue: str, ends: str) -> None:
    engine = Engine(host, tmp_path / "e", options=ActOptions(environment={"ROOT": str(tmp_path)}))
    try:
        host.commit(REPOSITORY, commits({"slow.yml": SLOW % queue}))
        runs = [engine.dispatch(REPOSITORY, "slow.yml", ref="main", inputs={"n": str(n)}) for n in range(3)]
        until((tmp_path / "began").exists)
        waiting = {run.status for run in runs[1:]}
        assert waiting == ({"pending"} if queue else {"completed", "pending"})
        (tmp_path / "go").touch()
        engine.wait_idle(60)
        assert " ".join(str(run.conclusion) for run in runs) == ends
        if not queue:
            assert "higher priority waiting request for g exists" in runs[1].annotations[0].message
    finally:
        engine.close()


SIGNALS = """
on: workflow_dispatch
jobs:
  a:
    runs-on: x
    timeout-minutes: %s
    steps:
      - run: |
          trap 'echo got-int >> "$ROOT/seen"; exit 9' INT
          sleep 1000 & echo $! > "$ROOT/child"; touch "$ROOT/began"
          while true; do sleep 0.02; done
      - run: echo never >> "$ROOT/seen"
      - if: cancelled() || failure()
        run: echo cleaned >> "$ROOT/seen"
"""


@pytest.mark.parametrize("minutes", ["60", "1"])
def test_cancel_and_time_limit_send_sigint_and_leave_nothing(
    host: ToyHost, tmp_path: Path, minutes: str
) -> None:
    options = ActOptions(environment={"ROOT": str(tmp_path)}, minute=1.0 if minutes == "1" else 60.0)
    engine = Engine(host, tmp_path / "e", options=options)
    try:
        host.commit(REPOSITORY, commits({"s.yml": SIGNALS % minutes}))
        run = engine.dispatch(REPOSITORY, "s.yml", ref="main")
        until((tmp_path / "began").exists)
        child = int((tmp_path / "child").read_text())
        if minutes == "60":
            engine.cancel(run)
        engine.wait_idle(30)
        assert run.conclusion == "cancelled", run.log
        assert run.job("a").conclusion == "cancelled"
        assert (tmp_path / "seen").read_text().split() == ["got-int", "cleaned"]
        assert not lives(child)
        if minutes == "1":
            assert "has exceeded the maximum execution time of 1 minutes" in run.annotations[-1].message
    finally:
        engine.close()


def lives(pid: int) -> bool:
    """A killed process that nobody has waited for yet (its parent is gone) is none."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_step_that_ignores_signals_is_killed(host: ToyHost, tmp_path: Path) -> None:
    options = ActOptions(environment={"ROOT": str(tmp_path)}, interrupt_seconds=0.3, terminate_seconds=0.2)
    engine = Engine(host, tmp_path / "e", options=options)
    try:
        text = """
on: workflow_dispatch
jobs: {a: {runs-on: x, steps: [{run: "trap '' INT TERM; touch $ROOT/began; while true; do sleep 0.02; done"}]}}
"""
        host.commit(REPOSITORY, commits({"s.yml": text}))
        run = engine.dispatch(REPOSITORY, "s.yml", ref="main")
        until((tmp_path / "began").exists)
        engine.cancel(run)
        engine.wait_idle(20)
        assert run.conclusion == "cancelled"
    finally:
        engine.close()


def test_close_ends_everything_at_once(host: ToyHost, tmp_path: Path) -> None:
    engine = Engine(host, tmp_path / "e", options=ActOptions(environment={"ROOT": str(tmp_path)}))
    # They run for an hour, which no test has: who waited for them would not end.
    host.commit(REPOSITORY, commits({"s.yml": SIGNALS % 60}))
    runs = [engine.dispatch(REPOSITORY, "s.yml", ref="main") for _ in range(4)]
    until((tmp_path / "child").exists)
    engine.close()
    assert {run.conclusion for run in runs} == {"cancelled"}
    left = [one for one in psutil.process_iter() if str(tmp_path) in " ".join(_command(one))]
    assert left == []
    assert engine.hear(runs[0].event) == []


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_secrets_are_masked_and_never_arguments(host: ToyHost, tmp_path: Path) -> None:
    host.kept_secrets = {"KEY": "s3cr3t-value", "LINES": "first line\nsecond 'line' #x"}
    host.kept_variables = {"PLACE": "Köln: a # b"}
    engine = Engine(host, tmp_path / "e", options=ActOptions(environment={"ROOT": str(tmp_path)}))
    try:
        text = """
on: push
jobs:
  a:
    runs-on: x
    steps:
      - run: |
          echo "key=$KEY token=$TOKEN"; printf '%s' "$LINES" > "$ROOT/lines"; echo "at $PLACE"
          ps -eo args > "$ROOT/args"
        env:
          KEY: ${{ secrets.KEY }}
          LINES: ${{ secrets.LINES }}
          PLACE: ${{ vars.PLACE }}
          TOKEN: ${{ github.token }}
"""
        host.push(REPOSITORY, commits({"a.yml": text}))
        engine.wait_idle(30)
        (run,) = engine.runs(REPOSITORY)
        assert run.conclusion == "success", run.log
        assert "key=*** token=***" in run.log
        assert "at Köln: a # b" in run.log
        assert (tmp_path / "lines").read_text() == host.kept_secrets["LINES"]
        seen = (tmp_path / "args").read_text()
        assert "act push" in seen.replace(str(find_act()), "act")
        assert "s3cr3t" not in seen
        assert not any(token in seen for token in host.tokens)
        left = [
            path for path in (tmp_path / "e").rglob("*") if path.is_file() and b"s3cr3t" in path.read_bytes()
        ]
        assert left == []
    finally:
        engine.close()


CALLEE = """
on: {workflow_call: {inputs: {n: {type: string, required: true}}}}
concurrency: {group: "callee-${{ inputs.kind || 'all' }}"%s}
jobs:
  one: {runs-on: x, steps: [{run: 'echo "begin $N" >> $ROOT/story', env: {N: "${{ inputs.n }}"}}]}
  two:
    needs: one
    runs-on: x
    steps: [{run: 'sleep 0.3; echo "end $N" >> $ROOT/story', env: {N: "${{ inputs.n }}"}}]
"""
CALLER = """
on: {workflow_dispatch: {inputs: {n: {required: true}}}}
jobs: {call: {uses: ./.github/workflows/callee.yml, with: {n: "${{ inputs.n }}"}}}
"""


def test_a_called_workflows_group_is_held_from_its_first_job_to_its_last(
    host: ToyHost, tmp_path: Path
) -> None:
    engine = Engine(host, tmp_path / "e", options=ActOptions(environment={"ROOT": str(tmp_path)}, at_once=4))
    try:
        host.commit(REPOSITORY, commits({"callee.yml": CALLEE % ", queue: max", "caller.yml": CALLER}))
        runs = [engine.dispatch(REPOSITORY, "caller.yml", ref="main", inputs={"n": str(n)}) for n in range(4)]
        engine.wait_idle(60)
        assert [run.conclusion for run in runs] == ["success"] * 4, runs[0].log
        story = (tmp_path / "story").read_text().split("\n")[:-1]
        assert len(story) == 8
        for begin, end in zip(story[::2], story[1::2], strict=True):
            assert (begin.split()[0], end.split()[0]) == ("begin", "end")
            assert begin.split()[1] == end.split()[1]
        assert [step.name for step in runs[0].job("call", "one").steps] == [
            'Run echo "begin $N" >> $ROOT/story'
        ]
        assert [step.conclusion for step in runs[0].job("call", "one").steps] == ["success"]
    finally:
        engine.close()


JOBS = """
on: {workflow_dispatch: {}}
%s
jobs:
  a:
    runs-on: x
    concurrency: {group: job-group%s}
    steps: [{run: 'echo began >> $ROOT/began; until [ -e "$ROOT/go" ]; do sleep 0.02; done'}]
"""


def test_a_job_that_waits_for_its_group_is_replaced_by_a_newer_one(host: ToyHost, tmp_path: Path) -> None:
    engine = Engine(host, tmp_path / "e", options=ActOptions(environment={"ROOT": str(tmp_path)}, at_once=3))
    try:
        host.commit(REPOSITORY, commits({"j.yml": JOBS % ("", "")}))
        first = engine.dispatch(REPOSITORY, "j.yml", ref="main")
        until((tmp_path / "began").exists)
        second = engine.dispatch(REPOSITORY, "j.yml", ref="main")
        until(lambda: bool(second.jobs) and second.jobs[0].status == "pending")
        third = engine.dispatch(REPOSITORY, "j.yml", ref="main")
        assert second.ended.wait(30)
        assert second.conclusion == "cancelled"
        assert "higher priority waiting request for job-group exists" in second.annotations[0].message
        (tmp_path / "go").touch()
        engine.wait_idle(30)
        assert (first.conclusion, third.conclusion) == ("success", "success")
        assert (tmp_path / "began").read_text().split() == ["began", "began"]
    finally:
        engine.close()


def test_the_same_group_above_and_below_is_a_deadlock_that_is_cancelled(
    host: ToyHost, tmp_path: Path
) -> None:
    engine = Engine(host, tmp_path / "e", options=ActOptions(environment={"ROOT": str(tmp_path)}))
    try:
        host.commit(REPOSITORY, commits({"j.yml": JOBS % ("concurrency: Job-Group", "")}))
        run = engine.dispatch(REPOSITORY, "j.yml", ref="main")
        engine.wait_idle(30)
        assert run.conclusion == "cancelled"
        assert "a deadlock for concurrency group 'job-group' was detected" in run.annotations[0].message
    finally:
        engine.close()


@pytest.mark.parametrize("keep", [False, True])
def test_what_steps_leave_running_ends_with_the_run_or_with_the_engine(
    host: ToyHost, tmp_path: Path, keep: bool
) -> None:
    options = ActOptions(environment={"ROOT": str(tmp_path)}, keep_processes=keep)
    engine = Engine(host, tmp_path / "e", options=options)
    try:
        # act's terminal would end it with SIGHUP; GitHub's runner has none.
        text = "on: push\njobs: {a: {runs-on: x, steps: [{run: \"trap '' HUP; sleep 1000 & echo $! > $ROOT/pid\"}]}}"
        host.push(REPOSITORY, commits({"a.yml": text}))
        engine.wait_idle(30)
        (run,) = engine.runs(REPOSITORY)
        assert run.conclusion == "success", run.log
        assert lives(int((tmp_path / "pid").read_text())) is keep
    finally:
        engine.close()
    assert not lives(int((tmp_path / "pid").read_text()))
