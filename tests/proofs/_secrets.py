"""One secret's way from a source to a sink, with everything that anybody sees of it.

Adding a source, a sink or a failure is one line in its table.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dreamnet_actions.adapters.console.reporter import ConsoleReporter
from dreamnet_actions.adapters.files.grammar import fits, write_entry
from dreamnet_actions.adapters.files.sink import DotenvSink
from dreamnet_actions.adapters.files.source import DotenvSource
from dreamnet_actions.adapters.files.structured import EnvironmentSource, JsonSource
from dreamnet_actions.adapters.files.values import json_values
from dreamnet_actions.adapters.process.environment import ProcessEnvironmentSink
from dreamnet_actions.adapters.runner.actions import ActionsRunner
from dreamnet_actions.domain.result import AgentResult
from dreamnet_actions.domain.secret import SHORTEST, SecretValue, SinkState, Versioned
from dreamnet_actions.domain.spec.validation import Rule
from dreamnet_actions.entrances.action.telling import tell
from dreamnet_actions.entrances.cli.render import show_result
from dreamnet_actions.errors import PermanentError, TemporaryError
from dreamnet_actions.ports.secrets import SecretSink, SecretSource
from dreamnet_actions.testing.memory.secrets import MemorySecretSink, MemorySecretSource
from dreamnet_actions.testing.memory.system import MemorySystem, memory_system
from tests.keepers.homes import config, service

KEY = b"a key of this proof alone"
NAME = "VALUE"
LONG = 8
"""Characters from which on a value is looked for; a shorter one is traced by a mark."""
MARK = "\ue123"
"""A character that nothing but a marked value holds."""


class CannotHold(ValueError):
    """A source's own format has no way to write this value."""


# ── sources ──────────────────────────────────────────────────────────────────────────────────────────────


def _dotenv_source(root: Path, value: SecretValue) -> SecretSource:
    if (why := fits(NAME, value.reveal())) != "":
        raise CannotHold(why)
    (root / "source.env").write_text(write_entry(NAME, value.reveal()) + "\n", encoding="utf-8")
    return DotenvSource(root / "source.env", hash_key=KEY, shown="source.env")


def _json_source(root: Path, value: SecretValue) -> SecretSource:
    if not value.is_text:
        raise CannotHold("JSON holds text only")
    (root / "source.json").write_text(json.dumps({NAME: value.reveal()}), encoding="utf-8")
    read = (root / "source.json").read_bytes
    return JsonSource(lambda: json_values(read(), "source.json", ()), hash_key=KEY, shown="source.json")


def _environment_source(_: Path, value: SecretValue) -> SecretSource:
    if "\0" in value.reveal():
        raise CannotHold("no environment holds a NUL")
    return EnvironmentSource(lambda: {NAME: value.reveal()}, hash_key=KEY, shown="the environment")


SOURCES: Mapping[str, Callable[[Path, SecretValue], SecretSource]] = {
    "memory": lambda _, value: MemorySecretSource({NAME: value.reveal()}),
    "dotenv": _dotenv_source,
    "json": _json_source,
    "environment": _environment_source,
}

# ── sinks ────────────────────────────────────────────────────────────────────────────────────────────────


def _dotenv_sink(root: Path, format_: str) -> SecretSink:
    return DotenvSink(
        root / "sink.env",
        state_directory=root / "state" / "sinks",
        hash_key=KEY,
        name="sink.env",
        format=format_,
    )


SINKS: Mapping[str, Callable[[Path], SecretSink]] = {
    "memory": lambda _: MemorySecretSink("memory/web"),
    "dotenv": lambda root: _dotenv_sink(root, "dotenv"),
    "dotenv for a shell": lambda root: _dotenv_sink(root, "shell"),
    "process": lambda root: ProcessEnvironmentSink("web", "local", root / "state"),
}
PRIVATE = ("source.env", "source.json", "sink.env", "state/sinks/", "state/environments/")
"""Where values may lie in files: at their source, and what the sinks own."""

# ── failures ─────────────────────────────────────────────────────────────────────────────────────────────


class Around:
    """A sink with something wrong about it."""

    WRITES: Collection[str] = frozenset({"write", "restore"})

    def __init__(self, sink: SecretSink, wrong: str) -> None:
        self._sink, self._wrong = sink, wrong

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sink, name)

    def write(self, values: Mapping[str, Versioned], keep: Mapping[str, str] | None = None) -> str:
        """Fail the way that is asked for: with the value in the words, as a careless library does."""
        texts = "".join(one.value.reveal() for one in values.values())
        if self._wrong == "quotes":
            raise PermanentError(f"The server says: no such thing as {texts}", hint=f"Try {texts!r}")
        if self._wrong == "bug" and values:
            try:
                raise KeyError(texts)
            except KeyError as error:
                raise RuntimeError(f"unexpected {texts.encode('utf-8', 'surrogatepass')!r}") from error
        return self._sink.write({} if self._wrong == "lies" else values, keep)

    def state(self) -> SinkState:
        """Answer what the sink holds."""
        return self._sink.state()


