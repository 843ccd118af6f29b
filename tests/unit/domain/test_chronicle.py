"""The story of releases, folded from facts."""

from __future__ import annotations

from dreamnet_actions.domain.chronicle import releases, standing, timeline
from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.domain.release import Release

A, B = "git:" + "a" * 40, "git:" + "b" * 40


def fact(kind: str, at: float, **data: object) -> Fact:
    return Fact(kind=kind, at=at, text=kind, service="gke/web", correlation_id="r-1", data=data)


FACTS = [
    fact("release-started", 100.0, version=A),
    fact("release-ended", 104.0, version=A, verdict="deployed"),
    fact("release-started", 200.0, version=B),
    fact("release-step", 210.0, share=0.1),
    fact("release-ended", 212.5, version=B, verdict="rolled-back"),
]


def test_what_is_out_what_was_before_and_what_is_held() -> None:
    out, before = Release(service="web", version=A), Release(service="web", version="git:" + "c" * 40)
    held = {B: {"at": 212.5, "why": "it crashed"}}
    found = standing("web", releases(FACTS), out=out, former=[before], held=held, limit=1)
    assert found["text"] == (
        "aaaaaaa is out since 1970-01-01T00:01:40.000Z; before it ccccccc; bbbbbbb is held: it crashed"
    )
    assert found["out"]["request"] == "r-1"
    assert [one["verdict"] for one in found["releases"]] == ["rolled-back"], "the newest, and no more"
    assert found["held"] == [{"version": B, "at": "1970-01-01T00:03:32.500Z", "why": "it crashed"}]


def test_nothing_is_out() -> None:
    found = standing("web", [], out=None, former=[], held={}, limit=5)
    assert (found["text"], found["out"], found["releases"]) == ("nothing is out", None, [])


def test_a_timeline_counts_from_its_beginning() -> None:
    assert [(one["after"], one["text"]) for one in timeline(FACTS[2:])] == [
        (0.0, "release-started"), (10.0, "release-step"), (12.5, "release-ended")
    ]  # fmt: skip
