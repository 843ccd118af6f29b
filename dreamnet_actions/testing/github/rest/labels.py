"""Labels: those of the repository, and those on an issue."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from dreamnet_actions.testing.github.call import Answer, Call, Problem, invalid, not_found, rest
from dreamnet_actions.testing.github.permissions import R
from dreamnet_actions.testing.github.records import Issue, Label, Repository
from dreamnet_actions.testing.github.rest import shapes
from dreamnet_actions.testing.github.rest.fields import Fields, paged, wrong_type
from dreamnet_actions.testing.github.rest.find import find_issue
from dreamnet_actions.testing.github.world import World

if TYPE_CHECKING:
    from starlette.routing import Route

LONGEST_NAME = 50
LONGEST_DESCRIPTION = 100
MOST_ON_AN_ISSUE = 100
_COLOR = re.compile(r"[0-9a-fA-F]{6}")


def routes() -> list[Route]:
    """Answer this module's routes."""
    one = R + "/labels/{name:path}"
    on = R + "/issues/{issue_number}/labels"
    return [
        rest("GET", R + "/labels", list_all),
        rest("POST", R + "/labels", create),
        rest("GET", one, get),
        rest("PATCH", one, update),
        rest("DELETE", one, delete),
        rest("GET", on, list_on),
        rest("POST", on, add_to),
        rest("PUT", on, replace_on),
        rest("DELETE", on, clear_on),
        rest("DELETE", on + "/{name:path}", remove_from),
    ]


def find_label(call: Call, name: str) -> Label:
    """Answer the repository's label; 404 where there is none. Case does not count."""
    found = call.repository.labels.get(name.lower())
    if found is None:
        raise not_found()
    return found


def list_all(call: Call) -> Answer:
    """List labels for a repository (https://docs.github.com/rest/issues/labels#list-labels-for-a-repository)."""
    listed = sorted(call.repository.labels.values(), key=lambda one: one.name.lower())
    return paged(call, listed, shapes.label)


def create(call: Call) -> Answer:
    """Create a label (https://docs.github.com/rest/issues/labels#create-a-label)."""
    fields = Fields(call, "Label")
    name = _name(fields.text("name"))
    if name.lower() in call.repository.labels:
        raise invalid("Label", "name", "already_exists")
    made = Label(call.world.fresh_id(), name, _color(fields) or "ededed", _description(fields))
    call.repository.labels[name.lower()] = made
    url = shapes.label(call.world, call.repository, made)["url"]
    call.announce("label", action="created", label=shapes.label(call.world, call.repository, made))
    return Answer(201, shapes.label(call.world, call.repository, made), {"Location": url})


def get(call: Call) -> Answer:
    """Get a label (https://docs.github.com/rest/issues/labels#get-a-label)."""
    return Answer(200, shapes.label(call.world, call.repository, find_label(call, call.params["name"])))


def update(call: Call) -> Answer:
    """Update a label (https://docs.github.com/rest/issues/labels#update-a-label)."""
    found = find_label(call, call.params["name"])
    fields = Fields(call, "Label")
    new = fields.optional("new_name")
    color, description = _color(fields), _description(fields)
    if new is not None:
        new = _name(new)
        if new.lower() != found.name.lower() and new.lower() in call.repository.labels:
            raise invalid("Label", "name", "already_exists")
        del call.repository.labels[found.name.lower()]
        found.name = new
        call.repository.labels[new.lower()] = found
    found.color = color or found.color
    if "description" in fields:
        found.description = description
    return Answer(200, shapes.label(call.world, call.repository, found))


def delete(call: Call) -> Answer:
    """Delete a label (https://docs.github.com/rest/issues/labels#delete-a-label)."""
    found = find_label(call, call.params["name"])
    del call.repository.labels[found.name.lower()]
    for issue in call.repository.issues.values():
        if found in issue.labels:
            issue.labels.remove(found)
            call.world.save(issue, touch=False)
    return Answer(204)


def list_on(call: Call) -> Answer:
    """List labels for an issue (https://docs.github.com/rest/issues/labels#list-labels-for-an-issue)."""
    found = find_issue(call).as_of(call.as_of)
    return paged(call, found.labels if found else [], shapes.label)


