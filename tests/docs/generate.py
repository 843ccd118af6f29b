"""``python -m tests.docs.generate docs``: write again what the pages take from the code.

``docs`` fills every block between ``<!-- generated: NAME -->`` and ``<!-- end -->``; a path that ends in ``.json`` gets
the JSON Schema of the configuration; ``outputs`` runs the commands in the pages and pastes what they said.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from dreamnet_actions import bootstrap
from tests.docs import blocks, pages, sessions


def schema() -> str:
    """The JSON Schema as it is published."""
    return json.dumps(bootstrap.schema(), indent=2, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> None:
    """Write what is named."""
    for argument in arguments or ["docs"]:
        if argument.endswith(".json"):
            write(pages.ROOT / argument, schema())
        elif argument == "docs":
            for page in pages.pages():
                write(page, pages.refill(page.read_text("utf-8"), blocks.make))
        elif argument.startswith("outputs"):
            sessions.paste(only=argument.partition(":")[2])
        else:
            sys.exit(
                f"nothing is generated under the name {argument!r}; there are docs, outputs and FILE.json"
            )


def write(path: Path, text: str) -> None:
    """Write a file where it differs."""
    if not path.exists() or path.read_text("utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        print(path.relative_to(pages.ROOT))


if __name__ == "__main__":
    main(sys.argv[1:])
