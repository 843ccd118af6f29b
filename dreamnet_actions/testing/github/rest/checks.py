"""Check runs: what workflows say of a commit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dreamnet_actions.testing.github.call import Answer, Call, Problem, invalid, not_found, rest
from dreamnet_actions.testing.github.permissions import R
from dreamnet_actions.testing.github.records import CheckRun, Repository
from dreamnet_actions.testing.github.rest import shapes
from dreamnet_actions.testing.github.rest.fields import Fields, counted, moment, page, wrong_type
from dreamnet_actions.testing.github.rest.find import find_commit
from dreamnet_actions.testing.github.world import World

if TYPE_CHECKING:
    from starlette.routing import Route

STATUSES = ("queued", "in_progress", "completed", "waiting", "requested", "pending")
CONCLUSIONS = (
    "action_required",
    "cancelled",
    "failure",
    "neutral",
    "success",
    "skipped",
    "stale",
    "timed_out",
)
MOST_ANNOTATIONS = 50
LONGEST_TEXT = 65_535
_LEVELS = ("notice", "warning", "failure")
_NUMBERS = ("start_line", "end_line", "start_column", "end_column")


def routes() -> list[Route]:
    """Answer this module's routes."""
    one = R + "/check-runs/{check_run_id}"
    return [
        rest("POST", R + "/check-runs", create),
        rest("GET", one, get),
        rest("PATCH", one, update),
        rest("GET", one + "/annotations", list_annotations),
        rest("GET", R + "/commits/{ref:path}/check-runs", list_for),
    ]


def shape(world: World, repository: Repository, one: CheckRun) -> dict[str, Any]:
    """A ``check-run``."""
    url = f"{shapes.repository_url(world, repository)}/check-runs/{one.id}"
    return {
        "id": one.id,
        "head_sha": one.sha,
        "node_id": shapes.node_id("CheckRun", one.id),
        "external_id": one.external_id,
        "url": url,
        "html_url": f"{world.server_url}/{repository.full_name}/runs/{one.id}",
        "details_url": one.details_url,
        "status": one.status,
        "conclusion": one.conclusion,
        "started_at": shapes.when_or_none(one.started),
        "completed_at": shapes.when_or_none(one.completed),
        "output": {
            "title": one.title,
            "summary": one.summary,
            "text": one.text,
            "annotations_count": len(one.annotations),
            "annotations_url": f"{url}/annotations",
        },
        "name": one.name,
        "check_suite": {"id": suite_of(one.sha)},
        "app": shapes.app(world, one.user),
        "pull_requests": [],
    }


def suite_of(sha: str) -> int:
    """Answer the id of a commit's check suite: one a commit, as there is one app."""
    return int(sha[:8], 16)


def create(call: Call) -> Answer:
    """Create a check run (https://docs.github.com/rest/checks/runs#create-a-check-run)."""
    _only_apps(call)
    fields = Fields(call, "CheckRun")
    sha = fields.text("head_sha")
    if call.world.git(call.repository).kind(sha) != "commit":
        raise Problem(422, f"No commit found for SHA: {sha}")
    made = CheckRun(
        call.world.fresh_id(),
        call.actor,
        call.now,
        call.now,
        sha=sha,
        name=fields.text("name"),
        status="queued",
        conclusion=None,
        details_url=None,
        external_id="",
        started=None,
        completed=None,
    )
    _apply(call, made, fields)
    call.repository.checks[made.id] = made
    call.world.save(made, touch=False)
    shaped = shape(call.world, call.repository, made)
    call.announce(
        "check_run",
        action="completed" if made.status == "completed" else "created",
        at=sha,
        check_run=shaped,
    )
    return Answer(201, shaped, {"Location": shaped["url"]})


def get(call: Call) -> Answer:
    """Get a check run (https://docs.github.com/rest/checks/runs#get-a-check-run)."""
    return Answer(200, shape(call.world, call.repository, _find(call)))


def update(call: Call) -> Answer:
    """Update a check run (https://docs.github.com/rest/checks/runs#update-a-check-run)."""
    _only_apps(call)
    found = _find(call)
    fields = Fields(call, "CheckRun")
    was = found.status
    trial = found.frozen()  # nothing of a request that is refused half-way takes effect
    trial.name = fields.optional("name") or found.name
    _apply(call, trial, fields)
    vars(found).update({name: value for name, value in vars(trial).items() if name != "history"})
    call.world.save(found)
    shaped = shape(call.world, call.repository, found)
    if found.status == "completed" != was:
        call.announce("check_run", action="completed", at=found.sha, check_run=shaped)
    return Answer(200, shaped)


