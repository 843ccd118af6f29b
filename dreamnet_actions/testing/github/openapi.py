"""GitHub's own OpenAPI description as judge: is this request allowed, and is this answer what it promises?

It reads the description (npm ``@octokit/openapi``) and compiles only what is asked for. It judges; it changes nothing.
"""

from __future__ import annotations

import functools
import json
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_FORMER = {
    ("GET", "/repos/{owner}/{repo}/statuses/{sha}"): "/repos/{owner}/{repo}/commits/{ref}/statuses",
    ("GET", "/repos/{owner}/{repo}/git/refs"): "/repos/{owner}/{repo}/git/matching-refs/{ref}",
}
"""Paths that GitHub still serves and clients (PyGithub) still ask, though only another path is described."""
_PREFIX = "#/components/"
_URN = "urn:github:"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$")


@functools.cache
def described(path: Path) -> Description:
    """Answer the description in a file; it is read once in a process."""
    return Description(path)


class Description:
    """One OpenAPI 3.0 description. Needs the package ``jsonschema``. Safe for several threads."""

    def __init__(self, path: Path) -> None:
        from jsonschema import FormatChecker
        from referencing import Registry
        from referencing.jsonschema import DRAFT202012

        self._document = json.loads(path.read_text(encoding="utf-8"))
        self._paths: dict[str, Any] = {_anonymous(one): item for one, item in self._document["paths"].items()}
        self._lock = threading.RLock()
        self._compiled: dict[str, Any] = {}
        self._formats = FormatChecker(formats=())
        self._formats.checks("date-time")(lambda one: not isinstance(one, str) or bool(_TIME.match(one)))
        self._formats.checks("uri")(
            lambda one: not isinstance(one, str) or one == "" or bool(urlsplit(one).scheme)
        )

        def retrieve(uri: str) -> Any:
            found = _inside(self._document["components"], uri.removeprefix(_URN))
            return DRAFT202012.create_resource(_converted(found))

        self._registry: Registry[Any] = Registry(retrieve=retrieve)  # type: ignore[call-arg]

    def operation(self, method: str, template: str) -> Mapping[str, Any] | None:
        """Answer the operation that the description has there."""
        described = _FORMER.get((method, template), template)
        found: Mapping[str, Any] | None = self._paths.get(_anonymous(described), {}).get(method.lower())
        return found

    def knows(self, method: str, path: str) -> str | None:
        """Answer the operation (``POST /repos/{owner}/{repo}/…``) that a plain path belongs to."""
        for template, item in self._document["paths"].items():
            parts = ["[^/\n]+" if one.startswith("{") else re.escape(one) for one in template.split("/")]
            if method.lower() in item and re.fullmatch("/".join(parts), path):
                return f"{method} {template}"
        return None

    def request_mistakes(self, method: str, template: str, query: Mapping[str, str], body: Any) -> list[str]:
        """Say what is wrong with a request; nothing where it is allowed."""
        operation = self.operation(method, template)
        if operation is None:
            return [f"no operation {method} {template}"]
        mistakes = []
        for given in operation.get("parameters", ()):
            parameter = self._follow(given)
            if parameter["in"] == "query" and parameter["name"] in query:
                value = _typed(query[parameter["name"]], self._follow(parameter["schema"]))
                key = f"{method} {template} ?{parameter['name']}"
                judged = self._judge(key, parameter["schema"], value)
                mistakes += [f"query {parameter['name']}: {one}" for one in judged]
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if content is None:
            return mistakes
        if body is None:
            required = operation["requestBody"].get("required", False)
            return mistakes + (["the body is missing"] if required else [])
        judged = self._judge(f"{method} {template} <", content["schema"], _as_prose_allows(template, body))
        return mistakes + [f"body: {one}" for one in judged]

    def answer_mistakes(self, method: str, template: str, status: int, body: Any) -> list[str]:
        """Say what is wrong with an answer; nothing where it is as described."""
        operation = self.operation(method, template)
        if operation is None:
            return [f"no operation {method} {template}"]
        response = operation["responses"].get(str(status))
        if response is None:
            if status < 300:
                return [f"status {status} is not described"]
            # The descriptions leave out most errors; all have this shape.
            return self._judge("basic-error", {"$ref": _PREFIX + "schemas/basic-error"}, body)
        content = self._follow(response).get("content", {})
        if not content:
            return (
                [] if body is None or status >= 400 else [f"status {status} has no body, this answer has one"]
            )
        schema = content.get("application/json", {}).get("schema")
        if schema is None:
            return []
        return self._judge(f"{method} {template} {status}", schema, body)

    def _judge(self, key: str, schema: Any, value: Any) -> list[str]:
        from jsonschema import Draft202012Validator

        with self._lock:
            validator = self._compiled.get(key)
            if validator is None:
                validator = self._compiled[key] = Draft202012Validator(
                    _converted(schema), registry=self._registry, format_checker=self._formats
                )
            return [f"{one.json_path}: {one.message[:300]}" for one in validator.iter_errors(value)][:5]

    def _follow(self, item: Any) -> Any:
        while isinstance(item, dict) and "$ref" in item:
            item = _inside(self._document["components"], item["$ref"].removeprefix(_PREFIX))
        return item


def _anonymous(template: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", template)


def _inside(document: Any, pointer: str) -> Any:
    for part in pointer.split("/"):
        document = document[part.replace("~1", "/").replace("~0", "~")]
    return document


def _converted(schema: Any) -> Any:
    """Turn OpenAPI 3.0's dialect into JSON Schema's: ``nullable`` and where references point."""
    if isinstance(schema, list):
        return [_converted(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    if isinstance(schema.get("$ref"), str):
        return {"$ref": _URN + schema["$ref"].removeprefix(_PREFIX)}
    made = {
        key: {name: _converted(one) for name, one in value.items()}
        if key == "properties"
        else _converted(value)
        for key, value in schema.items()
        if key
        not in {"nullable", "example", "examples", "description", "default", "x-github-breaking-changes"}
    }
    # Its alternatives overlap (an error of one kind is one of the basic kind, too), and its own answers match several.
    if "oneOf" in made:
        made["anyOf"] = made.pop("oneOf")
    return {"anyOf": [{"type": "null"}, made]} if schema.get("nullable") else made


def _as_prose_allows(template: str, body: Any) -> Any:
    """Read a body as the description's prose does where its schema is narrower: labels may come as a bare list, or be
    an empty list ("You can also pass an array of labels directly", "You can pass an empty array")."""
    if not template.endswith("/issues/{issue_number}/labels"):
        return body
    if isinstance(body, list):
        body = {"labels": body}
    return {} if body == {"labels": []} else body


def _typed(text: str, schema: Mapping[str, Any]) -> Any:
    """Read a query value as its schema means it; what cannot be stays text and fails there."""
    kinds = [schema.get("type")] + [
        one.get("type") for key in ("anyOf", "oneOf") for one in schema.get(key, ())
    ]
    if "boolean" in kinds and text in {"true", "false"}:
        return text == "true"
    if "integer" in kinds and re.fullmatch(r"-?\d{1,18}", text):
        return int(text)
    return text
