"""A result as people read it: the summary first, then what was found and changed, the error on stderr."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from dreamnet_actions.domain.result import AgentResult
from dreamnet_actions.entrances.cli.root import show_lines
from dreamnet_actions.entrances.cli.terminal import one_line, say

MARKS = {"passed": "✓", "failed": "✗", "degraded": "!", "unknown": "?", "seen": "·"}
"""How a check's status looks; the words stand beside them."""


def show_result(result: AgentResult) -> None:
    """Print a result: its summary and details on stdout, its error on stderr."""
    if result.error is None:
        say(f"{result.outcome}: {result.summary}")
    for finding in result.findings:
        if finding.get("text") == result.summary:
            continue  # said already
        for line in finding_lines(finding):
            say(f"  {line}")
    for change in result.changes:
        say(f"  {change_line(change)}")
    if result.error is not None:
        show_lines(result.error["message"], result.error.get("hint", ""), result.error.get("docs", ""))


def finding_lines(finding: Mapping[str, Any]) -> Iterator[str]:
    """Write one finding: a service with its checks, a warning, or whatever plain data it is."""
    if finding.get("warning"):
        yield one_line(f"! {finding['warning']}")
        for line in str(finding.get("hint") or "").splitlines():
            yield f"  {line}"
        return
    if finding.get("timeline"):
        return  # it was said as it happened, and `dreamnet releases` tells it again
    if "mistakes" in finding or "warnings" in finding:
        yield from _judged(finding)
        finding = {key: value for key, value in finding.items() if key not in ("mistakes", "warnings")}
        if finding.keys() == {"entry"}:
            return
    rest = {key: value for key, value in finding.items() if value not in (None, "", [], {})}
    name = rest.pop("service", rest.pop("flag", rest.pop("sink", None)))
    checks, keys = rest.pop("checks", []), rest.pop("keys", [])
    text = rest.pop("text", None)
    rest.pop("dream", None)  # the changes tell of it by its key
    if text is not None:
        yield one_line(f"{name}: {text}" if name else text)
        for field in rest.get("fields") or ():
            yield "  " + one_line(f"{field['path']}: {_told(field['from'])} → {_told(field['to'])}")
        return
    health, because = rest.pop("health", None), rest.pop("because", None)
    if health == "healthy" and rest.get("decision") == "nothing":
        rest, because = {}, None  # well, and nothing to do: that is all there is to say
    words = [str(health)] if health else []
    words += [f"{key} {_short(value)}" for key, value in rest.items()]
    line = f"{name}: {', '.join(words)}" if name else ", ".join(words)
    yield one_line(f"{line} ({because})" if because else line)
    for check in checks:
        yield f"  {check_line(check)}"
    for key in keys:
        yield one_line(f"  {key['name']} {key['effect']}{_versions(key)}")


def _judged(finding: Mapping[str, Any]) -> Iterator[str]:
    """Write what is odd about an entry's values; its mistakes are in the error's own words already."""
    for one in finding.get("warnings") or ():
        where = f" ({one['file']}:{one['line']})" if one.get("file") else ""
        yield one_line(f"! {finding['entry']}: {str(one['text']).removesuffix('.')}{where} [{one['rule']}]")


def check_line(check: Mapping[str, Any]) -> str:
    """Write one look of one check: ``✗ home failed (refused): …, connect 0.2 ms``."""
    status = str(check.get("status", "unknown"))
    cause = f" ({check['cause']})" if check.get("cause") else ""
    detail = f": {check['detail']}" if check.get("detail") else ""
    phases = check.get("phases_ms") or {}
    timing = ", ".join(f"{name} {value:g} ms" for name, value in phases.items())
    line = f"{MARKS.get(status, '?')} {check.get('check', '')} {status}{cause}{detail}"
    return one_line(f"{line} [{timing}]" if timing else line)


def change_line(change: Mapping[str, Any]) -> str:
    """Write one change: what, from what to what, why, and how to undo it."""
    line = f"{change['what']}: {change.get('from') or 'none'} → {change.get('to') or 'none'}"
    line += f" ({change['why']})" if change.get("why") else ""
    return one_line(f"{line}; undo: {change['undo']}" if change.get("undo") else line)


def _told(value: object) -> str:
    return "none" if value is None else f"{value}"


def _versions(key: Mapping[str, Any]) -> str:
    """Write from which version to which a name goes: ``(a754417a9016 → 559a91fff146)``."""
    before, after = key.get("from"), key.get("to")
    shown = [str(one) for one in (before, after) if one is not None]
    return f" ({' → '.join(dict.fromkeys(shown))})" if shown else ""


def _short(value: object) -> str:
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={_short(one)}" for key, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_short(one) for one in value)
    return str(value)
