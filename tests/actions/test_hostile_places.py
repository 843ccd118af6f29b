"""The hostile texts where no step's input is: messages through RelayBot, branches, commits, releases and buttons.

Nothing of them is obeyed (``obeyed``), and what is kept of them is data. At each of these places the suite has texts of
each kind, ``scripts/prove hostile`` has all (``hostile.WHOLE``).
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
from tests.actions.fields import groups, message, spread
from tests.actions.grammar import pairs
from tests.actions.hostile import Hostile, sampled
from tests.actions.obeyed import markdown_mistakes
from tests.actions.recording import Recorded, recorded, recorder
from tests.actions.test_hostile_act import fitting, judged

pytestmark = pytest.mark.slow


def texts(canary: Path) -> list[str]:
    """Answer the texts that a dispatch holds: 360 of 365."""
    found = [one.text for one in fitting(canary)]
    assert len(found) == 360
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
    """Answer dispatched requests: those that come into their keeper's job have all texts in what it keeps of them."""
    some, whole = groups(all_of), "\n".join(all_of)
    requests: list[dict[str, Any]] = [
        *(
            {"agent": "deploykeeper", "input": {"action": "restart", "service": "web", **one}}
            for one in spread(("reason",), all_of)
        ),
        {"agent": "deploykeeper", "input": {"action": "deploy", "version": some[0], "reason": some[1]}},
        {"agent": "dreamkeeper", "input": {"action": "wont-fix", "dream": "1", "reason": some[-1]}},
        {"agent": "envkeeper", "input": {"action": "plan", "entry": some[-1]}},
        {"agent": whole, "id": whole, "correlation_id": whole},
        {"agent": "deploykeeper", "input": {"action": "status", **{one: one for one in all_of}}},
    ]
    return [("dreamnet.request.v1", {"dreamnet": one}) for one in requests]


