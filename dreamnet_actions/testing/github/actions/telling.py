"""What a person reads of a run while it goes on: one line when it starts, one when it ends, and why it failed. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dreamnet_actions.testing.github.actions.runs import BAD, Run
from dreamnet_actions.testing.github.hosting import Event

LONGEST = 300
"""Characters of one sentence; the rest stands on the run's page."""

_CHANGES = ("opened", "closed", "reopened")


def began(run: Run) -> str:
    """Answer the line for a run that starts."""
    return f"{_name(run)} ({run.event.name}) started: {run.title}"


def ended(run: Run, server_url: str) -> Iterator[str]:
    """Answer the lines for a run that has ended: how, in what time, what its jobs say (their output ``summary``), and
    where it failed the first reason with the address of its page."""
    attempt = run.now
    took = ""
    if attempt.started_at is not None and attempt.completed_at is not None:
        took = f" after {attempt.completed_at - attempt.started_at:.1f} s"
    yield f"{_name(run)} ended{took}: {run.conclusion}"
    said = [text for job in run.jobs if (text := job.outputs.get("summary", "").strip())]
    if run.conclusion not in BAD:
        yield from (f"  {_short(text)}" for text in said)
        return
    notes = sorted(run.annotations, key=lambda one: one.level != "error")  # errors first
    if why := [one.message for one in notes[:1]] or said[:1]:
        yield f"  {_short(why[0])}"
    if run.conclusion != "cancelled":
        yield f"  {server_url}/{run.repository}/actions/runs/{run.id}"


def happened(event: Event) -> str | None:
    """Answer the line for an issue that is opened, closed or reopened; None for all else."""
    issue = event.payload.get("issue")
    if event.name == "issues" and event.action in _CHANGES and isinstance(issue, Mapping):
        return f"issue #{issue.get('number')} {event.action}: {_short(str(issue.get('title')))}"
    return None


def _name(run: Run) -> str:
    return f"{run.workflow.file} #{run.number}"


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= LONGEST else words[: LONGEST - 1] + "…"
