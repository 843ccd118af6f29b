"""The page as HTML. Pure: data in, text out; every text of others is escaped. It needs no script."""

from __future__ import annotations

import time
from collections.abc import Iterable
from html import escape

from dreamnet_actions.testing.github.actions.runs import Annotation, Attempt, Run
from dreamnet_actions.testing.github.sandbox.markdown import rendered
from dreamnet_actions.testing.github.sandbox.snapshot import Button, IssueRow, RepositoryView

REFRESH = 4
"""Seconds between two looks of the browser."""
_STYLE = """
:root{color-scheme:light dark;--line:#8884;--soft:#8882;--good:#1a7f37;--bad:#cf222e;--busy:#9a6700;--done:#8250df}
@media (prefers-color-scheme:dark){:root{--good:#3fb950;--bad:#f85149;--busy:#d29922;--done:#a371f7}}
*{box-sizing:border-box}
body{font:15px/1.5 system-ui,sans-serif;margin:0 auto;max-width:72rem;padding:1.2rem 1.4rem 4rem}
header{border-bottom:1px solid var(--line);margin-bottom:1rem;padding-bottom:.6rem}
h1{font-size:1.45rem;margin:.2rem 0 .4rem}
h2{font-size:1.05rem;margin:1.8rem 0 .4rem}
a{color:inherit;text-underline-offset:.15em;text-decoration-color:var(--line)}
a:hover{text-decoration-color:currentColor}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.4rem .8rem .4rem 0;vertical-align:baseline;border-top:1px solid var(--line)}
th{font-weight:600;font-size:.8rem;opacity:.65;border:0}
td{white-space:nowrap}
td.wide{white-space:normal;width:100%;overflow-wrap:anywhere}
pre{background:var(--soft);padding:.6rem .8rem;border-radius:.4rem;overflow:auto;margin:.4rem 0;font-size:.85rem}
pre,code{white-space:pre-wrap;overflow-wrap:anywhere}
td:not(.wide)>code{white-space:nowrap}
pre{max-height:32rem}
.text{border:1px solid var(--line);border-radius:.5rem;padding:.2rem 1rem;margin:.5rem 0;overflow-wrap:anywhere}
.text h2{margin-top:.6rem}
.text td{white-space:normal}
.tag{display:inline-block;border:1px solid var(--line);border-radius:1rem;padding:0 .6rem;font-size:.8rem}
a.tag{text-decoration:none}
.state{font-weight:600}
.success,.active,.open{color:var(--good)}
.closed{color:var(--done)}
.failure,.error,.cancelled,.startup_failure,.timed_out{color:var(--bad)}
.queued,.pending,.in_progress,.waiting,.warning{color:var(--busy)}
.soft{opacity:.65}
details{margin:.2rem 0}
summary{cursor:pointer}
label{display:block;margin:.6rem 0}
input,select,button{font:inherit;padding:.1rem .5rem}
button{cursor:pointer}
td button{font-size:.8rem;padding:0 .5rem}
input[type=text]{width:100%;max-width:32rem;display:block}
.inline{display:inline}
"""


def document(title: str, body: str, *, refresh: bool = True) -> str:
    """Answer a whole page; with ``refresh`` the browser looks again by itself."""
    again = f'<meta http-equiv="refresh" content="{REFRESH}">' if refresh else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">{again}'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body>{body}</body></html>"
    )


def home(views: list[RepositoryView], clone: str, secret: str, links: str = "") -> str:
    """Answer the first page: every repository with its dreams, runs, messages and deployments. ``links`` lead on, as
    HTML."""
    parts = [
        f"<p class=soft>DreamNet sandbox: a GitHub of your own. Push to it:</p><pre>{escape(clone)}</pre>{links}"
    ]
    for view in views:
        head = f"<header><h1>{escape(view.name)}</h1>{_buttons(view)}</header>"
        parts += [head, _issues(view), _runs(view, secret), _messages(view), _deployments(view)]
    return document("DreamNet sandbox", "".join(parts))


