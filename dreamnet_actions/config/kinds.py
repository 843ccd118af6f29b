"""Where the file chooses among adapters: one key, the kind, decides which model reads the rest.

``OneKind``, ``ShortList`` and ``ShortWord`` are markers for ``Annotated``, made when the slots are composed. They speak
to pydantic through tagged unions whose tags begin with a NUL, which no key of a file can hold: the translation of
pydantic's mistakes drops them from the path.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from dreamnet_actions.domain.spec.models import Chosen

if TYPE_CHECKING:
    from pydantic_core import CoreSchema

TAG = "\0"
"""Begins every tag that is no step of the file's own path."""


class OneKind:
    """Marks a value that is a mapping with exactly one of the keys in ``kinds``, each with its model.

    ``what`` names such a value in messages (``check``). ``nested``: the kind's key holds all its options
    (``{process: {…}}``), else it is a field of the model and the others stand beside it (``{http: …, timeout: …}``).
    ``chosen``: the value becomes ``Chosen(kind, options)``, else the model itself.
    """

    def __init__(
        self, what: str, kinds: Mapping[str, type], *, nested: bool = False, chosen: bool = True
    ) -> None:
        self.what, self.kinds, self.nested, self.chosen = what, dict(kinds), nested, chosen

    def kind_of(self, value: object) -> str | None:
        """Answer the kind that ``value`` is of, or None where it has no or several of the keys."""
        present = [kind for kind in self.kinds if kind in value] if isinstance(value, Mapping) else []
        return present[0] if len(present) == 1 else None

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        """Tell pydantic to read the value by the model of its kind."""
        from pydantic_core import PydanticCustomError, core_schema

        def refuse(_value: object) -> None:
            raise PydanticCustomError("no_kind", "no kind")

        choices = {f"{TAG}{kind}": self._choice(kind, model, handler) for kind, model in self.kinds.items()}
        choices[TAG] = core_schema.no_info_plain_validator_function(refuse)
        return core_schema.tagged_union_schema(choices, lambda value: f"{TAG}{self.kind_of(value) or ''}")

    def _choice(self, kind: str, model: type, handler: Any) -> CoreSchema:
        from pydantic_core import core_schema

        schema: CoreSchema = handler.generate_schema(model)
        if self.nested:
            field = core_schema.typed_dict_field(_or_nothing(model, schema), required=True)
            schema = core_schema.typed_dict_schema({kind: field}, extra_behavior="forbid")
            return core_schema.no_info_after_validator_function(lambda read: Chosen(kind, read[kind]), schema)
        if self.chosen:
            return core_schema.no_info_after_validator_function(lambda read: Chosen(kind, read), schema)
        return schema


class ShortList:
    """Marks a model that may also be written as the list of its one field ``name``: ``heal: [restart]``."""

    def __init__(self, model: type, name: str) -> None:
        self.model, self.name = model, name

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        """Tell pydantic to read a list as the field and anything else as the model."""
        from typing import get_type_hints

        from pydantic_core import core_schema

        items = handler.generate_schema(get_type_hints(self.model, include_extras=True)[self.name])
        make: Callable[[Any], Any] = lambda read: self.model(**{self.name: read})  # noqa: E731 - one expression
        short = core_schema.no_info_after_validator_function(make, items)
        choices = {f"{TAG}short": short, f"{TAG}long": handler(source)}
        return core_schema.tagged_union_schema(
            choices, lambda value: f"{TAG}short" if isinstance(value, list) else f"{TAG}long"
        )


class ShortWord:
    """Marks a model that may also be written as the value of its one field ``name``: ``PORT: integer``."""

    def __init__(self, model: type, name: str) -> None:
        self.model, self.name = model, name

    @property
    def word(self) -> Any:
        """The type hint of that field."""
        from typing import get_type_hints

        return get_type_hints(self.model, include_extras=True)[self.name]

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        """Tell pydantic to read a mapping as the model and anything else as the field."""
        from pydantic_core import core_schema

        make: Callable[[Any], Any] = lambda read: self.model(**{self.name: read})  # noqa: E731 - one expression
        short = core_schema.no_info_after_validator_function(make, handler.generate_schema(self.word))
        choices = {f"{TAG}short": short, f"{TAG}long": handler(source)}
        return core_schema.tagged_union_schema(
            choices, lambda value: f"{TAG}long" if isinstance(value, Mapping) else f"{TAG}short"
        )


def _or_nothing(model: type, schema: CoreSchema) -> CoreSchema:
    """Let nothing (``process:``) stand for a model whose fields all have defaults."""
    from pydantic_core import core_schema

    if any(is_required(field) for field in dataclasses.fields(model)):
        return schema
    return core_schema.no_info_after_validator_function(
        lambda read: model() if read is None else read, core_schema.nullable_schema(schema)
    )


def is_required(field: dataclasses.Field[Any]) -> bool:
    """Whether a field has no default."""
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
