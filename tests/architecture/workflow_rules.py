"""What no linter asks of workflows: each rule is a function from a document to sentences about what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
KEEPERS = ("dreamkeeper", "deploykeeper", "envkeeper", "relaybot")
FEDERATED = [file for file in WORKFLOWS if file.stem.endswith("-oidc")]
KEEPERS_WORKFLOWS = [file for file in WORKFLOWS if file.stem.removesuffix("-oidc") in KEEPERS]
DOCUMENTS = [*WORKFLOWS, ROOT / "action.yml"]
STARTERS = sorted((ROOT / "workflow-templates").glob("*.yml"))
PIN = re.compile(r"^\| `([^`]+)` \| `([0-9a-f]{40})` \| (v[0-9.]+) \|", re.M)
PINS = {
    name: (sha, tag)
    for name, sha, tag in PIN.findall((ROOT / ".github" / "pins.md").read_text(encoding="utf-8"))
}
SHA = re.compile(r"[0-9a-f]{40}")
Document = dict[str, Any]


class _Loader(yaml.SafeLoader):
    """YAML with GitHub's `on` as a word: the resolver of YAML 1.1 makes it True."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in pairs if tag != "tag:yaml.org,2002:bool"]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load(text: str) -> Document:
    return yaml.load(text, _Loader)


def texts(value: Any) -> Iterator[str]:
    """Every text in a document, keys too."""
    if isinstance(value, dict):
        for key, one in value.items():
            yield str(key)
            yield from texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from texts(one)
    elif isinstance(value, str):
        yield value


def steps(document: Document) -> Iterator[tuple[str, Document]]:
    """(place, step) of every job and of a composite action."""
    for name, job in document.get("jobs", {}).items():
        for number, step in enumerate(job.get("steps", [])):
            yield f"jobs.{name}.steps[{number}]", step
    for number, step in enumerate(document.get("runs", {}).get("steps", [])):
        yield f"runs.steps[{number}]", step


def uses(document: Document) -> Iterator[tuple[str, str]]:
    yield from ((place, step["uses"]) for place, step in steps(document) if "uses" in step)
    yield from (
        (f"jobs.{name}", job["uses"]) for name, job in document.get("jobs", {}).items() if "uses" in job
    )


# --- the rules ----------------------------------------------------------------------------------------------


def no_expression_in_run(document: Document) -> Iterator[str]:
    for place, step in steps(document):
        if "${{" in step.get("run", ""):
            yield f'{place}: an expression in `run` is pasted into the script; hand it over by `env` and write "$NAME"'
        if "${{" in str(step.get("with", {}).get("script", "")):
            yield f"{place}: an expression in `script` is pasted into it; hand it over by `env`"


def pinned(document: Document) -> Iterator[str]:
    for place, one in uses(document):
        if one.startswith(("./", "$/")):
            continue
        action, _, ref = one.partition("@")
        if not SHA.fullmatch(ref):
            yield f"{place}: {one} can be moved by its owner; write the full commit, and its version as a comment"
        elif action not in PINS or PINS[action][0] != ref:
            yield f"{place}: {one} is not the commit in .github/pins.md, where each is checked once"


def least_permissions(document: Document) -> Iterator[str]:
    if "jobs" not in document:
        return
    if document.get("permissions") != {}:
        yield "the top needs `permissions: {}`: what a job may is said at that job"
    for name, job in document["jobs"].items():
        granted = job.get("permissions")
        if granted is None:
            yield f"jobs.{name}: says no `permissions`; without any, write `permissions: {{}}`"
        elif not isinstance(granted, dict):
            yield f"jobs.{name}: `permissions: {granted}` is all of them; name each"


def bounded(document: Document) -> Iterator[str]:
    for name, job in document.get("jobs", {}).items():
        minutes = job.get("timeout-minutes")
        if "uses" not in job and not (isinstance(minutes, int) and 0 < minutes <= 120):
            yield f"jobs.{name}: needs `timeout-minutes` of at most 120; GitHub's own limit is six hours"


def safe_triggers(document: Document) -> Iterator[str]:
    triggers = document.get("on", {})
    names = [triggers] if isinstance(triggers, str) else list(triggers)
    for name in ("pull_request_target", "workflow_run"):
        if name in names:
            yield f"on.{name} runs with write permissions on what a stranger sent; this project does not use it"


def safe_comments(document: Document) -> Iterator[str]:
    """For what anybody's comment starts: it is read as data, by the code of the default branch."""
    triggers = document.get("on", {})
    if "issue_comment" not in triggers:
        return
    if not isinstance(triggers, dict) or triggers["issue_comment"] != {"types": ["created"]}:
        yield "on.issue_comment needs `types: [created]`: what was done must not change by an edit"
    for place, step in steps(document):
        if "checkout" in step.get("uses", "") and {"ref", "repository"} & set(step.get("with", {})):
            yield f"{place}: checks out what the event names; leave `ref` and `repository` out"
    for name, job in document["jobs"].items():
        if "steps" in job and "startsWith(github.event.comment.body, '/')" not in job.get("if", ""):
            yield f"jobs.{name}: starts a runner for every comment; say in `if` which ones it is for"
        if any("github.event." in one for one in texts({key: job[key] for key in job if key != "if"})):
            yield f"jobs.{name}: takes a text of the event; the action reads it from the event's file"


def nothing_handed_over_whole(document: Document) -> Iterator[str]:
    for name, job in document.get("jobs", {}).items():
        if job.get("secrets") == "inherit":
            yield f"jobs.{name}: `secrets: inherit` hands over every secret; name those that are needed"
    for text in texts(document):
        found = re.search(r"toJSON\(\s*(inputs|secrets|github|env|vars|steps)\s*\)", text, re.IGNORECASE)
        if found:
            yield f"{found[0]} holds a token or secret; name the one value that is needed"


def concurrency(document: Document) -> Iterator[str]:
    """For workflows that messages start: a run that waits or works must not be lost."""
    group = document.get("concurrency")
    if not isinstance(group, dict) or "group" not in group:
        yield "needs a `concurrency` group"
        return
    if str(group.get("cancel-in-progress", "false")).lower() != "false":
        yield "`cancel-in-progress` must be false: a cancelled run may have done half of its work"
    rest = re.sub(r"-\$\{\{ github\.run_id \}\}$", "", group["group"])
    if "${{" in rest:
        yield "the group must be a plain name: in a called workflow github.workflow is its caller's, which deadlocks"
    if rest == group["group"] and group.get("queue") != "max":
        yield "needs `queue: max`: the default keeps one waiting run and cancels the ones before it"


def run_name(document: Document) -> Iterator[str]:
    name = document.get("run-name", "")
    if "repository_dispatch" in document.get("on", {}) and "correlationid" not in name:
        yield "`run-name` needs the message's correlationid: a dispatch answers no run id to find it by"
    only_called = list(document.get("on", {})) == ["workflow_call"]  # its caller names the run
    if not only_called and not re.search(r"correlation|github\.run_id", name):
        yield "`run-name` needs what the run's messages carry: the correlation id, or the run id it is made of"


EVERYWHERE: list[Callable[[Document], Iterator[str]]] = [
    no_expression_in_run,
    pinned,
    least_permissions,
    bounded,
    safe_triggers,
    safe_comments,
    nothing_handed_over_whole,
]
KEEPERS_RULES: list[Callable[[Document], Iterator[str]]] = [concurrency, run_name]
