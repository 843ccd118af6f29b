"""The kinds of value that configuration fields hold beyond plain JSON: durations and percentages.

Each is a marker for ``Annotated`` that pydantic asks for its schema, so that the models themselves (and all that
only reads them) start without importing pydantic.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

from dreamnet_actions.domain.units import parse_duration, parse_share

if TYPE_CHECKING:
    from pydantic_core import CoreSchema


class Written:
    """Marks a number that is written as text with a unit and read by ``parse`` (raises ValueError)."""

    def __init__(self, parse: Callable[[object], float], pattern: str, example: str) -> None:
        self.parse, self.pattern, self.example = parse, pattern, example

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        """Tell pydantic to read the value by ``parse``."""
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(self.parse)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        """Tell editors the form of the text."""
        return {"type": "string", "pattern": self.pattern, "examples": [self.example]}


Seconds = Annotated[float, Written(parse_duration, r"^(\d+(\.\d+)?(ms|s|m|h|d))+$", "30s")]
"""A duration, written with its unit (``30s``, ``1m30s``); in the program a number of seconds."""

Share = Annotated[float, Written(parse_share, r"^\d+(\.\d+)?\s*%$", "25%")]
"""A percentage, written with ``%``; in the program between 0 and 1."""


def kebab(name: str) -> str:
    """Write a field's name as the file writes it: ``stop_grace`` as ``stop-grace``, ``from_`` as ``from``."""
    return name.rstrip("_").replace("_", "-")


STRICT: dict[str, Any] = {"extra": "forbid", "alias_generator": kebab, "strict": True}
"""The pydantic settings of every model: unknown keys are mistakes, nothing is converted silently."""
