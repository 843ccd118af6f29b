"""The pure rules behind `dreamnet init`: YAML, names, words, branches, schedules, costs."""

from __future__ import annotations

import json
import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dreamnet_actions.config.reader import read_text
from dreamnet_actions.config.tree import plain
from dreamnet_actions.domain.actions import ACTIONS, EVERY
from dreamnet_actions.domain.cron import parse_cron, parse_schedule
from dreamnet_actions.domain.request import parse_request
from dreamnet_actions.entrances.action.event import Happened, asked
from dreamnet_actions.entrances.action.inputs import Inputs
from dreamnet_actions.entrances.setup import cost, published
from dreamnet_actions.entrances.setup.called import CALLED, DREAM
from dreamnet_actions.entrances.setup.recognise import label, words_of
from dreamnet_actions.entrances.setup.workflows import MOST_LINES, Wanted, branch_pattern, callers
from dreamnet_actions.entrances.setup.yaml import flow
from dreamnet_actions.errors import RequestInvalid

PIN = "0123456789abcdef0123456789abcdef01234567"

TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-9999, 9999) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=10,
)


@given(DATA)
def test_flow_style_means_what_it_says(value: object) -> None:
    line = flow({"key": value})
    assert "\n" not in line
    assert yaml.safe_load(line) == {"key": value}
    if _ours(value):
        assert plain(read_text(line).root) == {"key": value}


def _ours(value: object) -> bool:
    """Leave out what our own reader refuses whatever way it is written (control characters, empty keys)."""
    text = json.dumps(value, ensure_ascii=False)
    return text.isprintable() and '""' not in text


@given(TEXT)
def test_a_label_is_always_a_name(text: str) -> None:
    made = label(text)
    assert re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", made)
    assert made != "self"
    assert label(made) == made


@given(st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=40))
def test_a_command_line_is_words_or_a_shells(line: str) -> None:
    try:
        words = words_of(line)
    except ValueError:
        return
    if words[:2] == ("sh", "-c") and len(words) == 3:
        assert words[2] == line.strip() or words == tuple(line.split())
    else:
        assert not any("`" in word or "$(" in word or "|" in word for word in words)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\\"), max_size=30))
def test_a_branch_pattern_has_no_magic(branch: str) -> None:
    try:
        pattern = branch_pattern(branch)
    except RequestInvalid:
        assert "${{" in branch
        return
    assert pattern.replace("\\", "") == branch
    assert not re.search(r"(?<!\\)[*?+\[\]!]", pattern)


@pytest.mark.parametrize(
    ("line", "runs", "gap"),
    [
        ("7,37 * * * *", 1440, 30),
        ("*/5 * * * *", 8640, 5),
        ("0 0 * * *", 30, 1440),
        ("0 9-17 * * mon-fri", 30 * 9 * 5 / 7, 60),
        ("0 0 1 * *", 30 / 31, 1440),
        ("58,2 * * * *", 1440, 4),
        ("0 0 1 1 *", 30 / 31 / 12, 1440),
    ],
)
def test_cron_counts(line: str, runs: float, gap: int) -> None:
    cron = parse_cron(line)
    assert cron.per_month == pytest.approx(runs)
    assert cron.gap == gap


@pytest.mark.parametrize(
    "line",
    ["", "* * * *", "60 * * * *", "* 24 * * *", "a * * * *", "5-1 * * * *", "*/0 * * * *", "* * 0 * *"],
)
def test_what_is_no_cron_line_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"cron line|takes|range|step"):
        parse_cron(line)


@pytest.mark.parametrize("text", ["5m", "10m", "15m", "30m", "1h", "2h", "6h", "24h"])
def test_a_duration_is_a_schedule_of_that_length(text: str) -> None:
    cron = parse_schedule(text)
    minutes = int(text[:-1]) * (60 if text.endswith("h") else 1)
    assert cron.gap == minutes
    assert cron.per_month == 30 * 1440 / minutes
    assert 0 not in cron.minutes, "on the hour GitHub's queues are longest"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("4m", "too short"),
        ("450s", "no whole number of minutes"),
        ("90m", "neither an hour nor a day"),
        ("7h", "neither"),
    ],
)
def test_a_duration_that_is_no_schedule_says_why(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_schedule(text)


def test_the_cost_is_runs_times_jobs() -> None:
    one = cost.costs({DREAM: "*/15 * * * *"})[0]
    assert (one.runs, one.minutes) == (2880, 2880 * CALLED[DREAM].jobs)
    said = " ".join(cost.told([one]))
    assert "2,880 min" in said
    assert "more than the free allowance" in said
    assert "leaves 560" in " ".join(cost.told(cost.costs({DREAM: "7,37 * * * *"})))


@pytest.mark.parametrize(
    ("keeper", "action"), [(one, action) for one in CALLED for action in CALLED[one].actions]
)
def test_a_button_that_is_pressed_as_it_stands_is_a_request(keeper: str, action: str) -> None:
    called = CALLED[keeper]
    fields = {"action": action, "dry-run": "false"} | dict.fromkeys(called.fields, "")
    fields |= {"service": EVERY} if "service" in called.fields else {}
    needed = {key: "1" for key, row in ACTIONS[called.agent][action].keys.items() if row.required}
    assert set(needed) <= set(called.fields), (
        "the button has a field for everything that it cannot do without"
    )
    found = asked(
        Inputs(agent=called.agent), Happened(name="workflow_dispatch", payload={"inputs": fields | needed})
    )
    assert found.request is not None
    assert parse_request(found.request, fresh_id="x").action == action
    assert "service" not in found.request["input"]


def test_a_dry_run_is_handed_on_by_every_caller() -> None:
    for text in callers(Wanted(branch="main", services=("web",), with_env=True, runner="mine")).values():
        workflow = yaml.safe_load(text)
        (job,) = workflow["jobs"].values()
        assert job["with"] == {"dry-run": "${{ inputs.dry-run || false }}", "runs-on": "mine"}
        assert "dry-run" in workflow[True]["workflow_dispatch"]["inputs"]


def test_many_services_are_a_field_and_not_a_drop_down() -> None:
    names = tuple(f"s{number}" for number in range(200))
    for text in callers(Wanted(branch="main", services=names)).values():
        assert len(text.splitlines()) <= MOST_LINES
        assert "s199" not in text


def test_a_release_knows_its_commit() -> None:
    assert published.ref() == published.MAJOR, "a checkout has no released.txt"
    assert published.address("relaybot", PIN).endswith(f"@{PIN} # v1")
