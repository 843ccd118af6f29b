"""One secret's way from a source to a sink, with everything that anybody sees of it.

Adding a failure is one line in its table; sources and sinks are in ``_secret_ends`` and ``_secret_places``.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from dreamnet_actions.adapters.console.reporter import ConsoleReporter
from dreamnet_actions.adapters.runner.actions import ActionsRunner
from dreamnet_actions.domain.result import AgentResult
from dreamnet_actions.domain.secret import SHORTEST, SecretValue, SinkState, Versioned
from dreamnet_actions.domain.spec.validation import Rule
from dreamnet_actions.entrances.action.telling import tell
from dreamnet_actions.entrances.cli.render import show_result
from dreamnet_actions.errors import PermanentError, TemporaryError
from dreamnet_actions.ports.secrets import SecretSink
from dreamnet_actions.testing.memory.system import MemorySystem, memory_system
from tests.keepers.homes import config, service
from tests.proofs._secret_ends import NAME, PRIVATE, Sink, Source

LONG = 8
"""Characters from which on a value is looked for; a shorter one is traced by a mark."""
MARK = "\ue123"
"""A character that nothing but a marked value holds."""

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
    done: bool = False
    refused: str = ""
    held: bool = False
    """Whether something is at the sink's end."""
    loose: list[str] = field(default_factory=list)
    """Files of ours that others may read."""

    def leaks(self, value: SecretValue) -> list[str]:
        """Answer where a form of the value was seen."""
        marked = MARK in value.reveal()
        forms = [form for form in _forms(value) if len(form) >= LONG or marked] + [MARK] * marked
        return [where for where, text in self.texts.items() if any(form in text for form in forms)]


@lru_cache(maxsize=2)
def _forms(value: SecretValue) -> frozenset[str]:
    return value.forms()


def run(root: Path, source: Source, sink: Sink, failure: str, value: SecretValue) -> Seen:
    """Bring one value from a source to a sink and keep all that anybody could see. Raises CannotHold."""
    seen, stream, log = Seen(), io.StringIO(), io.StringIO()
    system = memory_system(config({"web": service()}, env={"app": ("web",)}), values={"app": {}})
    system.reporter = ConsoleReporter(stream, github=True)  # type: ignore[assignment]
    system.values["app"] = source(root, value)  # type: ignore[assignment]
    place = sink(root, system.journal)
    system.sinks["app"] = [place.sink]  # type: ignore[list-item]
    FAILURES[failure](system)
    runner = ActionsRunner(stream, output=str(root / "output"), summary=str(root / "summary"))
    with (
        _logging_to(log),
        _children() as started,
        contextlib.redirect_stdout(stream),
        contextlib.redirect_stderr(stream),
    ):
        results = [system.again().ask("envkeeper", action) for action in ("validate", "plan", "sync", "plan")]
        for result in results:
            show_result(result)
            tell(result, {}, runner)
    system.pipe.drain()
    seen.texts["children"] = repr(started)
    seen.texts["what others see of the place"] = place.shown()
    _keep(seen, system, results, stream.getvalue(), log.getvalue(), root)
    done, found = results[2], place.read()
    seen.done, seen.held = done.outcome == "done", found is not None
    seen.arrived = seen.done and found == value.raw()
    seen.refused = "" if seen.done else str((done.error or {}).get("message", ""))
    return seen


_STARTED: list[list[object]] = []
"""Of each run that is under way: arguments and environments of the processes that it started."""


def _audit(event: str, given: tuple[object, ...]) -> None:
    if _STARTED and event in ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.system"):
        _STARTED[-1].append(given)


@cache
def _audited() -> None:
    sys.addaudithook(_audit)  # it stays for good, and does nothing between runs


@contextlib.contextmanager
def _children() -> Iterator[list[object]]:
    """Answer what every process that this one starts within the block is given, without missing any."""
    _audited()
    _STARTED.append([])
    try:
        yield _STARTED[-1]
    finally:
        _STARTED.pop()


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