def _table(head: Iterable[str], rows: list[list[str]], none: str, *, wide: int = 0) -> str:
    """Write a table; the column ``wide`` takes the room that is left."""
    if not rows:
        return f"<p class=soft>{none}</p>"
    top = "".join(f"<th>{escape(one)}</th>" for one in head)
    mark = [" class=wide" if number == wide else "" for number in range(len(rows[0]))]
    lines = "".join(
        f"<tr>{''.join(f'<td{mark[number]}>{cell}</td>' for number, cell in enumerate(row))}</tr>"
        for row in rows
    )
    return f"<table><tr>{top}</tr>{lines}</table>"


def _buttons(view: RepositoryView) -> str:
    links = [
        f'<a class=tag href="/{escape(view.name)}/actions/workflows/{escape(one.file)}">Run {escape(one.name)} …</a>'
        for one in view.buttons
    ]
    off = "".join(f"<span class=tag>{escape(one)}: off</span>" for one in view.disabled)
    return f"<p>{' '.join(links)} {off}</p>" if links or off else ""


def _issues(view: RepositoryView) -> str:
    rows = [
        [
            f'<a href="/{escape(view.name)}/issues/{one.number}">#{one.number}</a>',
            f"<b>{escape(one.title)}</b> {_labels(one)}",
            _word(one.state),
            escape(one.author),
            _time(one.updated),
        ]
        for one in view.issues
    ]
    none = "None: nothing is wrong, or nobody has looked yet."
    return "<h2>Dreams and other issues</h2>" + _table(
        ["", "title", "state", "by", "changed"], rows, none, wide=1
    )


def _labels(one: IssueRow) -> str:
    return " ".join(f"<span class=tag>{escape(name)}</span>" for name, _ in one.labels)


def _runs(view: RepositoryView, secret: str) -> str:
    rows = [
        [
            f'<a href="/{escape(view.name)}/actions/runs/{one.id}">{escape(one.title)}</a>',
            f"{escape(one.workflow.file)} #{one.number}",
            escape(one.event.name),
            _state(one),
            _took(one.now),
            _time(one.now.created_at),
            _act(view.name, one, secret),
        ]
        for one in view.runs
    ]
    head = ["title", "workflow", "event", "state", "took", "made", ""]
    return "<h2>Runs</h2>" + _table(head, rows, "None yet. A push, a schedule or a button starts one.")


def _act(name: str, run: Run, secret: str) -> str:
    what = "cancel" if run.status != "completed" else "rerun"
    return (
        f' <form class=inline method=post action="/{escape(name)}/actions/runs/{run.id}/{what}">'
        f'<input type=hidden name=secret value="{escape(secret)}"><button>{what}</button></form>'
    )


def _state(run: Run) -> str:
    return _word(run.conclusion or run.status)


def _word(state: str) -> str:
    return f'<span class="state {escape(state)}">{escape(state.replace("_", " "))}</span>'


def _messages(view: RepositoryView) -> str:
    rows = [
        [
            _time(one.at),
            f"<code>{escape(one.kind)}</code>",
            f"<details><summary>{escape(one.subject) or 'payload'}</summary><pre>{escape(one.payload)}</pre></details>",
            escape(one.actor),
        ]
        for one in view.messages
    ]
    head = ["sent", "type", "what", "by"]
    return "<h2>Messages</h2>" + _table(head, rows, "None: no repository_dispatch so far.", wide=2)


def _deployments(view: RepositoryView) -> str:
    rows = [
        [
            str(one.id), escape(one.environment), escape(one.ref[:12]),
            _word(one.state), escape(one.description), _time(one.created),
        ]
        for one in view.deployments
    ]  # fmt: skip
    head = ["", "environment", "ref", "state", "", "made"]
    return "<h2>Deployments</h2>" + _table(
        head, rows, "None. A push to the deployed branch makes one.", wide=4
    )


def issue(name: str, one: IssueRow) -> str:
    """Answer the page of an issue: its body and comments."""
    parts = [
        f'<p><a href="/">sandbox</a> / {escape(name)}</p><h1>#{one.number} {escape(one.title)}</h1>',
        f"<p>{_word(one.state)} {_labels(one)} by {escape(one.author)}</p>",
        f"<div class=text>{rendered(one.body) or '<p class=soft>No text.</p>'}</div>",
    ]
    for author, body, at in one.comments:
        parts.append(f"<h2>{escape(author)} {_time(at)}</h2><div class=text>{rendered(body)}</div>")
    return document(f"#{one.number} {one.title}", "".join(parts))


