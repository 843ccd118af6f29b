"""The hostile texts where no step's input is: messages through RelayBot, branches, commits, releases and buttons.

Nothing of them is obeyed (``obeyed``), and what is kept of them is data.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from dreamnet_actions.domain.markdown import BREAK
from dreamnet_actions.testing.github.actions.runs import Run
from tests.actions.bed import APP, SHOP, Bed, bed, told
from tests.actions.grammar import pairs
from tests.actions.hostile import Hostile, encodes
from tests.actions.obeyed import markdown_mistakes
from tests.actions.recording import Recorded, recorded, recorder
from tests.actions.test_hostile_act import EXPRESSION, fitting, judged

pytestmark = pytest.mark.slow


def texts(canary: Path, *, inputs: bool = False) -> list[str]:
    """Answer the texts that UTF-8 and a variable hold. For ``inputs`` of a step none that act, unlike GitHub, evaluates
    a second time there."""
    found = [one.text for one in fitting(canary) if encodes(one.text)]
    found = [one for one in found if one.strip() and not (inputs and EXPRESSION in one)]
    assert len(found) >= 300
    return found


def parts(given: Sequence[str], count: int) -> list[str]:
    """Join the texts to ``count`` ones that hold all of them, each on lines of its own."""
    return ["\n".join(given[at::count]) for at in range(count)]


def quiet(runs: Sequence[Run]) -> None:
    """Assert that the runs have no annotation but ours."""
    for run in runs:
        for one in run.annotations:
            assert one.title.startswith("DreamNet"), f"{run.title}: {one}"


def steps(programs: Path, at_least: int) -> list[Recorded]:
    """Answer what every step wrote, once nothing of it is obeyed."""
    found = recorded(programs)
    assert len(found) >= at_least
    judged(found)
    return found


def kept(story: Bed) -> str:
    """Answer all that is on the branch ``dreamnet``; every line of it must be JSON."""
    world = story.github.world
    git = world.git(world.repository(SHOP))
    whole = []
    for path in git.text("ls-tree", "-r", "--name-only", "dreamnet").splitlines():
        text = git.text("show", f"dreamnet:{path}")
        if path.endswith(".jsonl"):
            for line in text.split("\n"):
                assert not line or json.loads(line) is not None
        elif path.endswith(".json"):
            json.loads(text)
        else:
            assert path == "README.md"  # it is ours, and always the same
        whole.append(text)
    return "\n".join(whole)


def neutral(story: Bed) -> list[dict[str, Any]]:
    """Assert that every dream and all its comments are text and nothing else; answers the dreams."""
    ours = [one for one in story.issues() if one["user"]["login"] == "github-actions[bot]"]
    for one in ours:
        assert markdown_mistakes(one["body"]) == [], one["body"]
        assert one["title"].replace(BREAK, "").isprintable()
        assert not re.search(r"@\w|#\d|`", one["title"]), one["title"]
        for comment in story.get(f"/issues/{one['number']}/comments"):
            assert markdown_mistakes(comment["body"]) == [], comment["body"]
    return ours


def printable(story: Bed) -> None:
    """Assert that what Deployments say has no character that controls anything."""
    said = []
    for one in story.get("/deployments"):
        said.append(one["description"] or "")
        said += [status["description"] for status in story.get(f"/deployments/{one['id']}/statuses")]
    assert said
    assert all(one.replace(BREAK, "").isprintable() for one in said), said


# ── messages and requests ───────────────────────────────────────────────────────────────────────────────────


def asked(all_of: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
    """Answer dispatched requests: some come into their keeper's job, RelayBot refuses the others."""
    first, second, third, fourth, fifth = (one[:4000] for one in parts(all_of, 5))
    requests: list[dict[str, Any]] = [
        {"agent": "deploykeeper", "input": {"action": "restart", "service": "web", "reason": first}},
        {"agent": "deploykeeper", "input": {"action": "deploy", "version": second, "reason": third}},
        {"agent": "dreamkeeper", "input": {"action": "wont-fix", "dream": "1", "reason": fourth}},
        {"agent": "envkeeper", "input": {"action": "plan", "entry": fifth}},
        {"agent": first, "id": second, "correlation_id": third, "input": {fourth: fifth}},
    ]
    return [("dreamnet.request.v1", {"dreamnet": one}) for one in requests]


