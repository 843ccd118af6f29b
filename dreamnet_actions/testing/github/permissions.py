"""Which permission each endpoint needs: one table, and the one place that decides by it.

The words are those of the header ``X-Accepted-GitHub-Permissions``: ``issues=write``; alternatives are separated by
``;``, what is needed together by ``,``. "" needs no more than a token, ``anyone`` not even that. Source: the pages
https://docs.github.com/rest/authentication/permissions-required-for-github-apps and, for what GITHUB_TOKEN can be
given, https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#permissions.
"""

from __future__ import annotations

from dreamnet_actions.testing.github.call import Problem, not_found
from dreamnet_actions.testing.github.records import Repository
from dreamnet_actions.testing.github.tokens import LEVELS, Token, Tokens

ANYONE = "anyone"
R = "/repos/{owner}/{repo}"
_ISSUES_READ = "issues=read; pull_requests=read"
_ISSUES_WRITE = "issues=write; pull_requests=write"

NEEDS: dict[tuple[str, str], str] = {
    ("GET", "/rate_limit"): ANYONE,
    ("GET", "/meta"): ANYONE,
    ("GET", "/user"): "",
    ("GET", "/users/{username}"): ANYONE,
    ("GET", R): "metadata=read",
    ("GET", R + "/collaborators/{username}"): "metadata=read",
    ("GET", R + "/collaborators/{username}/permission"): "metadata=read",
    # Issues
    ("GET", R + "/issues"): "issues=read",
    ("POST", R + "/issues"): "issues=write",
    ("GET", R + "/issues/comments"): _ISSUES_READ,
    ("GET", R + "/issues/comments/{comment_id}"): _ISSUES_READ,
    ("PATCH", R + "/issues/comments/{comment_id}"): _ISSUES_WRITE,
    ("DELETE", R + "/issues/comments/{comment_id}"): _ISSUES_WRITE,
    ("GET", R + "/issues/comments/{comment_id}/reactions"): _ISSUES_READ,
    ("POST", R + "/issues/comments/{comment_id}/reactions"): _ISSUES_WRITE,
    ("DELETE", R + "/issues/comments/{comment_id}/reactions/{reaction_id}"): _ISSUES_WRITE,
    ("GET", R + "/issues/{issue_number}"): _ISSUES_READ,
    ("PATCH", R + "/issues/{issue_number}"): _ISSUES_WRITE,
    ("PUT", R + "/issues/{issue_number}/lock"): _ISSUES_WRITE,
    ("DELETE", R + "/issues/{issue_number}/lock"): _ISSUES_WRITE,
    ("GET", R + "/issues/{issue_number}/comments"): _ISSUES_READ,
    ("POST", R + "/issues/{issue_number}/comments"): _ISSUES_WRITE,
    ("GET", R + "/issues/{issue_number}/labels"): _ISSUES_READ,
    ("POST", R + "/issues/{issue_number}/labels"): _ISSUES_WRITE,
    ("PUT", R + "/issues/{issue_number}/labels"): _ISSUES_WRITE,
    ("DELETE", R + "/issues/{issue_number}/labels"): _ISSUES_WRITE,
    ("DELETE", R + "/issues/{issue_number}/labels/{name}"): _ISSUES_WRITE,
    ("GET", R + "/issues/{issue_number}/reactions"): _ISSUES_READ,
    ("POST", R + "/issues/{issue_number}/reactions"): _ISSUES_WRITE,
    ("DELETE", R + "/issues/{issue_number}/reactions/{reaction_id}"): _ISSUES_WRITE,
    ("POST", R + "/issues/{issue_number}/assignees"): _ISSUES_WRITE,
    ("DELETE", R + "/issues/{issue_number}/assignees"): _ISSUES_WRITE,
    ("GET", R + "/assignees"): _ISSUES_READ,
    ("GET", R + "/assignees/{assignee}"): _ISSUES_READ,
    ("GET", R + "/labels"): _ISSUES_READ,
    ("POST", R + "/labels"): _ISSUES_WRITE,
    ("GET", R + "/labels/{name}"): _ISSUES_READ,
    ("PATCH", R + "/labels/{name}"): _ISSUES_WRITE,
    ("DELETE", R + "/labels/{name}"): _ISSUES_WRITE,
    # Pull requests
    ("GET", R + "/pulls"): "pull_requests=read",
    ("POST", R + "/pulls"): "pull_requests=write",
    ("GET", R + "/pulls/{pull_number}"): "pull_requests=read",
    ("PATCH", R + "/pulls/{pull_number}"): "pull_requests=write",
    # Git and contents
    ("GET", R + "/git/ref/{ref}"): "contents=read",
    ("GET", R + "/git/matching-refs/{ref}"): "contents=read",
    ("GET", R + "/git/refs"): "contents=read",
    ("POST", R + "/git/refs"): "contents=write",
    ("PATCH", R + "/git/refs/{ref}"): "contents=write",
    ("DELETE", R + "/git/refs/{ref}"): "contents=write",
    ("GET", R + "/git/commits/{commit_sha}"): "contents=read",
    ("POST", R + "/git/commits"): "contents=write",
    ("GET", R + "/git/trees/{tree_sha}"): "contents=read",
    ("POST", R + "/git/trees"): "contents=write",
    ("GET", R + "/git/blobs/{file_sha}"): "contents=read",
    ("POST", R + "/git/blobs"): "contents=write",
    ("GET", R + "/git/tags/{tag_sha}"): "contents=read",
    ("POST", R + "/git/tags"): "contents=write",
    ("GET", R + "/branches"): "contents=read",
    ("GET", R + "/branches/{branch}"): "contents=read",
    ("GET", R + "/commits"): "contents=read",
    ("GET", R + "/commits/{ref}"): "contents=read",
    ("GET", R + "/compare/{basehead}"): "contents=read",
    ("GET", R + "/contents/{path}"): "contents=read",
    ("PUT", R + "/contents/{path}"): "contents=write",
    ("DELETE", R + "/contents/{path}"): "contents=write",
    ("GET", R + "/tags"): "contents=read",
    ("GET", R + "/releases"): "contents=read",
    ("POST", R + "/releases"): "contents=write",
    ("GET", R + "/releases/latest"): "contents=read",
    ("GET", R + "/releases/tags/{tag}"): "contents=read",
    ("GET", R + "/releases/{release_id}"): "contents=read",
    ("PATCH", R + "/releases/{release_id}"): "contents=write",
    ("DELETE", R + "/releases/{release_id}"): "contents=write",
    ("POST", R + "/dispatches"): "contents=write",
    # Deployments, statuses, checks
    ("GET", R + "/deployments"): "deployments=read",
    ("POST", R + "/deployments"): "deployments=write",
    ("GET", R + "/deployments/{deployment_id}"): "deployments=read",
    ("DELETE", R + "/deployments/{deployment_id}"): "deployments=write",
    ("GET", R + "/deployments/{deployment_id}/statuses"): "deployments=read",
    ("POST", R + "/deployments/{deployment_id}/statuses"): "deployments=write",
    ("GET", R + "/deployments/{deployment_id}/statuses/{status_id}"): "deployments=read",
    ("POST", R + "/statuses/{sha}"): "statuses=write",
    ("GET", R + "/statuses/{sha}"): "statuses=read",
    ("GET", R + "/commits/{ref}/statuses"): "statuses=read",
    ("GET", R + "/commits/{ref}/status"): "statuses=read",
    ("POST", R + "/check-runs"): "checks=write",
    ("GET", R + "/check-runs/{check_run_id}"): "checks=read",
    ("PATCH", R + "/check-runs/{check_run_id}"): "checks=write",
    ("GET", R + "/check-runs/{check_run_id}/annotations"): "checks=read",
    ("GET", R + "/commits/{ref}/check-runs"): "checks=read",
    # What no workflow token can be given
    ("GET", R + "/actions/variables"): "actions_variables=read",
    ("POST", R + "/actions/variables"): "actions_variables=write",
    ("GET", R + "/actions/variables/{name}"): "actions_variables=read",
    ("PATCH", R + "/actions/variables/{name}"): "actions_variables=write",
    ("DELETE", R + "/actions/variables/{name}"): "actions_variables=write",
    ("GET", R + "/actions/secrets"): "secrets=read",
    ("GET", R + "/actions/secrets/public-key"): "secrets=read",
    ("GET", R + "/actions/secrets/{secret_name}"): "secrets=read",
    ("PUT", R + "/actions/secrets/{secret_name}"): "secrets=write",
    ("DELETE", R + "/actions/secrets/{secret_name}"): "secrets=write",
    **{
        (verb, f"{R}/environments/{{environment_name}}/{rest}"): "environments=read"
        if verb == "GET"
        else "environments=write"
        for verb, rest in (
            ("GET", "variables"),
            ("POST", "variables"),
            ("GET", "variables/{name}"),
            ("PATCH", "variables/{name}"),
            ("DELETE", "variables/{name}"),
            ("GET", "secrets"),
            ("GET", "secrets/public-key"),
            ("GET", "secrets/{secret_name}"),
            ("PUT", "secrets/{secret_name}"),
            ("DELETE", "secrets/{secret_name}"),
        )
    },
    ("GET", R + "/environments"): "actions=read",
    ("GET", R + "/environments/{environment_name}"): "actions=read",
    ("PUT", R + "/environments/{environment_name}"): "administration=write",
    ("DELETE", R + "/environments/{environment_name}"): "administration=write",
    # Workflows and runs: the other half of the stand-in (actions/) answers these
    ("GET", R + "/actions/workflows"): "actions=read",
    ("GET", R + "/actions/workflows/{workflow_id}"): "actions=read",
    ("PUT", R + "/actions/workflows/{workflow_id}/enable"): "actions=write",
    ("PUT", R + "/actions/workflows/{workflow_id}/disable"): "actions=write",
    ("POST", R + "/actions/workflows/{workflow_id}/dispatches"): "actions=write",
    ("GET", R + "/actions/workflows/{workflow_id}/runs"): "actions=read",
    ("GET", R + "/actions/runs"): "actions=read",
    ("GET", R + "/actions/runs/{run_id}"): "actions=read",
    ("DELETE", R + "/actions/runs/{run_id}"): "actions=write",
    ("GET", R + "/actions/runs/{run_id}/attempts/{attempt_number}"): "actions=read",
    ("GET", R + "/actions/runs/{run_id}/attempts/{attempt_number}/jobs"): "actions=read",
    ("GET", R + "/actions/runs/{run_id}/jobs"): "actions=read",
    ("GET", R + "/actions/runs/{run_id}/logs"): "actions=read",
    ("POST", R + "/actions/runs/{run_id}/cancel"): "actions=write",
    ("POST", R + "/actions/runs/{run_id}/force-cancel"): "actions=write",
    ("POST", R + "/actions/runs/{run_id}/rerun"): "actions=write",
    ("POST", R + "/actions/runs/{run_id}/rerun-failed-jobs"): "actions=write",
    ("GET", R + "/actions/runs/{run_id}/artifacts"): "actions=read",
    ("GET", R + "/actions/artifacts"): "actions=read",
    ("GET", R + "/actions/permissions"): "administration=read",
    ("GET", R + "/actions/jobs/{job_id}"): "actions=read",
    ("GET", R + "/actions/jobs/{job_id}/logs"): "actions=read",
}

