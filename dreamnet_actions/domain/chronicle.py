"""The story of releases, folded from the journal's facts. Pure: facts in, plain data out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dreamnet_actions.domain.journal import KINDS, Fact
from dreamnet_actions.domain.release import Release
from dreamnet_actions.domain.times import rfc3339

RELEASE_KINDS = frozenset(kind for kind in KINDS if kind.startswith("release-"))
"""The facts that tell of releases."""


def releases(facts: Iterable[Fact]) -> list[dict[str, Any]]:
    """Fold the facts of releases into one entry each: a start, its steps, and its end if it has ended."""
    found: list[dict[str, Any]] = []
    open_by_service: dict[str, dict[str, Any]] = {}
    for fact in facts:
        if fact.kind == "release-skipped":
            found.append(_begun(fact) | {"verdict": "skipped"})
            continue
        if fact.kind == "release-started" or fact.service not in open_by_service:
            one = _begun(fact)
            found.append(one)
            open_by_service[fact.service] = one
        one = open_by_service[fact.service]
        one["version"] = fact.data.get("version", one["version"])
        if fact.kind == "release-step":
            one["steps"].append({"at": rfc3339(fact.at), "text": fact.text, **fact.data})
        elif fact.kind == "release-ended":
            one |= {
                "verdict": fact.data.get("verdict"),
                "seconds": round(fact.at - one["at"], 3),
                "text": fact.text,
            }
            del open_by_service[fact.service]
    return found


def timeline(facts: Iterable[Fact]) -> list[dict[str, Any]]:
    """Answer what happened to one release, step by step: when, and how many seconds after its beginning."""
    found = list(facts)
    return [
        {"at": rfc3339(one.at), "after": round(one.at - found[0].at, 1), "text": one.text} for one in found
    ]


def standing(
    service: str,
    told: Sequence[Mapping[str, Any]],
    *,
    out: Release | None,
    former: Sequence[Release],
    held: Mapping[str, Mapping[str, Any]],
    limit: int,
) -> dict[str, Any]:
    """Answer how one service's releases stand: what is out, since when, what was before it, what is held and why.

    ``told`` are its releases as ``releases`` answers them, ``out`` and ``former`` are the platform's own word (newest
    first), ``held`` has by version when (``at``) and why it was taken back; that is answered newest first, too.
    """
    held = dict(sorted(held.items(), key=lambda one: one[1]["at"], reverse=True))
    latest = next((one for one in reversed(told) if out and one["version"] == out.version), None)
    skipped = [str(one["version"]) for one in reversed(told) if one["verdict"] == "skipped"]
    return {
        "text": _text(out, latest, former, held),
        "service": service,
        "out": out and {
            "version": out.version,
            "image": out.image,
            "since": latest and latest["started_at"],
            "request": latest and latest["request"],
            "verdict": latest and latest["verdict"],
        },
        "former": [one.version for one in former],
        "held": [
            {"version": version, "at": rfc3339(why["at"]), "why": why["why"]} for version, why in held.items()
        ],
        "skipped": list(dict.fromkeys(skipped)),
        "releases": [dict(one) for one in reversed(told[-limit:])],
    }  # fmt: skip


def _begun(fact: Fact) -> dict[str, Any]:
    return {
        "service": fact.service, "version": fact.data.get("version"), "started_at": rfc3339(fact.at),
        "at": fact.at, "request": fact.correlation_id, "verdict": None, "seconds": None, "text": fact.text, "steps": [],
    }  # fmt: skip


def _text(
    out: Release | None,
    latest: Mapping[str, Any] | None,
    former: Sequence[Release],
    held: Mapping[str, Mapping[str, Any]],
) -> str:
    if out is None:
        return "nothing is out"
    since = f" since {latest['started_at']}" if latest else ""
    words = [f"{out.short} is out{since}"]
    if former:
        words.append(f"before it {former[0].short}")
    words += [
        f"{Release(service='', version=version).short} is held: {why['why']}" for version, why in held.items()
    ]
    return "; ".join(words)
