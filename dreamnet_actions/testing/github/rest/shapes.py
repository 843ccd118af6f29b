"""GitHub's JSON of the records: addresses, names and times as its OpenAPI description has them."""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from dreamnet_actions.testing.github import records

if TYPE_CHECKING:
    from dreamnet_actions.testing.github.world import World

REACTIONS = ("+1", "-1", "laugh", "confused", "heart", "hooray", "rocket", "eyes")
_USER_LINKS = {
    "followers_url": "followers",
    "following_url": "following{/other_user}",
    "gists_url": "gists{/gist_id}",
    "starred_url": "starred{/owner}{/repo}",
    "subscriptions_url": "subscriptions",
    "organizations_url": "orgs",
    "repos_url": "repos",
    "events_url": "events{/privacy}",
    "received_events_url": "received_events",
}
_REPOSITORY_LINKS = {
    "archive_url": "{archive_format}{/ref}",
    "assignees_url": "assignees{/user}",
    "blobs_url": "git/blobs{/sha}",
    "branches_url": "branches{/branch}",
    "collaborators_url": "collaborators{/collaborator}",
    "comments_url": "comments{/number}",
    "commits_url": "commits{/sha}",
    "compare_url": "compare/{base}...{head}",
    "contents_url": "contents/{+path}",
    "contributors_url": "contributors",
    "deployments_url": "deployments",
    "downloads_url": "downloads",
    "events_url": "events",
    "forks_url": "forks",
    "git_commits_url": "git/commits{/sha}",
    "git_refs_url": "git/refs{/sha}",
    "git_tags_url": "git/tags{/sha}",
    "hooks_url": "hooks",
    "issue_comment_url": "issues/comments{/number}",
    "issue_events_url": "issues/events{/number}",
    "issues_url": "issues{/number}",
    "keys_url": "keys{/key_id}",
    "labels_url": "labels{/name}",
    "languages_url": "languages",
    "merges_url": "merges",
    "milestones_url": "milestones{/number}",
    "notifications_url": "notifications{?since,all,participating}",
    "pulls_url": "pulls{/number}",
    "releases_url": "releases{/id}",
    "stargazers_url": "stargazers",
    "statuses_url": "statuses/{sha}",
    "subscribers_url": "subscribers",
    "subscription_url": "subscription",
    "tags_url": "tags",
    "teams_url": "teams",
    "trees_url": "git/trees{/sha}",
}


def when(seconds: float) -> str:
    """Write a time as GitHub does: UTC, whole seconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def when_or_none(seconds: float | None) -> str | None:
    """Write a time that may be missing."""
    return None if seconds is None else when(seconds)


def node_id(kind: str, number: int | str) -> str:
    """Answer an opaque GraphQL id."""
    return base64.b64encode(f"{kind}:{number}".encode()).decode()


def user(world: World, one: records.User) -> dict[str, Any]:
    """A ``simple-user``."""
    url = f"{world.api_url}/users/{quote(one.login)}"
    name = one.login.removesuffix("[bot]")
    return {
        "login": one.login,
        "id": one.id,
        "node_id": node_id("User", one.id),
        "avatar_url": f"{world.server_url}/avatars/{one.id}",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{world.server_url}/{'apps/' if one.type == 'Bot' else ''}{quote(name)}",
        **{key: f"{url}/{tail}" for key, tail in _USER_LINKS.items()},
        "type": one.type,
        "user_view_type": "public",
        "site_admin": False,
    }


def whole_user(world: World, one: records.User) -> dict[str, Any]:
    """A ``public-user``."""
    empty = dict.fromkeys(("name", "company", "location", "email", "hireable", "bio", "twitter_username"))
    return {
        **user(world, one),
        **empty,
        "blog": "",
        "public_repos": sum(1 for repo in world.repositories.values() if repo.owner is one),
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "created_at": when(one.created),
        "updated_at": when(one.created),
    }


def repository_url(world: World, repo: records.Repository) -> str:
    """Answer a repository's address in the API."""
    return f"{world.api_url}/repos/{repo.full_name}"


def minimal_repository(world: World, repo: records.Repository) -> dict[str, Any]:
    """A ``minimal-repository``."""
    url = repository_url(world, repo)
    return {
        "id": repo.id,
        "node_id": node_id("Repository", repo.id),
        "name": repo.name,
        "full_name": repo.full_name,
        "private": repo.private,
        "owner": user(world, repo.owner),
        "html_url": f"{world.server_url}/{repo.full_name}",
        "description": repo.description,
        "fork": False,
        "url": url,
        **{key: f"{url}/{tail}" for key, tail in _REPOSITORY_LINKS.items()},
    }


