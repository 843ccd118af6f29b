"""The events that start workflows: which activity types each has, which of them count by default, and from
which commit.

Source: https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Known(NamedTuple):
    """One event: its activity types, those that count where a workflow names none (None: all), and whether only
    the default branch's workflows hear it."""

    types: tuple[str, ...] = ()
    usual: tuple[str, ...] | None = None
    from_default: bool = True


_ISSUES = (
    *("opened", "edited", "deleted", "transferred", "pinned", "unpinned", "closed", "reopened", "assigned"),
    *(
        "unassigned",
        "labeled",
        "unlabeled",
        "locked",
        "unlocked",
        "milestoned",
        "demilestoned",
        "typed",
        "untyped",
    ),
    *("field_added", "field_removed"),
)
_PULLS = (
    *(
        "assigned",
        "unassigned",
        "labeled",
        "unlabeled",
        "opened",
        "edited",
        "closed",
        "reopened",
        "synchronize",
    ),
    *("converted_to_draft", "locked", "unlocked", "enqueued", "dequeued", "milestoned", "demilestoned"),
    *(
        "ready_for_review",
        "review_requested",
        "review_request_removed",
        "auto_merge_enabled",
        "auto_merge_disabled",
    ),
)
_CHANGED = ("created", "edited", "deleted")

EVENTS: Mapping[str, Known] = {
    "branch_protection_rule": Known(_CHANGED),
    "check_run": Known(("created", "rerequested", "completed", "requested_action")),
    "check_suite": Known(("completed",)),
    "create": Known(from_default=False),
    "delete": Known(),
    "deployment": Known(from_default=False),
    "deployment_status": Known(from_default=False),
    "discussion": Known(),
    "discussion_comment": Known(_CHANGED),
    "fork": Known(),
    "gollum": Known(),
    "image_version": Known(("published",)),
    "issue_comment": Known(_CHANGED),
    "issues": Known(_ISSUES),
    "label": Known(_CHANGED),
    "merge_group": Known(("checks_requested",)),
    "milestone": Known(("created", "closed", "opened", "edited", "deleted")),
    "page_build": Known(),
    "public": Known(),
    "pull_request": Known(_PULLS, ("opened", "synchronize", "reopened"), from_default=False),
    "pull_request_review": Known(("submitted", "edited", "dismissed"), from_default=False),
    "pull_request_review_comment": Known(_CHANGED, from_default=False),
    "pull_request_target": Known(_PULLS, ("opened", "synchronize", "reopened")),
    "push": Known(from_default=False),
    "registry_package": Known(("published", "updated")),
    "release": Known(
        ("published", "unpublished", "created", "edited", "deleted", "prereleased", "released"),
        from_default=False,
    ),
    "repository_dispatch": Known(),
    "schedule": Known(),
    "status": Known(),
    "watch": Known(("started",)),
    "workflow_call": Known(),
    "workflow_dispatch": Known(from_default=False),
    "workflow_run": Known(("completed", "requested", "in_progress")),
}
"""Every event that ``on`` may name."""
