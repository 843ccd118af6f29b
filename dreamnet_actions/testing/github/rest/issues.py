"""Issues, their comments, reactions, assignees and locks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dreamnet_actions.testing.github.call import Answer, Call, Problem, invalid, not_found, rest
from dreamnet_actions.testing.github.permissions import R
from dreamnet_actions.testing.github.records import Issue, Repository, User
from dreamnet_actions.testing.github.rest import comments, shapes
from dreamnet_actions.testing.github.rest.fields import Fields, choice, moment, paged, wrong_type
from dreamnet_actions.testing.github.rest.find import find_issue, own_or_writer
from dreamnet_actions.testing.github.rest.labels import announce_labels, ensure, label_names

if TYPE_CHECKING:
    from starlette.routing import Route

LONGEST_TITLE = 256
LONGEST_BODY = 65_536
MOST_ASSIGNEES = 10
_LOCKS = ("off-topic", "too heated", "resolved", "spam")
_REASONS = ("completed", "not_planned", "duplicate", "reopened")


def routes() -> list[Route]:
    """Answer this module's routes, those of ``comments`` among them."""
    one = R + "/issues/{issue_number}"
    return [
        *comments.routes(),
        rest("GET", R + "/issues", list_all),
        rest("POST", R + "/issues", create),
        rest("GET", one, get),
        rest("PATCH", one, update),
        rest("PUT", one + "/lock", lock),
        rest("DELETE", one + "/lock", unlock),
        rest("POST", one + "/assignees", assign),
        rest("DELETE", one + "/assignees", unassign),
        rest("GET", R + "/assignees", assignees),
        rest("GET", R + "/assignees/{assignee}", is_assignable),
    ]


def new_issue(call: Call, title: str, body: str | None) -> Issue:
    """Make an issue with the next number; the caller saves it."""
    repository = call.repository
    number = max(repository.issues, default=0) + 1
    made = Issue(call.world.fresh_id(), call.actor, call.now, call.now, number, title, body)
    repository.issues[number] = made
    return made


def create(call: Call) -> Answer:
    """Create an issue (https://docs.github.com/rest/issues/issues#create-an-issue)."""
    if not call.repository.has_issues:
        raise Problem(410, "Issues has been disabled in this repository.")
    fields = Fields(call, "Issue")
    title = _title(fields)
    body = fields.optional("body", limit=LONGEST_BODY)
    names = label_names(fields.raw("labels"))
    people = _assignees(call, fields)
    # Labels and assignees of somebody without push access are silently dropped, as the page says.
    labels = ensure(call.world, call.repository, names) if call.may_write() else []
    made = new_issue(call, title, body)
    made.labels = labels
    made.assignees = people if call.may_write() else []
    call.world.save(made, touch=False)
    shaped = shapes.issue(call.world, call.repository, made)
    call.announce("issues", action="opened", issue=shaped)
    announce_labels(call, made, [])
    return Answer(201, shaped, {"Location": shaped["url"]})


def get(call: Call) -> Answer:
    """Get an issue (https://docs.github.com/rest/issues/issues#get-an-issue)."""
    return Answer(200, shapes.issue(call.world, call.repository, find_issue(call)))


def list_all(call: Call) -> Answer:
    """List repository issues (https://docs.github.com/rest/issues/issues#list-repository-issues)."""
    state = choice(call, "state", "open", ("open", "closed", "all"))
    sort = choice(call, "sort", "created", ("created", "updated", "comments"))
    direction = choice(call, "direction", "desc", ("asc", "desc"))
    since = _since(call)
    labels = {one.strip().lower() for one in call.query.get("labels", "").split(",") if one.strip()}
    shown = [state_then for one in call.repository.issues.values() if (state_then := one.as_of(call.as_of))]
    found = [
        one
        for one in shown
        if state in {one.state, "all"}
        and labels <= {label.name.lower() for label in one.labels}
        and (since is None or one.updated >= since)
        and _about(call, one)
    ]
    found.sort(key=lambda one: (getattr(one, sort), one.number), reverse=direction == "desc")
    return paged(call, found, shapes.issue)


def update(call: Call) -> Answer:
    """Update an issue (https://docs.github.com/rest/issues/issues#update-an-issue)."""
    issue = find_issue(call)
    own_or_writer(call, issue.user)
    fields = Fields(call, "Issue")
    title = _title(fields) if "title" in fields and fields.raw("title") is not None else issue.title
    body = fields.optional("body", limit=LONGEST_BODY)
    state = fields.optional("state", choices=("open", "closed"))
    reason = fields.optional("state_reason", choices=_REASONS)
    names = label_names(fields.raw("labels")) if fields.raw("labels") is not None else None
    people = _assignees(call, fields) if fields.raw("assignees") is not None else None
    before = list(issue.labels)
    labels = ensure(call.world, call.repository, names) if names is not None and call.may_write() else None
    if (state or issue.state) == "closed" and reason == "reopened":
        raise invalid("Issue", "state_reason")
    new = {"title": title, "body": body if "body" in fields else issue.body}
    changes = {
        name: {"from": getattr(issue, name)} for name, value in new.items() if value != getattr(issue, name)
    }
    issue.title = title
    if "body" in fields:
        issue.body = body
    if labels is not None:
        issue.labels = labels
    if people is not None and call.may_write():
        issue.assignees = people
    turned = set_state(call, issue, state, reason)
    call.world.save(issue)
    shaped = shapes.issue(call.world, call.repository, issue)
    if changes and not issue.pull:
        call.announce("issues", action="edited", issue=shaped, changes=changes)
    if turned and not issue.pull:
        call.announce("issues", action=turned, issue=shaped)
    announce_labels(call, issue, before)
    return Answer(200, shaped)


