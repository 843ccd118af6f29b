"""Flags over HTTP: the file itself for flagd's providers, and evaluation by OpenFeature's protocol (OFREP).

``GET /api/flags`` is what flagd takes as an ``http`` source. ``POST /ofrep/v1/evaluate/flags[/KEY]`` is what every
OFREP provider asks (https://openfeature.dev/specification/appendix-c). Both tell by an ETag whether anything changed.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Header, Request, Response

from dreamnet_actions.domain.flag import Flag, evaluate
from dreamnet_actions.domain.request import MAX_BYTES
from dreamnet_actions.entrances import openapi
from dreamnet_actions.entrances.wire import read_json, write_json
from dreamnet_actions.errors import ConfigError, DreamNetError, RequestError
from dreamnet_actions.errors.configuration import ConfigLacks

if TYPE_CHECKING:
    from dreamnet_actions.bootstrap import System

log = logging.getLogger("dreamnet")

HOSTED_FRESH = 15.0
"""Seconds for which flags that are asked of a host are taken as they were; those in a file are read each time."""
Body = Callable[[Request, int], Awaitable[bytes]]
Runs = Callable[[Callable[[], Any]], Awaitable[Any]]


@dataclass(frozen=True)
class Seen:
    """The flags as they were read last, and the hash of their text."""

    text: str
    flags: Mapping[str, Flag]
    tag: str
    at: float


class FlagDesk:
    """Answers flags. Where the file came to hold mistakes, the last good state of this process is answered."""

    def __init__(self, system: System, body: Body, runs: Runs) -> None:
        self._system, self._body, self._runs = system, body, runs
        self._seen: Seen | None = None
        self._lock = threading.Lock()

    def routes(self, app: FastAPI) -> None:
        """Add what is answered."""
        some, errors = {"type": "object"}, openapi.answers
        app.get("/api/flags", responses=errors(400, 401, 403, 503, ok=some))(self.file)
        told = {"requestBody": {"required": True, "content": {"application/json": {"schema": _ASKED}}}}
        found = errors(401, 403, 413, 500, 503, ok=some)
        found |= {400: _said("The context is wrong, or the flag cannot be evaluated.")}
        missing: dict[int | str, dict[str, Any]] = {404: _said("There is no such flag.")}
        ofrep = "/ofrep/v1/evaluate/flags"
        app.post(f"{ofrep}/{{key}}", responses=found | missing, openapi_extra=told)(self.one)
        app.post(ofrep, responses=found, openapi_extra=told)(self.every)

    async def file(self, if_none_match: str | None = Header(None)) -> Response:
        """Answer the file of flags in flagd's format; 304 where it is the one that the caller has."""
        seen = await self._runs(self._look)
        if seen is None:
            raise ConfigLacks("flags file", [], section="flags", lines="flags: {file: flags.json}")
        if _matches(if_none_match, seen.tag):
            return Response(status_code=304, headers=_headers(seen.tag))
        return Response(seen.text, 200, _headers(seen.tag), "application/json")

    async def one(self, key: str, request: Request) -> Response:
        """Evaluate one flag for a caller's context."""
        try:
            context = await self._context(request)
        except RequestError as error:
            return _failed(400, "INVALID_CONTEXT", error.message, key=key)
        try:
            seen = await self._runs(self._look)
        except ConfigError as error:
            return _failed(400, "PARSE_ERROR", error.message, key=key)
        if seen is None or key not in seen.flags:
            return _failed(404, "FLAG_NOT_FOUND", f"There is no flag {key!r}.", key=key)
        told = self._evaluated(seen.flags[key], context)
        return _json(told, 400 if "errorCode" in told else 200)

    async def every(self, request: Request, if_none_match: str | None = Header(None)) -> Response:
        """Evaluate all flags for a caller's context; 304 where nothing changed since the caller's last answer."""
        try:
            context = await self._context(request)
        except RequestError as error:
            return _failed(400, "INVALID_CONTEXT", error.message)
        try:
            seen = await self._runs(self._look)
        except ConfigError as error:
            return _failed(400, "PARSE_ERROR", error.message)
        flags = seen.flags if seen is not None else {}
        told = [self._evaluated(flag, context) for _, flag in sorted(flags.items())]
        data = write_json({"flags": told})
        # What was answered, not only the file: a rule may ask the time.
        tag = f'"{hashlib.sha256(data.encode("utf-8", "surrogatepass")).hexdigest()[:32]}"'
        if _matches(if_none_match, tag):
            return Response(status_code=304, headers=_headers(tag))
        return Response(data, 200, _headers(tag), "application/json")

    # ── inside ──────────────────────────────────────────────────────────────────────────────────────────

    async def _context(self, request: Request) -> Mapping[str, Any]:
        """Read what is known of the caller; nothing at all is a context, too. Raises RequestError."""
        data = read_json(await self._body(request, MAX_BYTES))
        context = data.get("context", {}) if isinstance(data, dict) else None
        if not isinstance(context, dict):
            raise RequestError('The body is {"context": {…}}.', hint="See https://openfeature.dev: OFREP.")
        if not isinstance(context.get("targetingKey", ""), str):
            raise RequestError("'targetingKey' is a text.")
        return context

    def _evaluated(self, flag: Flag, context: Mapping[str, Any]) -> dict[str, Any]:
        rules = self._system.config.flags
        found = evaluate(
            flag,
            context,
            now=int(self._system.clock.now()),
            bucketing=rules.bucketing if rules else "v3",
        )
        more = {"metadata": dict(flag.metadata)} if flag.metadata else {}
        if found.code is not None:
            return {"key": flag.name, "errorCode": found.code, "errorDetails": found.message, **more}
        # Providers read the variant also where there is none.
        told: dict[str, Any] = {"key": flag.name, "reason": found.reason, "variant": found.variant or ""}
        return told | ({} if found.variant is None else {"value": found.value}) | more

    def _look(self) -> Seen | None:
        """Read the flags; None where the configuration names no file."""
        store = self._system.flags
        if store is None:
            return None
        with self._lock:
            now, seen = self._system.clock.monotonic(), self._seen
            fresh = HOSTED_FRESH if self._system.memory.document is not None else 0.0
            if seen is not None and now - seen.at < fresh:
                return seen
            try:
                text = store.text()
                if seen is None or text != seen.text:
                    seen = Seen(text, store.read(), _tag(text), now)
            except DreamNetError as error:
                if seen is None:
                    raise
                log.warning("The flags are answered as they were: %s", error.message)
            self._seen = Seen(seen.text, seen.flags, seen.tag, now)
            return self._seen


_ASKED = {
    "type": "object",
    "properties": {
        "context": {
            "type": "object",
            "description": "What is known of the caller: targetingKey and whatever the rules ask for.",
            "properties": {"targetingKey": {"type": "string"}},
        }
    },
}


def _said(description: str) -> dict[str, Any]:
    text = {"type": "string"}
    schema = {
        "type": "object",
        "required": ["errorCode"],
        "properties": {"key": text, "errorCode": text, "errorDetails": text},
    }
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _tag(text: str) -> str:
    return f'"{hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]}"'


def _matches(given: str | None, tag: str) -> bool:
    return given is not None and tag in [one.strip().removeprefix("W/") for one in given.split(",")]


def _headers(tag: str) -> dict[str, str]:
    return {"ETag": tag, "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}


def _json(data: Mapping[str, Any], status: int) -> Response:
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Response(write_json(data), status, headers, "application/json")


def _failed(status: int, code: str, details: str, **more: str) -> Response:
    return _json({**more, "errorCode": code, "errorDetails": details}, status)