WORKFLOW_TOKENS_HAVE = frozenset(
    {
        "actions", "attestations", "checks", "contents", "deployments", "discussions", "id_token", "issues", "metadata",
        "models", "packages", "pages", "pull_requests", "security_events", "statuses",
    }
)  # fmt: skip
"""What ``permissions:`` in a workflow may name; the rest is out of reach of every workflow token."""

_BY_ANYONE_WHO_READS = frozenset(
    {
        ("POST", R + "/issues"),
        ("POST", R + "/issues/{issue_number}/comments"),
        ("POST", R + "/issues/{issue_number}/reactions"),
        ("POST", R + "/issues/comments/{comment_id}/reactions"),
        # One's own issues, comments and reactions: the handlers look whose they are.
        ("PATCH", R + "/issues/{issue_number}"),
        ("PATCH", R + "/issues/comments/{comment_id}"),
        ("DELETE", R + "/issues/comments/{comment_id}"),
        ("DELETE", R + "/issues/{issue_number}/reactions/{reaction_id}"),
        ("DELETE", R + "/issues/comments/{comment_id}/reactions/{reaction_id}"),
    }
)
_ADMIN_ONLY = frozenset({"administration"})


def alternatives(needs: str) -> list[list[tuple[str, str]]]:
    """Answer the ways to satisfy ``needs``, each a list of (permission, level) that are needed together."""
    ways = []
    for way in needs.split(";"):
        pairs = [one.strip().partition("=") for one in way.split(",") if one.strip()]
        ways.append([(name, level) for name, _, level in pairs])
    return ways