def list_annotations(call: Call) -> Answer:
    """List check run annotations (https://docs.github.com/rest/checks/runs#list-check-run-annotations)."""
    found = _find(call)
    shown, headers = page(call, found.annotations)
    empty = {"start_column": None, "end_column": None, "title": None, "raw_details": None}
    blob = f"{call.world.server_url}/{call.repository.full_name}/blob/{found.sha}"
    return Answer(200, [{**empty, "blob_href": f"{blob}/{one['path']}", **one} for one in shown], headers)


def list_for(call: Call) -> Answer:
    """List check runs for a reference (https://docs.github.com/rest/checks/runs#list-check-runs-for-a-git-reference)."""
    sha = find_commit(call, call.params["ref"])
    name, status = call.query.get("check_name"), call.query.get("status")
    shown = [state for one in call.repository.checks.values() if (state := one.as_of(call.as_of))]
    found = [
        one for one in shown if one.sha == sha and name in {None, one.name} and status in {None, one.status}
    ]
    if call.query.get("filter", "latest") == "latest":
        found = list({one.name: one for one in found}.values())
    return counted(call, "check_runs", found[::-1], shape)


def _only_apps(call: Call) -> None:
    if call.token.kind != "workflow":
        raise Problem(403, "You must authenticate via a GitHub App.")


def _find(call: Call) -> CheckRun:
    found = call.repository.checks.get(call.number("check_run_id"))
    if found is None:
        raise not_found()
    return found


def _apply(call: Call, run: CheckRun, fields: Fields) -> None:
    run.details_url = fields.optional("details_url") or run.details_url
    run.external_id = fields.optional("external_id") or run.external_id
    run.status = fields.optional("status", choices=STATUSES) or run.status
    run.started = _time(fields, "started_at") or run.started
    conclusion = fields.optional("conclusion", choices=CONCLUSIONS)
    completed = _time(fields, "completed_at")
    if conclusion is not None:
        run.status, run.conclusion = "completed", conclusion
        run.completed = completed or call.now
    elif run.status == "completed" and run.conclusion is None:
        raise invalid("CheckRun", "conclusion", "missing_field")
    elif run.status != "completed":
        run.conclusion = run.completed = None
    if run.status != "queued" and run.started is None:
        run.started = call.now
    output = fields.mapping("output")
    if output is not None:
        _output(run, output)


def _output(run: CheckRun, output: dict[str, Any]) -> None:
    for name in ("title", "summary", "text"):
        value = output.get(name)
        if value is None and name == "summary":
            raise invalid("CheckRun", "output.summary", "missing_field")
        if value is not None and (not isinstance(value, str) or len(value) > LONGEST_TEXT):
            raise wrong_type(f"output/{name}", value, f"a string of at most {LONGEST_TEXT} characters")
        if value is not None:
            setattr(run, name, value)
    given = output.get("annotations") or []
    if not isinstance(given, list) or len(given) > MOST_ANNOTATIONS:
        raise wrong_type("output/annotations", given, f"an array of at most {MOST_ANNOTATIONS} annotations")
    run.annotations = run.annotations + [_annotation(one) for one in given]


def _annotation(one: Any) -> dict[str, Any]:
    if not isinstance(one, dict):
        raise wrong_type("output/annotations", one, "an object")
    texts = {
        name: one.get(name)
        for name in ("path", "message", "title", "raw_details")
        if one.get(name) is not None
    }
    numbers = {name: one.get(name) for name in _NUMBERS if one.get(name) is not None}
    level = one.get("annotation_level")
    right = (
        {"path", "message"} <= set(texts)
        and all(isinstance(value, str) for value in texts.values())
        and {"start_line", "end_line"} <= set(numbers)
        and all(type(value) is int for value in numbers.values())
        and level in _LEVELS
    )
    if not right:
        raise invalid("CheckRun", "output.annotations")
    return {**texts, **numbers, "annotation_level": level}


def _time(fields: Fields, name: str) -> float | None:
    text = fields.optional(name)
    try:
        return moment(text) if text else None
    except (ValueError, OverflowError):
        raise wrong_type(name, text, "a valid date-time") from None
