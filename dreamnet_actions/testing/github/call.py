"""One REST request on its way: what a handler is given, what it answers, and how it says no.

A handler is a plain function ``(call) -> Answer``; ``rest`` makes a route of it. It runs with the world's lock held, so
that requests take effect one after the other, and announces events by ``call.announce``: they are told to the
listeners after the lock is free, before the answer leaves.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dreamnet_actions.testing.github.hosting import Event

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    from dreamnet_actions.testing.github.records import Repository, User
    from dreamnet_actions.testing.github.tokens import Token
    from dreamnet_actions.testing.github.world import World

API_ROOT = "/api/v3"
"""Where REST starts, as on GitHub Enterprise Server: below it paths are those of api.github.com."""
DOCS = "https://docs.github.com/rest"


class Problem(Exception):
    """The request is answered with an error of GitHub's shape."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        errors: list[dict[str, Any]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.errors = status, message, errors
        self.headers = dict(headers or {})

    def answer(self) -> Answer:
        """Answer it as GitHub words it (https://docs.github.com/rest/using-the-rest-api/troubleshooting-the-rest-api)."""
        body: dict[str, Any] = {"message": self.message}
        if self.errors is not None:
            body["errors"] = self.errors
        return Answer(
            self.status, {**body, "documentation_url": DOCS, "status": str(self.status)}, self.headers
        )


def not_found() -> Problem:
    """Make the answer for what is not there, or may not be seen."""
    return Problem(404, "Not Found")


def invalid(resource: str, name: str, code: str = "invalid", message: str | None = None) -> Problem:
    """Make a 422 about the field ``name``; ``code`` is one of GitHub's (``missing_field``, ``already_exists``, …)."""
    error = {"resource": resource, "field": name, "code": code}
    return Problem(422, "Validation Failed", errors=[error | ({"message": message} if message else {})])


@dataclass
class Answer:
    """What a handler answers: a status, a body to be sent as JSON (None: empty) and more headers. ``raw`` goes out as
    it is."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None


@dataclass(kw_only=True)
class Call:
    """A REST request that has passed authentication and permissions.

    ``template`` is the path as the OpenAPI description has it, ``params`` what stood in its braces, ``body`` the parsed
    JSON (None: no body). ``as_of`` is the time that lists show (None: now).
    """

    world: World
    method: str
    path: str
    template: str
    params: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    token: Token
    as_of: float | None = None
    events: list[Event] = field(default_factory=list)

    @property
    def actor(self) -> User:
        """Whose token it is."""
        return self.token.user

    @property
    def repository(self) -> Repository:
        """The repository that the path names."""
        return self.world.repository(f"{self.params['owner']}/{self.params['repo']}")

    @property
    def now(self) -> float:
        """The time, on the stand-in's clock."""
        return self.world.clock.now()

    def number(self, name: str) -> int:
        """Answer the number in the path; what is none names nothing (404)."""
        text = self.params[name]
        if not text.isascii() or not text.isdigit() or len(text) > 18:
            raise not_found()
        return int(text)

    def fields(self) -> dict[str, Any]:
        """Answer the body, an object; 400 where it is something else. No body is an empty object."""
        if self.body is None:
            return {}
        if not isinstance(self.body, dict):
            raise Problem(400, "Body should be a JSON object")
        return self.body

    def may_write(self) -> bool:
        """Whether the caller may change what is not its own (GitHub: has push access)."""
        return self.token.kind == "workflow" or self.repository.role(self.actor) in {"write", "admin"}

    def announce(
        self, name: str, /, *, action: str | None = None, at: str = "", ref: str = "", **payload: Any
    ) -> None:
        """Tell of an event after this request is in effect; what every payload has is added. ``at`` is the commit,
        ``ref`` the ref that it is about; both are the default branch's unless given."""
        repository = self.repository
        whole = {"action": action} if action else {}
        whole |= payload | self.world.payload(repository.full_name, self.actor.login)
        self.events.append(
            Event(
                name=name,
                action=action,
                repository=repository.full_name,
                ref=ref or f"refs/heads/{repository.default_branch}",
                sha=at or self.world.git(repository).head(repository.default_branch),
                payload=whole,
                actor=self.actor.login,
                by_workflow=self.token.kind == "workflow",
            )
        )


Handler = Callable[[Call], Answer]


def respond(answer: Answer) -> Response:
    """Make bytes of an answer."""
    from starlette.responses import Response

    if answer.raw is not None:
        kind = "application/vnd.github.raw; charset=utf-8"
        return Response(answer.raw, status_code=answer.status, headers=answer.headers, media_type=kind)
    if answer.body is None:
        return Response(status_code=answer.status, headers=answer.headers)
    text = json.dumps(answer.body, ensure_ascii=False, separators=(",", ":"))
    # A lone surrogate that came in as an escape goes out as an escape.
    content = text.encode() if _encodable(text) else json.dumps(answer.body).encode()
    return Response(
        content,
        status_code=answer.status,
        headers=answer.headers,
        media_type="application/json; charset=utf-8",
    )


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def rest(method: str, path: str, handler: Handler, *, locked: bool = True) -> Route:
    """Make a Starlette route of ``handler`` for ``path`` below the API's root.

    ``locked=False`` is for a handler that waits or takes other locks: it takes ``call.world.lock`` itself.
    """
    from starlette.routing import Route

    def endpoint(request: Request) -> Response:
        call: Call = request.state.call
        try:
            if locked:
                with call.world.lock:
                    answer = handler(call)
            else:
                answer = handler(call)
        except Problem as problem:
            answer = problem.answer()
            call.events.clear()
        for event in call.events:
            call.world.emit(event)
        return respond(answer)

    endpoint.__name__ = getattr(handler, "__name__", "handler")
    return Route(API_ROOT + path, endpoint, methods=[method])
