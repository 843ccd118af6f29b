"""The reusable workflows whose jobs have a token of GitHub's to show: each is the other of its name, and no more.

A called workflow asks for a permission or it does not (no input can decide it), and whoever calls one that asks has to
grant it. So these are files of their own, written from the others.
"""

from __future__ import annotations

import re

from dreamnet_actions.entrances.setup.called import CALLED, FEDERATED, PLANNED
from tests.docs.pages import ROOT

FOLDER = ".github/workflows"
KEEPERS = tuple(CALLED)
FILES = (*KEEPERS, PLANNED)
_HEAD = """\
# {keeper}.yml once more, for callers whose cloud knows jobs by GitHub's own token (OpenID Connect): its jobs have
# `id-token: write`. Written by scripts/generate.
name: {name}

on:
"""
_TOKEN = (
    "      id-token: write # who this job is, for the cloud that services run in and secrets are kept in\n"
)


def path(keeper: str) -> str:
    """Answer where it stands in the repository."""
    return f"{FOLDER}/{keeper}{FEDERATED}.yml"


def written(keeper: str) -> str:
    """Write it, from the keeper's own."""
    text = (ROOT / FOLDER / f"{keeper}.yml").read_text(encoding="utf-8")
    name = re.search(r"^name: (.+)$", text, re.M)
    assert name is not None
    text = text[text.index("  workflow_call:\n") :]
    own = r"(?!relay:)" if keeper == "relaybot" else ""  # it carries messages, and looks at no cluster
    jobs = "|".join((*KEEPERS, "plan"))
    text = re.sub(
        rf"(^  {own}(?:{jobs}):\n(?:    .*\n)*?    permissions:.*\n(?:      .*\n)+)",
        rf"\1{_TOKEN}",
        text,
        flags=re.M,
    )
    text = re.sub(rf"(uses: \$/{re.escape(FOLDER)}/(?:{jobs}))\.yml", rf"\1{FEDERATED}.yml", text)
    return _HEAD.format(keeper=keeper, name=name[1]) + text


def files() -> dict[str, str]:
    """Write all of them: path from the repository's root → text."""
    return {path(keeper): written(keeper) for keeper in FILES}
