"""The routes of the page: looking, starting, cancelling. Only this machine's own browser may, and only by the
page's own forms.

A page of another site could post to loopback: a form without this page's secret is refused. One whose name was
rebound to 127.0.0.1 is refused by its Host. Nothing here needs a token of the stand-in.
"""

from __future__ import annotations

import contextlib
import secrets as chance
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from dreamnet_actions.testing.github.actions.dispatching import DispatchRefused
from dreamnet_actions.testing.github.actions.engine import Engine
from dreamnet_actions.testing.github.actions.runs import NotNow
from dreamnet_actions.testing.github.call import Problem
from dreamnet_actions.testing.github.sandbox import page, secretpage
from dreamnet_actions.testing.github.sandbox.snapshot import Messages, RepositoryView, take
from dreamnet_actions.testing.github.world import Moved, World
from dreamnet_actions.testing.google.secretmanager.refusals import Refusal
from dreamnet_actions.testing.google.seeded import SeededGoogle

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

MOST_FORM = 65_536
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class Pages:
    """The page's routes (the stand-in's ``extend``); ``attach`` gives them the engine."""

    def __init__(self) -> None:
        self.secret = chance.token_urlsafe(24)
        self.messages = Messages()
        self._world: World | None = None
        self._engine: Engine | None = None
        self._clone = self._unseen = ""
        self.google: SeededGoogle | None = None
        """The sandbox's Google, if it has one."""

    def attach(self, engine: Engine, clone: str, *, unseen: str = "") -> None:
        """From now on there is something to see; ``clone`` is the command to push with, ``unseen`` a repository that
        the first page leaves out."""
        self._engine, self._clone, self._unseen = engine, clone, unseen
        engine.host.subscribe(lambda event: self.messages.heard(event, engine.host.clock.now()))

    def __call__(self, world: World) -> list[Route]:
        """Answer the routes."""
        from starlette.routing import Route

        self._world = world
        made = [
            ("/", self._guarded(self._home), "GET"),
            ("/{owner}/{repo}/issues/{number:int}", self._guarded(self._issue), "GET"),
            ("/{owner}/{repo}/actions/runs/{id:int}", self._guarded(self._run), "GET"),
            ("/{owner}/{repo}/actions/workflows/{file}", self._guarded(self._form), "GET"),
            ("/{owner}/{repo}/actions/workflows/{file}", self._guarded(self._start), "POST"),
            ("/{owner}/{repo}/actions/runs/{id:int}/cancel", self._guarded(self._cancel), "POST"),
            ("/{owner}/{repo}/actions/runs/{id:int}/rerun", self._guarded(self._rerun), "POST"),
        ]
        if self.google is not None:
            made += [
                (secretpage.PATH, self._guarded(self._secrets), "GET"),
                (secretpage.PATH, self._guarded(self._change_secret), "POST"),
            ]
        return [Route(path, endpoint, methods=[method]) for path, endpoint, method in made]

    # ── The door ─────────────────────────────────────────────────────────────────────────────────────────

    def _guarded(
        self, handler: Callable[[Request, dict[str, str]], Response]
    ) -> Callable[[Request], Awaitable[Response]]:
        from starlette.concurrency import run_in_threadpool
        from starlette.responses import PlainTextResponse

        async def endpoint(request: Request) -> Response:
            if not _is_local(request):
                return PlainTextResponse("This page is for this machine's own browser only.", 403, _HEADERS)
            fields: dict[str, str] = {}
            if request.method == "POST":
                body = b""
                async for chunk in request.stream():
                    body += chunk
                    if len(body) > MOST_FORM:
                        return PlainTextResponse("The form is too large.", 413, _HEADERS)
                fields = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
                if not chance.compare_digest(fields.pop("secret", "").encode(), self.secret.encode()):
                    return PlainTextResponse("The form is not from this page. Load it again.", 403, _HEADERS)
            try:
                return await run_in_threadpool(handler, request, fields)
            except (LookupError, Problem, Moved):
                return PlainTextResponse("There is nothing of that name here.", 404, _HEADERS)

        return endpoint

    def _parts(self) -> tuple[World, Engine]:
        if self._world is None or self._engine is None:
            raise LookupError("the sandbox is still starting")
        return self._world, self._engine

    def _view(self, request: Request) -> RepositoryView:
        world, engine = self._parts()
        return take(world, engine, self.messages, _name(request))

    # ── What there is ────────────────────────────────────────────────────────────────────────────────────

    def _home(self, request: Request, fields: dict[str, str]) -> Response:
        del request, fields
        world, engine = self._parts()
        with world.lock:
            names = [one.full_name for one in world.repositories.values() if one.full_name != self._unseen]
        views = [take(world, engine, self.messages, one) for one in names]
        links = secretpage.link() if self.google is not None else ""
        return _html(page.home(views, self._clone, self.secret, links))

    def _issue(self, request: Request, fields: dict[str, str]) -> Response:
        del fields
        view, number = self._view(request), request.path_params["number"]
        for one in view.issues:
            if one.number == number:
                return _html(page.issue(view.name, one))
        raise LookupError(number)

    def _run(self, request: Request, fields: dict[str, str]) -> Response:
        del fields
        _, engine = self._parts()
        run = engine.run(request.path_params["id"])
        return _html(page.run(run.repository, run, self.secret))

    def _form(self, request: Request, fields: dict[str, str], told: str = "") -> Response:
        del fields
        world, _ = self._parts()
        view = self._view(request)
        for one in view.buttons:
            if one.file == request.path_params["file"]:
                branch = world.default_branch(view.name)
                return _html(page.form(view.name, one, branch, self.secret, told), 422 if told else 200)
        raise LookupError(request.path_params["file"])

    def _secrets(self, request: Request, fields: dict[str, str], told: str = "") -> Response:
        del request, fields
        if self.google is None:
            raise LookupError(secretpage.PATH)
        found = secretpage.page(self.google.secrets(), self.google.address, self.secret, told)
        return _html(found, 422 if told else 200)

    # ── What can be done ─────────────────────────────────────────────────────────────────────────────────

    def _start(self, request: Request, fields: dict[str, str]) -> Response:
        _, engine = self._parts()
        view, file = self._view(request), request.path_params["file"]
        button = next(one for one in (*view.buttons, None) if one is None or one.file == file)
        if button is None:
            raise LookupError(file)
        inputs = {}
        for name, settings in button.inputs.items():
            given = fields.get(f"input.{name}")
            if settings.get("type") == "boolean":
                inputs[name] = "true" if given else "false"
            elif given is not None:
                inputs[name] = given
        try:
            run = engine.dispatch(
                view.name, file, ref=fields.get("ref", ""), inputs=inputs, actor=_owner(view.name)
            )
        except DispatchRefused as refused:
            return self._form(request, {}, str(refused))
        return _see(f"/{view.name}/actions/runs/{run.id}")

    def _cancel(self, request: Request, fields: dict[str, str]) -> Response:
        del fields
        _, engine = self._parts()
        run = engine.run(request.path_params["id"])
        with contextlib.suppress(NotNow):  # it ended meanwhile: the page shows how
            engine.cancel(run)
        return _see(f"/{run.repository}/actions/runs/{run.id}")

    def _rerun(self, request: Request, fields: dict[str, str]) -> Response:
        del fields
        _, engine = self._parts()
        run = engine.run(request.path_params["id"])
        with contextlib.suppress(NotNow):  # it was started meanwhile
            engine.rerun(run, actor=_owner(run.repository))
        return _see(f"/{run.repository}/actions/runs/{run.id}")

    def _change_secret(self, request: Request, fields: dict[str, str]) -> Response:
        if self.google is None:
            raise LookupError(secretpage.PATH)
        name, state = fields.get("name", ""), fields.get("state", "")
        try:
            if state in secretpage.STATES:
                self.google.turn(name, state)
            else:
                self.google.add(name, fields.get("value", ""))
        except Refusal as refused:
            return self._secrets(request, {}, refused.message)
        return _see(secretpage.PATH)


def _name(request: Request) -> str:
    return f"{request.path_params['owner']}/{request.path_params['repo']}"


def _owner(name: str) -> str:
    return name.partition("/")[0]


def _is_local(request: Request) -> bool:
    """Whether a request is for a loopback name, and comes from no page of another site."""
    try:
        host = urlsplit(f"//{request.headers.get('host', '')}").hostname
        origins = [urlsplit(one).hostname for one in request.headers.getlist("origin") if one != "null"]
    except ValueError:
        return False
    if request.headers.get("sec-fetch-site") == "cross-site" and request.method != "GET":
        return False
    return host in _LOOPBACK and all(one in _LOOPBACK for one in origins)


def _html(text: str, status: int = 200) -> Response:
    from starlette.responses import HTMLResponse

    return HTMLResponse(text, status, _HEADERS)


def _see(where: str) -> Response:
    from starlette.responses import RedirectResponse

    return RedirectResponse(where, 303, _HEADERS)
