"""The plan of a pull request as Markdown: for its one comment, and for the job's summary. Pure.

All texts of a result may be untrusted (names come from files of a stranger's pull request); each is made neutral
(``domain.markdown``) before it stands here. Names and versions only: a value is in no result.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dreamnet_actions.domain.addresses import repository_url, run_url
from dreamnet_actions.domain.markdown import cell, fenced, inline
from dreamnet_actions.domain.result import AgentResult, warnings
from dreamnet_actions.domain.units import counted
from dreamnet_actions.errors.configuration import Mistake

MOST = 65_536
"""What GitHub takes of one comment. It counts characters; here bytes are counted, of which there are never fewer."""
ROOM = 1_000
"""Bytes that are left for what is hidden at a comment's end."""
_ROWS = (200, 50, 20, 5, 0)
"""Rows of each table, tried from the left until all of it fits."""
_WORDS = 500
"""Characters of one text."""
_SHA = re.compile(r"[0-9a-f]{40}")


def markdown(
    result: AgentResult,
    environ: Mapping[str, str],
    *,
    head: str = "",
    judged: Sequence[Mapping[str, Any]] = (),
    mistakes: Sequence[Mistake] = (),
    most: int = MOST - ROOM,
) -> str:
    """Write it in at most ``most`` bytes.

    ``head`` is the commit at the head of the pull request, ``judged`` what is wrong with values (``judged_values``),
    ``mistakes`` those of the configuration; files are paths in the repository.
    """
    for rows in _ROWS:
        text = "\n\n".join(_parts(result, environ, head, judged, mistakes, rows))
        if len(text.encode()) <= most:
            return text
    few = "\n\n".join([_title(result), "It is too long to be shown here.", *_foot(environ, head)])
    return few.encode()[:most].decode("utf-8", "ignore")


def _parts(
    result: AgentResult,
    environ: Mapping[str, str],
    head: str,
    judged: Sequence[Mapping[str, Any]],
    mistakes: Sequence[Mistake],
    rows: int,
) -> Iterator[str]:
    yield _title(result)
    link = _linker(environ, head)
    wrong = [one for one in judged if one.get("level") == "error"]
    odd = [one for one in judged if one.get("level") != "error"]
    listed = [(link(one.file, one.line), one.message) for one in mistakes]
    listed += [(link(str(one.get("file", "")), one.get("line")), str(one.get("text"))) for one in wrong]
    if listed:
        yield _table(["where", "what is wrong"], listed, rows)
    elif result.error is not None:
        yield inline(str(result.error.get("message", "")), _WORDS)
    for entry in dict.fromkeys(str(one["entry"]) for one in result.findings if "entry" in one):
        yield from _section([one for one in result.findings if one.get("entry") == entry], entry, rows)
    if odd:
        found = [(link(str(one.get("file", "")), one.get("line")), str(one.get("text"))) for one in odd]
        yield "**Odd, and no mistake**\n\n" + _table(["where", "what"], found, rows)
    for said in warnings(result):
        first, _, lines = str(said.get("hint") or "").partition("\n")
        hint = f" {inline(first, _WORDS)}" if first else ""
        yield f"⚠️ {inline(str(said['warning']), _WORDS)}{hint}" + (f"\n\n{fenced(lines)}" if lines else "")
    yield from _foot(environ, head)


def _title(result: AgentResult) -> str:
    mark = "❌" if result.error else "❔" if _unplanned(result) else "📝" if result.changes else "✅"
    return f"### {mark} EnvKeeper: {inline(result.summary, _WORDS)}"


def _unplanned(result: AgentResult) -> bool:
    return any(one.get("unplanned") for one in result.findings)


def _section(findings: Sequence[Mapping[str, Any]], entry: str, rows: int) -> Iterator[str]:
    """Tell of one entry: what changes in each of its sinks, and the plan's id."""
    for one in findings:
        if why := one.get("unplanned"):
            yield f"#### {inline(entry)}\n\nNot planned: {inline(str(why), _WORDS)}"
        if "sink" not in one:
            continue
        keys = list(one.get("keys") or ())
        drifted = set(one.get("drifted") or ())
        changed = [
            (
                str(key["name"]),
                f"{key['effect']}{', changed by hand' if key['name'] in drifted else ''}",
                str(key.get("from") or "–"),
                str(key.get("to") or "–"),
            )
            for key in keys
            if key["effect"] != "unchanged"
        ]
        lines = [f"#### {inline(entry)} → {inline(str(one['sink']))}", ""]
        if changed:
            lines += [_table(["name", "", "from", "to"], changed, rows), ""]
        rest = len(keys) - len(changed)
        yield "\n".join(
            [*lines, f"{counted(rest, 'name')} unchanged." if rest or not changed else ""]
        ).rstrip()
    for one in findings:
        if re.fullmatch(r"[0-9a-f]{12}", str(one.get("plan") or "")):
            named = f" {entry}" if re.fullmatch(r"[\w.-]+", entry, re.ASCII) else ""
            command = f"dreamnet sync{named} --plan {one['plan']}"
            yield f"Plan `{one['plan']}`: once it is merged, `{command}` does this or nothing."


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], most: int) -> str:
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for row in rows[:most]:
        cells = [one if isinstance(one, _Link) else cell(one, _WORDS) for one in row]
        lines.append(f"| {' | '.join(cells)} |")
    if len(rows) > most:
        lines.append(
            f"\nand {len(rows) - most} more; the job's summary and its output `result` have more of them"
        )
    return "\n".join(lines)


class _Link(str):
    """Markdown of our own making, which is not made neutral again."""

    __slots__ = ()


def _linker(environ: Mapping[str, str], head: str) -> Any:
    base = repository_url(environ)

    def link(file: str, line: object) -> str:
        place = f"{file}:{line}" if line else file
        if (
            base
            and _SHA.fullmatch(head)
            and re.fullmatch(r"[\w./-]+", file, re.ASCII)
            and isinstance(line, int)
        ):
            return _Link(f"[{inline(place)}]({base}/blob/{head}/{file}#L{line})")
        return place or "–"

    return link


def _foot(environ: Mapping[str, str], head: str) -> Iterator[str]:
    run = run_url(environ)
    about = [f"[The run]({run})" if run else "", f"for {head[:12]}" if _SHA.fullmatch(head) else ""]
    said = " ".join(one for one in about if one)
    yield f"Names and versions; values are never shown.{f' {said}.' if said else ''}"
