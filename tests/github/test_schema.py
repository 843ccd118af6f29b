"""An older form of ``state.json`` becomes today's by pure steps; a newer one is refused."""

from __future__ import annotations

from typing import Any

import pytest

from dreamnet_actions.adapters.github.rows import View, decoded, salvaged
from dreamnet_actions.adapters.github.schema import MIGRATIONS, SCHEMA, migrated
from dreamnet_actions.errors import JournalDamaged


def first(whole: dict[str, Any]) -> dict[str, Any]:
    """A step from a made-up form 0, in which rows had no versions."""
    return whole | {"shared": {key: [1, value] for key, value in whole["shared"].items()}}


def second(whole: dict[str, Any]) -> dict[str, Any]:
    """A step to a made-up form 2, which counts the rows."""
    return whole | {"rows": len(whole["shared"])}


def test_an_older_form_goes_through_every_step_in_order() -> None:
    old = {"schema": 0, "shared": {"pause": "x"}}
    new = migrated(old, "state.json", steps={0: first, 1: second}, newest=2)
    assert new == {"schema": 2, "shared": {"pause": [1, "x"]}, "rows": 1}


def test_todays_form_stays_as_it_is() -> None:
    assert set(MIGRATIONS) == set(range(SCHEMA - len(MIGRATIONS), SCHEMA))
    assert migrated({"schema": SCHEMA, "shared": {}}, "x") == {"schema": SCHEMA, "shared": {}}


def test_the_next_write_is_in_todays_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrated, "__kwdefaults__", {"steps": {0: first}, "newest": SCHEMA})
    text = View().encoded().decode().replace('"schema": 1', '"schema": 0')
    old = text.replace('"shared": {}', '"shared": {\n  "pause": "x"\n}')
    view = decoded(old.encode(), "state.json")
    assert view.shared == {"pause": [1, "x"]}
    assert b'"schema": 1' in view.encoded()


def test_a_newer_form_is_refused_and_says_what_to_do() -> None:
    with pytest.raises(
        JournalDamaged, match=r"a newer DreamNet wrote it \(schema 2; this one knows up to 1\)"
    ) as told:
        decoded(b'{"schema": 2}', "state.json")
    assert told.value.hint == "Update DreamNet."


def test_a_form_that_no_step_leads_on_from_is_refused() -> None:
    with pytest.raises(JournalDamaged, match="its schema -1 is none that there was"):
        decoded(b'{"schema": -1}', "state.json")


def test_rows_of_a_cut_file_are_read_by_line() -> None:
    view = View(shared={"a": [3, {"x": "\n}"}], "b": [1, None]}, handled={"h": 1.5})
    body = view.encoded()
    assert salvaged(body)["shared"] == view.shared
    assert salvaged(body)["handled"] == {"h": 1.5}
    for cut in range(len(body)):
        assert salvaged(body[:cut])["shared"].items() <= view.shared.items()
