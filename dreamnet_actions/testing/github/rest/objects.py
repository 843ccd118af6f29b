"""git objects through REST: commits, trees, blobs and annotated tags, read and made; no ref moves here."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from dreamnet_actions.testing.github.call import Answer, Call, Problem, invalid, not_found, rest
from dreamnet_actions.testing.github.gitstore import GitRefused, Person
from dreamnet_actions.testing.github.permissions import R
from dreamnet_actions.testing.github.records import Repository
from dreamnet_actions.testing.github.rest import gitshapes, shapes
from dreamnet_actions.testing.github.rest.contents import person
from dreamnet_actions.testing.github.rest.fields import Fields
from dreamnet_actions.testing.github.rest.merge import signature
from dreamnet_actions.testing.github.world import World

if TYPE_CHECKING:
    from starlette.routing import Route

_MODES = {"100644": "blob", "100755": "blob", "120000": "blob", "040000": "tree", "160000": "commit"}


def routes() -> list[Route]:
    """Answer this module's routes."""
    return [
        rest("GET", R + "/git/commits/{commit_sha}", get_commit),
        rest("POST", R + "/git/commits", create_commit),
        rest("GET", R + "/git/trees/{tree_sha:path}", get_tree),
        rest("POST", R + "/git/trees", create_tree),
        rest("GET", R + "/git/blobs/{file_sha}", get_blob),
        rest("POST", R + "/git/blobs", create_blob),
        rest("GET", R + "/git/tags/{tag_sha}", get_tag),
        rest("POST", R + "/git/tags", create_tag),
    ]


def get_commit(call: Call) -> Answer:
    """Get a commit object (https://docs.github.com/rest/git/commits#get-a-commit-object)."""
    git, sha = call.world.git(call.repository), call.params["commit_sha"]
    if git.kind(sha) != "commit":
        raise not_found()
    return Answer(200, gitshapes.git_commit(call.world, call.repository, git.commit(sha)))


def create_commit(call: Call) -> Answer:
    """Create a commit (https://docs.github.com/rest/git/commits#create-a-commit)."""
    git = call.world.git(call.repository)
    fields = Fields(call, "Commit")
    message, tree = fields.text("message"), fields.text("tree")
    parents = fields.texts("parents") or []
    if git.kind(tree) != "tree":
        raise Problem(422, "Tree SHA does not exist")
    if any(git.kind(one) != "commit" for one in parents):
        raise Problem(422, "Parent SHA does not exist or is not a commit object")
    by = signature(call)
    author = person(fields, "author", by)
    made = _git(lambda: git.write_commit(tree, parents, message, author, person(fields, "committer", author)))
    shaped = gitshapes.git_commit(call.world, call.repository, git.commit(made))
    return Answer(201, shaped, {"Location": shaped["url"]})


def get_tree(call: Call) -> Answer:
    """Get a tree (https://docs.github.com/rest/git/trees#get-a-tree)."""
    git, name = call.world.git(call.repository), call.params["tree_sha"]
    sha = name if git.kind(name) == "tree" else git.resolve(name)
    if sha is None:
        raise not_found()
    # Any value of recursive asks for it, even 0 or false, as the page says.
    return Answer(200, _tree(call, sha, recursive="recursive" in call.query))


def create_tree(call: Call) -> Answer:
    """Create a tree (https://docs.github.com/rest/git/trees#create-a-tree)."""
    git = call.world.git(call.repository)
    fields = Fields(call, "Tree")
    given, base = fields.raw("tree"), fields.optional("base_tree")
    if not isinstance(given, list) or not given or not all(isinstance(one, dict) for one in given):
        raise invalid("Tree", "tree", "missing_field")
    if base is not None and git.kind(base) not in {"tree", "commit"}:
        raise not_found()
    entries = [_entry(call, one) for one in given]
    return Answer(201, _tree(call, _git(lambda: git.write_entries(base, entries)), recursive=False))


def get_blob(call: Call) -> Answer:
    """Get a blob (https://docs.github.com/rest/git/blobs#get-a-blob)."""
    git, sha = call.world.git(call.repository), call.params["file_sha"]
    if git.kind(sha) != "blob":
        raise not_found()
    data = git.blob(sha)
    shaped = _short_blob(call, sha) | {"node_id": shapes.node_id("Blob", sha), "size": len(data)}
    return Answer(200, shaped | {"content": gitshapes.encoded(data), "encoding": "base64"})


def create_blob(call: Call) -> Answer:
    """Create a blob (https://docs.github.com/rest/git/blobs#create-a-blob)."""
    fields = Fields(call, "Blob")
    text = fields.optional("content")
    if text is None:
        raise invalid("Blob", "content", "missing_field")
    encoding = fields.optional("encoding") or "utf-8"
    data = _decoded(text, encoding)
    shaped = _short_blob(call, call.world.git(call.repository).write_blob(data))
    return Answer(201, shaped, {"Location": shaped["url"]})


