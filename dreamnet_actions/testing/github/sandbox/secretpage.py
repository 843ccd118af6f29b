"""The sandbox's page of Secret Manager: which secrets there are, and a form for another version. No value is shown."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from dreamnet_actions.testing.github.sandbox.page import document
from dreamnet_actions.testing.google.secretmanager.store import Secret

PATH = "/secret-manager"
STATES = {"ENABLED": "DISABLED", "DISABLED": "ENABLED"}
"""What a button makes of the newest version's state."""


def link() -> str:
    """Answer the way to it, for the first page."""
    return f'<p><a class=tag href="{PATH}">Secret Manager …</a></p>'


def page(found: Sequence[tuple[str, Secret]], address: str, secret: str, told: str = "") -> str:
    """Answer the page; ``told`` is what went wrong with a form, ``secret`` what each form has to hold."""
    rows = "".join(_row(label, one, secret) for label, one in found)
    head = "<tr><th>secret</th><th>newest version</th><th>another version</th></tr>"
    table = f"<table>{head}{rows}</table>" if found else "<p class=soft>There is no secret.</p>"
    wrong = f"<p class=error>{escape(told)}</p>" if told else ""
    body = (
        f"<header><h1>Secret Manager</h1><p class=soft>At {escape(address)}. Steps find it by themselves. "
        f'<a href="/">Back</a></p></header>{wrong}{table}'
    )
    return document("Secret Manager", body, refresh=False)


def _row(label: str, one: Secret, secret: str) -> str:
    newest = one.versions[-1] if one.versions else None
    hidden = (
        f'<input type=hidden name=secret value="{escape(secret)}"><input type=hidden name=name '
        f'value="{escape(one.name)}">'
    )
    state = "none"
    if newest is not None:
        other = STATES.get(newest.state)
        word = {"DISABLED": "Disable", "ENABLED": "Enable"}.get(other or "", "")
        button = (
            f" <form class=inline method=post action={PATH}>{hidden}<input type=hidden name=state value={other}>"
            f"<button>{word}</button></form>"
            if other
            else ""
        )
        state = f"{newest.number}, {newest.state.lower()}{button}"
    form = (
        f"<form method=post action={PATH}>{hidden}<input type=password name=value autocomplete=off "
        f'aria-label="New value of {escape(one.id)}" required> <button>Add</button></form>'
    )
    return f"<tr><td class=wide>{escape(label)}</td><td>{state}</td><td>{form}</td></tr>"
