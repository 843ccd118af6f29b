"""The models' documentation: the docstring below each field, read from the source when a schema or page is made."""

from __future__ import annotations

import ast
import dataclasses
import functools
import inspect
import itertools
import sys
from collections.abc import Mapping

DOC = "doc"
"""In a field's metadata: its documentation, where no source has the field."""


def field_docs(model: type) -> Mapping[str, str]:
    """Answer the docstrings of a model's fields by the field's name; those that it inherits too."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if dataclasses.is_dataclass(base) and base.__module__ in sys.modules:
            found |= _module_docs(base.__module__).get(base.__qualname__, {})
    fields = dataclasses.fields(model)
    found |= {one.name: inspect.cleandoc(one.metadata[DOC]) for one in fields if DOC in one.metadata}
    return {one.name: found[one.name] for one in fields if one.name in found}


def class_doc(model: type) -> str:
    """Answer a model's own docstring, without the signature that dataclasses write where there is none."""
    doc = inspect.cleandoc(model.__doc__ or "")
    return "" if doc.startswith(f"{model.__name__}(") else doc


@functools.cache
def _module_docs(module: str) -> Mapping[str, Mapping[str, str]]:
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {node.name: _body_docs(node.body) for node in tree.body if isinstance(node, ast.ClassDef)}


def _body_docs(body: list[ast.stmt]) -> Mapping[str, str]:
    docs = {}
    for field, below in itertools.pairwise(body):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                docs[name] = inspect.cleandoc(text)
    return docs
