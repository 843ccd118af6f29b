"""A dream as an issue says it: title, labels, a body for a tired reader, and the whole dream hidden in it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from dreamnet_actions.adapters.github.hidden import decode, encode
from dreamnet_actions.domain import briefing, outlook
from dreamnet_actions.domain.briefing import Links
from dreamnet_actions.domain.dream import STATES, Dream
from dreamnet_actions.domain.health import Report, principal, shorten
from dreamnet_actions.domain.markdown import fenced, inline, title
from dreamnet_actions.domain.units import counted, format_duration
from dreamnet_actions.errors import RequestTooLarge

MOST = 65_536
"""The most characters that GitHub takes for a body."""
KIND = "dream"
LABEL = "dream"
DUPLICATE = "duplicate"
BLIP = "blip"
APPROVAL = "needs-approval"
_COLOURS = {
    "suspected": "ededed",
    "open": "d73a4a",
    "healing": "fbca04",
    "verifying": "1d76db",
    "needs-human": "b60205",
    "snoozed": "c5def5",
    "resolved": "0e8a16",
    "wont-fix": "ffffff",
}
_MEANS = {
    "suspected": "Something looks wrong; not confirmed yet.",
    "open": "A problem is confirmed.",
    "healing": "A remedy is under way.",
    "verifying": "The remedy ended; its proof is looked for.",
    "needs-human": "DreamNet does not know what to do.",
    "snoozed": "A person put it aside for a while.",
    "resolved": "A check saw that it is gone.",
    "wont-fix": "A person said that it is to be left alone.",
}
_CAUSES = {
    "refused": "connection refused",
    "timeout": "no answer in time",
    "reset": "connection reset",
    "dns": "name not found",
    "tls": "TLS trouble",
    "status-5xx": "server errors",
    "status": "unexpected status",
    "body": "unexpected content",
    "exit-status": "its command fails",
    "not-ready": "not ready",
    "crash": "it crashes",
    "metric": "a metric is out of bounds",
    "stale": "no news",
    "other": "see below",
}
_NOTE = re.compile(
    r"Cut to fit: \d+ of \d+ reports?, details shortened\."
    r"(?: \[The run that saw them\]\(https?://[\w./:%-]+\) shows all\.)?"
)
_CUTS = (300, 120, 40, 0)
"""How long the details of the evidence may be, tried in turn until the body fits."""


@dataclass(frozen=True, kw_only=True)
class Stored:
    """What a body holds: the dream without its number, how often it was written (``revision``), and the number of the
    issue that it is a duplicate of. ``cut`` says what was left out of its evidence to fit, and where all of it is."""

    dream: Dream
    revision: int
    duplicate_of: int | None = None
    cut: str = ""


def labels() -> Mapping[str, tuple[str, str]]:
    """Answer every label of ours: its colour and description by its name."""
    own = {LABEL: ("5319e7", "Written by DreamNet: a problem, from first sight to proof that it is gone.")}
    own |= {BLIP: ("d4c5f9", "A dream that was over soon.")}
    own |= {APPROVAL: ("b60205", "A remedy waits for somebody to write /approve.")}
    return own | {state_label(state): (_COLOURS[state], _MEANS[state]) for state in STATES}


def state_label(state: str) -> str:
    """Answer the label of a state."""
    return f"{LABEL}: {state}"


def labels_of(dream: Dream) -> list[str]:
    """Answer the labels of ours that a dream carries."""
    more = [*([BLIP] if dream.blip else []), *([APPROVAL] if dream.asks is not None else [])]
    return [LABEL, state_label(dream.state), *more]


def title_of(dream: Dream) -> str:
    """Answer the issue's title: ``web is failing: connection refused (production)``."""
    what = _CAUSES.get(dream.cause or "", dream.cause or "")
    why = f": {what}" if what else ""
    return title(f"{dream.service or dream.key} is {dream.health}{why} ({dream.platform})")


def body_of(stored: Stored, links: Links | None = None) -> tuple[str, Stored]:
    """Answer the issue's body, and what it holds: the dream as given, its evidence cut where that would not fit, with
    a link to the run that saw all of it.

    Raises RequestTooLarge where what is left is still too long.
    """
    links = links or Links()
    body = _write(stored, links)
    if len(body) <= MOST:
        return body, stored
    evidence = stored.dream.evidence
    for count in (len(evidence), 5, 1, 0):
        for limit in _CUTS:
            kept = tuple(
                shorten(one, limit) if limit else replace(one, detail="") for one in evidence[:count]
            )
            note = f"Cut to fit: {len(kept)} of {counted(len(evidence), 'report')}, details shortened."
            if links.run:
                note += f" [The run that saw them]({links.run}) shows all."
            less = replace(stored, dream=replace(stored.dream, evidence=kept), cut=note)
            body = _write(less, links)
            if len(body) <= MOST:
                return body, less
    raise RequestTooLarge(len(body), MOST)