def repository(
    world: World, repo: records.Repository, permissions: dict[str, bool] | None = None
) -> dict[str, Any]:
    """A ``full-repository``; ``permissions`` are the caller's."""
    page = f"{world.server_url}/{repo.full_name}"
    open_issues = sum(1 for one in repo.issues.values() if one.state == "open")
    whole = {
        **minimal_repository(world, repo),
        "created_at": when(repo.created),
        "updated_at": when(repo.pushed),
        "pushed_at": when(repo.pushed),
        "git_url": f"git{page.removeprefix('http')}.git",
        "ssh_url": f"git@127.0.0.1:{repo.full_name}.git",
        "clone_url": f"{page}.git",
        "svn_url": page,
        "mirror_url": None,
        "homepage": None,
        "language": None,
        "license": None,
        "size": 0,
        "stargazers_count": 0,
        "watchers_count": 0,
        "watchers": 0,
        "subscribers_count": 0,
        "network_count": 0,
        "forks": 0,
        "forks_count": 0,
        "open_issues": open_issues,
        "open_issues_count": open_issues,
        "has_issues": repo.has_issues,
        "has_projects": False,
        "has_wiki": False,
        "has_pages": False,
        "has_downloads": True,
        "has_discussions": False,
        "archived": False,
        "disabled": False,
        "allow_forking": True,
        "is_template": False,
        "web_commit_signoff_required": False,
        "topics": [],
        "custom_properties": {},
        "visibility": "private" if repo.private else "public",
        "default_branch": repo.default_branch,
    }
    return whole | ({"permissions": permissions} if permissions is not None else {})


def app(world: World, one: records.User) -> dict[str, Any] | None:
    """The ``integration`` that an account acts through: GitHub Actions for the bot of workflow tokens."""
    if one is not world.bot:
        return None
    page = f"{world.server_url}/apps/github-actions"
    return {
        "id": 15368,
        "slug": "github-actions",
        "node_id": node_id("App", 15368),
        "owner": user(world, world.user("github")),
        "name": "GitHub Actions",
        "description": "Automate your workflow from idea to production",
        "external_url": "https://help.github.com/en/actions",
        "html_url": page,
        "created_at": when(world.bot.created),
        "updated_at": when(world.bot.created),
        "permissions": {"contents": "write", "issues": "write", "metadata": "read"},
        "events": [],
    }


def label(world: World, repo: records.Repository, one: records.Label) -> dict[str, Any]:
    """A ``label``."""
    return {
        "id": one.id,
        "node_id": node_id("Label", one.id),
        "url": f"{repository_url(world, repo)}/labels/{quote(one.name)}",
        "name": one.name,
        "color": one.color,
        "default": one.name in {"bug", "documentation", "duplicate", "enhancement", "good first issue"}
        or one.name in {"help wanted", "invalid", "question", "wontfix"},
        "description": one.description,
    }


def reaction(world: World, _: records.Repository, one: records.Reaction) -> dict[str, Any]:
    """A ``reaction``."""
    return {
        "id": one.id,
        "node_id": node_id("Reaction", one.id),
        "user": user(world, one.user),
        "content": one.content,
        "created_at": when(one.created),
    }


def rollup(url: str, reactions: list[records.Reaction]) -> dict[str, Any]:
    """A ``reaction-rollup``."""
    counts = {name: sum(1 for one in reactions if one.content == name) for name in REACTIONS}
    return {"url": f"{url}/reactions", "total_count": len(reactions), **counts}


def association(repo: records.Repository, one: records.User) -> str:
    """What its author is to a repository. The bot of workflow tokens has none, as on github.com."""
    if one is repo.owner:
        return "OWNER"
    return "COLLABORATOR" if repo.role(one) in {"write", "admin"} else "NONE"


def issue(world: World, repo: records.Repository, one: records.Issue) -> dict[str, Any]:
    """An ``issue``."""
    base = repository_url(world, repo)
    url = f"{base}/issues/{one.number}"
    kind = "pull" if one.pull else "issues"
    shaped = {
        "url": url,
        "repository_url": base,
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "html_url": f"{world.server_url}/{repo.full_name}/{kind}/{one.number}",
        "id": one.id,
        "node_id": node_id("Issue", one.id),
        "number": one.number,
        "title": one.title,
        "user": user(world, one.user),
        "labels": [label(world, repo, item) for item in one.labels],
        "state": one.state,
        "locked": one.locked,
        "assignee": user(world, one.assignees[0]) if one.assignees else None,
        "assignees": [user(world, item) for item in one.assignees],
        "milestone": None,
        "comments": one.comments,
        "created_at": when(one.created),
        "updated_at": when(one.updated),
        "closed_at": when_or_none(one.closed),
        "closed_by": user(world, one.closed_by) if one.closed_by else None,
        "author_association": association(repo, one.user),
        "active_lock_reason": one.lock_reason,
        "body": one.body,
        "reactions": rollup(url, one.reactions),
        "timeline_url": f"{url}/timeline",
        "performed_via_github_app": app(world, one.user),
        "state_reason": one.state_reason,
    }
    if one.pull:
        page = shaped["html_url"]
        shaped["draft"] = one.pull.draft
        shaped["pull_request"] = {
            "url": f"{base}/pulls/{one.number}",
            "html_url": page,
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "merged_at": when_or_none(one.pull.merged),
        }
    return shaped


def comment(world: World, repo: records.Repository, one: records.Comment) -> dict[str, Any]:
    """An ``issue-comment``."""
    base = repository_url(world, repo)
    url = f"{base}/issues/comments/{one.id}"
    return {
        "url": url,
        "html_url": f"{world.server_url}/{repo.full_name}/issues/{one.number}#issuecomment-{one.id}",
        "issue_url": f"{base}/issues/{one.number}",
        "id": one.id,
        "node_id": node_id("IssueComment", one.id),
        "user": user(world, one.user),
        "created_at": when(one.created),
        "updated_at": when(one.updated),
        "author_association": association(repo, one.user),
        "body": one.body,
        "reactions": rollup(url, one.reactions),
        "performed_via_github_app": app(world, one.user),
    }
