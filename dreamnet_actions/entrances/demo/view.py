"""What people see of the demo: a live screen on a terminal, plain lines anywhere else. Reads only; decides nothing."""

from __future__ import annotations

import os
import re
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dreamnet_actions.domain.dream import ENDED, Dream
from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.domain.release import ServiceState
from dreamnet_actions.domain.times import clock_time
from dreamnet_actions.domain.units import format_duration
from dreamnet_actions.entrances.demo.director import Director, Played
from dreamnet_actions.entrances.demo.story import STEPS, Stage

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

QUIET = {"tick", "request-ended", "message-routed"}
"""Facts that say again what another one said."""
MARKS = {
    "dream-opened": ("☾", "yellow"),
    "dream-resolved": ("✓", "green"),
    "dream-changed": ("!", "red"),
    "remedy-started": ("→", "cyan"),
    "remedy-ended": ("←", "cyan"),
    "message-sent": ("✉", "blue"),
    "restarted": ("↻", "cyan"),
    "scaled": ("⇅", "magenta"),
    "env-changed": ("≡", "magenta"),
    "env-restored": ("≡", "green"),
    "release-started": ("▲", "magenta"),
    "release-step": ("▲", "magenta"),
    "release-ended": ("▲", "green"),
    "webhook": ("✉", "blue"),
    "error": ("✗", "red"),
}
COMES_NEXT = {
    "open": "a remedy is chosen, as soon as none is cooling down",
    "healing": "DeployKeeper or EnvKeeper applies it and answers; then the checks must pass",
    "verifying": "its checks must pass twice in a row; then the dream is resolved",
    "needs-human": "a human looks; nothing is tried any more",
}


