"""The issues and comments of one repository as plain values, read and written through PyGithub. Knows no dreams."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

from dreamnet_actions.adapters.github.client import GitHubRepository
from dreamnet_actions.errors import Conflict, NotFound

NEWEST = 30
"""How many of the newest issues are looked at around one that was just made."""
_BARE = "ededed"
"""The colour of a label that GitHub made by itself."""


@dataclass(frozen=True, kw_only=True)
class Issue:
    """One issue. ``reason`` is GitHub's ``state_reason``; times are seconds since 1970; text is untrusted."""

    number: int
    author: str
    title: str
    body: str
    open: bool
    reason: str | None = None
    labels: tuple[str, ...] = ()
    bare: tuple[str, ...] = ()
    """Those of its labels that stand as GitHub makes them when an issue is given one that there is not."""
    assignees: tuple[str, ...] = ()
    closed_at: float | None = None
    closed_by: str | None = None
    updated_at: float = 0.0
    created_at: float = 0.0
    comments: int = 0
    elsewhere: bool = field(default=False)
    """True for a pull request, and for an issue that was moved to another repository."""


@dataclass(frozen=True, kw_only=True)
class Comment:
    """One comment under an issue."""

    id: int
    author: str
    body: str


class Issues:
    """Reads and writes them; each method is one request (a list: one a page). Raises the errors of ``translate``."""

    def __init__(self, repository: GitHubRepository) -> None:
        self._repository = repository
        self._here = {repository.name.lower(): True}

    def get(self, number: int) -> Issue | None:
        """Answer the issue (or pull request) as it is now; None where there is none (any more)."""
        try:
            found = self._issue(self._repository.call("GET", f"/issues/{number}"))
        except NotFound:
            return None
        return found if found.number == number else None  # it was moved, and GitHub sent us on

    def page(
        self, number: int, *, labels: Sequence[str] = (), state: str = "all", size: int = 100
    ) -> list[Issue]:
        """Answer one page of a list, newest first; pages count from 1. It may lag behind what was just written."""
        parameters: dict[str, Any] = {
            "state": state, "sort": "created", "direction": "desc", "per_page": size, "page": number,
        }  # fmt: skip
        if labels:
            parameters["labels"] = ",".join(labels)
        listed = self._repository.call("GET", "/issues", parameters=parameters)
        return [self._issue(one) for one in listed]

    def create(self, *, title: str, body: str, labels: Sequence[str], assignees: Sequence[str] = ()) -> Issue:
        """Make an issue. After a TemporaryError it may be there all the same."""
        made = self._repository.rest.create_issue(
            title=title, body=body, labels=list(labels), assignees=list(assignees)
        )
        return self._issue(made.raw_data)

    def edit(self, number: int, changes: Mapping[str, Any]) -> Issue:
        """Change an issue in one step; ``changes`` as GitHub names them
        (https://docs.github.com/en/rest/issues/issues#update-an-issue)."""
        return self._issue(self._repository.call("PATCH", f"/issues/{number}", body=dict(changes)))

    def comments(self, number: int) -> list[Comment]:
        """Answer all comments under an issue, oldest first. Raises NotFound."""
        found: list[Comment] = []
        for page in range(1, 1000):
            listed = self._repository.call(
                "GET", f"/issues/{number}/comments", parameters={"per_page": 100, "page": page}
            )
            found += [_comment(one) for one in listed]
            if len(listed) < 100:
                break
        return found

    def comment(self, identifier: int) -> Comment | None:
        """Answer one comment as it is now; None where it was deleted."""
        with contextlib.suppress(NotFound):
            return _comment(self._repository.call("GET", f"/issues/comments/{identifier}"))
        return None

    def add_comment(self, number: int, body: str) -> Comment:
        """Write a comment. After a TemporaryError it may be there all the same."""
        return _comment(self._repository.call("POST", f"/issues/{number}/comments", body={"body": body}))

    def edit_comment(self, identifier: int, body: str) -> Comment:
        """Replace a comment's text. Raises NotFound where it was deleted."""
        return _comment(self._repository.call("PATCH", f"/issues/comments/{identifier}", body={"body": body}))

    def ensure_labels(self, wanted: Mapping[str, tuple[str, str]]) -> Collection[str]:
        """Make the labels that are missing (colour and description by name); answers those that were made. What a
        person changed about one that is there is left as it is."""
        present = {label.name.lower() for label in self._repository.rest.get_labels()}
        made = []
        for name, (colour, description) in wanted.items():
            if name.lower() in present:
                continue
            with contextlib.suppress(Conflict):  # another run made it just now
                self._repository.rest.create_label(name, colour, description)
                made.append(name)
        return made

    def dress_label(self, name: str, colour: str, description: str) -> None:
        """Give a label its colour and description. Raises NotFound where it was deleted."""
        self._repository.call(
            "PATCH",
            f"/labels/{quote(name, safe='')}",
            body={"color": colour, "description": description},
        )

    def _issue(self, data: Mapping[str, Any]) -> Issue:
        return _issue(data, elsewhere=bool(data.get("pull_request")) or not self._is_here(data))

    def _is_here(self, data: Mapping[str, Any]) -> bool:
        """Say whether an issue is this repository's: GitHub sends on from one that was moved, and from a repository
        that has another name now, which is asked for where it is met."""
        home = "/".join(str(data.get("repository_url") or self._repository.name).split("/")[-2:]).lower()
        if home not in self._here:
            self._here[home] = str(self._repository.call("GET", "")["full_name"]).lower() == home
        return self._here[home]


def _issue(data: Mapping[str, Any], *, elsewhere: bool) -> Issue:
    closer = data.get("closed_by") or {}
    return Issue(
        number=int(data["number"]),
        author=_login(data),
        title=str(data.get("title") or ""),
        # GitHub's pages send line ends as CRLF; a person's edit must not look like a change of ours.
        body=str(data.get("body") or "").replace("\r\n", "\n"),
        open=data.get("state") == "open",
        reason=data.get("state_reason"),
        labels=tuple(one if isinstance(one, str) else str(one["name"]) for one in data.get("labels") or ()),
        bare=tuple(str(one["name"]) for one in data.get("labels") or () if _is_bare(one)),
        assignees=tuple(str(one["login"]) for one in data.get("assignees") or ()),
        closed_at=_seconds(data.get("closed_at")),
        closed_by=str(closer["login"]) if closer.get("login") else None,
        updated_at=_seconds(data.get("updated_at")) or 0.0,
        created_at=_seconds(data.get("created_at")) or 0.0,
        comments=int(data.get("comments") or 0),
        elsewhere=elsewhere,
    )


def _is_bare(label: Any) -> bool:
    return isinstance(label, Mapping) and label.get("color") == _BARE and not label.get("description")


def _comment(data: Mapping[str, Any]) -> Comment:
    return Comment(
        id=int(data["id"]), author=_login(data), body=str(data.get("body") or "").replace("\r\n", "\n")
    )


def _login(data: Mapping[str, Any]) -> str:
    return str((data.get("user") or {}).get("login") or "")


def _seconds(text: str | None) -> float | None:
    return datetime.fromisoformat(text).timestamp() if text else None
