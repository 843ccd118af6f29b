"""The comment of a pull request as text: strangers' names are shown and do nothing, and it always fits."""

from __future__ import annotations

from typing import Any

import pytest

from dreamnet_actions.domain.result import AgentResult
from dreamnet_actions.entrances.action.proposal import MOST, ROOM, markdown
from dreamnet_actions.errors.configuration import Mistake
from tests.actions.hostile import corpus
from tests.actions.obeyed import markdown_mistakes

HEAD = "0d1a26e67d8f5eaf1f6ba5c57fc3c7d91ac0fd1c"
RUN = "https://github.com/octo/shop/actions/runs/7/attempts/1"
ENVIRON = {
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "octo/shop",
    "GITHUB_RUN_ID": "7",
    "GITHUB_RUN_ATTEMPT": "1",
}


def sink(entry: str, name: str, *keys: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"entry": entry, "sink": name, "keys": list(keys), "drifted": [], **more}


def key(
    name: str, effect: str = "added", before: str | None = None, after: str | None = "2"
) -> dict[str, Any]:
    return {"name": name, "effect": effect, "from": before, "to": after}


def result(*findings: dict[str, Any], **more: Any) -> AgentResult:
    given: dict[str, Any] = {
        "id": "r-1", "agent": "envkeeper", "action": "plan", "outcome": "planned", "verdict": None,
        "summary": "a sync would change 2 names of shop.", "started_at": "2026-11-01T00:00:00Z",
        "finished_at": "2026-11-01T00:00:00Z", "changes": [{"what": "x"}],
    }  # fmt: skip
    return AgentResult(**{**given, "findings": list(findings), **more})


def test_it_reads_like_this() -> None:
    keys = [
        key("CURRENCY", "updated", "6969f098989d", "5a9ac869a852"), key("OLD", "removed", "1", None),
        key("MAX_ITEMS", "unchanged", "c1113673ab2a", "c1113673ab2a"),
    ]  # fmt: skip
    found = result(
        sink("shop", "production/Secret shop", *keys, drifted=["CURRENCY"]),
        {"entry": "shop", "plan": "1c5e2b7a90d4"},
    )
    odd = [{"level": "warning", "text": "shop: A has white space.", "file": "shop.env", "line": 3}]
    assert (
        markdown(found, ENVIRON, head=HEAD, judged=odd)
        == f"""\
### 📝 EnvKeeper: a sync would change 2 names of shop.

#### shop → production/Secret shop

| name |  | from | to |
|---|---|---|---|
| CURRENCY | updated, changed by hand | 6969f098989d | 5a9ac869a852 |
| OLD | removed | 1 | – |

1 name unchanged.

Plan `1c5e2b7a90d4`: once it is merged, `dreamnet sync shop --plan 1c5e2b7a90d4` does this or nothing.

**Odd, and no mistake**

| where | what |
|---|---|
| [shop.env:3](https://github.com/octo/shop/blob/{HEAD}/shop.env#L3) | shop: A has white space. |

Names and versions; values are never shown. [The run]({RUN}) for 0d1a26e67d8f."""
    )


@pytest.mark.parametrize("kind", sorted({one.kind for one in corpus("/nowhere/canary")}))
def test_strangers_texts_are_shown_and_do_nothing(kind: str) -> None:
    for one in corpus("/nowhere/canary"):
        if one.kind != kind:
            continue
        text = one.text
        found = result(
            sink(text, text, key(text, before=text, after=text)),
            {"entry": text, "plan": text},
            {"entry": text, "unplanned": text},
            {"warning": text, "code": text, "hint": text},
            summary=text,
            error={"code": text, "message": text, "hint": text, "docs": text},
        )
        judged = [
            {"level": level, "text": text, "file": text, "line": 1, "rule": text}
            for level in ("error", "warning")
        ]
        written = markdown(found, {}, head=text, judged=judged, mistakes=[Mistake(text, 1, 1, text, text)])
        assert markdown_mistakes(written) == [], written
        alone = markdown(result(summary=text, error={"message": text}), {}, head=HEAD)
        assert markdown_mistakes(alone) == [], alone


@pytest.mark.parametrize(
    ("entries", "names", "long"), [(1, 1000, 30), (20, 60, 200), (500, 2, 60), (1, 1, 90_000)]
)
def test_it_always_fits(entries: int, names: int, long: int) -> None:
    findings = []
    for number in range(entries):
        name = f"entry-{number}-{'é' * long}"
        findings += [
            sink(name, name, *(key(f"N{at}_{'𝛼' * long}") for at in range(names))),
            {"entry": name, "plan": f"{number:012x}"},
        ]
    text = markdown(result(*findings), ENVIRON, head=HEAD)
    assert len(text.encode()) <= MOST - ROOM
    assert text.startswith("### 📝 EnvKeeper: a sync would change")
    assert "values are never shown" in text
    whole = markdown(result(*findings[:2]), ENVIRON, head=HEAD, most=10**9)
    assert whole.count("| N") == min(names, 200)
