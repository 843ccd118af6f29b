"""``python -m tests.docs.generate docs``: write again what the pages take from the code.

``docs`` fills every block between ``<!-- generated: NAME -->`` and ``<!-- end -->``, and gives each new proof and
benchmark a place for its figures. ``starters`` writes the starter workflows as `dreamnet init` would. A path that ends
in ``.json`` gets the JSON Schema of the configuration. ``outputs`` runs the commands in the pages and pastes what they
print (``outputs:README`` only those of that page).
"""

from __future__ import annotations

import ast
import json
import re
import sys
from pathlib import Path

from dreamnet_actions import bootstrap
from tests.docs import blocks, federated, pages, sessions, starters

MEASURED = {"proofs.md": ("tests/proofs", "prove"), "benchmarks.md": ("benchmarks", "bench")}
"""Page → where its programs are, and the script that runs them."""


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
                write(page, pages.refill(framed(page), blocks.make))
        elif argument == "starters":
            for path, text in {**starters.files(), **federated.files()}.items():
                write(pages.ROOT / path, text)
        elif argument.startswith("outputs"):
            sessions.paste(only=argument.partition(":")[2])
        else:
            sys.exit(
                f"nothing is generated under the name {argument!r}; there are docs, starters, outputs and FILE.json"
            )


def measured(folder: str) -> dict[str, str]:
    """Answer the proofs or benchmarks that there are, with what each is about in a sentence."""
    found = {}
    for file in sorted((pages.ROOT / folder).glob("*.py")):
        if not file.name.startswith(("_", "test_", "conftest")):
            doc = ast.get_docstring(ast.parse(file.read_text("utf-8"))) or ""
            name = file.stem.replace("_", "-")
            about = " ".join(doc.split("\n\n")[0].split()).replace("``", "`")
            found[name] = re.sub(rf"^(Proof|Benchmark|`scripts/(prove|bench) {name}`): ", "", about)
    return found


def framed(page: Path) -> str:
    """Answer a page; that of the proofs or benchmarks with a place for each that has none yet."""
    text = page.read_text("utf-8")
    folder, script = MEASURED.get(page.name, ("", ""))
    for name, about in measured(folder).items() if folder else ():
        if f"\n## {name}\n" not in text:
            note = "<!-- not run: takes long; figures are those of a full run -->"
            frame = f"{note}\n```sh\nscripts/{script} {name}\n```"
            text = f"{text.rstrip()}\n\n## {name}\n\n{about[:1].upper()}{about[1:]}\n\n{frame}\n"
    return text


def write(path: Path, text: str) -> None:
    """Write a file where it differs."""
    if not path.exists() or path.read_text("utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        print(path.relative_to(pages.ROOT))


if __name__ == "__main__":
    main(sys.argv[1:])
