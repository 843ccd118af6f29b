"""Synced values: kept by content, put into effect by a restart, taken back by undo, and found out when touched."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from dreamnet_actions.adapters.process.environment import (
    ProcessEnvironmentSink,
    current_environment,
    installation_key,
    read_set,
)
from dreamnet_actions.domain.secret import SecretValue, Versioned, plan_keys
from dreamnet_actions.errors import NotFound, PermanentError, StateDamaged
from tests.process.home import Home

FIRST, SECOND = "first", "second"


def values(version: str = "1", **texts: str) -> Mapping[str, Versioned]:
    return {name: Versioned(value=SecretValue(text), version=version) for name, text in texts.items()}


@pytest.fixture
def sink(tmp_path: Path) -> ProcessEnvironmentSink:
    return ProcessEnvironmentSink("web", "local", tmp_path)


def directory(tmp_path: Path) -> Path:
    return tmp_path / "environments" / "local" / "web"


def test_what_is_written_is_read_back_and_named_by_its_content(
    sink: ProcessEnvironmentSink, tmp_path: Path
) -> None:
    assert (sink.name, list(sink.services)) == ("process/web", ["web"])
    assert sink.state().revision is None
    assert dict(sink.read_back()) == {}
    first = sink.write(values(KEY="a", OTHER="ü\n"))
    assert sink.write(values(KEY="a", OTHER="ü\n")) == first
    assert {name: one.reveal() for name, one in sink.read_back().items()} == {"KEY": "a", "OTHER": "ü\n"}
    second = sink.write(values("2", KEY="b"))
    state = sink.state()
    assert (state.revision, state.former, dict(state.versions)) == (second, first, {"KEY": "2"})
    assert sink.write(values("3", KEY="b")) == second, (
        "the same values under another version are the same set"
    )
    assert (sink.state().versions, sink.state().former) == ({"KEY": "3"}, first)
    assert current_environment(directory(tmp_path)) == second


def test_an_id_cannot_be_guessed_from_the_values(tmp_path: Path) -> None:
    ids = {ProcessEnvironmentSink("web", "local", tmp_path / name).write(values(PIN="1234")) for name in "ab"}
    assert len(ids) == 2
    assert all(re.fullmatch(r"[0-9a-f]{64}", one) for one in ids)


def test_files_are_the_owners_alone(sink: ProcessEnvironmentSink, tmp_path: Path) -> None:
    sink.write(values(KEY="a"))
    for path in [path for path in tmp_path.rglob("*") if path.is_file()]:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    for path in (directory(tmp_path), directory(tmp_path).parent, directory(tmp_path).parent.parent):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700, path


def test_restore_is_byte_for_byte(sink: ProcessEnvironmentSink, tmp_path: Path) -> None:
    first = sink.write(values(KEY="a"))
    before = (directory(tmp_path) / f"{first}.json").read_bytes()
    second = sink.write(values("2", KEY="b"))
    sink.restore(first)
    assert (directory(tmp_path) / f"{first}.json").read_bytes() == before
    state = sink.state()
    assert (state.revision, state.former, state.versions) == (first, second, {"KEY": "1"})
    with pytest.raises(NotFound):
        sink.restore("0" * 64)
    (directory(tmp_path) / f"{second}.json").write_text('{"KEY": "c"}')
    with pytest.raises(StateDamaged):
        sink.restore(second)


@pytest.mark.parametrize(
    ("by_hand", "drifted"),
    [
        ({"KEY": "touched", "OTHER": "b"}, {"KEY"}),
        ({"OTHER": "b"}, {"KEY"}),
        ({"KEY": "a", "OTHER": "b", "NEW": "c"}, {"NEW"}),
        (None, {"KEY", "OTHER"}),
    ],
)
def test_drift_is_known_by_name_and_mended_by_the_next_write(
    sink: ProcessEnvironmentSink, tmp_path: Path, by_hand: dict[str, str] | None, drifted: set[str]
) -> None:
    wanted = values(KEY="a", OTHER="b")
    revision = sink.write(wanted)
    assert sink.state().drifted == frozenset()
    path = directory(tmp_path) / f"{revision}.json"
    path.write_text(json.dumps(by_hand) if by_hand else "no JSON")
    assert sink.state().drifted == drifted
    plan = plan_keys(dict.fromkeys(wanted, "1"), sink.state())
    assert {one.name for one in plan if one.effect != "unchanged"} == drifted
    assert sink.write(wanted) == revision
    assert sink.state().drifted == frozenset()
    assert {one.effect for one in plan_keys(dict.fromkeys(wanted, "1"), sink.state())} == {"unchanged"}


def test_the_last_ten_sets_are_kept_and_those_that_a_release_names(
    sink: ProcessEnvironmentSink, tmp_path: Path
) -> None:
    ids = [sink.write(values(KEY=str(number))) for number in range(3)]
    (tmp_path / "platform-local").mkdir()
    (tmp_path / "platform-local" / "state.json").write_text(json.dumps({"environment": ids[1]}))
    ids += [sink.write(values(KEY=str(number))) for number in range(3, 15)]
    kept = {path.stem for path in directory(tmp_path).glob("*.json")} - {"index"}
    assert kept == {ids[1], *ids[-10:]}
    with pytest.raises(NotFound):
        read_set(directory(tmp_path), ids[0])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("", "a"),
        ("A=B", "a"),
        ("A\0", "a"),
        ("A", "a\0b"),
        ("PORT", "1"),
        ("DREAMNET_REPLICA", "x"),
        ("A", "x" * 140_000),
    ],
)
def test_what_no_environment_can_hold_is_refused(sink: ProcessEnvironmentSink, name: str, text: str) -> None:
    sink.write(values(KEY="a"))
    before = sink.state()
    with pytest.raises(PermanentError) as caught:
        sink.write({**values(KEY="b"), name: Versioned(value=SecretValue(text), version="1")})
    assert text == "a" or text not in caught.value.message or len(text) == 1
    assert sink.state() == before


def test_two_at_once_make_one_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(installation_key, [tmp_path] * 16))) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["hash.key"]


def test_a_damaged_index_is_said(sink: ProcessEnvironmentSink, tmp_path: Path) -> None:
    sink.write(values(KEY="a"))
    (directory(tmp_path) / "index.json").write_text("{")
    with pytest.raises(StateDamaged, match=r"index\.json"):
        sink.state()


# ── With the platform ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_a_restart_puts_values_into_effect_and_undo_takes_them_back(home: Home) -> None:
    sink = ProcessEnvironmentSink("web", home.name, home.state)
    home.run(environment={"ANSWER": "configured"})
    assert home.get("/env") == (200, "configured")

    first = sink.write(values(ANSWER="41"))
    assert home.platform.current_environment("web") == first
    assert home.get("/env") == (200, "configured"), "nothing changes until the service is restarted"
    home.platform.restart("web", token=FIRST)
    assert home.settled().release.environment == first
    assert home.get("/env") == (200, "41")

    second = sink.write(values(ANSWER="42"))
    home.platform.apply("web", home.spec(environment={"ANSWER": "configured"}), home.release("one"))
    assert home.settled().release.environment == first, "the same release again changes nothing"
    home.platform.restart("web", token=SECOND)
    assert home.settled().release.environment == second
    assert home.get("/env") == (200, "42")

    assert home.platform.undo("web", token=FIRST).environment == first
    home.settled()
    assert home.get("/env") == (200, "41")
    home.platform.undo("web", token=SECOND)
    home.settled()
    assert home.get("/env") == (200, "configured")


@pytest.mark.slow
def test_a_new_release_starts_with_the_current_values(home: Home) -> None:
    revision = ProcessEnvironmentSink("web", home.name, home.state).write(values(ANSWER="42"))
    assert home.run().release.environment == revision
    assert home.get("/env") == (200, "42")
    home.platform.apply("web", home.spec(), home.release("two"), canary=True)
    canary = home.settled_state().canary
    assert canary is not None
    assert canary.release.environment == revision


@pytest.mark.slow
def test_values_that_are_gone_are_said(home: Home) -> None:
    sink = ProcessEnvironmentSink("web", home.name, home.state)
    revision = sink.write(values(ANSWER="42"))
    (home.state / "environments" / home.name / "web" / f"{revision}.json").unlink()
    home.platform.apply("web", home.spec(), home.release("one"))
    state = home.until(lambda state: state.stable.failure)
    assert "synced values cannot be read" in (state.stable.failure or "")
    sink.write(values(ANSWER="42"))
    assert home.settled().ready == 1