def told_of(all_of: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
    """Answer messages, ours and strangers', with the texts in each field."""
    first, second, third, fourth, fifth, sixth = parts(all_of, 6)
    event = {
        "specversion": "1.0", "source": "/dreamnet/user", "type": "dreamnet.message.v1",
        "time": "2026-11-01T00:00:00Z", "data": {},
    }  # fmt: skip
    messages: list[dict[str, Any]] = [
        {"id": "m-1", "subject": "health-check-failed-needs-restart", "to": "deploykeeper", "correlationid": fifth,
         "causationid": sixth, "data": {"service": "web", "reason": first, "dream": second, "remedy": third,
                                        "key": fourth, fifth: sixth}},
        {"id": "m-2", "subject": "restart-finished", "to": "dreamkeeper", "correlationid": sixth,
         "data": {"service": "web", "outcome": first, "verdict": second, "summary": third, "remedy": fourth}},
        {"id": "m-3", "subject": fifth, "to": sixth, "correlationid": first, "data": {one: one for one in all_of}},
    ]  # fmt: skip
    foreign = ("secret-changed", {"entry": fifth, "reason": sixth, first: second})
    return [*(("dreamnet.message.v1", {"dreamnet": {**event, **one}}) for one in messages), foreign]


@pytest.mark.parametrize(
    ("made", "keepers"),
    [
        (asked, {"deploykeeper", "dreamkeeper", "envkeeper"}),
        (told_of, {"deploykeeper", "dreamkeeper", "envkeeper"}),
    ],
    ids=["requests", "messages"],
)
def test_through_relaybots_own_workflow(made: Any, keepers: set[str], tmp_path: Path) -> None:
    """Subject and correlation id name the run; RelayBot hands the whole on as an output, to the job of its keeper."""
    canary, programs = tmp_path / "canary", recorder(tmp_path / "record")
    with bed(tmp_path / "bed", programs=programs) as story:
        story.shop()
        story.push("1")
        story.settle()
        dispatches = made(texts(canary, inputs=True))
        for kind, payload in dispatches:
            story.dispatch(kind, payload)
        story.settle()
        relayed = [run for run in story.runs() if run.event.name == "repository_dispatch"]
        assert len(relayed) >= len(dispatches)
        assert {run.title.split()[0] for run in relayed} == {"DreamNet"}
        quiet(story.runs())
        found = steps(programs, len(dispatches))
        worked = {one.agent for one in found if one.event == "repository_dispatch"}
        assert worked == keepers | {"relaybot"}, [told(run)[-1500:] for run in relayed]
        assert "touch" in kept(story)
        neutral(story)
        assert story.page() == "shop 1"
        assert story.github.violations == []
    assert not canary.exists()


# ── what git carries ────────────────────────────────────────────────────────────────────────────────────────

STRANGE = """\
name: Strange
on:
{events}
permissions: {{}}
jobs:
  strange:
    runs-on: ubuntu-latest
    permissions: {{contents: write, issues: write, deployments: write}}
    env: {{DREAMNET_STATE: "${{{{ vars.DREAMNET_STATE }}}}"}}
    steps:
      - uses: actions/checkout@v5
{steps}
"""


def workflow(events: str, *agents: str) -> str:
    """Write a workflow of the shop's own, with one step for each agent."""
    used = [
        {
            "uses": "dreamnet/dreamnet@main",
            "continue-on-error": True,
            **({"with": {"agent": one}} if one else {}),
        }
        for one in agents
    ]
    return STRANGE.format(events=events, steps="\n".join(f"      - {json.dumps(one)}" for one in used))


def names(all_of: Sequence[Hostile], most: int) -> list[str]:
    """Answer names for branches and tags: the texts as git takes them, joined while a file's name holds them."""
    found: list[str] = [""]
    for one in all_of:
        # A slash would make a folder, and git has no branch beside a folder of its name.
        name = one.branch.replace("/", "\u2215")
        if name in ("x", "HEAD", "@") or len(name.encode()) > 120:
            continue
        if len(found[-1].encode()) + len(name.encode()) > 190:
            found.append("")
        found[-1] = f"{found[-1]}-{name}" if found[-1] else name
    return [one.strip(".-") for one in found if one.strip(".-")][:most]


def git(where: Path, *arguments: str) -> str:
    who = ["-c", "user.name=mallory", "-c", "user.email=mallory@example.com"]
    done = subprocess.run(["git", *who, *arguments], cwd=where, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_in_the_names_of_branches(tmp_path: Path) -> None:
    """They are pushed by git itself. Nothing is released from them, and each run says so."""
    canary, programs = tmp_path / "canary", recorder(tmp_path / "record")
    usable = [one for one in fitting(canary) if encodes(one.text) and EXPRESSION not in one.text]
    many = [
        *names(usable, 18),
        *(one.branch for one in usable if one.kind == "shell" and one.branch != "x"),
    ]
    branches = list(dict.fromkeys(many))[:20]  # how many texts fit a name depends on the canary's own
    assert len(branches) >= 15
    with bed(tmp_path / "bed", programs=programs) as story:
        story.shop(files={".github/workflows/strange.yml": workflow("  push:", "deploykeeper")})
        token = story.github.person("mallory", "write")
        url = story.github.server_url.replace("http://", f"http://mallory:{token}@")
        git(tmp_path, "clone", "-q", f"{url}/{SHOP}.git", "clone")
        clone = tmp_path / "clone"
        (clone / "note").write_text("x", encoding="utf-8")
        git(clone, "add", "note")
        git(clone, "commit", "-q", "-m", "note")
        for at in range(0, len(branches), 5):
            git(clone, "push", "-q", "origin", *(f"HEAD:refs/heads/{one}" for one in branches[at : at + 5]))
        story.settle()
        runs = [run for run in story.runs() if run.ref.removeprefix("refs/heads/") in branches]
        assert len(runs) == len(branches)
        for run in runs:
            assert run.conclusion == "success", told(run)
        quiet(runs)
        found = steps(programs, len(branches))
        outcomes = {json.loads(outputs(one)["result"])["outcome"] for one in found}
        assert outcomes == {"unchanged"}
        assert story.page().startswith("no answer")
        assert story.github.violations == []
    assert not canary.exists()


def outputs(step: Recorded) -> dict[str, str]:
    return dict(pairs(step.files["GITHUB_OUTPUT"]))


def test_in_commits_and_releases_that_are_deployed(tmp_path: Path) -> None:
    """Subject and body of commits on ``main``, one of which is taken back; tag, title and text of releases."""
    canary, programs = tmp_path / "canary", recorder(tmp_path / "record")
    all_of = texts(canary)
    one_line = " ".join(" ".join(one.split()) for one in all_of)
    usable = [one for one in fitting(canary) if encodes(one.text) and EXPRESSION not in one.text]
    tags = names(usable, 40)[:40:20]
    with bed(tmp_path / "bed", programs=programs) as story:
        events = "  release: {types: [published]}"
        story.shop(files={".github/workflows/strange.yml": workflow(events, "deploykeeper", "")})
        whole = "\n".join(all_of)
        story.push("1")
        story.settle()
        for version, status, subject in (("2", 200, one_line[:8000]), ("3", 500, one_line[-8000:])):
            app = APP.format(version=version, status=status)
            story.github.commit(SHOP, {"app.py": app}, f"{subject}\n\n{whole}")
            story.settle()
        assert story.page() == "shop 2"
        for tag in tags:
            released = {"tag_name": tag, "target_commitish": "main", "name": one_line[:4000], "body": whole}
            story.post("/releases", released)
        story.settle()
        quiet(story.runs())
        steps(programs, 3 + 2 * len(tags))
        printable(story)
        kept(story)
        neutral(story)
        assert story.github.violations == []
    assert not canary.exists()


def test_in_the_fields_of_buttons(tmp_path: Path) -> None:
    """In a workflow of the user's own whose fields are free text, and in those that ``dreamnet init`` writes."""
    canary, programs = tmp_path / "canary", recorder(tmp_path / "record")
    all_of = texts(canary)
    fields = ("agent", "action", "service", "version", "reason", "request", "dry-run", "dream", "for", "flag")
    events = "  workflow_dispatch:\n    inputs:\n" + "\n".join(
        f"      {one}: {{type: string}}" for one in fields
    )
    some = [one[:4000] for one in parts(all_of, 8)]
    restart = {"action": "restart", "service": "web", "reason": some[0]}
    with_reason = json.dumps({"agent": "deploykeeper", "input": restart, "dry_run": True})
    pressed: list[dict[str, str]] = [
        {"action": "restart", "service": some[0], "reason": some[1]},
        {"action": "deploy", "service": "web", "version": some[2], "reason": some[3]},
        {"agent": some[4], "action": some[5], "dream": some[6], "for": some[7]},
        {"request": some[6]},
        {"request": with_reason},
        {"dry-run": some[1], "action": "check", "flag": some[2]},
    ]
    with bed(tmp_path / "bed", programs=programs) as story:
        agents = ("deploykeeper", "dreamkeeper", "envkeeper", "relaybot", "")
        story.shop(files={".github/workflows/strange.yml": workflow(events, *agents)})
        for one in pressed:
            story.engine.dispatch(SHOP, "strange.yml", ref="main", inputs=one)
        story.engine.dispatch(
            SHOP, "dreamnet-deploy.yml", ref="main", inputs={"action": "deploy", "version": some[5]}
        )
        story.engine.dispatch(SHOP, "dreamnet-deploy.yml", ref="main", inputs={"request": with_reason})
        story.engine.dispatch(SHOP, "dreamnet-dream.yml", ref="main", inputs={"request": some[3]})
        story.settle()
        quiet(story.runs())
        found = steps(programs, len(pressed) * len(agents) + 3)
        # Planned, an unknown service, or a mistake in the request.
        assert {one.status for one in found} == {0, 2, 3}
        kept(story)
        neutral(story)
        assert story.github.violations == []
    assert not canary.exists()
