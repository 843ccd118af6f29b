"""JsonLogic (https://jsonlogic.com) as flagd's official Python provider evaluates it. Pure.

A rule is an object with one key: the operator, with its arguments. Anything else is a value of itself. Where
implementations differ (``null == 0``, text of a boolean, sign of ``%``), this one does what the library behind flagd's
Python provider does, `panzi-json-logic`, so that a flag has here the value that services see;
``scripts/prove flags`` compares the two.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

Operator = Callable[..., Any]
"""Takes the data in scope, then the arguments, each evaluated."""


class UnknownOperator(Exception):
    """A rule names an operator that there is not."""


def apply(rule: Any, data: Any, operators: Mapping[str, Operator]) -> Any:
    """Answer the value of a rule. ``data`` is what ``var`` looks in; ``operators`` are those beside the built-in ones.

    Raises UnknownOperator; and ArithmeticError, TypeError, ValueError or AttributeError where an operator cannot work
    on what it is given (division by zero).
    """
    if isinstance(rule, list):
        return [apply(one, data, operators) for one in rule]
    if not isinstance(rule, dict) or len(rule) != 1:
        return rule
    ((name, given),) = rule.items()
    args = given if isinstance(given, list) else [given]
    lazy = _LAZY.get(name)
    if lazy is not None:
        return lazy(args, data, operators)
    values = [apply(one, data, operators) for one in args]
    operator = operators.get(name) or BUILT_IN.get(name)
    if operator is None:
        raise UnknownOperator(name)
    return operator(data, *values)


# ── what a value is taken for ───────────────────────────────────────────────────────────────────────────


def truth(value: Any) -> bool:
    """Say whether a value counts as true: not null, false, 0, NaN, an empty text or list; every object does."""
    if isinstance(value, float) and math.isnan(value):
        return False
    return isinstance(value, dict) or bool(value)


def number(value: Any) -> float:
    """Answer the number that a value is taken for; NaN where it is none."""
    if isinstance(value, int | float):
        return value
    if isinstance(value, list):
        if len(value) > 1:
            return math.nan
        return number(value[0]) if value else 0
    if value is None:
        return 0
    if not isinstance(value, str) or value.strip().lower().lstrip("+-") == "inf":
        return math.nan
    try:
        return float(value)
    except ValueError:
        return math.nan


def text(value: Any) -> str:
    """Answer the text that a value is taken for. Booleans are ``True`` and ``False`` here, as in the library."""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return f"{value:.15g}"
    if value is None:
        return "null"
    if isinstance(value, list):
        return ",".join(text(one) for one in value)
    return "[object Object]" if isinstance(value, dict) else str(value)


# ── operators that choose what is evaluated ─────────────────────────────────────────────────────────────

Operators = Mapping[str, Operator]


def _if(args: list[Any], data: Any, operators: Operators) -> Any:
    at = 0
    while at < len(args) - 1:
        if truth(apply(args[at], data, operators)):
            return apply(args[at + 1], data, operators)
        at += 2
    return apply(args[at], data, operators) if at < len(args) else None


def _until(wanted: bool) -> Callable[[list[Any], Any, Operators], Any]:
    """``or`` answers the first value that is true, ``and`` the first that is not; else both the last."""

    def operator(args: list[Any], data: Any, operators: Operators) -> Any:
        value = None
        for one in args:
            value = apply(one, data, operators)
            if truth(value) is wanted:
                break
        return value

    return operator


def _items(args: list[Any], data: Any, operators: Operators) -> list[Any] | None:
    """Answer the list that a rule goes through; None where there is none."""
    found = apply(args[0], data, operators) if args else None
    return found if isinstance(found, list) else None


def _filter(args: list[Any], data: Any, operators: Operators) -> list[Any]:
    items = _items(args, data, operators) if len(args) > 1 else None
    return [one for one in items or () if truth(apply(args[1], one, operators))]


def _map(args: list[Any], data: Any, operators: Operators) -> list[Any]:
    each = args[1] if len(args) > 1 else None
    return [apply(each, one, operators) for one in _items(args, data, operators) or ()]


def _reduce(args: list[Any], data: Any, operators: Operators) -> Any:
    each, value = (*args[1:3], None, None)[:2] if len(args) > 1 else (None, None)
    if not args:
        return None
    for one in _items(args, data, operators) or ():
        value = apply(each, {"accumulator": value, "current": one}, operators)
    return value


def _some(args: list[Any], data: Any, operators: Operators) -> bool:
    items = _items(args, data, operators) if len(args) > 1 else None
    return any(truth(apply(args[1], one, operators)) for one in items or ())


def _all(args: list[Any], data: Any, operators: Operators) -> bool:
    items = _items(args, data, operators) if len(args) > 1 else None
    # All of nothing is false: JsonLogic says so.
    return bool(items) and all(truth(apply(args[1], one, operators)) for one in items or ())


_LAZY: Mapping[str, Callable[[list[Any], Any, Operators], Any]] = {
    "if": _if,
    "?:": _if,
    "and": _until(False),
    "or": _until(True),
    "filter": _filter,
    "map": _map,
    "reduce": _reduce,
    "some": _some,
    "none": lambda args, data, operators: not _some(args, data, operators),
    "all": _all,
}


# ── operators on values ─────────────────────────────────────────────────────────────────────────────────


def _equal(_: Any, a: Any = None, b: Any = None, *_more: Any) -> bool:
    """Loose equality. Two lists or two objects are equal only where they are one and the same."""
    if type(a) is type(b):
        return a is b if isinstance(a, list | dict) else bool(a == b)
    if isinstance(a, int | float) or isinstance(b, int | float):
        return number(a) == number(b)
    if a is None or b is None or not (isinstance(a, str) or isinstance(b, str)):
        return False
    return text(a) == text(b)


def _ordered(holds: Callable[[Any, Any], bool]) -> Operator:
    """Compare two values, or three as a chain: as numbers where one is a number, else as texts where one is one."""

    def two(a: Any, b: Any) -> bool:
        numbers = isinstance(a, int | float) or isinstance(b, int | float)
        if not numbers and (isinstance(a, str) or isinstance(b, str)):
            return holds(text(a), text(b))
        return holds(number(a), number(b))

    def operator(_: Any, a: Any = None, b: Any = None, c: Any = None, *_more: Any) -> bool:
        return two(a, b) and (c is None or two(b, c))

    return operator


def var(data: Any = None, key: Any = None, default: Any = None, *_: Any) -> Any:
    """Look a dotted path up in the data; ``default`` where it leads to nothing or to null."""
    if key is None or key == "":
        return data
    if isinstance(key, int | float):
        if not isinstance(data, list | str) or (isinstance(key, float) and math.isnan(key)):
            return default
        at = int(key)
        return data[at] if at == key and 0 <= at < len(data) else default
    for step in text(key).split("."):
        if isinstance(data, dict):
            data = data.get(step)
        elif not isinstance(data, list | str):
            return default
        elif step == "length":
            return len(data)
        elif step.isascii() and step.isdigit() and step == str(int(step)) and int(step) < len(data):
            data = data[int(step)]
        else:
            return default
    return default if data is None else data


def _missing(data: Any = None, *args: Any) -> list[Any]:
    keys = args[0] if args and isinstance(args[0], list) else args
    return [key for key in keys if var(data, key) in (None, "")]


def _missing_some(data: Any = None, needed: Any = 0, keys: Any = None, *_: Any) -> list[Any]:
    if not isinstance(keys, list):
        return []
    missing = _missing(data, keys)
    return [] if len(keys) - len(missing) >= number(needed) else missing


def _substr(_: Any, given: Any = None, start: Any = None, length: Any = None, *_more: Any) -> str:
    whole, at = text(given), number(start)
    if math.isnan(at):
        at = 0
    elif at < 0:
        at = len(whole) - int(-at) if -at < len(whole) else 0
    begin = min(int(at), len(whole))
    if length is None:
        return whole[begin:]
    size = number(length)
    if math.isnan(size):
        return ""
    end = begin + int(size) if int(size) >= 0 else max(begin, len(whole) + int(size))
    return whole[begin:end]


def _in(_: Any, needle: Any = None, hay: Any = None, *_more: Any) -> bool:
    if isinstance(hay, str):
        return text(needle) in hay
    return isinstance(hay, list) and needle in hay


def _add(_: Any, *args: Any) -> float:
    total: float = 0
    for one in args:
        total += number(one)
    return total


def _times(_: Any, *args: Any) -> float:
    total: float = 1
    for one in args:
        total *= number(one)
    return total


def _minus(_: Any, a: Any = None, b: Any = None, *_more: Any) -> float:
    return -number(a) if b is None else number(a) - number(b)


def _merge(_: Any, *args: Any) -> list[Any]:
    return [inner for one in args for inner in (one if isinstance(one, list) else [one])]


BUILT_IN: Mapping[str, Operator] = {
    "==": _equal,
    "!=": lambda _, *args: not _equal(_, *args),
    "===": lambda _, a=None, b=None, *_more: a == b,
    "!==": lambda _, a=None, b=None, *_more: a != b,
    "<": _ordered(lambda a, b: a < b),
    ">": _ordered(lambda a, b: a > b),
    "<=": _ordered(lambda a, b: a <= b),
    ">=": _ordered(lambda a, b: a >= b),
    "!": lambda _, a=None, *_more: not truth(a),
    "!!": lambda _, a=None, *_more: truth(a),
    "+": _add,
    "*": _times,
    "-": _minus,
    "/": lambda _, a=None, b=None, *_more: number(a) / number(b),
    "%": lambda _, a=None, b=None, *_more: number(a) % number(b),
    "min": lambda _, *args: min((number(one) for one in args), default=math.nan),
    "max": lambda _, *args: max((number(one) for one in args), default=math.nan),
    "in": _in,
    "cat": lambda _, *args: "".join(text(one) for one in args),
    "substr": _substr,
    "merge": _merge,
    "var": var,
    "missing": _missing,
    "missing_some": _missing_some,
    # The library prints what it logs; an evaluation writes nothing.
    "log": lambda _, a=None, *_more: a,
}
OPERATORS: frozenset[str] = frozenset(_LAZY) | frozenset(BUILT_IN)
"""The names of all operators of JsonLogic."""