def authorise(
    tokens: Tokens,
    token: Token,
    repository: Repository | None,
    method: str,
    template: str,
    needs: str,
    *,
    public_reads: bool,
) -> None:
    """Raise the Problem that GitHub would answer, unless ``token`` may do this; note the permission it used.

    ``public_reads``: what anyone may read of a public repository needs no permission (as on github.com). Otherwise
    reads need theirs as in a private one, so that a job that forgot one is found.
    """
    if token.kind == "anonymous":
        _anonymous(repository, method, needs)
        return
    if repository is None:
        if token.kind == "workflow" and template == "/user":
            raise _refused(token, needs)
        return
    if not visible(token, repository):
        raise not_found()
    if needs in {"", ANYONE}:
        return
    _check_permissions(tokens, token, repository, method, needs, public_reads)
    _check_role(token, repository, method, template, needs)


def visible(token: Token, repository: Repository) -> bool:
    """Whether the caller may know that the repository is there."""
    if not repository.private:
        return True
    if token.kind == "anonymous":
        return False
    if token.kind == "workflow":
        return token.repository is not None and token.repository.lower() == repository.full_name.lower()
    return repository.role(token.user) != "none"


def _anonymous(repository: Repository | None, method: str, needs: str) -> None:
    if needs == ANYONE:
        return
    if repository is not None and repository.private:
        raise not_found()
    if method != "GET" or repository is None:
        raise Problem(401, "Requires authentication")


