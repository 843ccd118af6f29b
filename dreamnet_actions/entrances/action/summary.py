"""The job's summary: verdict first, a table, what changed, what to do next, links. Pure: a result in, Markdown out.

All texts of a result may be untrusted; each is made neutral (``domain.markdown``) before it stands here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dreamnet_actions.domain.addresses import repository_url, run_url
from dreamnet_actions.domain.markdown import cell, fenced, inline
from dreamnet_actions.domain.result import AgentResult, warnings
from dreamnet_actions.errors.configuration import Mistake

MOST_ROWS = 200
"""Rows of one table: beyond that nobody reads, and GitHub takes 1 MiB a step."""
MOST_WORDS = 4000
"""Characters of one text."""
NAMES = {
    "dreamkeeper": "DreamKeeper",
    "deploykeeper": "DeployKeeper",
    "envkeeper": "EnvKeeper",
    "relaybot": "RelayBot",
}
_GOOD, _BAD, _WAIT = "✅", "❌", "⏸️"
_MARKS = {
    "healthy": _GOOD,
    "deployed": _GOOD,
    "degraded": "⚠️",
    "unknown": "❔",
    "failing": _BAD,
    "rolled-back": "↩️",
    "rollback-failed": _BAD,
    "deployed-unverified": "⚠️",
}
_BY_OUTCOME = {
    "done": _GOOD,
    "unchanged": _GOOD,
    "planned": "📝",
    "deferred": _WAIT,
    "refused": _BAD,
    "failed": _BAD,
}
_LOOKS = {"passed": "✓", "failed": "✗", "degraded": "!", "unknown": "?", "seen": "·"}


def summary(result: AgentResult, environ: Mapping[str, str], *, mistakes: Sequence[Mistake] = ()) -> str:
    """Write the Markdown of one result."""
    parts = [
        _head(result),
        *_mistaken(mistakes, environ),
        *_checks(result.findings),
        *_differences(result.findings),
        *_timelines(result.findings),
        *_changes(result.changes),
        *_next(result, environ),
        *_links(result, environ),
    ]
    return "\n\n".join(parts) + "\n"


def _head(result: AgentResult) -> str:
    mark = _MARKS.get(result.verdict or "") or _BY_OUTCOME[result.outcome]
    said = result.verdict or result.outcome
    who = NAMES.get(result.agent or "", "DreamNet")
    title = f"## {mark} {said} · {who}{f' {inline(result.action)}' if result.action else ''}"
    return f"{title}\n\n{inline(result.summary, MOST_WORDS)}"


def _mistaken(mistakes: Sequence[Mistake], environ: Mapping[str, str]) -> Iterator[str]:
    if not mistakes:
        return
    base, sha = repository_url(environ), environ.get("GITHUB_SHA", "")
    rows = []
    for one in mistakes[:MOST_ROWS]:
        place = f"{cell(one.file)}:{one.line}:{one.column}"
        linked = base and re.fullmatch(r"[0-9a-f]{40}", sha) and re.fullmatch(r"[\w./-]+", one.file)
        shown = f"[{place}]({base}/blob/{sha}/{one.file}#L{one.line})" if linked else place
        rows.append(f"| {shown} | {cell(one.message)} |")
    yield "\n".join(["| where | what is wrong |", "|---|---|", *rows, *_more(len(mistakes))])


def _checks(findings: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    rows = []
    for one in findings:
        name = one.get("service") or one.get("sink") or one.get("flag") or one.get("name")
        if not name:
            continue
        stands = one.get("health") or one.get("text") or one.get("decision") or ""
        seen = "<br>".join(_check(check) for check in one.get("checks") or ())
        rows.append(f"| {cell(str(name))} | {cell(str(stands))} | {seen or cell(_keys(one))} |")
    if rows:
        yield "\n".join(["| | stands | seen |", "|---|---|---|", *rows[:MOST_ROWS], *_more(len(rows))])


def _differences(findings: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Write what a deploy would change, field by field, where a dry run asked the platform."""
    rows = []
    for one in (one for one in findings if "object" in one and "effect" in one):
        fields = one.get("fields") or [{"path": one.get("why"), "from": None, "to": None}]
        for field in fields:
            values = (
                str(one["object"]),
                str(one["effect"]),
                field.get("path"),
                field.get("from"),
                field.get("to"),
            )
            rows.append("| " + " | ".join(cell(str(v)) if v is not None else "–" for v in values) + " |")
    if rows:
        head = [
            "### What the platform would change",
            "",
            "| object | | field | from | to |",
            "|---|---|---|---|---|",
        ]
        yield "\n".join([*head, *rows[:MOST_ROWS], *_more(len(rows))])