def _around(wrong: str) -> Callable[[MemorySystem], None]:
    def put(system: MemorySystem) -> None:
        system.sinks["app"] = [Around(system.sinks["app"][0], wrong)]  # type: ignore[list-item]

    return put


def _ruled(rule: Rule) -> Callable[[MemorySystem], None]:
    def put(system: MemorySystem) -> None:
        system.config.env["app"] = replace(system.config.env["app"], rules={NAME: rule})

    return put


def _away(system: MemorySystem) -> None:
    class Away:
        WRITES: Collection[str] = frozenset()
        kind = "memory"

        def __init__(self, source: Any) -> None:
            self.names, self.resolve = source.names, source.resolve

        def access(self, refs: object) -> None:
            raise TemporaryError("the source is away")

    system.values["app"] = Away(system.values["app"])  # type: ignore[assignment]


FAILURES: Mapping[str, Callable[[MemorySystem], None]] = {
    "none": lambda _: None,
    "wrong form": _ruled(Rule(type_="uuid", min_length=100_000)),
    "source away": _away,
    "sink quotes the value": _around("quotes"),
    "sink has a bug that holds the value": _around("bug"),
    "sink loses the value": _around("lies"),
}

# ── one run ──────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Seen:
    """What was seen of one run: texts by where they were, whether the value arrived, and why it did not."""

    texts: dict[str, str] = field(default_factory=dict)
    arrived: bool = False
    refused: str = ""
    loose: list[str] = field(default_factory=list)
    """Files of ours that others may read."""

    def leaks(self, value: SecretValue) -> list[str]:
        """Answer where a form of the value was seen."""
        marked = MARK in value.reveal()
        forms = [form for form in value.forms() if len(form) >= LONG or marked] + [MARK] * marked
        return [where for where, text in self.texts.items() if any(form in text for form in forms)]


def run(root: Path, source: str, sink: str, failure: str, value: SecretValue) -> Seen:
    """Bring one value from a source to a sink and keep all that anybody could see. Raises CannotHold."""
    seen, stream, log = Seen(), io.StringIO(), io.StringIO()
    system = memory_system(config({"web": service()}, env={"app": ("web",)}), values={"app": {}})
    system.reporter = ConsoleReporter(stream, github=True)  # type: ignore[assignment]
    system.values["app"] = SOURCES[source](root, value)  # type: ignore[assignment]
    real = SINKS[sink](root)
    system.sinks["app"] = [real]  # type: ignore[list-item]
    FAILURES[failure](system)
    runner = ActionsRunner(stream, output=str(root / "output"), summary=str(root / "summary"))
    with _logging_to(log), contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
        results = [system.again().ask("envkeeper", action) for action in ("validate", "plan", "sync", "plan")]
        for result in results:
            show_result(result)
            tell(result, {}, runner)
    system.pipe.drain()
    _keep(seen, system, results, stream.getvalue(), log.getvalue(), root)
    done = results[2]
    seen.arrived = done.outcome == "done" and real.read_back().get(NAME) == value
    seen.refused = "" if done.outcome == "done" else str((done.error or {}).get("message", ""))
    return seen


def _keep(
    seen: Seen, system: MemorySystem, results: list[AgentResult], stream: str, log: str, root: Path
) -> None:
    # A command to mask holds the value: the runner takes it out of the log, and this is what it is for.
    seen.texts["stream"] = "\n".join(
        line for line in stream.split("\n") if not line.startswith("::add-mask::")
    )
    seen.texts["log"] = log
    seen.texts["results"] = "\n".join(json.dumps(one.to_json(), ensure_ascii=False) for one in results)
    seen.texts["journal"] = "\n".join(map(repr, [*system.journal.read(), *system.journal.states("").items()]))
    seen.texts["messages"] = "\n".join(map(repr, system.bus.list()))
    for file in sorted(one for one in root.rglob("*") if one.is_file()):
        name = file.relative_to(root).as_posix()
        if not name.startswith(PRIVATE):
            seen.texts[name] = file.read_bytes().decode("utf-8", "surrogateescape")
        elif not name.startswith("source.") and file.stat().st_mode & 0o077:
            seen.loose.append(name)


@contextlib.contextmanager
def _logging_to(stream: io.StringIO) -> Iterator[None]:
    handler = logging.StreamHandler(stream)
    logger = logging.getLogger()
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


QUOTING = ("sink quotes the value", "sink has a bug that holds the value")
"""Failures whose words hold the value: there masks are all that helps, and they begin at ``SHORTEST``."""


def marked(value: SecretValue, failure: str) -> SecretValue:
    """Answer a value of the same length that can be told from anything else."""
    return SecretValue(MARK * max(SHORTEST if failure in QUOTING else 1, len(value.reveal())))
