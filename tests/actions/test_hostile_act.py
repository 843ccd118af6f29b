"""Every hostile text at every place where a stranger can put one, under the real act: nothing is obeyed.

What is judged is what the action's own process wrote (``recording``), not what act made of it.
"""

from __future__ import annotations

import json
import urllib.error
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.actions.bed import Bed, bed, told
from tests.actions.fields import messages, mistaken, requests
from tests.actions.hostile import WHOLE, Hostile, corpus, of_each
from tests.actions.obeyed import mistakes_of
from tests.actions.recording import Recorded, recorded, recorder

pytestmark = pytest.mark.slow

INPUTS = ("agent", "input", "request", "config", "dry-run")
WORKFLOW = """\
name: Strange
run-name: ${{{{ github.event.client_payload.t[0] }}}}
on: {{repository_dispatch: {{types: [strange-{number}]}}}}
permissions: {{}}
jobs:
  strange:
    runs-on: ubuntu-latest
    permissions: {{contents: write, issues: write, deployments: write, statuses: write}}
    env: {{DREAMNET_STATE: "${{{{ vars.DREAMNET_STATE }}}}"}}
    steps:
      - uses: actions/checkout@v5
{steps}
"""


def fitting(canary: Path) -> list[Hostile]:
    """Answer the texts that can be in a variable and, all together, in the 64 KB of one dispatch."""
    return [one for one in corpus(canary) if one.fits_environment and len(one.text) < 5000]


def step(**given: str) -> str:
    """Write one step whose inputs are expressions on the dispatch's payload, as strangers' texts come."""
    values = {name: f"${{{{ {value} }}}}" for name, value in given.items()}
    used = {"uses": "dreamnet/dreamnet@main", "continue-on-error": True, "with": values}
    return f"      - {json.dumps(used)}"


def ran(story: Bed, parts: Sequence[tuple[Sequence[str], dict[str, Any]]], programs: Path) -> list[Recorded]:
    """Run each part's steps on its payload, as one workflow each, and answer what each step wrote."""
    story.shop(
        files={
            f".github/workflows/strange-{number}.yml": WORKFLOW.format(number=number, steps="\n".join(steps))
            for number, (steps, _) in enumerate(parts)
        }
    )
    for number, (_, payload) in enumerate(parts):
        story.dispatch(f"strange-{number}", payload)
    story.settle()
    runs = {run.workflow.path: run for run in story.runs()}
    for number, (_, payload) in enumerate(parts):
        run = runs[f".github/workflows/strange-{number}.yml"]
        assert run.conclusion == "success", told(run)[-5000:]
        assert run.title == str(payload["t"][0]).strip()
        for one in run.annotations:
            assert one.title.startswith("DreamNet"), one
    found = recorded(programs)
    assert len(found) >= sum(len(steps) for steps, _ in parts)  # more, where messages started RelayBot
    return found


def judged(found: Sequence[Recorded]) -> None:
    """Assert that nothing in them is obeyed."""
    mistakes = [f"step {number}: {one}" for number, step in enumerate(found) for one in mistakes_of(step)]
    assert not mistakes, "\n".join(mistakes[:40])


def values(one: Recorded) -> list[str]:
    """Answer the inputs that a step was given, in the order of ``INPUTS``."""
    return [one.inputs[name.upper().replace("-", "_")] for name in INPUTS]


def test_in_every_input(canary: Path, tmp_path: Path) -> None:
    """Each text alone in one input, all texts together in each: to the letter, as is the event's file.

    The sample has a text of each kind alone in each input.
    """
    programs = recorder(tmp_path / "record")
    texts = [one.text for one in fitting(canary)]
    assert len(texts) >= 300
    tried = texts if WHOLE else [one.text for one in of_each(fitting(canary), len(INPUTS))]
    firsts = range(0, len(tried) - len(INPUTS) + 1, len(INPUTS))
    alone = [
        {name: f"github.event.client_payload.t[{first + place}]" for place, name in enumerate(INPUTS)}
        for first in firsts
    ]
    every = dict.fromkeys(INPUTS, "github.event.client_payload.a")
    payload = {"t": tried, "a": "\n".join(texts)}
    with bed(tmp_path / "bed", programs=programs) as story:
        found = ran(story, [([step(**one) for one in [*alone, every]], payload)], programs)
    judged(found)
    assert {one.status for one in found} == {3}  # refused, each of them
    assert [text for one in found[:-1] for text in values(one)] == [
        text for first in firsts for text in tried[first : first + len(INPUTS)]
    ]
    assert set(values(found[-1])) == {payload["a"]}
    for one in found:
        assert json.loads(one.payload)["client_payload"] == payload
    assert not canary.exists()


def chunks(requests: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Part the requests so that each part fits into one dispatch (64 KB)."""
    parts: list[list[dict[str, Any]]] = [[]]
    for one in requests:
        if len(json.dumps([*parts[-1], one])) > 60_000:
            parts.append([])
        parts[-1].append(one)
    return parts


@pytest.mark.parametrize("made", [requests, mistaken, messages])
def test_in_every_field_of_a_request_and_a_message(
    made: Callable[[Sequence[str]], list[dict[str, Any]]], canary: Path, tmp_path: Path
) -> None:
    """Over all requests each field holds each text, of the sample texts of each kind (``test_hostile_fields``); and
    each arrives as it was sent."""
    programs = recorder(tmp_path / "record")
    texts = [one.text for one in fitting(canary)]
    assert len(texts) >= 300
    given = made(texts)
    parts = [
        (
            [step(request=f"toJSON(github.event.client_payload.r[{at}])") for at in range(len(part))],
            {"t": texts[number : number + 1], "r": part},
        )
        for number, part in enumerate(chunks(given))
    ]
    with bed(tmp_path / "bed", programs=programs) as story:
        found = ran(story, parts, programs)
    judged(found)
    ours = [one for one in found if not one.agent]  # the others are what came of messages
    sent = Counter(json.dumps(one, sort_keys=True) for one in given)
    arrived = Counter(json.dumps(json.loads(one.inputs["REQUEST"]), sort_keys=True) for one in ours)
    assert arrived == sent
    assert not canary.exists()


def test_what_no_variable_and_no_dispatch_holds(canary: Path, tmp_path: Path) -> None:
    """NUL and half of a surrogate pair come by the event's file as escapes: RelayBot refuses the whole, and says why.

    What is longer than a dispatch may be, GitHub refuses.
    """
    programs = recorder(tmp_path / "record")
    left = [one for one in corpus(canary) if one not in fitting(canary)]
    with bed(tmp_path / "bed", programs=programs) as story:
        story.shop()
        for one in left:
            asks = {"action": "restart", "service": "web", "reason": one.text}
            payload = {"dreamnet": {"agent": "deploykeeper", "input": asks}}
            if len(one.text) < 5000:
                story.dispatch("dreamnet.request.v1", payload)
                continue
            with pytest.raises(urllib.error.HTTPError, match="422"):
                story.dispatch("dreamnet.request.v1", payload)
        story.settle()
        runs = story.runs()
        assert len(runs) == len(left) - 1 == 4
        for run in runs:
            assert run.conclusion == "failure", told(run)[-3000:]
            (note,) = run.annotations
            assert note.title == "DreamNet: request.invalid"
            assert "which is no character" in note.message
        found = recorded(programs)
        assert [one.status for one in found] == [3] * len(runs)
        judged(found)
        assert story.github.violations == []
    assert not canary.exists()