def _check_permissions(
    tokens: Tokens, token: Token, repository: Repository, method: str, needs: str, public_reads: bool
) -> None:
    ways = alternatives(needs)
    foreign = token.kind == "workflow" and (token.repository or "").lower() != repository.full_name.lower()
    for way in ways:
        if not foreign and all(reaches(token, name, level) for name, level in way):
            for name, level in way:
                tokens.use(token, name, level)
            return
    if method == "GET" and not repository.private and (public_reads or foreign or needs == "metadata=read"):
        return
    raise _refused(token, needs)


def reaches(token: Token, permission: str, level: str) -> bool:
    """Whether ``token`` holds ``permission`` at ``level``, as far as its kind can hold it at all."""
    if token.kind == "workflow" and permission not in WORKFLOW_TOKENS_HAVE:
        return False
    return token.grants(permission, level)


def _check_role(token: Token, repository: Repository, method: str, template: str, needs: str) -> None:
    if token.kind == "workflow":
        return
    role = repository.role(token.user)
    first = alternatives(needs)[0]
    if any(name in _ADMIN_ONLY for name, _ in first) and role != "admin":
        raise Problem(403, "Must have admin rights to Repository.")
    writes = any(LEVELS[level] > LEVELS["read"] for _, level in first)
    hidden = any(name in {"secrets", "actions_variables", "environments"} for name, _ in first)
    if (
        (writes or hidden)
        and role not in {"write", "admin"}
        and (method, template) not in _BY_ANYONE_WHO_READS
    ):
        raise Problem(403, "Must have push access to repository")


def _refused(token: Token, needs: str) -> Problem:
    who = "integration" if token.kind == "workflow" else "personal access token"
    headers = {"X-Accepted-GitHub-Permissions": needs} if needs else {}
    return Problem(403, f"Resource not accessible by {who}", headers=headers)
