"""Markdown as GitHub shows it, for the page: tables, lists and folded parts; all other HTML is shown as text.

The renderer is the one that rich brings along. What people and programs wrote stays data: no HTML of theirs gets
through, links keep to its list of schemes, and the page's policy loads no picture.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_HIDDEN = re.compile(r"<!--.*?-->", re.DOTALL)
"""Comments, in which DreamNet keeps what it needs to know again; GitHub does not show them either."""
_FOLD = re.compile(r"<p>&lt;details&gt;&lt;summary&gt;(.*?)&lt;/summary&gt;</p>")
_UNFOLD = "<p>&lt;/details&gt;</p>"


def rendered(text: str) -> str:
    """Answer the HTML of a text in Markdown."""
    html = str(_renderer().render(_HIDDEN.sub("", text)))
    html, folds = _FOLD.subn(r"<details><summary>\1</summary>", html)
    return (
        html.replace(_UNFOLD, "</details>", folds)
        if html.count(_UNFOLD) >= folds
        else html + "</details>" * folds
    )


@cache
def _renderer() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"])
