"""Guarded reading of a configuration file: bytes in, a tree with places out, whatever the bytes are.

Any input is answered within a second and 200 MB: what is too large is not read, what is no text is not parsed, and
the parser's events are bounded while they stream (``composer``). Mistakes that leave the structure clear stand in the
tree's ``mistakes``; for the others ``ConfigInvalid`` is raised, with all that were seen until then.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from dreamnet_actions.config import syntax
from dreamnet_actions.config.composer import Composer, Stopped
from dreamnet_actions.config.scalars import read_scalar
from dreamnet_actions.config.source import MAX_BYTES, refuse_size
from dreamnet_actions.config.tree import Place, Scalar, Tree
from dreamnet_actions.errors.configuration import ConfigInvalid, Mistake

_MARKS = {b"\xef\xbb\xbf": "UTF-8 with a byte order mark", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
# Line ends that editors do not show as such (NEL, LS, PS) would make every later line number wrong.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_LINE_END = re.compile(r"\r\n|\r|\n")
_DIRECTIVE = re.compile(r"^%", re.MULTILINE)


def read_text(text: str, file: str = "dreamnet.yml") -> Tree:
    """Read a text as if it were the file ``file``; raises ConfigInvalid."""
    return read_bytes(text.encode("utf-8", "surrogatepass"), file)


def read_bytes(
    data: bytes,
    file: str = "dreamnet.yml",
    *,
    read: Callable[[str], Scalar] = read_scalar,
    empty: str = "The file is empty; it needs at least 'version: 1'.",
) -> Tree:
    """Read the bytes of a file; raises ConfigInvalid. ``read`` says what an unquoted scalar is, ``empty`` what is said
    of a file with nothing in it."""
    if len(data) > MAX_BYTES:
        refuse_size(file)
    text = _decode(data, file)
    _refuse_characters(text, file)
    composer = Composer(file, read)
    _compose(composer, text, file)
    root = composer.root
    if root is None:
        _refuse(file, Place(1, 1), empty)
    if not isinstance(root.value, dict):
        composer.mistakes.append(
            _mistake(file, root.place, "The file must be a mapping ('key: value' lines).")
        )
        raise ConfigInvalid(composer.mistakes)
    return Tree(file, root, tuple(composer.mistakes))


# ── Text ─────────────────────────────────────────────────────────────────────────────────────────────────


def _decode(data: bytes, file: str) -> str:
    for mark, name in _MARKS.items():
        if data.startswith(mark):
            _refuse(file, Place(1, 1), f"The file is {name}; save it as plain UTF-8.")
    if b"\0" in data[:2]:
        _refuse(file, Place(1, 1), "The file is UTF-16, UTF-32 or no text; save it as plain UTF-8.")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        _refuse(
            file,
            _place(before, len(before)),
            f"The byte 0x{data[error.start]:02x} is no UTF-8; save it as UTF-8.",
        )


def _refuse_characters(text: str, file: str) -> None:
    """Refuse characters that no editor shows, and directives, which libyaml compares pair by pair."""
    mistakes = []
    if forbidden := _FORBIDDEN.search(text):
        place, code = _place(text, forbidden.start()), ord(forbidden[0])
        mistakes.append(
            _mistake(file, place, f"The invisible character U+{code:04X} is not allowed; delete it.")
        )
    for directive in _DIRECTIVE.finditer(text):
        place = _place(text, directive.start())
        mistakes.append(_mistake(file, place, "Directives ('%…') are not taken: remove this line."))
        break
    if mistakes:
        raise ConfigInvalid(mistakes)


def _place(text: str, index: int) -> Place:
    """Answer the line and column of a character, with the line ends that YAML and editors know."""
    start, line = 0, 1
    for end in _LINE_END.finditer(text, 0, index):
        start, line = end.end(), line + 1
    return Place(line, index - start + 1)


# ── Structure ────────────────────────────────────────────────────────────────────────────────────────────


def _compose(composer: Composer, text: str, file: str) -> None:
    import yaml

    try:
        composer.compose(_events(text))
    except Stopped:
        raise ConfigInvalid(composer.mistakes) from None
    except yaml.MarkedYAMLError as error:
        place, message = syntax.explain(error, _LINE_END.split(text))
        raise ConfigInvalid([*composer.mistakes, _mistake(file, place, message)]) from None
    except yaml.YAMLError as error:
        raise ConfigInvalid(
            [*composer.mistakes, _mistake(file, Place(1, 1), f"This is no YAML: {error}.")]
        ) from None


def _events(text: str) -> Iterator[Any]:
    """Parse to events by libyaml, which neither recurses nor builds; by PyYAML's own parser where it is missing."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return iter(yaml.parse(text, Loader=loader))


def _refuse(file: str, place: Place, message: str) -> NoReturn:
    raise ConfigInvalid([_mistake(file, place, message)])


def _mistake(file: str, place: Place, message: str) -> Mistake:
    return Mistake(file, place.line, place.column, "", message)
