"""Putting a job's own token in the place of ``github.token`` and ``secrets.GITHUB_TOKEN``. Pure.

act knows one token a run; GitHub makes one a job. So in the copies that act reads, each job's expressions hold
its own token as a literal. The copies are in a folder that only the run's user can read, and act masks the
values in its log.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dreamnet_actions.testing.github.actions.lexer import ExpressionMistake, Token, spans, tokens

_PLACES = {("github", "token"), ("secrets", "github_token")}


def put(value: Any, replaced: Mapping[tuple[str, str], str]) -> Any:
    """Answer plain data with every ``context.property`` of ``replaced`` (lower case) made a literal in its
    expressions."""
    if isinstance(value, Mapping):
        return {key: put(one, replaced) for key, one in value.items()}
    if isinstance(value, list):
        return [put(one, replaced) for one in value]
    return _put_text(value, replaced) if isinstance(value, str) else value


def with_token(value: Any, token: str) -> Any:
    """Answer plain data in which the job's token is ``token``."""
    return put(value, dict.fromkeys(_PLACES, token))


def mentions(value: Any) -> bool:
    """Say whether data uses the job's token anywhere."""
    marker = "\0"
    return marker in repr(with_token(value, marker)) or "\\x00" in repr(with_token(value, marker))


def _put_text(text: str, replaced: Mapping[tuple[str, str], str]) -> str:
    out: list[str] = []
    position = 0
    try:
        for span in spans(text):
            out += [text[position : span.begin], "${{", _put_expression(span.expression, replaced), "}}"]
            position = span.end
    except ExpressionMistake:
        return text  # act will complain about it, as GitHub would
    return "".join([*out, text[position:]])


def _put_expression(expression: str, replaced: Mapping[tuple[str, str], str]) -> str:
    found = tokens(expression)
    out: list[str] = []
    position = index = 0
    while index < len(found):
        reach, name = _access(found, index)
        if name in replaced and (index == 0 or found[index - 1].text != "."):
            last = found[index + reach - 1]
            out += [expression[position : found[index].begin], quoted(replaced[name])]
            position = last.begin + len(last.text)
            index += reach
        else:
            index += 1
    return "".join([*out, expression[position:]])


def quoted(text: str) -> str:
    """Write a text as an expression's literal."""
    return "'" + text.replace("'", "''") + "'"


def _access(found: list[Token], index: int) -> tuple[int, tuple[str, str]]:
    """Answer how many tokens ``context.property`` or ``context['property']`` takes at ``index``, and both
    names."""
    here = found[index : index + 4]
    kinds = [one.kind if one.kind != "mark" else one.text for one in here]
    if kinds[:3] == ["name", ".", "name"]:
        return 3, (here[0].text.lower(), here[2].text.lower())
    if kinds == ["name", "[", "string", "]"]:
        return 4, (here[0].text.lower(), here[2].text[1:-1].lower())
    return 1, ("", "")
