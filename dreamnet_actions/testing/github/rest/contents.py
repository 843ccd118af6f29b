"""Files of a branch: read, written and deleted one at a time, each write a commit."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from dreamnet_actions.testing.github.call import Answer, Call, Problem, not_found, rest
from dreamnet_actions.testing.github.gitstore import ZERO, GitRefused, Person
from dreamnet_actions.testing.github.permissions import R
from dreamnet_actions.testing.github.rest import gitshapes
from dreamnet_actions.testing.github.rest.fields import Fields, moment, wrong_type
from dreamnet_actions.testing.github.rest.merge import signature
from dreamnet_actions.testing.github.rest.refs import move

if TYPE_CHECKING:
    from starlette.routing import Route

LARGEST = 1_048_576
"""Bytes of a file that come inline (https://docs.github.com/rest/repos/contents#get-repository-content)."""


def routes() -> list[Route]:
    """Answer this module's routes."""
    one = R + "/contents/{path:path}"
    return [rest("GET", one, get), rest("PUT", one, put), rest("DELETE", one, delete)]


def get(call: Call) -> Answer:
    """Get repository content (https://docs.github.com/rest/repos/contents#get-repository-content)."""
    git = call.world.git(call.repository)
    ref = call.query.get("ref") or call.repository.default_branch
    sha = git.resolve(ref.removeprefix("refs/heads/").removeprefix("refs/tags/"))
    if sha is None:
        raise Problem(404, f"No commit found for the ref {ref}")
    path = _path(call, empty=True)
    row = _row(call, sha, path)
    if path and row is None:
        raise not_found()
    if row is None or row[1] == "tree":
        rows = git.tree(sha, f"{path}/" if path else "")
        return Answer(200, [gitshapes.entry(call.world, call.repository, ref, one) for one in rows])
    data = git.blob(row[2]) if row[1] == "blob" else b""
    if "raw" in call.headers.get("accept", ""):
        return Answer(200, raw=data)
    shaped = gitshapes.entry(call.world, call.repository, ref, row)
    small = len(data) <= LARGEST
    content = gitshapes.encoded(data) if small else ""
    return Answer(200, shaped | {"content": content, "encoding": "base64" if small else "none"})


def put(call: Call) -> Answer:
    """Create or update file contents (https://docs.github.com/rest/repos/contents#create-or-update-file-contents)."""
    fields = Fields(call, "Content")
    message, text = fields.text("message"), fields.optional("content")
    if text is None:
        raise Problem(422, 'Invalid request.\n\n"content" wasn\'t supplied.')
    try:
        data = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Problem(422, "content is not valid Base64") from None
    return _write(call, fields, message, data)


def delete(call: Call) -> Answer:
    """Delete a file (https://docs.github.com/rest/repos/contents#delete-a-file)."""
    fields = Fields(call, "Content")
    message = fields.text("message")
    fields.text("sha")
    return _write(call, fields, message, None)


def _write(call: Call, fields: Fields, message: str, data: bytes | None) -> Answer:
    git, repository = call.world.git(call.repository), call.repository
    branch = fields.optional("branch") or repository.default_branch
    path, ref = _path(call), f"refs/heads/{branch}"
    tip = git.head(branch) if git.valid_ref(ref) else ZERO
    if tip == ZERO and git.refs("refs/heads/"):
        raise Problem(404, f"Branch {branch} not found")
    base = tip if tip != ZERO else None
    there = _row(call, tip, path) if base else None
    _check_sha(path, there, fields.optional("sha"), deleting=data is None)
    by = signature(call)
    author = person(fields, "author", by)
    committer = person(fields, "committer", by)
    try:
        tree = git.write_tree(base, {path: data})
        sha = git.write_commit(tree, [base] if base else [], message, author, committer)
    except (GitRefused, UnicodeEncodeError) as refused:
        raise Problem(422, f"path contains a malformed path component: {refused}") from None
    try:
        move(call, ref, tip, sha)
    except GitRefused:
        raise Problem(409, f"{branch} does not match {tip}") from None
    commit = gitshapes.git_commit(call.world, repository, git.commit(sha))
    if data is None:
        return Answer(200, {"content": None, "commit": commit})
    row = _row(call, sha, path)
    assert row is not None
    content = gitshapes.entry(call.world, repository, branch, row)
    return Answer(200 if there else 201, {"content": content, "commit": commit})


def _check_sha(path: str, there: Any, sha: str | None, *, deleting: bool) -> None:
    if there is None:
        if deleting:
            raise not_found()
        return
    if there[1] == "tree":
        raise Problem(422, f"{path} is a directory")
    if sha is None:
        raise Problem(422, 'Invalid request.\n\n"sha" wasn\'t supplied.')
    if sha != there[2]:
        raise Problem(409, f"{path} does not match {sha}")


def _path(call: Call, *, empty: bool = False) -> str:
    path = call.params["path"].strip("/")
    parts = path.split("/")
    bad = "\0" in path or path.startswith(":") or any(one in {".", "..", ".git"} for one in parts)
    if bad or (path and "" in parts) or (not path and not empty):
        raise Problem(422, "path contains a malformed path component") if not empty else not_found()
    return path


def _row(call: Call, sha: str, path: str) -> tuple[str, str, str, int, str] | None:
    if not path:
        return None
    try:
        rows = call.world.git(call.repository).tree(sha, f":(literal){path}")
    except (GitRefused, UnicodeEncodeError):
        return None
    return next((one for one in rows if one[4] == path), None)


def person(fields: Fields, name: str, default: Person) -> Person:
    """Read an author or committer; ``default`` where none is given."""
    given = fields.mapping(name)
    if given is None:
        return default
    who, email, date = given.get("name"), given.get("email"), given.get("date")
    if not isinstance(who, str) or not isinstance(email, str) or not who.strip() or not email.strip():
        raise wrong_type(name, given, "an object with name and email")
    try:
        when = moment(date) if isinstance(date, str) else default.when
    except (ValueError, OverflowError):
        raise wrong_type(f"{name}/date", date, "a valid date-time") from None
    return Person(plain(who), plain(email), when)


def plain(text: str) -> str:
    """Leave out what git does not take in a name."""
    kept = "".join(one for one in text if one.isprintable() and one not in "<>")
    return kept.encode("utf-8", "replace").decode().strip() or "unknown"
