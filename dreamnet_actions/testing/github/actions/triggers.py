"""Which workflows an event starts. Pure: files and facts in, a decision out; git and time are the caller's.

Sources: https://docs.github.com/en/actions/reference/workflows-and-actions/events-that-trigger-workflows
(types, default branch), …/workflow-syntax#on (filters),
https://docs.github.com/en/actions/how-tos/manage-workflow-runs/skip-workflow-runs
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dreamnet_actions.testing.github.actions import globs
from dreamnet_actions.testing.github.actions.activities import EVENTS
from dreamnet_actions.testing.github.actions.workflow import Workflow
from dreamnet_actions.testing.github.hosting import Event

BRANCH, TAG = "refs/heads/", "refs/tags/"
NOTHING = "0" * 40
"""The commit that a deleted ref points at."""
BY_TOKEN = ("repository_dispatch", "workflow_dispatch")
"""What a workflow's own token may start (https://docs.github.com/en/actions/concepts/security/github_token)."""

_SKIP = re.compile(r"\[(?:skip ci|ci skip|no ci|skip actions|actions skip)\]", re.IGNORECASE)
_SKIP_TRAILER = re.compile(r"\n\n\n?(?:[^\n]+\n)*skip-checks:\s*true\s*$", re.IGNORECASE)


@dataclass(frozen=True)
class Choice:
    """What is to be done with one workflow: start it, or show the failed run that its mistakes make
    (``broken``)."""

    workflow: Workflow
    broken: bool = False


def heard_at(event: Event, default_head: str) -> str:
    """Answer the commit whose workflow files hear an event: the default branch's head, or the event's own
    commit."""
    known = EVENTS.get(event.name)
    return default_head if known is None or known.from_default else event.sha


def choose(
    workflows: Iterable[Workflow],
    event: Event,
    *,
    disabled: Callable[[str], bool] = lambda _path: False,
    changed: Callable[[], Sequence[str] | None] = lambda: None,
    message: str = "",
) -> list[Choice]:
    """Answer the workflows that ``event`` starts.

    ``disabled`` tells of a path whether its workflow is switched off; ``changed`` answers the paths that a push
    or pull request changed, or None where GitHub does not look at them (more than 300 files, no commit to
    compare with); ``message`` is that of the newest commit.
    """
    if (event.by_workflow and event.name not in BY_TOKEN) or event.sha == NOTHING:
        return []
    if event.name in {"push", "pull_request"} and skips(message):
        return []
    chosen: list[Choice] = []
    for workflow in workflows:
        if disabled(workflow.path) or event.workflow not in {None, workflow.path, workflow.file}:
            continue
        if workflow.mistakes:
            # Only a push makes a wrong file visible; other events cannot be matched with what cannot be read.
            if event.name == "push" or event.workflow is not None:
                chosen.append(Choice(workflow, broken=True))
        elif event.name in workflow.on and hears(workflow.on[event.name], event, changed):
            chosen.append(Choice(workflow))
    return chosen


def skips(message: str) -> bool:
    """Say whether a commit's message asks for no runs."""
    return bool(_SKIP.search(message) or _SKIP_TRAILER.search(message))


def hears(settings: Any, event: Event, changed: Callable[[], Sequence[str] | None]) -> bool:
    """Say whether one trigger's settings let an event through: types, then branches and tags, then paths."""
    if event.name == "schedule":
        return any(isinstance(one, Mapping) and one.get("cron") == event.action for one in settings)
    if not isinstance(settings, Mapping):
        settings = {}
    return (
        _type_fits(settings.get("types"), event)
        and _ref_fits(settings, event)
        and _paths_fit(settings, event, changed)
    )


def texts(value: Any) -> list[str]:
    """Answer a filter's patterns, whether written as one text or as a list."""
    if value is None:
        return []
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


def _type_fits(types: Any, event: Event) -> bool:
    if types is not None:
        # A dispatch's types are its sender's own names, compared as they are.
        return event.action in texts(types)
    known = EVENTS.get(event.name)
    return known is None or known.usual is None or event.action in known.usual


def _ref_fits(settings: Mapping[str, Any], event: Event) -> bool:
    if event.name == "push":
        return _push_fits(settings, event.ref)
    if event.name in {"pull_request", "pull_request_target"}:
        branch = str(_dig(event.payload, "pull_request", "base", "ref") or "")
    elif event.name == "workflow_run":
        branch = str(_dig(event.payload, "workflow_run", "head_branch") or "")
        names = texts(settings.get("workflows"))
        if names and str(_dig(event.payload, "workflow_run", "name") or "") not in names:
            return False
    else:
        return True
    return _named(settings, "branches", branch)


def _push_fits(settings: Mapping[str, Any], ref: str) -> bool:
    branches = "branches" in settings or "branches-ignore" in settings
    tags = "tags" in settings or "tags-ignore" in settings
    if ref.startswith(TAG):
        return _named(settings, "tags", ref.removeprefix(TAG)) if tags else not branches
    return _named(settings, "branches", ref.removeprefix(BRANCH)) if branches else not tags


def _named(settings: Mapping[str, Any], filter_: str, name: str) -> bool:
    if filter_ in settings:
        return globs.matches(texts(settings[filter_]), name)
    return not globs.matches(texts(settings.get(f"{filter_}-ignore")), name)


def _paths_fit(
    settings: Mapping[str, Any], event: Event, changed: Callable[[], Sequence[str] | None]
) -> bool:
    wanted, ignored = settings.get("paths"), settings.get("paths-ignore")
    if (wanted is None and ignored is None) or event.ref.startswith(TAG):
        return True
    paths = changed()
    if paths is None:
        return True
    if wanted is not None:
        return globs.any_included(texts(wanted), paths)
    return globs.any_left(texts(ignored), paths)


def _dig(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
