"""ConsoleReporter: what goes on, on a terminal or in a runner's log (the port ``Reporter``)."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from time import monotonic
from typing import TYPE_CHECKING, TextIO

from dreamnet_actions.adapters.console.harmless import lines_of
from dreamnet_actions.domain.masking import Masks
from dreamnet_actions.domain.secret import SecretValue
from dreamnet_actions.domain.units import format_duration

if TYPE_CHECKING:
    from rich.progress import Progress

TELL_EVERY = 10.0
"""Seconds between two lines about a wait, where there is no terminal."""


class ConsoleReporter:
    """Writes lines to ``stream`` (standard error when left out). Safe for several threads.

    ``github`` (the environment says GITHUB_ACTIONS) adds the runner's own groups and masks; ``quiet`` says nothing.
    What it masks is kept out of what is logged in this process, too.
    On a terminal a wait is a progress bar, elsewhere a line every ``tell_every`` seconds.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        quiet: bool = False,
        github: bool = False,
        tell_every: float = TELL_EVERY,
    ) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._quiet, self._github, self._tell_every = quiet, github, tell_every
        self._lock = threading.RLock()
        self._masks = Masks()
        self._logged = False
        self._depth = threading.local()
        self._bars: Progress | None = None
        self._waits = 0

    def mask(self, value: SecretValue) -> None:
        if not self._logged:
            # Late: logging takes a while to import.
            from dreamnet_actions.adapters.console.logged import hide_in_logs

            self._logged = True
            hide_in_logs(self)
        with self._lock:
            new = self._masks.add(value)
            if self._github:
                # To the runner only: it hides these, and what later steps print of them.
                for form in new:
                    self._write(f"::add-mask::{_data(form)}")

    def hide(self, text: str) -> str:
        with self._lock:
            return self._masks.hide(text)

    @contextlib.contextmanager
    def group(self, title: str) -> Iterator[None]:
        depth = getattr(self._depth, "value", 0)
        # The runner's groups do not nest: one within another is an indented title.
        real = self._github and depth == 0 and not self._quiet
        if real:
            self._write(f"::group::{_data(self._clean(title)[0])}")
        else:
            self.say(title)
        self._depth.value = depth + 1
        try:
            yield
        finally:
            self._depth.value = depth
            if real:
                self._write("::endgroup::")

    def say(self, text: str) -> None:
        if self._quiet:
            return
        depth = getattr(self._depth, "value", 0)
        first, *rest = self._clean(text)
        indent = "  " * (max(0, depth - 1) if self._github else depth)
        self._write("\n".join([indent + first, *(f"{indent}  {line}" for line in rest)]))

    @contextlib.contextmanager
    def waiting(self, what: str, seconds: float) -> Iterator[Callable[[str], None]]:
        if self._quiet:
            yield lambda _: None
        elif (
            self._stream.isatty() and not self._github
        ):  # a runner's log is no terminal, even where it says so
            with self._bar(what, seconds) as tell:
                yield tell
        else:
            with self._lines(what, seconds) as tell:
                yield tell

    # ── inside ──────────────────────────────────────────────────────────────────────────────────────────

    def _clean(self, text: str) -> list[str]:
        with self._lock:
            return lines_of(self._masks.hide(text))

    def _write(self, text: str) -> None:
        with self._lock:
            if self._bars is not None:
                self._bars.console.out(text, highlight=False)
                return
            # A reader that went away (a closed pipe) is no reason to stop in the middle of a deployment.
            with contextlib.suppress(BrokenPipeError):
                encoding = self._stream.encoding or "utf-8"
                shown = text.encode(encoding, "backslashreplace").decode(encoding)
                self._stream.write(shown + "\n")
                self._stream.flush()

    @contextlib.contextmanager
    def _lines(self, what: str, seconds: float) -> Iterator[Callable[[str], None]]:
        """Tell of a wait by lines: a short one says nothing."""
        over = threading.Event()
        status = [""]
        began = monotonic()

        def tell() -> None:
            while not over.wait(self._tell_every):
                passed = monotonic() - began
                now = f": {status[0]}" if status[0] else ""
                self.say(f"still waiting for {what}, {passed:.0f}s of {format_duration(seconds)}{now}")

        teller = threading.Thread(target=tell, name="dreamnet-waiting", daemon=True)
        teller.start()
        try:
            yield lambda text: status.__setitem__(0, text)
        finally:
            over.set()
            teller.join()

    @contextlib.contextmanager
    def _bar(self, what: str, seconds: float) -> Iterator[Callable[[str], None]]:
        """Tell of a wait by a bar that fills with time and goes away at the end; waits at once share one display."""
        name = " ".join(self._clean(what))
        with self._lock:
            if self._bars is None:
                self._bars = _display(self._stream)
                self._bars.start()
            self._waits += 1
            bars = self._bars
            task = bars.add_task(name, total=max(seconds, 0.001), status="")
        over = threading.Event()
        began = monotonic()

        def fill() -> None:
            while not over.wait(0.2):
                bars.update(task, completed=min(seconds, monotonic() - began))

        filler = threading.Thread(target=fill, name="dreamnet-waiting", daemon=True)
        filler.start()
        try:
            yield lambda text: bars.update(task, status=" ".join(self._clean(text)))
        finally:
            over.set()
            filler.join()
            with self._lock:
                bars.remove_task(task)
                self._waits -= 1
                if self._waits == 0:
                    bars.stop()
                    self._bars = None


def _display(stream: TextIO) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    # No markup: names and states may hold untrusted text.
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[status]}", markup=False),
        console=Console(file=stream, markup=False, highlight=False, emoji=False),
        transient=True,
    )


def _data(text: str) -> str:
    """Write a text as the data of one of the runner's commands."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
