"""The JSON Schema: what is right passes, what is unknown does not, and everything is described."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from dreamnet_actions.config import schema
from dreamnet_actions.config.docs import class_doc, field_docs
from dreamnet_actions.config.reader import read_bytes, read_text
from dreamnet_actions.config.shapes import hints
from dreamnet_actions.config.tree import plain
from dreamnet_actions.domain.spec.values import kebab
from dreamnet_actions.errors.configuration import ConfigInvalid
from tests.unit.config.broken import written
from tests.unit.config.slots import COMPOSED, GOOD

SCHEMA = COMPOSED.json_schema()
CHECKER = jsonschema.Draft202012Validator(SCHEMA)

# Between two places of the file, or within a text: more than a schema can say.
BEYOND = {
    "names that nothing has",
    "unknown names",
    "needs in a circle",
    "needs itself",
    "port taken twice",
    "a pace that is none",
    "a check that asks a source which is not named",
    "least above most",
    "canary that does not grow",
    "numbers of a canary that say nothing",
    "text that holds a NUL",
    "paths that leave the root",
    "numbers that are none",
    "key twice",
    "keys that are no text",
    "tags",
    "alias as a key",
}


def right(text: str) -> bool:
    return CHECKER.is_valid(plain(read_text(text).root))


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$id"] == "urn:dreamnet:config:v1"
    assert SCHEMA["title"]


@pytest.mark.parametrize("text", [GOOD, "version: 1\n"])
def test_right_configurations_pass(text: str) -> None:
    CHECKER.validate(plain(read_text(text).root))


@pytest.mark.parametrize("case", list(written()), ids=[case.name for case in written()])
def test_what_the_schema_refuses_is_refused_by_dreamnet_too(case: Any) -> None:
    try:
        tree = read_bytes(case.data)
    except ConfigInvalid:
        return
    if case.name not in BEYOND:
        assert not CHECKER.is_valid(plain(tree.root))


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\nunknown: 1\n",
        "version: 1\nservices: {web: {platform: a, unknown: 1}}\n",
        "version: 1\nservices: {Web: {platform: a}}\n",
        "version: 1\nplatforms: {a: {process: {unknown: 1}}}\n",
        "version: 1\nplatforms: {a: {unknown: {}}}\n",
        "version: 1\nservices: {web: {platform: a, checks: {a: {unknown: 1}}}}\n",
        "version: 1\nservices: {web: {platform: a, checks: {a: {http: 'http://a', expect: {unknown: 1}}}}}\n",
        "version: 1\nenv: {a: {from: {unknown: a}, to: [{dotenv: a}]}}\n",
        "version: 1\nroutes: [{on: a, to: envkeeper, unknown: 1}]\n",
        "version: 1\nwatch: {every: 5}\n",
        "version: 2\n",
    ],
)
def test_what_is_unknown_does_not_pass(text: str) -> None:
    assert not right(text)


def test_defaults_are_written_as_the_file_writes_them() -> None:
    text = json.dumps(SCHEMA)

    assert '"default": "30s"' in text
    assert '"default": 30' not in text
    assert "``" not in text


def test_every_model_and_every_field_is_documented() -> None:
    for name, model in COMPOSED.classes.items():
        documented = field_docs(model)
        assert class_doc(model), name
        for key in hints(model):
            if name.split(".")[-1] != "Chosen":
                assert any(kebab(field) == key and text for field, text in documented.items()), (
                    f"{name}.{key}"
                )


def test_the_schema_is_written_the_same_each_time(tmp_path: Path) -> None:
    schema.write(COMPOSED, tmp_path / "a" / "schema.json")
    schema.write(COMPOSED, tmp_path / "b.json")

    assert (tmp_path / "a" / "schema.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert json.loads((tmp_path / "b.json").read_text(encoding="utf-8")) == SCHEMA
