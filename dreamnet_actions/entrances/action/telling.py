"""What the run's people get: outputs for later steps, annotations at the lines to mend, and the job's summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dreamnet_actions.domain.result import AgentResult, warnings
from dreamnet_actions.entrances.action.summary import summary
from dreamnet_actions.entrances.wire import write_json
from dreamnet_actions.errors import DreamNetError
from dreamnet_actions.errors.configuration import ConfigInvalid, Mistake
from dreamnet_actions.ports.runner import Level, Runner

MOST_ANNOTATIONS = 10
"""GitHub shows ten annotations of a level a step; the summary lists all."""
MAX_OUTPUT = 900_000
"""Bytes of one output; GitHub takes 1 MiB a job."""
OUTPUTS = ("result", "outcome", "verdict", "summary", "to", "event")
"""The outputs of ``action.yml``; the last two are RelayBot's: whose job a message is, and the message."""


def tell(
    result: AgentResult,
    environ: Mapping[str, str],
    runner: Runner,
    *,
    error: DreamNetError | None = None,
    shown: str | None = None,
) -> None:
    """Write outputs, annotations and summary of one result. ``error`` is the raised one, which knows its lines;
    ``shown`` is the summary where it is another than every result's."""
    routed = next((one for one in result.findings if "to" in one and "event" in one), {})
    values = {
        "result": _bounded(result),
        "outcome": result.outcome,
        "verdict": result.verdict or "",
        "summary": result.summary,
        "to": str(routed.get("to", "")),
        "event": _json(routed["event"]) if routed else "",
    }
    for name in OUTPUTS:
        runner.output(name, values[name])
    judged = judged_values(result, environ)
    if result.error is not None and not any(one.get("level") == "error" for one in judged):
        _annotate(result, runner, error, environ)
    annotate_values(judged, runner)
    for one in warnings(result)[:MOST_ANNOTATIONS]:
        _say(runner, "warning", str(one["warning"]), one)
    runner.summary(shown or summary(result, environ, mistakes=mistakes_of(error, environ)))


def annotate_values(judged: Sequence[Mapping[str, Any]], runner: Runner) -> None:
    """Annotate what is wrong with values (``judged_values``), each at its place."""
    levels: tuple[Level, ...] = ("error", "warning")
    for level in levels:
        for one in [one for one in judged if one.get("level") == level][:MOST_ANNOTATIONS]:
            runner.annotate(
                level,
                str(one["text"]),
                file=one.get("file"),
                line=one.get("line"),
                column=one.get("column"),
                title=f"DreamNet: {one['rule']}",
            )


def annotate_file(
    error: DreamNetError | None, runner: Runner, environ: Mapping[str, str], level: Level
) -> bool:
    """Annotate the mistakes of a configuration, each at its place; answers whether there are any."""
    mistakes = mistakes_of(error, environ)
    for one in mistakes[:MOST_ANNOTATIONS]:
        where = f" ({one.path})" if one.path else ""
        runner.annotate(
            level,
            f"{one.message}{where}",
            file=one.file,
            line=one.line,
            column=one.column,
            title="DreamNet: configuration",
        )
    return bool(mistakes)


def _bounded(result: AgentResult) -> str:
    """Write the result as one line of JSON; what is too long for an output loses its details, and says so."""
    text = _json(result.to_json())
    if len(text.encode()) <= MAX_OUTPUT:
        return text
    cut = {**result.to_json(), "findings": [], "changes": []}
    return _json(cut | {"summary": f"{result.summary[:2000]} (details left out: too long)"})


def _json(value: object) -> str:
    """Write one line of JSON in which no ``${{`` stands: whoever hands the output on does so by an expression, and act
    evaluates some values a second time (the outputs of a called workflow), strangers' texts within them too.

    ``$`` and ``{`` are neighbours within texts only, where JSON can write the second one otherwise.
    """
    return write_json(value, indent=None).replace("${", "$\\u007b")


def _annotate(
    result: AgentResult, runner: Runner, error: DreamNetError | None, environ: Mapping[str, str]
) -> None:
    said = result.error or {}
    level: Level = "warning" if result.outcome == "deferred" else "error"
    if not annotate_file(error, runner, environ, level):
        _say(runner, level, str(said.get("message", result.summary)), said)


def _say(runner: Runner, level: Level, text: str, more: Mapping[str, Any]) -> None:
    """Annotate the run with a text, with the hint and the code that go with it."""
    hint = f"\n{more['hint']}" if more.get("hint") else ""
    runner.annotate(level, f"{text}{hint}", title=f"DreamNet: {more.get('code', '')}")


def judged_values(result: AgentResult, environ: Mapping[str, str]) -> list[Mapping[str, Any]]:
    """Answer what is wrong with the values of env entries, each once, their files as paths in the repository."""
    found: dict[str, Mapping[str, Any]] = {}
    for finding in result.findings:
        for one in (*(finding.get("mistakes") or ()), *(finding.get("warnings") or ())):
            if isinstance(one, Mapping) and "text" in one:
                file = {"file": _in_repository(str(one["file"]), environ)} if one.get("file") else {}
                found.setdefault(f"{finding.get('entry')}: {one['text']}", {**one, **file})
    return list(found.values())


def _in_repository(file: str, environ: Mapping[str, str]) -> str:
    """Answer a file's path in the repository, by which GitHub finds it; one outside stays as it is."""
    root = Path(environ.get("GITHUB_WORKSPACE") or ".").resolve()
    path = (root / file).resolve()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else file


def mistakes_of(error: DreamNetError | None, environ: Mapping[str, str]) -> list[Mistake]:
    """Answer the mistakes of a configuration, their files as paths in the repository: so GitHub finds the line."""
    if not isinstance(error, ConfigInvalid):
        return []
    return [
        Mistake(_in_repository(one.file, environ), one.line, one.column, one.path, one.message)
        for one in error.mistakes
    ]
