"""What a tired reader is told of a dream, in Markdown: its likely cause, what was tried, what worked before. Pure.

An issue's body and the answer to ``/explain`` say them alike. All text of a dream may be untrusted and is made neutral.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from dreamnet_actions.domain import lessons
from dreamnet_actions.domain.dream import Dream
from dreamnet_actions.domain.health import principal
from dreamnet_actions.domain.lessons import Record, Suspect
from dreamnet_actions.domain.markdown import inline
from dreamnet_actions.domain.outlook import when
from dreamnet_actions.domain.units import format_duration

_SCOPES = {
    "cause": "",
    "service": " (for another cause)",
    "elsewhere": " (on other services, for the same cause)",
}


@dataclass(frozen=True, kw_only=True)
class Links:
    """What can be pointed at: ``home`` is the repository's address and ``run`` the run's, each empty where there is
    none. Dreams are named as GitHub links them by itself (``#12``)."""

    home: str = ""
    run: str = ""

    def commit(self, sha: str) -> str:
        """Name a commit."""
        return f"[`{sha[:7]}`]({self.home}/commit/{sha})" if self.home else f"`{sha[:7]}`"

    def compared(self, former: str, sha: str) -> str:
        """Name what changed between two commits, where there is a page for it."""
        return f"[what changed]({self.home}/compare/{former}...{sha})" if self.home else ""

    def deployments(self, environment: str) -> str:
        """Name the deployments of an environment, where there is a page for them."""
        return f"[deployments]({self.home}/deployments/{quote(environment, safe='')})" if self.home else ""


def lines(dream: Dream, links: Links) -> Iterator[str]:
    """Yield the lines, each an entry of a list."""
    found = lessons.read(dream.data)
    yield f"- **Likely cause:** {_cause(dream, found.suspect, links)}"
    if dream.pattern:
        yield f"- **History:** {inline(dream.pattern)}"
    yield from _tried(dream)
    if found.records:
        told = "; ".join(_record(one, links) for one in found.records)
        yield f"- **What worked before:** {told}"


def _cause(dream: Dream, suspect: Suspect | None, links: Links) -> str:
    failed = principal(dream.evidence)
    seen = f"what is seen is {inline(failed.cause)}" if failed is not None and failed.cause else ""
    if suspect is None:
        return f"unknown; nothing of it was released or synced in the half hour before{f', {seen}' if seen else ''}."
    before = format_duration(max(0.0, dream.opened_at - suspect.at))
    if suspect.what == "values":
        return f"its values changed {before} before it began ({inline(suspect.text)})."
    which = f" of {links.commit(suspect.commit)}" if suspect.commit else ""
    pages = [links.deployments(dream.platform)]
    if suspect.commit and suspect.former and suspect.commit != suspect.former:
        pages.insert(0, links.compared(suspect.former, suspect.commit))
    shown = ", ".join(filter(None, pages))
    return (
        f"a release{which} {before} before it began{f' ({shown})' if shown else ''}: {inline(suspect.text)}."
    )


def _tried(dream: Dream) -> Iterator[str]:
    told = [one for one in _ended(dream.data.get(lessons.TRIED)) if one]
    if dream.remedy and dream.state in ("healing", "verifying"):
        told.append(f"{inline(dream.remedy)} (try {dream.attempt}) is under way")
    elif dream.remedy and not told:
        told.append(f"{inline(dream.remedy)} (try {dream.attempt})")
    yield f"- **Tried:** {'; '.join(told) or 'nothing yet'}"


def _ended(held: object) -> Iterator[str]:
    for one in held if isinstance(held, Sequence) else ():
        try:
            remedy, at, worked, seconds = one
            took = f" in {format_duration(float(seconds))}" if worked and seconds is not None else ""
            did = f"worked{took}" if worked else "did not help"
            yield f"{inline(str(remedy))} at {when(float(at))} {did}"
        except (TypeError, ValueError):
            continue


def _record(one: Record, links: Links) -> str:
    name = inline(one.remedy)
    if not one.worked:
        return f"{name} did not, 0 of {one.tried} times{_SCOPES.get(one.scope, '')}"
    took = f" in {format_duration(one.seconds)}" if one.seconds is not None else ""
    said = (
        f"{name}, {one.worked} of {one.tried} times{took}, last {when(one.last)}{_SCOPES.get(one.scope, '')}"
    )
    where = [f"#{int(number)}" for number in one.dreams]
    where += [f"back to {links.commit(sha)}" for sha in one.commits if sha.isalnum()]
    return f"{said}: {', '.join(where)}" if where else said