def add_to(call: Call) -> Answer:
    """Add labels to an issue (https://docs.github.com/rest/issues/labels#add-labels-to-an-issue)."""
    issue = find_issue(call)
    names = _names(call)
    if not names:
        raise invalid("Label", "labels", "missing_field")
    had = list(issue.labels)
    _set(call, issue, had + [one for one in ensure(call.world, call.repository, names) if one not in had])
    return _all_on(call, issue)


def replace_on(call: Call) -> Answer:
    """Set labels for an issue (https://docs.github.com/rest/issues/labels#set-labels-for-an-issue)."""
    issue = find_issue(call)
    _set(call, issue, ensure(call.world, call.repository, _names(call)))
    return _all_on(call, issue)


def clear_on(call: Call) -> Answer:
    """Remove all labels from an issue (https://docs.github.com/rest/issues/labels#remove-all-labels-from-an-issue)."""
    _set(call, find_issue(call), [])
    return Answer(204)


def remove_from(call: Call) -> Answer:
    """Remove a label from an issue (https://docs.github.com/rest/issues/labels#remove-a-label-from-an-issue)."""
    issue = find_issue(call)
    wanted = call.params["name"].lower()
    if wanted not in {one.name.lower() for one in issue.labels}:
        raise Problem(404, "Label does not exist")
    _set(call, issue, [one for one in issue.labels if one.name.lower() != wanted])
    return _all_on(call, issue)


def ensure(world: World, repository: Repository, names: list[str]) -> list[Label]:
    """Answer the labels of these names, each once; GitHub makes those that are missing."""
    found: list[Label] = []
    for name in names:
        _name(name)
        known = repository.labels.get(name.lower())
        if known is None:
            known = repository.labels[name.lower()] = Label(world.fresh_id(), name, "ededed")
        if known not in found:
            found.append(known)
    if len(found) > MOST_ON_AN_ISSUE:
        raise invalid("Issue", "labels", "custom", f"at most {MOST_ON_AN_ISSUE} labels")
    return found


def label_names(value: Any) -> list[str]:
    """Read a list of labels: names, or objects with a name."""
    if value is None:
        return []
    if isinstance(value, str):
        return [value]
    if not isinstance(value, list):
        raise wrong_type("labels", value, "an array")
    names = []
    for one in value:
        name = one.get("name") if isinstance(one, dict) else one
        if not isinstance(name, str):
            raise wrong_type("labels", one, "a string")
        names.append(name)
    return names


def announce_labels(call: Call, issue: Issue, before: list[Label]) -> None:
    """Tell of each label that came or went."""
    if issue.pull:  # these would be events of pull_request, which start nothing of ours
        return
    shaped = shapes.issue(call.world, call.repository, issue)
    for action, these in (
        ("labeled", [one for one in issue.labels if one not in before]),
        ("unlabeled", [one for one in before if one not in issue.labels]),
    ):
        for one in these:
            call.announce(
                "issues", action=action, issue=shaped, label=shapes.label(call.world, call.repository, one)
            )


def _names(call: Call) -> list[str]:
    body = call.body
    if isinstance(body, dict):
        body = body.get("labels")
    return label_names(body)


def _set(call: Call, issue: Issue, labels: list[Label]) -> None:
    before, issue.labels = issue.labels, labels
    if before != labels:
        call.world.save(issue)
        announce_labels(call, issue, before)


def _all_on(call: Call, issue: Issue) -> Answer:
    return Answer(200, [shapes.label(call.world, call.repository, one) for one in issue.labels])


def _name(name: str) -> str:
    if not name.strip():
        raise invalid("Label", "name", "missing_field")
    if len(name) > LONGEST_NAME:
        raise invalid("Label", "name", "custom", f"name is too long (maximum is {LONGEST_NAME} characters)")
    return name.strip()


def _color(fields: Fields) -> str | None:
    color = fields.optional("color")
    if color is not None and not _COLOR.fullmatch(color):
        raise invalid("Label", "color")
    return color.lower() if color else None


def _description(fields: Fields) -> str | None:
    return fields.optional("description", limit=LONGEST_DESCRIPTION)