def run(name: str, one: Run, secret: str) -> str:
    """Answer the page of a run: summary, annotations, jobs and logs."""
    where = f"<code>{escape(one.branch or '')}</code> at <code>{escape(one.sha[:12])}</code>"
    what = f"{escape(one.workflow.path)} #{one.number}, attempt {one.now.number}, {escape(one.event.name)}"
    parts = [
        f'<p><a href="/">sandbox</a> / {escape(name)}</p><h1>{escape(one.title)}</h1>',
        f"<p>{what} on {where}: {_state(one)} {_took(one.now)}{_act(name, one, secret)}</p>",
    ]
    if one.summary:
        parts.append(f"<div class=text>{rendered(one.summary)}</div>")
    parts += [_annotation(note) for note in one.annotations]
    if one.now.log:
        parts.append(f"<pre>{escape(chr(10).join(one.now.log))}</pre>")
    for job in one.jobs:
        state = job.conclusion or job.status
        steps = "".join(
            f"<li class={escape(step.conclusion or step.status)}>{escape(step.name)}</li>"
            for step in job.steps
        )
        may = ", ".join(f"{scope}: {level}" for scope, level in job.permissions.items()) or "none"
        parts.append(
            f"<h2>{escape(job.name)} <span class={escape(state)}>{escape(state)}</span></h2>"
            f"<p class=soft>permissions: {escape(may)}</p><ul>{steps}</ul>"
            f"<details{' open' if state == 'failure' else ''}><summary>log</summary>"
            f"<pre>{escape(chr(10).join(job.log))}</pre></details>"
        )
    return document(one.title, "".join(parts), refresh=one.status != "completed")


def _annotation(note: Annotation) -> str:
    place = f"{note.file}:{note.line}" if note.file and note.line else note.file
    return (
        f"<p><span class={escape(note.level)}>{escape(note.level)}</span> <code>{escape(place)}</code> "
        f"<b>{escape(note.title)}</b></p><pre>{escape(note.message)}</pre>"
    )


def form(name: str, button: Button, branch: str, secret: str, told: str = "") -> str:
    """Answer the page that starts a workflow by hand."""
    fields = "".join(_field(key, settings) for key, settings in button.inputs.items())
    refused = f"<p class=failure>{escape(told)}</p>" if told else ""
    body = (
        f'<p><a href="/">sandbox</a> / {escape(name)}</p><h1>Run {escape(button.name)}</h1>{refused}'
        f'<form method=post action="/{escape(name)}/actions/workflows/{escape(button.file)}">'
        f'<input type=hidden name=secret value="{escape(secret)}">'
        f'<label>branch or tag<input type=text name=ref value="{escape(branch)}"></label>{fields}'
        "<button>Run workflow</button></form>"
    )
    return document(f"Run {button.name}", body, refresh=False)


def _field(name: str, settings: dict[str, object]) -> str:
    said = escape(str(settings.get("description") or name)) + (" *" if settings.get("required") else "")
    default = settings.get("default")
    given = "" if default is None else str(default)
    key = escape(f"input.{name}")
    if settings.get("type") == "boolean":
        checked = " checked" if given.lower() == "true" else ""
        return f'<label><input type=checkbox name="{key}" value=true{checked}> {said}</label>'
    options = settings.get("options")
    if settings.get("type") == "choice" and isinstance(options, list):
        listed = "".join(
            f"<option{' selected' if str(one) == given else ''}>{escape(str(one))}</option>"
            for one in options
        )
        return f'<label>{said} <select name="{key}">{listed}</select></label>'
    return f'<label>{said}<input type=text name="{key}" value="{escape(given)}"></label>'


def _took(attempt: Attempt) -> str:
    if attempt.started_at is None or attempt.completed_at is None:
        return ""
    return f"{attempt.completed_at - attempt.started_at:.1f} s"


def _time(at: float) -> str:
    return f"<span class=soft title=UTC>{time.strftime('%Y-%m-%d %H:%M:%SZ', time.gmtime(at))}</span>"
