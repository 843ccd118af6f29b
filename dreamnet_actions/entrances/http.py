"""The gateway: ``POST /api/agent``, what there is to see, and webhooks. Raw form in, the pipe's result out.

Every answer under ``/api`` and ``/webhooks`` that is no success is an AgentResult with its ``error``, whoever refused
it: the guard, the reader, the pipe or the web framework.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from dreamnet_actions import __version__
from dreamnet_actions.domain.dream import STATES
from dreamnet_actions.domain.endings import failure
from dreamnet_actions.domain.journal import Fact
from dreamnet_actions.domain.request import MAX_BYTES
from dreamnet_actions.domain.result import AgentResult
from dreamnet_actions.entrances import openapi, webhooks
from dreamnet_actions.entrances.flags import FlagDesk
from dreamnet_actions.entrances.guard import judge
from dreamnet_actions.entrances.pool import Pool
from dreamnet_actions.entrances.pubsub import PushDesk
from dreamnet_actions.entrances.views import dream_story, find_dream, message_json, status_json
from dreamnet_actions.entrances.wire import read_json, with_id, write_json
from dreamnet_actions.errors import DreamNetError, NotFound, RequestInvalid, RequestTooLarge
from dreamnet_actions.errors.words import unknown

if TYPE_CHECKING:
    from dreamnet_actions.bootstrap import System

ASGI = Callable[[Any, Any, Any], Awaitable[None]]
_PATHS = (
    "/api/agent",
    "/api/dreams",
    "/api/flags",
    "/api/messages",
    "/api/status",
    "/healthz",
    "/ofrep/v1/evaluate/flags",
    "/openapi.json",
    "/readyz",
)
MESSAGE_STATES = ("waiting", "leased", "done", "dead")
Limit = Annotated[int, Query(ge=1, le=1000)]
# The values are described only; a wrong one is refused by ``_one_of``, which names the nearest.
DreamStateQuery = Annotated[str | None, Query(json_schema_extra={"enum": [*STATES, None]})]
MessageStateQuery = Annotated[str | None, Query(json_schema_extra={"enum": [*MESSAGE_STATES, None]})]


def create_app(system: System, *, key: str | None, wake: Callable[[], None] = lambda: None) -> FastAPI:
    """Make the gateway's application. ``key`` is the bearer key, or None for loopback only; ``wake`` is called when
    there is something to deliver."""
    gateway = Gateway(system, wake)
    app = FastAPI(
        title="DreamNet", version=__version__, docs_url=None, redoc_url=None, openapi_url="/openapi.json"
    )
    app.add_middleware(_Guard, gateway=gateway, key=key)
    app.add_exception_handler(DreamNetError, gateway.refused)
    app.add_exception_handler(HTTPException, gateway.refused_by_framework)
    app.add_exception_handler(RequestValidationError, gateway.refused_by_framework)
    app.add_exception_handler(Exception, gateway.bug)
    _add_routes(app, gateway)
    described = app.openapi

    def describe() -> dict[str, Any]:
        found = described()
        found.setdefault("components", {})["schemas"] = openapi.schemas()
        if key is not None:
            found["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
            found["security"] = [{"key": []}]
        return found

    app.openapi = describe  # type: ignore[method-assign]
    return app


class Gateway:
    """What the routes do."""

    def __init__(self, system: System, wake: Callable[[], None]) -> None:
        self.system = system
        self.wake = wake
        self.pool = Pool()
        self.pushes = PushDesk(system, self.body, self.pool.run)

    async def agent(self, request: Request) -> Response:
        """Run one AgentRequest and answer its AgentResult; `Idempotency-Key` names the request where it has no id."""
        body = await self.body(request, MAX_BYTES)
        raw = with_id(read_json(body), request.headers.get("idempotency-key"), "Idempotency-Key")
        result = await self.pool.run(lambda: self.system.pipe.submit(raw))
        self.wake()
        return answer(result)

    async def webhook(self, name: str, request: Request) -> Response:
        """Take a signed webhook: checked, stored as an event on the bus, answered, then delivered."""
        hook = self.system.config.webhooks.get(name)
        if hook is not None and hook.pubsub is not None:
            taken = await self.pushes.take(name, hook, request)
            self.wake()
            return answer(taken.result) if taken.result else _json(taken.said, taken.status)
        webhook, secret = webhooks.configured(name, self.system.config, self.system.environ)
        body = await self.body(request, webhooks.MAX_BYTES)
        event = webhooks.read(name, webhook, secret, request.headers, body)
        if event is None:
            return _json({"pong": True})
        result = await self.pool.run(lambda: self.store(name, event))
        self.wake()
        return answer(result, ok=202)

    def store(self, name: str, event: webhooks.Event) -> AgentResult:
        """Put a believed event on the bus, and write down that it came."""
        result = self.system.pipe.submit(event.request())
        # A redelivery answers the first result: it is the same webhook, and no second fact.
        known = self.system.journal.read(kinds={"webhook"}, correlation_id=result.id, limit=1)
        if result.outcome == "done" and not known:
            self.system.journal.append(
                Fact(
                    kind="webhook",
                    at=self.system.clock.now(),
                    text=f"webhook {name}: {event.name}",
                    correlation_id=result.id,
                    data={"webhook": name, "event": event.name, "delivery": event.id},
                )
            )
        return result

    async def dreams(
        self, state: DreamStateQuery = None, key: str | None = None, limit: Limit = 100
    ) -> Response:
        """Answer dreams, newest first."""
        states = _one_of("state", state, STATES)
        found = await self.pool.run(lambda: self.system.dreams.search(states=states, key=key, limit=limit))
        return _json({"dreams": [dream.to_json() for dream in found]})

    async def dream(self, number: str) -> Response:
        """Answer one dream with its story."""
        if not (number.isascii() and number.isdigit()) or len(number) > 18:
            raise NotFound("dream", number[:80])
        return _json(await self.pool.run(lambda: self._dream(number)))

    def _dream(self, number: str) -> dict[str, Any]:
        dream = find_dream(self.system, number)
        return {**dream.to_json(), "story": dream_story(self.system, dream)}

    async def messages(self, state: MessageStateQuery = None, limit: Limit = 100) -> Response:
        """Answer the newest messages, the oldest of them first, with where each stands."""
        states = _one_of("state", state, MESSAGE_STATES)
        found = await self.pool.run(lambda: self.system.bus.list(states=states, limit=limit))
        return _json({"messages": [message_json(one) for one in found]})

    async def status(self) -> Response:
        """Answer what runs where, what the last checks saw, open dreams, and whether DreamNet is paused."""
        return _json(await self.pool.run(lambda: status_json(self.system)))

    async def alive(self) -> Response:
        """Answer at once: the process lives."""
        return _json({"status": "ok", "version": __version__})

    async def ready(self) -> Response:
        """Answer whether requests can be taken: the state's store reads."""
        paused = await self.pool.run(self.system.paused)
        return _json({"status": "ready", "paused": paused is not None})

    async def body(self, request: Request, limit: int) -> bytes:
        """Read the body, at most ``limit`` bytes of it into memory; raises RequestTooLarge.

        A little more is read and thrown away, so that a sender who is only just over hears why.
        """
        parts, size = [], 0
        async for chunk in request.stream():
            size += len(chunk)
            if size > 4 * limit:
                break
            if size <= limit:
                parts.append(chunk)
        if size > limit:
            raise RequestTooLarge(size, limit)
        return b"".join(parts)

    def failed(self, error: DreamNetError, status: int | None = None) -> Response:
        """Write an error as every entrance shows it."""
        result = failure(error, request_id=self.system.ids.fresh(), at=self.system.clock.now())
        return answer(result, status=status)

    async def refused(self, _: Request, error: Exception) -> Response:
        """Answer an error of ours."""
        if not isinstance(error, DreamNetError):
            raise error
        return self.failed(error)

    async def bug(self, _: Request, error: Exception) -> Response:
        """Answer a bug of ours; the framework raises it again for the log."""
        said = f"DreamNet failed by a bug of its own ({type(error).__name__}); the traceback is in its log."
        return self.failed(DreamNetError(said, hint="Report it with the traceback."))

    async def refused_by_framework(self, request: Request, error: Exception) -> Response:
        """Answer what the web framework refused (unknown path, method, query) in our own form."""
        if isinstance(error, RequestValidationError):
            said = [f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}." for one in error.errors()]
            return self.failed(
                RequestInvalid(said, hint="The paths and their parameters are in /openapi.json.")
            )
        status = error.status_code if isinstance(error, HTTPException) else 500
        where = request.url.path[:200]
        if status == 404:
            return self.failed(NotFound("path", where, _PATHS))
        said = [f"{request.method} {where!r} is not answered here (HTTP {status})."]
        answered = self.failed(RequestInvalid(said, hint="What is answered stands in /openapi.json."), status)
        if isinstance(error, HTTPException) and error.headers:
            answered.headers.update(error.headers)
        return answered


