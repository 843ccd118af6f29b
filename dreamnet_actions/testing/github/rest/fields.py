"""Reading a request's body and query: each value with the type that GitHub takes, or GitHub's 422."""

from __future__ import annotations

import calendar
import time
from collections.abc import Collection, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

from dreamnet_actions.testing.github.call import Answer, Call, Problem, invalid

T = TypeVar("T")
PER_PAGE = 30
MOST_PER_PAGE = 100


class Fields:
    """The object in a request's body; ``resource`` is what GitHub calls it in errors (``Issue``)."""

    def __init__(self, call: Call, resource: str) -> None:
        self._data = call.fields()
        self._resource = resource

    def __contains__(self, name: str) -> bool:
        return name in self._data

    def raw(self, name: str) -> Any:
        """Answer the value as it came."""
        return self._data.get(name)

    def optional(self, name: str, *, choices: Collection[str] = (), limit: int | None = None) -> str | None:
        """Answer a text; None where it is missing or null."""
        value = self._data.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            raise wrong_type(name, value, "a string")
        if choices and value not in choices:
            raise invalid(self._resource, name)
        if limit is not None and len(value) > limit:
            message = f"{name} is too long (maximum is {limit} characters)"
            raise invalid(self._resource, name, "custom", message)
        return value

    def text(self, name: str, *, choices: Collection[str] = (), limit: int | None = None) -> str:
        """Answer a text that must be there and not be blank."""
        value = self.optional(name, choices=choices, limit=limit)
        if value is None or not value.strip():
            raise invalid(self._resource, name, "missing_field")
        return value

    def flag(self, name: str, default: bool) -> bool:
        """Answer a boolean."""
        value = self._data.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise wrong_type(name, value, "a boolean")
        return value

    def texts(self, name: str) -> list[str] | None:
        """Answer a list of texts; None where it is missing or null."""
        value = self._data.get(name)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise wrong_type(name, value, "an array of strings")
        return value

    def mapping(self, name: str) -> dict[str, Any] | None:
        """Answer an object; None where it is missing or null."""
        value = self._data.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise wrong_type(name, value, "an object")
        return value


def wrong_type(name: str, value: object, wanted: str) -> Problem:
    """Make the 422 for a value of another type."""
    return Problem(422, f"Invalid request.\n\nFor 'properties/{name}', {str(value)[:60]} is not {wanted}.")


def choice(call: Call, name: str, default: str, choices: Collection[str]) -> str:
    """Answer a query value that is one of ``choices``; another one counts as the default, as GitHub has it."""
    value = call.query.get(name, default)
    return value if value in choices else default


def moment(text: str) -> float:
    """Read an ISO 8601 time (UTC) as seconds since 1970; raises ValueError."""
    plain = text.strip().removesuffix("Z").split(".")[0].split("+")[0]
    form = "%Y-%m-%dT%H:%M:%S" if "T" in plain else "%Y-%m-%d"
    return float(calendar.timegm(time.strptime(plain, form)))


def whole(call: Call, name: str, default: int) -> int:
    """Answer a whole number of the query; what is none counts as the default."""
    text = call.query.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else default


def page(
    call: Call, items: Sequence[T], sizes: tuple[int, int] = (PER_PAGE, MOST_PER_PAGE)
) -> tuple[list[T], dict[str, str]]:
    """Cut the page that the query asks for, and make its Link header; ``sizes``: how much is on one, and at most.

    https://docs.github.com/rest/using-the-rest-api/using-pagination-in-the-rest-api
    """
    usual, most = sizes
    size = min(most, whole(call, "per_page", usual) or usual)
    number = max(1, whole(call, "page", 1))
    last = max(1, -(-len(items) // size))
    links = []

    def link(rel: str, to: int) -> None:
        query = urlencode({**call.query, "page": str(to)})
        links.append(f'<{call.world.api_url}{call.path}?{query}>; rel="{rel}"')

    if number > 1:
        link("prev", min(number - 1, last))
    if number < last:
        link("next", number + 1)
        link("last", last)
    if number > 1:
        link("first", 1)
    start = (number - 1) * size
    return list(items[start : start + size]), {"Link": ", ".join(links)} if links else {}


def paged(call: Call, items: Sequence[T], shape: Any) -> Answer:
    """Answer a page of items, each as ``shape(world, repository, item)`` has it."""
    shown, headers = page(call, items)
    return Answer(200, [shape(call.world, call.repository, one) for one in shown], headers)


def counted(
    call: Call,
    name: str,
    items: Sequence[T],
    shape: Any,
    sizes: tuple[int, int] = (PER_PAGE, MOST_PER_PAGE),
) -> Answer:
    """Answer a page of items below ``name``, with ``total_count``."""
    shown, headers = page(call, items, sizes)
    listed = [shape(call.world, call.repository, one) for one in shown]
    return Answer(200, {"total_count": len(items), name: listed}, headers)