def _check(check: Mapping[str, Any]) -> str:
    mark = _LOOKS.get(str(check.get("status")), "?")
    cause = f" ({check['cause']})" if check.get("cause") else ""
    detail = f": {check['detail']}" if check.get("detail") else ""
    return cell(f"{mark} {check.get('check', '')}{cause}{detail}")


def _keys(finding: Mapping[str, Any]) -> str:
    keys = finding.get("keys") or ()
    return ", ".join(f"{key.get('name')} {key.get('effect')}" for key in keys if isinstance(key, Mapping))


def _timelines(findings: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Tell each release step by step."""
    for one in findings:
        steps = one.get("timeline") or ()
        rows = [
            f"| {cell(str(step['at']))} | {step['after']:.1f} s | {cell(str(step['text']))} |"
            for step in steps
        ]
        if rows:
            head = [
                f"### Timeline of {inline(str(one.get('release', '')))}",
                "",
                "| when | after | what |",
                "|---|---|---|",
            ]
            yield "\n".join([*head, *rows[:MOST_ROWS], *_more(len(rows))])


def _changes(changes: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    rows = [
        "| "
        + " | ".join(cell(str(one.get(key) or "–")) for key in ("what", "from", "to", "why", "undo"))
        + " |"
        for one in changes
    ]
    if rows:
        head = ["### What changed", "", "| what | from | to | why | undo |", "|---|---|---|---|---|"]
        yield "\n".join([*head, *rows[:MOST_ROWS], *_more(len(rows))])


def _more(count: int) -> list[str]:
    return [f"\nand {count - MOST_ROWS} more, in the step's output `result`"] if count > MOST_ROWS else []


def _next(result: AgentResult, environ: Mapping[str, str]) -> Iterator[str]:
    lines = []
    if result.error is not None:
        message = str(result.error.get("message", ""))
        if message not in (result.summary, f"{result.summary}."):
            lines.append(inline(message, MOST_WORDS))
        if hint := result.error.get("hint"):
            lines.append(_hint(str(hint)))
    for one in warnings(result)[:MOST_ROWS]:
        lines.append(f"⚠️ {inline(str(one['warning']), MOST_WORDS)}")
        if hint := one.get("hint"):
            lines.append(_hint(str(hint)))
    if result.messages:
        base = repository_url(environ)
        runs = f" ([its runs]({base}/actions))" if base else ""
        count = len(result.messages)
        lines.append(
            f"RelayBot carries {'a message' if count == 1 else f'{count} messages'} on{runs}; nothing is to be done."
        )
    shown = [
        str(one["plan"]) for one in result.findings if re.fullmatch(r"[0-9a-f]{12}", str(one.get("plan")))
    ]
    if result.action == "plan" and shown:
        lines.append(f"Plan {shown[0]}: a sync with this id as its plan does just that, or nothing.")
    elif result.outcome == "planned":
        lines.append("This was a dry run: start it again without `dry-run` to do it.")
    if lines:
        yield "### What to do next\n\n" + "\n".join(f"- {line}" for line in lines)


def _hint(hint: str) -> str:
    """Write what to do; the lines to add, where it has some, as they are to be added."""
    first, _, rest = hint.partition("\n")
    if not rest:
        return inline(first, MOST_WORDS)
    block = "\n".join(f"  {line}" for line in fenced(rest).split("\n"))  # within the item of the list
    return f"{inline(first, MOST_WORDS)}\n\n{block}"


def _links(result: AgentResult, environ: Mapping[str, str]) -> Iterator[str]:
    base = repository_url(environ)
    links = [f"[dream #{number}]({base}/issues/{number})" for number in _numbers(result) if base]
    if url := run_url(environ):
        links.append(f"[this run]({url})")
    docs = str((result.error or {}).get("docs") or "")
    if re.fullmatch(r"docs/[\w./-]+\.md", docs):
        links.append(f"[what the error means](https://github.com/dreamnet/dreamnet/blob/v1/{docs})")
    if links:
        yield " · ".join(links)


def _numbers(result: AgentResult) -> list[int]:
    """Answer the numbers of the dreams that the result's findings name."""
    found = [one["dream"] for one in result.findings if isinstance(one.get("dream"), int)]
    return list(dict.fromkeys(found))[:20]