def get_tag(call: Call) -> Answer:
    """Get a tag (https://docs.github.com/rest/git/tags#get-a-tag)."""
    if call.world.git(call.repository).kind(call.params["tag_sha"]) != "tag":
        raise not_found()
    return Answer(200, _tag(call.world, call.repository, call.params["tag_sha"]))


def create_tag(call: Call) -> Answer:
    """Create a tag object (https://docs.github.com/rest/git/tags#create-a-tag-object)."""
    git = call.world.git(call.repository)
    fields = Fields(call, "Tag")
    name, message, target = fields.text("tag"), fields.text("message"), fields.text("object")
    kind = fields.text("type", choices=("commit", "tree", "blob"))
    if git.kind(target) != kind:
        raise Problem(422, "Object does not exist")
    if not git.valid_ref(f"refs/tags/{name}"):
        raise Problem(422, f"{name} is not a valid tag name.")
    by = person(fields, "tagger", signature(call))
    lines = [
        f"object {target}",
        f"type {kind}",
        f"tag {name}",
        f"tagger {by.name} <{by.email}> {int(by.when)} +0000",
    ]
    data = "\n".join([*lines, "", message, ""]).encode("utf-8", "replace")
    sha = _git(lambda: git.text("mktag", data=data))
    shaped = _tag(call.world, call.repository, sha)
    return Answer(201, shaped, {"Location": shaped["url"]})


def _git(make: Any) -> str:
    try:
        made: str = make()
    except (GitRefused, UnicodeEncodeError) as refused:
        raise Problem(422, f"git does not take it: {refused}") from None
    return made


def _decoded(text: str, encoding: str) -> bytes:
    if encoding == "base64":
        try:
            return base64.b64decode("".join(text.split()), validate=True)
        except (binascii.Error, ValueError):
            raise Problem(422, "Content must be valid Base64") from None
    if encoding != "utf-8":
        raise Problem(422, "encoding must be one of utf-8, base64")
    return text.encode("utf-8", "replace")


def _entry(call: Call, one: dict[str, Any]) -> tuple[str, str, str | None]:
    git = call.world.git(call.repository)
    path, mode, sha, content = one.get("path"), one.get("mode"), one.get("sha"), one.get("content")
    if not isinstance(path, str) or not path or "\0" in path:
        raise invalid("Tree", "tree.path")
    if not isinstance(mode, str) or mode not in _MODES:
        raise invalid("Tree", "tree.mode")
    if isinstance(content, str):
        return path, mode, git.write_blob(content.encode("utf-8", "replace"))
    if sha is None and "sha" in one:
        return path, mode, None
    if not isinstance(sha, str) or (git.kind(sha) != _MODES[mode] and _MODES[mode] != "commit"):
        raise Problem(422, f"tree.sha {str(sha)[:60]} is not a valid {_MODES[mode]}")
    return path, mode, sha


def _tree(call: Call, sha: str, *, recursive: bool) -> dict[str, Any]:
    base = shapes.repository_url(call.world, call.repository)
    git = call.world.git(call.repository)
    rows = []
    for mode, kind, one, size, path in git.tree(sha, recursive=recursive):
        url = f"{base}/git/{'trees' if kind == 'tree' else 'blobs'}/{one}"
        row: dict[str, Any] = {"path": path, "mode": mode, "type": kind, "sha": one, "url": url}
        rows.append(row | ({"size": size} if kind == "blob" else {}))
    own = git.text("rev-parse", f"{sha}^{{tree}}")
    return {"sha": own, "url": f"{base}/git/trees/{own}", "tree": rows, "truncated": False}


def _short_blob(call: Call, sha: str) -> dict[str, Any]:
    return {"url": f"{shapes.repository_url(call.world, call.repository)}/git/blobs/{sha}", "sha": sha}


def _tag(world: World, repository: Repository, sha: str) -> dict[str, Any]:
    base = shapes.repository_url(world, repository)
    head, _, message = world.git(repository).text("cat-file", "tag", sha).partition("\n\n")
    lines = dict(line.split(" ", 1) for line in head.splitlines())
    who, _, rest_of = lines["tagger"].partition(" <")
    email, _, when = rest_of.partition("> ")
    by = Person(who, email, float(when.split()[0]))
    return {
        "node_id": shapes.node_id("Tag", sha),
        "sha": sha,
        "url": f"{base}/git/tags/{sha}",
        "tagger": {"name": by.name, "email": by.email, "date": shapes.when(by.when)},
        "object": {
            "sha": lines["object"],
            "type": lines["type"],
            "url": f"{base}/git/{lines['type']}s/{lines['object']}",
        },
        "tag": lines["tag"],
        "message": message,
        "verification": gitshapes.UNSIGNED,
    }