def set_state(call: Call, issue: Issue, state: str | None, reason: str | None) -> str | None:
    """Open or close an issue; answer the event's action where it changed."""
    if state == "closed":
        turned = issue.state != "closed"
        if turned:
            issue.closed, issue.closed_by = call.now, call.actor
            issue.state_reason = None if issue.pull else "completed"
        issue.state = "closed"
        if reason is not None and not issue.pull:
            issue.state_reason = reason
        return "closed" if turned else None
    if state == "open" and issue.state == "closed":
        issue.state, issue.closed, issue.closed_by = "open", None, None
        issue.state_reason = None if issue.pull else "reopened"
        return "reopened"
    return None


def lock(call: Call) -> Answer:
    """Lock an issue (https://docs.github.com/rest/issues/issues#lock-an-issue)."""
    issue = find_issue(call)
    reason = Fields(call, "Issue").optional("lock_reason", choices=_LOCKS)
    issue.locked, issue.lock_reason = True, reason
    call.world.save(issue)
    return Answer(204)


def unlock(call: Call) -> Answer:
    """Unlock an issue (https://docs.github.com/rest/issues/issues#unlock-an-issue)."""
    issue = find_issue(call)
    issue.locked, issue.lock_reason = False, None
    call.world.save(issue)
    return Answer(204)


def assign(call: Call) -> Answer:
    """Add assignees to an issue (https://docs.github.com/rest/issues/assignees#add-assignees-to-an-issue)."""
    issue = find_issue(call)
    names = Fields(call, "Issue").texts("assignees") or []
    # Who cannot be assigned is silently left out, as the page says.
    people = [
        one
        for name in names
        if (one := assignable(call, call.repository, name)) and one not in issue.assignees
    ]
    issue.assignees = (issue.assignees + people)[:MOST_ASSIGNEES]
    call.world.save(issue)
    return Answer(201, shapes.issue(call.world, call.repository, issue))


def unassign(call: Call) -> Answer:
    """Remove assignees from an issue (https://docs.github.com/rest/issues/assignees#remove-assignees-from-an-issue)."""
    issue = find_issue(call)
    names = {one.lower() for one in Fields(call, "Issue").texts("assignees") or []}
    issue.assignees = [one for one in issue.assignees if one.login.lower() not in names]
    call.world.save(issue)
    return Answer(200, shapes.issue(call.world, call.repository, issue))


def assignees(call: Call) -> Answer:
    """List assignees (https://docs.github.com/rest/issues/assignees#list-assignees)."""
    able = [one for one in call.world.users.values() if assignable(call, call.repository, one.login)]
    return paged(call, able, lambda world, _, one: shapes.user(world, one))


def is_assignable(call: Call) -> Answer:
    """Check if a user can be assigned (https://docs.github.com/rest/issues/assignees#check-if-a-user-can-be-assigned)."""
    if assignable(call, call.repository, call.params["assignee"]) is None:
        raise not_found()
    return Answer(204)


def assignable(call: Call, repository: Repository, login: str) -> User | None:
    """Answer the user if issues can be assigned to it: a person with push access."""
    found = call.world.users.get(login.lower())
    if found is None or found.type == "Bot" or repository.role(found) not in {"write", "admin"}:
        return None
    return found


def _title(fields: Fields) -> str:
    raw = fields.raw("title")
    # The description allows a number.
    if isinstance(raw, int) and not isinstance(raw, bool):
        return str(raw)
    return fields.text("title", limit=LONGEST_TITLE)


def _assignees(call: Call, fields: Fields) -> list[User]:
    names = fields.texts("assignees")
    if names is None:
        single = fields.optional("assignee")
        names = [single] if single else []
    people = []
    for name in names:
        one = assignable(call, call.repository, name)
        if one is None:
            if call.may_write():
                raise invalid("Issue", "assignees")
        elif one not in people:
            people.append(one)
    return people[:MOST_ASSIGNEES]


def _since(call: Call) -> float | None:
    text = call.query.get("since")
    if not text:
        return None
    try:
        return moment(text)
    except (ValueError, OverflowError):
        raise wrong_type("since", text, "a valid date-time") from None


def _about(call: Call, issue: Issue) -> bool:
    creator, assignee = call.query.get("creator"), call.query.get("assignee")
    if creator and issue.user.login.lower() != creator.lower():
        return False
    if assignee == "none":
        return not issue.assignees
    if assignee == "*":
        return bool(issue.assignees)
    return not assignee or assignee.lower() in {one.login.lower() for one in issue.assignees}
