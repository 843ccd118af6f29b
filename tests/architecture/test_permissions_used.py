"""Every permission of every job of this repository's workflows has the step that needs it, and no step lacks one.

What the keepers' jobs use is counted under act (``tests/actions/test_permissions.py``). A release's jobs need
github.com, PyPI and Sigstore, so for these the tables below say what each kind of step needs, and why; a step of a kind
that is not in them is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from dreamnet_actions.entrances.setup.called import CALLED, FEDERATED, PLAN, PLANNED
from tests.docs.pages import ROOT

FOLDER = ROOT / ".github/workflows"
WORKFLOWS = {
    one.stem: yaml.safe_load(one.read_text(encoding="utf-8")) for one in sorted(FOLDER.glob("*.yml"))
}
NOTHING: Mapping[str, str] = {}

USES: Mapping[str, tuple[Mapping[str, str], str]] = {
    "actions/checkout": (
        {"contents": "read"},
        "fetches the commit (https://github.com/actions/checkout#recommended-permissions)",
    ),
    "actions/setup-python": (NOTHING, "takes Python from the runner, or from a public release"),
    "actions/cache": (NOTHING, "caches of the same repository go by the runner's own token"),
    "actions/upload-artifact": (NOTHING, "artifacts of the same run go by the runner's own token"),
    "actions/download-artifact": (NOTHING, "artifacts of the same run go by the runner's own token"),
    "actions/attest-build-provenance": (
        {"id-token": "write", "attestations": "write"},
        "signs as this workflow, keeps the attestation (https://github.com/actions/attest-build-provenance#usage)",
    ),
    "pypa/gh-action-pypi-publish": (
        {"id-token": "write"},
        "trusted publishing (https://docs.pypi.org/trusted-publishers/using-a-publisher/)",
    ),
}
"""Actions of others: what of the job's token they need, and what for."""
COMMANDS: Mapping[str, tuple[Mapping[str, str], str]] = {
    r"gh release view": (
        {"contents": "write"},
        "a draft is shown only to who may write (https://docs.github.com/en/rest/releases/releases#list-releases)",
    ),
    r"gh release (?:create|edit|upload)": (
        {"contents": "write"},
        "makes and changes releases (https://docs.github.com/en/rest/releases/releases#create-a-release)",
    ),
    r"gh api --method (?:PATCH|POST) \S*/git/refs": (
        {"contents": "write"},
        "moves a tag (https://docs.github.com/en/rest/git/refs#update-a-reference)",
    ),
}
"""Commands of GitHub's own program, which is all that a script of these workflows asks GitHub by."""


def jobs() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Answer every job: workflow, name, as written."""
    for workflow, data in WORKFLOWS.items():
        for name, job in data["jobs"].items():
            yield workflow, name, job


def named(one: Any) -> str:
    """Name a case by its workflow and job."""
    return one if isinstance(one, str) else ""


def needed(job: Mapping[str, Any], workflow: str = "") -> dict[str, str]:
    """Answer what a job's steps, or the workflow that it calls, need; raises LookupError for an unknown kind."""
    if "uses" in job:
        called = WORKFLOWS[job["uses"].removeprefix("$/.github/workflows/").removesuffix(".yml")]
        return _together(one.get("permissions", {}) for one in called["jobs"].values())
    federated = workflow.endswith(FEDERATED)
    planned = workflow.removesuffix(FEDERATED) == PLANNED
    return _together(
        one for step in job["steps"] for one in of_step(step, federated=federated, planned=planned)
    )


def of_step(
    step: Mapping[str, Any], *, federated: bool = False, planned: bool = False
) -> Iterator[Mapping[str, str]]:
    """Answer what one step needs, by the tables; ``federated``: where it has a token to show to a cloud; ``planned``:
    where the action looks at a pull request."""
    if (uses := step.get("uses")) == "$/":
        called = PLAN if planned else CALLED[step["with"]["agent"]]
        yield called.granted(federated=federated, own=True)
    elif uses is not None:
        yield USES[uses.partition("@")[0]][0]
    script = step.get("run", "")
    for place in re.finditer(r"\bgh\s+\w+", script):
        command = script[place.start() :].replace('"', "")
        fits = [need for pattern, (need, _) in COMMANDS.items() if re.match(pattern, command)]
        if not fits:
            raise LookupError(command.split("\n")[0])
        yield from fits
    if re.search(r"\b(?:curl|wget|git\s+(?:push|fetch|clone))\b", script):
        raise LookupError(script)
    reads = any("github.token" in str(value) for value in (step.get("env") or {}).values())
    if reads and not re.search(r"\bgh\s+\w+", script):
        raise LookupError("a token that no command uses")


def _together(found: Iterator[Mapping[str, str]]) -> dict[str, str]:
    out: dict[str, str] = {}
    for one in found:
        for name, level in one.items():
            out[name] = "write" if "write" in (level, out.get(name)) else level
    return out


@pytest.mark.parametrize(("workflow", "name", "job"), list(jobs()), ids=named)
def test_each_has_the_step_that_needs_it(workflow: str, name: str, job: Mapping[str, Any]) -> None:
    assert job["permissions"] == needed(job, workflow)


@pytest.mark.parametrize(("workflow", "name", "job"), list(jobs()), ids=named)
def test_each_says_what_it_is_for(workflow: str, name: str, job: Mapping[str, Any]) -> None:
    text = (FOLDER / f"{workflow}.yml").read_text(encoding="utf-8")
    block = re.search(
        rf"^  {name}:\n(?:    .*\n|\n)*?    permissions:.*\n((?:      .*\n)+)", text, re.MULTILINE
    )
    assert block is not None
    lines = [line for line in block[1].splitlines() if line.strip()]
    assert len(lines) == len(job["permissions"])
    for line in lines:
        assert re.fullmatch(r"      [\w-]+: (?:read|write) # \S.*", line), line


def test_every_row_of_the_tables_is_in_use() -> None:
    uses = {
        step["uses"].partition("@")[0]
        for _, _, job in jobs()
        for step in job.get("steps", ())
        if "uses" in step
    }
    scripts = "\n".join(step.get("run", "") for _, _, job in jobs() for step in job.get("steps", ())).replace(
        '"', ""
    )
    assert uses - {"$/"} == set(USES)
    assert [pattern for pattern in COMMANDS if not re.search(pattern, scripts)] == []


@pytest.mark.parametrize(
    ("step", "needs"),
    [
        ({"uses": "actions/checkout@v4"}, {"contents": "read"}),
        ({"uses": "$/", "with": {"agent": "envkeeper"}}, {"contents": "write", "issues": "read"}),
        ({"run": 'gh api --method PATCH "repos/$R/git/refs/tags/v1" -f sha=x'}, {"contents": "write"}),
        ({"run": "bash scripts/release build"}, {}),
    ],
)
def test_what_a_step_needs(step: Mapping[str, Any], needs: Mapping[str, str]) -> None:
    assert needed({"steps": [step]}) == needs


@pytest.mark.parametrize(
    "step",
    [
        {"uses": "actions/github-script@v7"},
        {"run": "gh issue create --title x"},
        {"run": "gh api repos/x/issues"},
        {"run": "git push origin v1"},
        {"run": "bash x", "env": {"T": "${{ github.token }}"}},
    ],
)
def test_a_step_of_an_unknown_kind_is_an_error(step: Mapping[str, Any]) -> None:
    with pytest.raises(LookupError):
        needed({"steps": [step]})