class _Guard:
    """Lets in who may come in, before a byte of the body is read."""

    def __init__(self, app: ASGI, *, gateway: Gateway, key: str | None) -> None:
        self._app, self._gateway, self._key = app, gateway, key

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        refused = judge(scope["path"], scope["headers"], self._key) if scope["type"] == "http" else None
        await (self._app if refused is None else self._gateway.failed(refused))(scope, receive, send)


def _add_routes(app: FastAPI, gateway: Gateway) -> None:
    request_schema = {"$ref": "#/components/schemas/AgentRequest"}
    takes = {"required": True, "content": {"application/json": {"schema": request_schema}}}
    some, errors = {"type": "object"}, openapi.answers
    app.post(
        "/api/agent",
        responses=errors(400, 401, 403, 404, 409, 413, 500, 502, 503),
        openapi_extra={"requestBody": takes, "parameters": [_IDEMPOTENCY]},
    )(gateway.agent)
    app.get("/api/dreams", responses=errors(400, 401, 403, 503, ok=some))(gateway.dreams)
    app.get("/api/dreams/{number}", responses=errors(400, 401, 403, 404, 503, ok=some))(gateway.dream)
    app.get("/api/messages", responses=errors(400, 401, 403, 503, ok=some))(gateway.messages)
    FlagDesk(gateway.system, gateway.body, gateway.pool.run).routes(app)
    app.get("/api/status", responses=errors(400, 401, 403, 503, ok=some))(gateway.status)
    app.get("/healthz", responses=errors(ok=some))(gateway.alive)
    app.get("/readyz", responses=errors(503, ok=some))(gateway.ready)
    # Not described: a signature cannot be made from a schema.
    app.post("/webhooks/{name}", include_in_schema=False)(gateway.webhook)


_IDEMPOTENCY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The request's id, where the body has none.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,200}$"},
}


def answer(result: AgentResult, *, ok: int = 200, status: int | None = None) -> Response:
    """Write a result with the HTTP status that follows from it."""
    status = status or (ok if result.http_status == 200 else result.http_status)
    headers = {}
    if result.retry_after is not None:
        headers["Retry-After"] = str(max(1, math.ceil(result.retry_after)))
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return _json(result.to_json(), status, headers)


def _json(data: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    kept = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", **(headers or {})}
    return Response(write_json(data) + "\n", status, kept, "application/json")


def _one_of(name: str, value: str | None, known: tuple[Any, ...]) -> tuple[Any, ...]:
    if value is None:
        return ()
    if value not in known:
        raise RequestInvalid([unknown(f"'{name}'", value[:80], known)])
    return (value,)
