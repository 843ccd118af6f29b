"""Facts told again from dreams: what an issue still says of its story when the journal has lost it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from dreamnet_actions.adapters.github.mending import rebuilt_fact
from dreamnet_actions.domain.dream import Dream
from dreamnet_actions.domain.journal import Fact

Story = Sequence[tuple[float, str]]


def retold(dream: Dream, story: Story) -> list[Fact]:
    """Answer the facts that the dream and its story (time and line, oldest first) prove, each marked as rebuilt.

    The story tells when it was opened, opened again and resolved; of remedies the dream holds the last one only.
    """
    return [rebuilt_fact(one, dream.number) for one in (*_lives(dream, story), *_remedy(dream, story))]


def _lives(dream: Dream, story: Story) -> Iterator[Fact]:
    """Yield when it was opened and resolved, each time; the newest life is the one that the dream counts now."""
    opened = [(at, text) for at, text in story if text.startswith(("filed", "reopened ("))]
    if not any(at == dream.opened_at for at, _ in opened):
        opened.append((dream.opened_at, f"filed: {dream.because}"))
    opened.sort()
    first = max(0, dream.flaps - len(opened) + 1)
    for place, (at, text) in enumerate(opened):
        life = replace(dream, flaps=min(dream.flaps, first + place))
        detail = text.partition(": ")[2]
        data = {"cause": dream.cause, "health": dream.health} if life.flaps == dream.flaps else {}
        yield _fact("dream-opened", at, f"{dream.key}: {dream.health} ({detail})", life, data)
        until = opened[place + 1][0] if place + 1 < len(opened) else float("inf")
        ended = [one for one in story if at <= one[0] < until and f"{dream.key}: resolved after " in one[1]]
        if ended:
            yield _fact("dream-resolved", ended[-1][0], ended[-1][1], life, {"seconds": ended[-1][0] - at})
        elif life.flaps == dream.flaps and dream.state == "resolved" and dream.resolved_at is not None:
            text = f"{dream.key}: resolved; {dream.because}"
            yield _fact("dream-resolved", dream.resolved_at, text, life, {"seconds": dream.resolved_at - at})


def _remedy(dream: Dream, story: Story) -> Iterator[Fact]:
    if not dream.remedy or not dream.attempt:
        return
    asked = [at for at, text in story if text.startswith("healing: ") and at >= dream.opened_at]
    at = asked[-1] if asked else dream.changed_at
    data: dict[str, Any] = {"remedy": dream.remedy, "attempt": dream.attempt, "cause": dream.cause}
    yield _fact("remedy-started", at, f"{dream.key}: try {dream.remedy}", dream, data)
    if dream.state == "resolved" and dream.resolved_at is not None:
        more = {"worked": True, "seconds": round(dream.resolved_at - at, 3)}
        yield _fact(
            "remedy-ended", dream.resolved_at, f"{dream.key}: {dream.remedy} worked", dream, data | more
        )


def _fact(kind: str, at: float, text: str, dream: Dream, data: dict[str, Any]) -> Fact:
    story = dream.correlation_id
    return Fact(kind=kind, at=at, text=text, service=dream.key, dream=story, correlation_id=story, data=data)
