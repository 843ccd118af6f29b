"""The JSON Schema of ``dreamnet.yml``, for editors and for checks outside DreamNet.

Made by pydantic from the composed models; the descriptions are the models' docstrings. It cannot say what one place
requires of another (that a platform exists): ``dreamnet validate`` can. Importing this module imports pydantic.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import PydanticOmit, core_schema

from dreamnet_actions.config import docs, shapes
from dreamnet_actions.config.compose import Composed
from dreamnet_actions.config.validate import NEWEST, adapter
from dreamnet_actions.domain.spec.values import Written, kebab

DIALECT = "https://json-schema.org/draft/2020-12/schema"
IDENTITY = f"urn:dreamnet:config:v{NEWEST}"
"""The schema's ``$id``: a name, since it is published with every release and at no one address."""


def json_schema(composed: Composed) -> dict[str, Any]:
    """Answer the schema of a composed configuration."""
    made = adapter(composed).json_schema(by_alias=True, schema_generator=_Described)
    head = {"$schema": DIALECT, "$id": IDENTITY, "title": "DreamNet configuration"}
    return {**head, **{key: value for key, value in made.items() if key not in head}}


def write(composed: Composed, file: Path) -> None:
    """Write the schema to a file; the same models always write the same bytes."""
    text = json.dumps(json_schema(composed), indent=2, ensure_ascii=False)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{text}\n", encoding="utf-8")


class _Described(GenerateJsonSchema):
    """pydantic's generator, with our descriptions, defaults as the file writes them, and names that are bound."""

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> JsonSchemaValue:
        """Describe a model and its fields by their docstrings."""
        made = super().dataclass_schema(schema)
        model: Any = schema["cls"]
        made["description"] = _markdown(docs.class_doc(model))
        hints = shapes.hints(model)
        for name, text in docs.field_docs(model).items():
            field = made["properties"][kebab(name)]
            field["description"] = _markdown(text)
            written = _written(hints[kebab(name)])
            if written is not None and isinstance(field.get("default"), (int, float)):
                field["default"] = written.write(field["default"])
        return made

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """Refuse names that are not of the form asked for; pydantic leaves them free."""
        made = super().dict_schema(schema)
        if "patternProperties" in made:
            made["additionalProperties"] = False
        return made

    def function_plain_schema(self, schema: core_schema.PlainValidatorFunctionSchema) -> JsonSchemaValue:  # noqa: ARG002 - pydantic's form
        """Leave out the choice that stands for no kind at all: it only refuses."""
        raise PydanticOmit

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's form
        """Give fields no titles: they would repeat their names."""
        return False


def _written(hint: Any) -> Written | None:
    found: Written | None = shapes.marker(shapes.peel(hint)[1], Written)
    return found


def _markdown(text: str) -> str:
    """Turn reStructuredText's double backquotes into Markdown's, which editors show."""
    return text.replace("``", "`")