class PlainView:
    """One line for each thing that happens, in the order in which it happens."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._seen = stage.system.journal.read(limit=1)
        self._after = self._seen[-1].seq if self._seen else 0
        self._lock = threading.Lock()

    def tell(self, played: Played) -> None:
        """Say that a step began or ended."""
        self.refresh()
        number = STEPS.index(played.step) + 1
        if played.outcome == "playing":
            self._print(f"\n[{number}/{len(STEPS)}] {played.step.title}")
            self._print(f"      expected: {played.step.expects}")
        else:
            mark = "proved" if played.outcome == "done" else "FAILED"
            self._print(f"      {mark}: {played.text}")

    def refresh(self) -> None:
        """Print the facts that are new."""
        with self._lock:
            facts = self._stage.system.journal.read(after=self._after)
            for fact in facts:
                self._after = fact.seq
                if fact.kind not in QUIET:
                    self._print(f"  {clock_time(fact.at)}  {fact.text}")

    def close(self) -> None:
        """Print what is left."""
        self.refresh()

    def _print(self, text: str) -> None:
        click.echo(text)


class LiveView:
    """The screen on a terminal, drawn anew as things happen."""

    def __init__(self, screen: Screen, console: Console) -> None:
        from rich.live import Live

        self._screen = screen
        self._live = Live(screen.draw(), console=console, refresh_per_second=8, transient=False)
        self._live.start()

    def tell(self, _: Played) -> None:
        """A step began or ended: draw at once."""
        self.refresh()

    def refresh(self) -> None:
        """Draw what is new."""
        self._live.update(self._screen.draw())

    def close(self) -> None:
        """Draw the end and leave it on the screen."""
        self.refresh()
        self._live.stop()


class Screen:
    """The picture itself: the story, services and clients, the dream of the moment, the timeline. ``rows`` of it."""

    def __init__(self, stage: Stage, director: Director, rows: int) -> None:
        self._stage, self._director = stage, director
        self._rows = max(6, min(18, rows - 24))
        self._facts: list[Fact] = []
        former = stage.system.journal.read(limit=1)
        self._after = former[-1].seq if former else 0

    def draw(self) -> RenderableType:
        """Read what is new and draw everything."""
        for fact in self._stage.system.journal.read(after=self._after):
            self._after = fact.seq
            if fact.kind not in QUIET:
                self._facts.append(fact)
        self._facts = self._facts[-200:]
        return self._draw()

    def save(self, file: Path, title: str) -> None:
        """Write the picture as it is now to an SVG file."""
        from rich.console import Console

        with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
            console = Console(record=True, width=132, file=nowhere, force_terminal=True)
            console.print(self.draw())
            picture = console.export_svg(title=title)
        # The picture names a font on somebody's server; a page that shows it has no business asking there.
        file.write_text(re.sub(r"@font-face\s*{[^}]*}|<!--.*?-->", "", picture))

    def _draw(self) -> RenderableType:
        from rich.console import Group
        from rich.table import Table

        top = Table.grid(expand=True, padding=(0, 1))
        top.add_column(ratio=3)
        top.add_column(ratio=4)
        top.add_row(self._services(), self._moment())
        return Group(self._story(), top, self._timeline())

    def _story(self) -> RenderableType:
        from rich.panel import Panel
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 1), expand=True)
        table.add_column(width=2)
        table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        by_name = {one.step.name: one for one in self._director.played}
        for step in STEPS:
            one = by_name.get(step.name)
            mark, style = {
                "done": ("✓", "green"),
                "failed": ("✗", "red"),
                "playing": ("▶", "bold yellow"),
            }.get(one.outcome if one else "", ("·", "dim"))
            said = one.text if one and one.text else (f"expected: {step.expects}" if one else "")
            table.add_row(
                Text(mark, style), Text(step.title, style), Text(said, "" if one and one.text else "dim")
            )
        return Panel(table, title="[bold]DreamNet: a system that operates itself", border_style="blue")

    def _services(self) -> RenderableType:
        from rich.panel import Panel
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 1), expand=True)
        for name in self._stage.space.ports:
            table.add_row(Text(name, "bold"), _dots(self._stage.state(name)), Text(self._health(name)))
        saw = self._stage.client.counts()
        style = "green" if not saw.errors else "yellow"
        table.add_row(
            Text("clients", "dim"),
            Text(f"{self._stage.client.rate:g}/s", "dim"),
            Text(f"{saw.requests} requests, {saw.errors} errors", style),
        )
        return Panel(table, title="services", border_style="dim")

    def _health(self, name: str) -> str:
        verdict, _ = self._stage.system.journal.state(f"verdict/local/{name}")
        state = self._stage.state(name)
        version = state.stable.release.short if state else ""
        return f"{(verdict or {}).get('health', 'not looked at yet')}  {version}"

    def _moment(self) -> RenderableType:
        from rich.panel import Panel
        from rich.text import Text

        dreams = [one for one in self._stage.system.dreams.search(limit=20) if one.state not in ENDED]
        if dreams:
            title = f"dream {dreams[0].number}: {dreams[0].key}"
            return Panel(_dream_text(dreams[0]), title=title, border_style="yellow", height=7)
        playing = next((one.step for one in self._director.played if one.outcome == "playing"), None)
        if playing is None:
            return Panel(
                Text("All is well: no dream is open.", "green"), title="now", border_style="dim", height=7
            )
        calm = Text(f"{playing.title}.\n", overflow="fold")
        calm.append(
            f"expected: {playing.expects}.\nNo dream is open; the checks look again within a second.", "dim"
        )
        return Panel(calm, title="now", border_style="dim", height=7)

    def _timeline(self) -> RenderableType:
        from rich.panel import Panel
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 1), expand=True)
        table.add_column(width=8)
        table.add_column(width=1)
        table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        for fact in self._facts[-self._rows :]:
            mark, style = MARKS.get(fact.kind, ("·", "dim"))
            style = "red" if fact.data.get("verdict") in ("rolled-back", "rollback-failed") else style
            table.add_row(Text(clock_time(fact.at), "dim"), Text(mark, style), Text(fact.text, style))
        return Panel(table, title="timeline", border_style="dim")


def _dots(state: ServiceState | None) -> Any:
    """Draw each replica as a dot: green ready, yellow starting, red not."""
    from rich.text import Text

    if state is None:
        return Text("not running", "red")
    styles = {"ready": "green", "starting": "yellow"}
    text = Text()
    for name, track in state.tracks.items():
        if name == "canary":
            text.append(f" canary {track.weight:.0%} ", "magenta")
        for replica in track.replicas:
            text.append("●", styles.get(replica.state, "red"))
        if not track.replicas:
            text.append("○", "red")
    return text


def _dream_text(dream: Dream) -> Any:
    from rich.text import Text

    text = Text(overflow="ellipsis")
    text.append(f"{dream.health}, {dream.cause}; {dream.state}", "bold yellow")
    if dream.remedy:
        text.append(f" by {dream.remedy}", "cyan")
    text.append(f"\nwhy:  {dream.because}")
    text.append(f"\nseen: {dream.pattern}", "dim")
    text.append(f"\nnext: {COMES_NEXT.get(dream.state, 'it waits')}", "dim")
    return text


def is_terminal() -> bool:
    """Say whether a live screen would be seen: standard output is a terminal that can draw."""
    return sys.stdout.isatty()


def summary(director: Director, seconds: float) -> str:
    """Write the end of the demo in a few lines."""
    done = sum(one.outcome == "done" for one in director.played)
    return f"{done} of {len(STEPS)} steps proved in {format_duration(seconds)}."
