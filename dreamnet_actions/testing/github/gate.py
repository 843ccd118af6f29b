"""The one door of the stand-in: every request passes here, REST, git and pages alike.

In this order: faults that come first, the token, the rate limit, the repository (and its former names), permissions,
the handler, the OpenAPI check, ETags, faults that come after, the headers that GitHub sends with all. What an endpoint
does is not known here.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import traceback
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import parse_qsl, quote

from starlette.concurrency import run_in_threadpool
from starlette.routing import Match, Route, Router

from dreamnet_actions.testing.github import faults as faults_module
from dreamnet_actions.testing.github.call import API_ROOT, Answer, Call, Problem, not_found, respond
from dreamnet_actions.testing.github.calls import Made
from dreamnet_actions.testing.github.faults import Fault, Rule
from dreamnet_actions.testing.github.openapi import Description
from dreamnet_actions.testing.github.permissions import NEEDS, authorise
from dreamnet_actions.testing.github.wire import (
    Answered,
    Asked,
    Receive,
    Scope,
    Send,
    collected,
    credentials,
    parsed,
    read,
    replay,
    reset,
    template_of,
)
from dreamnet_actions.testing.github.world import Moved, World

_CREATES = {"POST"}


class Gate:
    """The ASGI application. ``routes`` are Starlette routes; those below the API's root need a row in ``NEEDS``."""

    def __init__(self, world: World, routes: list[Route], description: Description | None) -> None:
        self.world = world
        self.description = description
        self.violations: list[str] = []
        self._fine: set[tuple[str, str, int, bytes]] = set()
        self._router = Router(routes=routes, redirect_slashes=False)
        self._routes = routes
        self._request_ids = itertools.count(1)
        for route in routes:
            if route.path.startswith(API_ROOT):
                template = template_of(route)
                missing = [
                    one for one in route.methods or () if one != "HEAD" and (one, template) not in NEEDS
                ]
                if missing:
                    raise ValueError(
                        f"{missing} {template} has no row in the permission table (permissions.py)."
                    )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        asked = self._ask(scope)
        rule = self.world.faults.pick(asked.method, asked.path, asked.job)
        if rule is not None and not rule.after and await self._instead(rule, asked, send):
            return
        if asked.rest:
            asked.body = await read(receive)
            answered = await self._rest(asked)
        elif rule is None:
            await self._through(asked, receive, send)
            return
        else:
            answered = await self._collect(scope, receive)
        if rule is not None and rule.after:
            changed = await self._afterwards(rule, asked, answered, send)
            if changed is None:
                return
            answered = changed
        await self._send(asked, answered, send)

    # ── What came in ─────────────────────────────────────────────────────────────────────────────────────

    def _ask(self, scope: Scope) -> Asked:
        path: str = scope["path"]
        rest = path == API_ROOT or path.startswith(API_ROOT + "/")
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
        }
        given = credentials(headers.get("authorization", ""))
        token = self.world.ghost if given is None else self.world.tokens.find(given)
        below = path.removeprefix(API_ROOT) if rest else path
        scope["token"] = token
        return Asked(scope, scope["method"], below, headers, token, rest, template=below if rest else "git")

    async def _rest(self, asked: Asked) -> Answered:
        refused = await run_in_threadpool(self._admit, asked)
        if refused is not None:
            return collected(respond(refused))
        asked.scope.setdefault("state", {})["call"] = asked.call
        try:
            answered = await self._collect(asked.scope, replay(asked.body))
        except Exception:  # noqa: BLE001 - whatever a handler raises is a bug of ours: it is kept, and the client gets a 500
            self.violations.append(f"{asked.method} {asked.path}: {traceback.format_exc()}")
            answered = collected(respond(Answer(500, {"message": "Server Error"})))
        return await run_in_threadpool(self._finish, asked, answered)

    def _admit(self, asked: Asked) -> Answer | None:
        """Let the request in (None, and ``asked.call`` is set), or answer what it gets instead."""
        with self.world.lock:
            try:
                return self._check(asked)
            except Problem as problem:
                return problem.answer()
            except Moved as moved:
                return self._moved(asked, moved)

    def _check(self, asked: Asked) -> Answer | None:
        world = self.world
        token = asked.token
        if token is None:
            raise Problem(401, "Bad credentials")
        if asked.path != "/rate_limit":
            world.limits.charge(token)
            asked.charged = True
        route, params = self._match(asked)
        if route is None:
            return self._unknown(asked)
        asked.template = template_of(route)
        repository = world.repository(f"{params['owner']}/{params['repo']}") if "repo" in params else None
        method = "GET" if asked.method == "HEAD" else asked.method
        needs = NEEDS[method, asked.template]
        authorise(
            world.tokens, token, repository, method, asked.template, needs, public_reads=world.public_reads
        )
        if method in _CREATES:
            world.limits.create(token)
        query = dict(parse_qsl(asked.scope["query_string"].decode("latin-1"), keep_blank_values=True))
        asked.call = Call(
            world=world,
            method=method,
            path=asked.path,
            template=asked.template,
            params=params,
            query=query,
            headers=asked.headers,
            body=parsed(asked.body),
            token=token,
            as_of=world.faults.as_of(asked.path),
        )
        return None

    def _match(self, asked: Asked) -> tuple[Route | None, dict[str, Any]]:
        for route in self._routes:
            match, child = route.matches(asked.scope)
            if match is Match.FULL:
                return route, child["path_params"]
        return None, {}

    def _unknown(self, asked: Asked) -> Answer:
        """Say so when GitHub has the endpoint and the stand-in does not: a 404 would be taken for an answer."""
        known = self.description and self.description.knows(asked.method, asked.path)
        if known:
            self.violations.append(f"{asked.method} {asked.path}: GitHub has {known}, the stand-in does not")
            return Problem(501, f"The stand-in does not have {known}.").answer()
        raise not_found()

    def _moved(self, asked: Asked, moved: Moved) -> Answer:
        """Redirect a former name, as GitHub does.

        https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects
        """
        status = self.world.redirect_status or (301 if asked.method in {"GET", "HEAD"} else 307)
        rest = asked.path.split("/", 4)[4:]
        where = f"{self.world.api_url}/repos/{moved.repository.full_name}" + "".join(
            f"/{quote(one)}" for one in rest
        )
        query = asked.scope["query_string"].decode("latin-1")
        where += f"?{query}" if query else ""
        body = {
            "message": "Moved Permanently",
            "url": where,
            "documentation_url": "https://docs.github.com/rest",
        }
        return Answer(status, body, {"Location": where})

    # ── What goes out ────────────────────────────────────────────────────────────────────────────────────

    def _finish(self, asked: Asked, answered: Answered) -> Answered:
        """Judge the answer and give it its ETag; a 304 costs nothing."""
        self._judge(asked, answered)
        if asked.method not in {"GET", "HEAD"} or answered.status != 200 or asked.token is None:
            return answered
        query = asked.scope["query_string"]
        seal = hashlib.sha256(
            b"\0".join([asked.token.value.encode(), asked.path.encode(), query, answered.body])
        )
        etag = f'W/"{seal.hexdigest()}"'
        answered.headers.append((b"etag", etag.encode()))
        if etag in [one.strip() for one in asked.headers.get("if-none-match", "").split(",")]:
            with self.world.lock:
                self.world.limits.refund(asked.token)
            asked.charged = False
            dropped = {b"content-length", b"content-type"}
            kept = [(name, value) for name, value in answered.headers if name not in dropped]
            return Answered(304, kept, b"")
        return answered

    def _judge(self, asked: Asked, answered: Answered) -> None:
        if self.description is None or asked.call is None:
            return
        call = asked.call
        mistakes = []
        if answered.status < 400:
            asks = self.description.request_mistakes(call.method, call.template, call.query, call.body)
            mistakes += [f"accepted although {one}" for one in asks]
        kind = dict(answered.headers).get(b"content-type", b"").decode("latin-1")
        if not kind or "json" in kind:
            seen = (call.method, call.template, answered.status, hashlib.sha256(answered.body).digest())
            if seen not in self._fine:  # what clients poll is judged once
                body = json.loads(answered.body) if answered.body else None
                found = self.description.answer_mistakes(call.method, call.template, answered.status, body)
                if not found:
                    self._fine.add(seen)
                mistakes += found
        self.violations.extend(f"{call.method} {call.path} → {answered.status}: {one}" for one in mistakes)

    async def _send(self, asked: Asked, answered: Answered, send: Send) -> None:
        headers = [(n, v) for n, v in answered.headers if n != b"content-length"]
        if asked.rest:
            headers += self._common(asked, {name for name, _ in headers})
        if answered.status not in {204, 304}:
            headers.append((b"content-length", str(len(answered.body)).encode()))
        self._note(asked, answered.status)
        await send({"type": "http.response.start", "status": answered.status, "headers": headers})
        body = b"" if asked.method == "HEAD" else answered.body
        await send({"type": "http.response.body", "body": body})

    def _common(self, asked: Asked, there: set[bytes]) -> list[tuple[bytes, bytes]]:
        number = next(self._request_ids)
        more = {
            "X-GitHub-Request-Id": f"{number:04X}:{number * 7919:06X}",
            "X-GitHub-Media-Type": "github.v3; format=json",
            "X-GitHub-Api-Version-Selected": asked.headers.get("x-github-api-version", "2022-11-28"),
        }
        if asked.token is not None:
            with self.world.lock:
                more |= self.world.limits.headers(asked.token)
        lowered = [
            (name.lower().encode(), value.encode("latin-1", "replace")) for name, value in more.items()
        ]
        return [(name, value) for name, value in lowered if name not in there]

    def _note(self, asked: Asked, status: int) -> None:
        self.world.calls.note(
            Made(
                method=asked.method,
                path=asked.path,
                template=asked.template,
                job=asked.job,
                status=status,
                charged=asked.charged,
                at=self.world.clock.now(),
            )
        )

    # ── Faults ───────────────────────────────────────────────────────────────────────────────────────────

    async def _instead(self, rule: Rule, asked: Asked, send: Send) -> bool:
        """Do what a rule does before the request takes effect; answer whether that was all."""
        if rule.kind is Fault.HANG:
            await run_in_threadpool(self.world.clock.sleep, rule.seconds)
            return False
        if rule.kind is Fault.RESET:
            self._note(asked, 0)
            reset(send)
            return True
        if rule.kind is Fault.HTML:
            page = b"<!DOCTYPE html><html><body><h1>Unicorn!</h1></body></html>"
            answered = Answered(200, [(b"content-type", b"text/html; charset=utf-8")], page)
        else:
            url = self.world.server_url + quote(asked.scope["path"])
            made = faults_module.answer(rule, url, self.world.clock.now())
            assert made is not None
            answered = collected(respond(made))
        await self._send(asked, answered, send)
        return True

    async def _afterwards(self, rule: Rule, asked: Asked, answered: Answered, send: Send) -> Answered | None:
        """Do what a rule does once the request is in effect; None where nothing is left to send."""
        if rule.kind is Fault.RESET_AFTER:
            self._note(asked, 0)
            reset(send)
            return None
        if rule.kind is Fault.HANG_AFTER:
            await run_in_threadpool(self.world.clock.sleep, rule.seconds)
        elif rule.kind is Fault.HANG_REAL:
            await asyncio.sleep(rule.seconds)
        elif rule.kind is Fault.TRUNCATED:
            answered.body = answered.body[: len(answered.body) // 2]
        else:
            made = faults_module.answer(rule, "", self.world.clock.now())
            assert made is not None
            return collected(respond(made))
        return answered

    # ── ASGI ─────────────────────────────────────────────────────────────────────────────────────────────

    async def _collect(self, scope: Scope, receive: Receive) -> Answered:
        answered = Answered()

        async def keep(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                answered.status = message["status"]
                answered.headers = [(name.lower(), value) for name, value in message.get("headers", ())]
            elif message["type"] == "http.response.body":
                answered.body += message.get("body", b"")

        await self._router(scope, receive, keep)
        return answered

    async def _through(self, asked: Asked, receive: Receive, send: Send) -> None:
        """Let an answer stream past: git's can be large."""
        status = 0

        async def watch(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._note(asked, status)
            await send(message)

        await self._router(asked.scope, receive, watch)