def read(body: str) -> Stored | None:
    """Read what ``body_of`` hid; None where there is none that can be read."""
    data = decode(KIND, body)
    if data is None:
        return None
    try:
        known = {one.name for one in fields(Dream)}
        held = {name: value for name, value in data["dream"].items() if name in known}
        held["evidence"] = tuple(Report(**report) for report in held.get("evidence", ()))
        dream = Dream(**held)
        if dream.state not in STATES or not isinstance(dream.key, str):
            return None
        return Stored(
            dream=dream,
            revision=int(data["rev"]),
            duplicate_of=data.get("duplicate-of"),
            cut=_cut(data.get("cut")),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _cut(held: object) -> str:
    """Read the note on what was left out; anything else that stands there is none of ours."""
    return held if isinstance(held, str) and _NOTE.fullmatch(held) else ""


# ── writing ─────────────────────────────────────────────────────────────────────────────────────────────────


def _write(stored: Stored, links: Links) -> str:
    dream = stored.dream
    parts = [_head(dream, links), _evidence(dream)]
    if stored.duplicate_of is not None:
        parts.insert(0, f"Duplicate of #{int(stored.duplicate_of)}.")
    if stored.cut:
        parts.append(f"_{stored.cut}_")
    hidden = {
        "key": dream.key,
        "rev": stored.revision,
        "duplicate-of": stored.duplicate_of,
        "cut": stored.cut,
        "dream": _plain(dream),
    }
    return "\n\n".join([*filter(None, parts), encode(KIND, hidden)])


def _head(dream: Dream, links: Links) -> str:
    """What, since when, why, what was tried, what worked before, what is next and when: one line each."""
    failed = principal(dream.evidence)
    cause = _CAUSES.get(dream.cause or "", dream.cause or "")
    what = (
        f"**{inline(dream.service or dream.key)}** on **{inline(dream.platform)}** is {inline(dream.health)}"
    )
    lines = [f"{what}{f': {inline(cause)}' if cause else ''}.", ""]
    lines.append(f"- **Since:** {outlook.when(dream.opened_at)}")
    lines.append(f"- **State:** {dream.state}{f' – {inline(dream.because)}' if dream.because else ''}")
    if failed is not None and failed.detail:
        lines.append(f"- **Seen:** {inline(failed.detail)}")
    if (asked := dream.asks) is not None:
        lines.append(
            f"- **Wants to:** {inline(asked.what)} (try {asked.attempt}), because {inline(asked.why)}. "
            f"Comment `/approve` to let it."
        )
    lines += briefing.lines(dream, links)
    if dream.came_back > 0:
        lines.append(f"- **Came back:** {counted(dream.came_back, 'time')}")
    if dream.umbrella is not None:
        lines.append(f"- **Part of:** dream {int(dream.umbrella)}")
    if dream.resolved_at is not None:
        took = format_duration(max(0.0, dream.resolved_at - dream.opened_at))
        lines.append(f"- **Resolved:** {outlook.when(dream.resolved_at)}, after {took}")
    lines.append(f"- **Next:** {outlook.sentences(dream)}")
    return "\n".join(lines)


def _evidence(dream: Dream) -> str:
    if not dream.evidence:
        return ""
    bad = sum(one.status != "passed" for one in dream.evidence)
    lines = [
        f"<details><summary>Evidence: {bad} of {counted(len(dream.evidence), 'check')} not passed</summary>"
    ]
    lines += ["", *(_report(one) for one in dream.evidence), "", "</details>"]
    return "\n".join(lines)


def _report(report: Report) -> str:
    phases = ", ".join(
        f"{inline(name, 40)} {seconds * 1000:.1f} ms" for name, seconds in report.phases.items()
    )
    parts = [f"**{inline(report.check, 80)}** {report.status}"]
    parts += [f"({report.cause})"] if report.cause else []
    text = " ".join(parts)
    block = "\n" in report.detail.strip()
    text += f": {inline(report.detail)}" if report.detail and not block else ""
    text += f" – value {report.value:g}" if report.value is not None else ""
    text += f" – {phases}" if phases else ""
    if block:  # the last lines of a log, say
        text += "\n\n" + fenced(report.detail)
    return "- " + text.replace("\n", "\n  ")


def _plain(dream: Dream) -> dict[str, Any]:
    held = vars(dream) | {"evidence": [vars(report) for report in dream.evidence]}
    del held["number"]
    return held
