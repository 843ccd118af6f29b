"""The sources that are YAML, JSON and the environment: their contract, and what only they can get wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dreamnet_actions import bootstrap
from dreamnet_actions.adapters.files.options import (
    EnvironmentSourceOptions,
    JsonSourceOptions,
    YamlSourceOptions,
)
from dreamnet_actions.adapters.files.structured import EnvironmentSource, JsonSource, YamlSource
from dreamnet_actions.adapters.files.values import json_values, yaml_values
from dreamnet_actions.config.reader import read_text
from dreamnet_actions.domain.secret import Ref
from dreamnet_actions.domain.spec.models import Config
from dreamnet_actions.errors import ConfigError
from dreamnet_actions.errors.configuration import ConfigInvalid
from dreamnet_actions.ports.secrets import SecretSource
from dreamnet_actions.ports.site import Site
from dreamnet_actions.testing.contracts.secrets import HARD, SecretSourceContract
from dreamnet_actions.testing.memory.clock import VirtualClock

Make = Callable[[Mapping[str, str]], SecretSource]


def site(root: Path, environ: Mapping[str, str] | None = None) -> Site:
    return Site(
        root=root, state=root, environ=environ or {}, clock=VirtualClock(), config=Config(version=1),
        hash_key=lambda: b"a key for tests",
    )  # fmt: skip


class TestYamlSource(SecretSourceContract):
    @pytest.fixture
    def make(self, tmp_path: Path) -> Make:
        def change(values: Mapping[str, str]) -> SecretSource:
            lines = [f"{json.dumps(name)}: {json.dumps(value)}\n" for name, value in values.items()]
            (tmp_path / "a.yml").write_text("".join(lines) or "{}")
            return YamlSource.at(YamlSourceOptions(yaml="a.yml"), site(tmp_path))

        return change


class TestJsonSource(SecretSourceContract):
    @pytest.fixture
    def make(self, tmp_path: Path) -> Make:
        def change(values: Mapping[str, str]) -> SecretSource:
            (tmp_path / "a.json").write_text(json.dumps({"app": {"env": dict(values)}}))
            return JsonSource.at(JsonSourceOptions(json="a.json", at="app.env"), site(tmp_path))

        return change


class TestEnvironmentSource(SecretSourceContract):
    @pytest.fixture
    def make(self, tmp_path: Path) -> Make:
        def change(values: Mapping[str, str]) -> SecretSource:
            options = EnvironmentSourceOptions(environment=("A*", "B*"))
            return EnvironmentSource.at(options, site(tmp_path, {**values, "PATH": "/bin"}))

        return change


# ── What a file says ────────────────────────────────────────────────────────────────────────────────────


def test_a_value_is_what_is_written() -> None:
    text = b"A: no\nB: 1.10\nC: 0x1F\nD: '007'\nE: |\n  x\n  y\nF: {port: 5432, on: true, l: [~, 1.5]}\nG: ''\n12: z\n"
    assert yaml_values(text, "a.yml", ()) == {
        "A": "no", "B": "1.10", "C": "0x1F", "D": "007", "E": "x\ny\n",
        "F": '{"port": 5432, "on": true, "l": [null, 1.5]}', "G": "", "12": "z",
    }  # fmt: skip
    text = (
        b'{"A": "no", "B": 1.10, "C": 1e5, "D": true, "E": {"port":5432, "l": [null]}, "F": "\\ud83c\\udf19"}'
    )
    assert json_values(text, "a.json", ()) == {
        "A": "no", "B": "1.10", "C": "1e5", "D": "true", "E": '{"port":5432, "l": [null]}', "F": "🌙",
    }  # fmt: skip


@pytest.mark.parametrize("name", sorted(HARD))
def test_hard_values_come_through(name: str) -> None:
    text = json.dumps({"A": HARD[name]}, ensure_ascii=False).encode()
    assert json_values(text, "a.json", ()) == {"A": HARD[name]}
    assert yaml_values(text, "a.yml", ()) == {"A": HARD[name]}


WRONG: dict[str, tuple[Callable[..., Any], bytes, tuple[str, ...], list[str]]] = {
    "yaml: all at once": (
        yaml_values, b"A:\nB: hunter2\nB: hunter3\nC: !!x hunter4\n", (),
        ["a:1:3: there is no value", "a:3:1: The key 'B' is there twice (first in line 2)", "a:4:4: Tags"],
    ),
    "yaml: a quote": (yaml_values, b"A: 'hunter2\nB: hunter3", (), ["a:1:4: This quote is never closed"]),
    "yaml: no mapping": (yaml_values, b"- hunter2", (), ["a:1:1: The file must be a mapping"]),
    "yaml: empty": (yaml_values, b"", (), ["a:1:1: The file is empty; it needs 'name: value' lines."]),
    "yaml: merge": (yaml_values, b"A: &a {x: 1}\nB: {<<: *a}", (), ["a:2:5: Merge keys"]),
    "yaml: deep": (yaml_values, b"A: " + b"[" * 30000, (), ["a:1:67: More than 64 levels"]),
    "yaml: lost": (yaml_values, b"A: {B: hunter2}", ("A", "B"), ["a:1:4: What 'at' leads to, 'A.B', is no mapping"]),
    "json: all at once": (
        json_values, b'{"A": null,\n "B": "hunter2",\n "B": "hunter3"}', (),
        ["a:1:7: there is no value", "a:3:2: this name is there twice (B)"],
    ),
    "json: cut": (json_values, b'{"A": "hunter2', (), ["a:1:7: Unterminated string"]),
    "json: no object": (json_values, b'["hunter2"]', (), ["a:1:1: The file must be an object"]),
    "json: deep": (json_values, b'{"A": ' + b"[" * 30000, (), ["a:1:70: More than 64 levels"]),
    "json: digits": (json_values, b'{"A": ' + b"9" * 5000 + b"}", (), ["a:1:1: A number has too many digits"]),
    "json: half": (json_values, b'{"A": "hunter2\\ud83c"}', (), ["a:1:7: the text holds half a character"]),
    "json: bytes": (json_values, b'{"A":\n "\xff"}', (), ["a:2:3: This is no UTF-8"]),
    "json: lost": (json_values, b'{"A": {}}', ("B",), ["a:1:1: What 'at' leads to, 'B', is not there"]),
    "json: large": (json_values, b" " * 262145, (), ["a:1:1: The file has more than 256 KiB"]),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_mistakes_stand_with_their_places_and_tell_no_value(name: str) -> None:
    read, data, at, wanted = WRONG[name]
    with pytest.raises(ConfigInvalid) as refused:
        read(data, "a", at)
    told = [str(one) for one in refused.value.mistakes]
    assert len(told) == len(wanted)
    for one, begins in zip(told, wanted, strict=True):
        assert begins.removesuffix(" (B)") in one
    assert "hunter" not in refused.value.message


VALUES = (
    st.text(max_size=20)
    | st.integers()
    | st.booleans()
    | st.lists(st.text(max_size=5) | st.none(), max_size=3)
)


@settings(max_examples=60)
@given(st.dictionaries(st.text(min_size=1, max_size=20), VALUES, max_size=5))
def test_any_json_is_read_as_json_reads_it(values: dict[str, Any]) -> None:
    text = json.dumps(values).encode()
    for name, value in json_values(text, "a", ()).items():
        assert value == values[name] if isinstance(values[name], str) else json.loads(value) == values[name]


def test_a_file_that_is_not_there_is_no_empty_one(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for place in ("none.yml", "folder"):
        with pytest.raises(ConfigError):
            YamlSource.at(YamlSourceOptions(yaml=place), site(tmp_path)).names()


# ── The environment ─────────────────────────────────────────────────────────────────────────────────────


def test_only_what_is_named_is_handed_on(tmp_path: Path) -> None:
    environ = {
        "APP_A": "1", "APP_B": "2", "OTHER": "3", "GITHUB_TOKEN": "ghs_x", "GH_TOKEN": "ghs_y", "DREAMNET_A": "k",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "t", "G": "4",
    }  # fmt: skip
    options = EnvironmentSourceOptions(environment=("APP_*", "G*", "D*", "A*"))
    found = EnvironmentSource.at(options, site(tmp_path, environ))
    assert set(found.names()) == {"APP_A", "APP_B", "G"}


def test_what_is_not_set_is_told_with_the_line_that_sets_it(tmp_path: Path) -> None:
    options = EnvironmentSourceOptions(environment=("DB", "KEY"))
    with pytest.raises(ConfigError, match="Not set in the environment: KEY") as refused:
        EnvironmentSource.at(options, site(tmp_path, {"DB": ""})).resolve([Ref("DB")])
    assert "env: {KEY: ${{ secrets.KEY }}}" in refused.value.hint
    # GitHub writes a secret that is not there as an empty text.
    environ = {"DB": "", "KEY": "x", "GITHUB_ACTIONS": "true"}
    with pytest.raises(ConfigError, match="Not set in the environment: DB"):
        EnvironmentSource.at(options, site(tmp_path, environ)).access([Ref("KEY")])


@pytest.mark.parametrize(
    "name", ["GITHUB_TOKEN", "GH_TOKEN", "DREAMNET_*", "github_token", "*", "A-B", "", "RUNNER_TEMP"]
)
def test_what_is_never_handed_on_is_refused_in_the_configuration(name: str) -> None:
    text = (
        f"version: 1\nenv:\n  a: {{from: {{environment: [{json.dumps(name)}]}}, to: [{{dotenv: a.env}}]}}\n"
    )
    with pytest.raises(ConfigInvalid) as refused:
        bootstrap.composed().validate(read_text(text))
    (mistake,) = refused.value.mistakes
    assert (mistake.line, mistake.path) == (3, "env.a.from.environment[0]")