def told_of(all_of: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
    """Answer messages, ours and strangers': all texts in every field, and in what keepers read of ``data``."""
    some, whole, every = groups(all_of), "\n".join(all_of), {one: one for one in all_of}
    heal, told = ("dream", "remedy", "reason", "key"), ("outcome", "verdict", "summary", "remedy")
    heal, told = (dict(zip(keys, some * 2, strict=False)) for keys in (heal, told))
    asks = "health-check-failed-needs-restart"
    messages: list[dict[str, Any]] = [
        message(id="m-1", subject=asks, to="deploykeeper", data={"service": "web", **heal}),
        message(id="m-2", data={"service": "web", **told}),
        message(id=whole, correlationid=whole, causationid=whole),
        message(id="m-3", subject=whole, to=whole, source=whole),
        message(id="m-4", data=every),
    ]  # fmt: skip
    foreign = [("secret-changed", {"entry": some[0], "reason": some[1], "more": whole})]
    return [*(("dreamnet.message.v1", {"dreamnet": one}) for one in messages), *foreign]


def canonical(data: Any) -> str:
    """Write plain data so that equal data are equal."""
    return json.dumps(data, sort_keys=True)


def body(data: Any) -> Any:
    """Answer what a dispatch, request or message is about."""
    inner = data.get("dreamnet", data)
    return inner.get("input", inner.get("data", inner))


@pytest.mark.parametrize(("made", "refused"), [(asked, 2), (told_of, 0)], ids=["requests", "messages"])
def test_through_relaybots_own_workflow(made: Any, refused: int, canary: Path, tmp_path: Path) -> None:
    """Subject and correlation id name the run; RelayBot hands the whole on as an output, to the job of its keeper."""
    programs = recorder(tmp_path / "record")
    with bed(tmp_path / "bed", programs=programs) as story:
        story.shop()
        story.push("1")
        story.settle()
        dispatches = made(texts(canary))
        for kind, payload in dispatches:
            story.dispatch(kind, payload)
        story.settle()
        relayed = [run for run in story.runs() if run.event.name == "repository_dispatch"]
        assert len(relayed) >= len(dispatches)
        assert {run.title.split()[0] for run in relayed} == {"DreamNet"}
        quiet(story.runs())
        found = steps(programs, len(dispatches))
        worked = {one.agent for one in found if one.event == "repository_dispatch"}
        assert worked == {"deploykeeper", "dreamkeeper", "envkeeper", "relaybot"}, [
            told(run)[-1500:] for run in relayed
        ]
        started = [one for one in found if one.event == "repository_dispatch"]
        sent = {canonical(payload) for _, payload in dispatches}
        assert {canonical(json.loads(one.payload)["client_payload"]) for one in started} >= sent
        # What comes into a keeper's own job, by RelayBot's output: all of it, and what RelayBot adds.
        handed = [body(json.loads(one.inputs["REQUEST"])) for one in started if one.inputs["REQUEST"]]
        abouts = [body(payload) for _, payload in dispatches]
        left = [about for about in abouts if not any(about.items() <= one.items() for one in handed)]
        assert len(left) == refused, left
        assert "touch" in kept(story)
        neutral(story)
        assert story.page() == "shop 1"
        assert story.github.violations == []
    assert not canary.exists()


# ── what git carries ────────────────────────────────────────────────────────────────────────────────────────

LONGEST_NAME = 190
"""Bytes of a branch's name of one part, below what the stand-in takes (200 characters)."""

STRANGE = """\
name: Strange
on:
{events}
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


def legal(one: Hostile) -> str:
    """Answer a text as git takes it, as long as a name may be, and without a slash: that would make a folder, and no
    branch is beside one."""
    name = one.branch.replace("/", "\u2215").encode()[:LONGEST_NAME]
    return name.decode("utf-8", "ignore").rstrip(".")


def names(all_of: Sequence[Hostile]) -> list[str]:
    """Answer names for branches and tags: the texts as git takes them, joined while a file's name holds them.

    None holds a text that git takes nothing of (``x``).
    """
    found = sorted({legal(one) for one in all_of} - {"x"})
    # By bytes: groups counts characters, and latin-1 has one for each byte.
    fit = groups([one.encode().decode("latin-1") for one in found], LONGEST_NAME)
    return [f"b-{one.encode('latin-1').decode().replace(chr(10), '-')}-b" for one in fit]


def git(where: Path, *arguments: str) -> str:
    who = ["-c", "user.name=mallory", "-c", "user.email=mallory@example.com"]
    done = subprocess.run(["git", *who, *arguments], cwd=where, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_in_the_names_of_branches(canary: Path, tmp_path: Path) -> None:
    """They are pushed by git itself. Nothing is released from them, and each run says so."""
    programs = recorder(tmp_path / "record")
    usable = fitting(canary)
    branches = names(usable)
    whole = "\n".join(branches)
    held = {one.id for one in usable if legal(one) != "x" and legal(one) in whole}
    # Git takes nothing of the other 10: ``[[[``, ``***x***``, ``---``, controls.
    assert len(usable) - len(held) == 10
    branches = list(sampled(branches))
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
            assert run.conclusion == "success", (run.ref, run.annotations, run.now.log, told(run))
        quiet(runs)
        found = steps(programs, len(branches))
        pushed = [one for one in found if one.ref.removeprefix("refs/heads/") in branches]
        assert {one.ref for one in pushed} == {f"refs/heads/{one}" for one in branches}
        assert all(json.loads(one.payload)["ref"] == one.ref for one in pushed)
        outcomes = {json.loads(outputs(one)["result"])["outcome"] for one in found}
        assert outcomes == {"unchanged"}
        assert story.page().startswith("no answer")
        assert story.github.violations == []
    assert not canary.exists()


def outputs(step: Recorded) -> dict[str, str]:
    return dict(pairs(step.files["GITHUB_OUTPUT"]))


def test_in_commits_and_releases_that_are_deployed(canary: Path, tmp_path: Path) -> None:
    """Subject and body of commits on ``main``, one of which is taken back; tag, title and text of releases."""
    programs = recorder(tmp_path / "record")
    all_of = texts(canary)
    one_line = " ".join(" ".join(one.split()) for one in all_of)
    tags = [one for one in names(fitting(canary)) if "${{" in one][:2]
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
        for tag, name in zip(tags, (one_line[:8000], one_line[-8000:]), strict=True):
            released = {"tag_name": tag, "target_commitish": "main", "name": name, "body": whole}
            story.post("/releases", released)
        story.settle()
        quiet(story.runs())
        found = steps(programs, 3 + 2 * len(tags))
        payloads = [json.loads(one.payload) for one in found]
        bodies = [one["release"]["body"] for one in payloads if "release" in one]
        assert bodies == [whole] * 2 * len(tags)
        said = [one["head_commit"]["message"] for one in payloads if one.get("head_commit")]
        left = [text for text in all_of if not any(text.strip() in one for one in said)]
        assert left == ["\ufffe\uffff", "\U0010ffff"]  # to git these are no characters: it writes others
        printable(story)
        kept(story)
        neutral(story)
        assert story.github.violations == []
    assert not canary.exists()


def test_in_the_fields_of_buttons(canary: Path, tmp_path: Path) -> None:
    """In a workflow of the user's own whose fields are free text, and in those that ``dreamnet init`` writes."""
    programs = recorder(tmp_path / "record")
    all_of = texts(canary)
    fields = ("agent", "action", "service", "version", "reason", "request", "dry-run", "dream", "for", "flag")
    events = "  workflow_dispatch:\n    inputs:\n" + "\n".join(
        f"      {one}: {{type: string}}" for one in fields
    )
    whole = "\n".join(all_of)
    restarts = [
        json.dumps(
            {
                "agent": "deploykeeper",
                "input": {"action": "restart", "service": "web", **one},
                "dry_run": True,
            }
        )
        for one in spread(("reason",), all_of)
    ]
    pressed: list[dict[str, str]] = [
        {"agent": whole, "request": ""},
        {"action": whole, "dry-run": whole, "flag": "x"},
    ]
    turned: list[dict[str, str]] = [
        *({"request": one} for one in [*restarts, whole]),
        *({"action": "deploy", **one} for one in spread(("service", "version", "reason"), all_of)),
        *({"action": "wont-fix", **one} for one in spread(("dream", "reason", "for", "flag"), all_of)),
    ]
    with bed(tmp_path / "bed", programs=programs) as story:
        agents = ("deploykeeper", "dreamkeeper", "envkeeper", "relaybot", "")
        each = {".github/workflows/strange.yml": workflow(events, *agents)}
        two = {".github/workflows/strange-2.yml": workflow(events, *agents[:2])}
        story.shop(files=each | two)
        for one in pressed:
            story.engine.dispatch(SHOP, "strange.yml", ref="main", inputs=one)
        for one in turned:
            story.engine.dispatch(SHOP, "strange-2.yml", ref="main", inputs=one)
        ours = [
            {"action": "deploy", "version": groups(all_of)[0]},
            {"request": restarts[0]},
            {"request": whole},
        ]
        for one in ours:
            story.engine.dispatch(SHOP, "dreamnet-deploy.yml", ref="main", inputs=one)
        story.settle()
        quiet(story.runs())
        found = steps(programs, len(pressed) * len(agents) + 2 * len(turned) + len(ours))
        arrived = [json.loads(one.payload)["inputs"] for one in found]
        for one in [*pressed, *turned, *ours]:
            assert any(one.items() <= given.items() for given in arrived), one
        # Planned, an unknown service, or a mistake in the request.
        assert {one.status for one in found} == {0, 2, 3}
        kept(story)
        neutral(story)
        assert story.github.violations == []
    assert not canary.exists()
