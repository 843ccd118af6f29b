"""Pull requests as their branches move: their own refs, the commit that merging would make, and the events.

https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows#pull_request: a run is
for ``refs/pull/N/merge``, and none is started where that cannot be made.
"""

from __future__ import annotations

from dreamnet_actions.testing.github.gitstore import ZERO, GitRefused, Person
from dreamnet_actions.testing.github.hosting import Event
from dreamnet_actions.testing.github.records import Issue, Repository, User
from dreamnet_actions.testing.github.world import World

HEADS = "refs/heads/"


def tip(world: World, repository: Repository, owner: str, branch: str) -> tuple[str | None, str | None]:
    """Find the commit of a branch of the repository, or of the fork of it that ``owner`` has: the commit, whose objects
    are in the repository then, and the fork's name. None where there is no such branch."""
    here = owner.lower() in ("", repository.owner.login.lower())
    there = repository if here else world.repositories.get(f"{owner}/{repository.name}".lower())
    git = world.git(repository)
    ref = f"{HEADS}{branch}"
    if there is None or not git.valid_ref(ref):
        return None, None
    sha = world.git(there).ref(ref)
    if sha is not None and not here:
        git.run("fetch", "--quiet", "--no-tags", str(world.git(there).path), sha)
    return sha, None if here else there.full_name


def merged(world: World, repository: Repository, one: Issue) -> str | None:
    """Bring the refs of an open pull request to where its branches are, and answer the commit that merging it would
    make; None where it has conflicts."""
    assert one.pull is not None
    git, pull = world.git(repository), one.pull
    base = git.head(pull.base)
    try:
        tree = git.text("merge-tree", "--write-tree", base, pull.head_sha).splitlines()[0]
    except GitRefused:
        return None
    login = repository.owner.login
    person = Person(login, f"{login}@users.noreply.github.com", one.created)
    sha = git.write_commit(tree, [base, pull.head_sha], f"Merge {pull.head_sha} into {base}", person)
    for name, commit in (("head", pull.head_sha), ("merge", sha)):
        ref = f"refs/pull/{one.number}/{name}"
        git.set_ref(ref, commit, git.ref(ref) or ZERO)
    return sha


def pushed(
    world: World, repository: Repository, ref: str, before: str, after: str, actor: User, *, by_workflow: bool
) -> list[Event]:
    """Answer the events of the open pull requests whose branch went from ``before`` to ``after``, here or wherever this
    repository's branches are proposed."""
    from dreamnet_actions.testing.github.rest.pulls import whole

    if not ref.startswith(HEADS) or ZERO in (before, after):
        return []
    events = []
    for there in list(world.repositories.values()):
        for one in list(there.issues.values()):
            pull = one.pull
            home = there.full_name if pull is None or pull.fork is None else pull.fork
            if (
                pull is None
                or one.state != "open"
                or (home, pull.head) != (repository.full_name, ref[len(HEADS) :])
            ):
                continue
            pull.head_sha = tip(world, there, repository.owner.login, pull.head)[0] or pull.head_sha
            if (sha := merged(world, there, one)) is None:
                continue
            payload = {
                "action": "synchronize",
                "number": one.number,
                "before": before,
                "after": after,
                "pull_request": whole(world, there, one),
            }
            events.append(
                Event(
                    name="pull_request",
                    action="synchronize",
                    repository=there.full_name,
                    ref=f"refs/pull/{one.number}/merge",
                    sha=sha,
                    payload=payload | world.payload(there.full_name, actor.login),
                    actor=actor.login,
                    by_workflow=by_workflow,
                )
            )
    return events
