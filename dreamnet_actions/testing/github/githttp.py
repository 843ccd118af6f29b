"""git over HTTP, as github.com serves it: git's own ``upload-pack`` and ``receive-pack`` behind tokens.

https://git-scm.com/docs/http-protocol. Protocol v2 goes through, bodies may be gzipped, packs are streamed. What a
push changed is told to the listeners before its answer leaves.
"""

from __future__ import annotations

import asyncio
import zlib
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from dreamnet_actions.testing.github.call import Problem
from dreamnet_actions.testing.github.gitstore import environment
from dreamnet_actions.testing.github.permissions import reaches, visible
from dreamnet_actions.testing.github.pushes import moved
from dreamnet_actions.testing.github.records import Repository
from dreamnet_actions.testing.github.tokens import Token
from dreamnet_actions.testing.github.world import Moved, World

_CHUNK = 65_536
UPDATE_HOOK = """#!/bin/sh
# Run by git for each ref of a push. DREAMNET_WORKFLOWS=no: the token may not change workflow files, as on github.com.
[ "$DREAMNET_WORKFLOWS" = no ] || exit 0
case "$3" in *[!0]*) ;; *) exit 0 ;; esac
found=$(git log --format= --name-only "$3" --not --all -- .github/workflows | head -n 1)
[ -z "$found" ] && exit 0
echo "refusing to allow a GitHub App to create or update workflow \\`$found\\` without \\`workflows\\` permission" >&2
exit 1
"""


@dataclass(frozen=True)
class Command:
    """One line of a push: ``ref`` from ``old`` to ``new``."""

    old: str
    new: str
    ref: str


def routes(world: World) -> list[Route]:
    """Answer the routes below ``/owner/name.git`` (and, as on github.com, ``/owner/name``)."""
    door = GitDoor(world)
    made = []
    for name in ("/{owner}/{repo}.git", "/{owner}/{repo}"):
        made += [
            Route(name + "/info/refs", door.info_refs, methods=["GET"]),
            Route(name + "/git-upload-pack", door.upload_pack, methods=["POST"]),
            Route(name + "/git-receive-pack", door.receive_pack, methods=["POST"]),
        ]
    return made


def install_hook(git_dir: Path) -> None:
    """Put the hook into a bare repository that guards workflow files."""
    hook = git_dir / "hooks" / "update"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(UPDATE_HOOK, encoding="utf-8")
    hook.chmod(0o755)


class GitDoor:
    """The three endpoints of the smart protocol."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def info_refs(self, request: Request) -> Response:
        """Advertise the refs."""
        service = request.query_params.get("service", "")
        if service not in {"git-upload-pack", "git-receive-pack"}:
            return PlainTextResponse("Please upgrade your git client.", 403)
        entered = self._enter(request, service)
        if isinstance(entered, Response):
            return entered
        process = await self._start(request, service, entered[0], advertise=True)
        output, _ = await process.communicate()
        if request.headers.get("git-protocol", "") != "version=2" or service == "git-receive-pack":
            output = _packet(f"# service={service}\n".encode()) + b"0000" + output
        return _answer(output, f"application/x-{service}-advertisement")

    async def upload_pack(self, request: Request) -> Response:
        """Send what a fetch asks for."""
        entered = self._enter(request, "git-upload-pack")
        if isinstance(entered, Response):
            return entered
        body = b"".join([part async for part in _plain(request)])
        process = await self._start(request, "git-upload-pack", entered[0])
        headers = {"Cache-Control": "no-cache"}
        kind = "application/x-git-upload-pack-result"
        return StreamingResponse(_stream(process, body), media_type=kind, headers=headers)

    async def receive_pack(self, request: Request) -> Response:
        """Take a push, and tell of it."""
        entered = self._enter(request, "git-receive-pack")
        if isinstance(entered, Response):
            return entered
        repository, token = entered
        process = await self._start(request, "git-receive-pack", repository, token=token)
        assert process.stdin is not None
        assert process.stdout is not None
        heads = b""
        try:
            reading = asyncio.create_task(process.stdout.read())
            async for part in _plain(request):
                if len(heads) < _CHUNK * 16:
                    heads += part
                await _feed(process, part)
            process.stdin.close()
            output = await reading
            await process.wait()
        finally:
            await _end(process)
        await run_in_threadpool(self._tell, repository, token, heads, output)
        return _answer(output, "application/x-git-receive-pack-result")

    def _enter(self, request: Request, service: str) -> tuple[Repository, Token] | Response:
        """Answer the repository and the token, or what the client gets instead."""
        owner, name = request.path_params["owner"], request.path_params["repo"]
        token: Token | None = request.scope["token"]
        if token is None:
            return _unauthorised()
        with self._world.lock:
            try:
                repository = self._world.repository(f"{owner}/{name}")
            except Moved as moved_to:
                rest = request.url.path.split("/", 3)[3]
                where = f"{self._world.server_url}/{moved_to.repository.full_name}.git/{rest}"
                return RedirectResponse(where + (f"?{request.url.query}" if request.url.query else ""), 301)
            except Problem:
                return _unauthorised() if token.kind == "anonymous" else PlainTextResponse("Not Found", 404)
            return self._allowed(repository, token, service) or (repository, token)

    def _allowed(self, repository: Repository, token: Token, service: str) -> Response | None:
        level = "write" if service == "git-receive-pack" else "read"
        if not visible(token, repository) or (token.kind == "anonymous" and level == "write"):
            return _unauthorised() if token.kind == "anonymous" else _hidden()
        if token.kind == "anonymous":
            return None
        home = token.kind != "workflow" or token.repository == repository.full_name
        if home and reaches(token, "contents", level):
            if (
                level == "write"
                and token.kind != "workflow"
                and repository.role(token.user) not in {"write", "admin"}
            ):
                return _denied(repository, token)
            self._world.tokens.use(token, "contents", level)
            return None
        if level == "read" and not repository.private and (self._world.public_reads or not home):
            return None
        # Who may not read is not told that there is something: a job without `contents` cannot check out
        # (https://github.com/actions/checkout#recommended-permissions).
        return _denied(repository, token) if level == "write" else _hidden()

    async def _start(
        self,
        request: Request,
        service: str,
        repository: Repository,
        *,
        advertise: bool = False,
        token: Token | None = None,
    ) -> Process:
        guarded = token is not None and token.kind != "classic" and not reaches(token, "workflows", "write")
        more = {"DREAMNET_WORKFLOWS": "no" if guarded else "yes"}
        if version := request.headers.get("git-protocol"):
            more["GIT_PROTOCOL"] = version
        arguments = ["--stateless-rpc", *(["--advertise-refs"] if advertise else [])]
        folder = str(self._world.git(repository).path)
        command = ["git", service.removeprefix("git-"), *arguments, folder]
        return await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, env=environment(None, more)
        )

    def _tell(self, repository: Repository, token: Token, heads: bytes, output: bytes) -> None:
        commands, capabilities = read_commands(heads)
        done = read_report(output, side_band=b"side-band-64k" in capabilities)
        by_workflow = token.kind == "workflow"
        for one in commands:
            if one.ref in done:
                for event in moved(
                    self._world, repository, one.ref, one.old, one.new, token.user, by_workflow=by_workflow
                ):
                    self._world.emit(event)


def read_packets(data: bytes) -> tuple[list[bytes], bytes]:
    """Read pkt-lines up to the first flush; answer them and what follows."""
    lines: list[bytes] = []
    while len(data) >= 4:
        size = int(data[:4], 16)
        if size < 4:
            return lines, data[4:]
        lines.append(data[4:size])
        data = data[size:]
    return lines, data


def read_commands(data: bytes) -> tuple[list[Command], bytes]:
    """Read what a push asks for, and the capabilities that come with its first line."""
    lines, _ = read_packets(data)
    capabilities = b""
    commands = []
    for line in lines:
        plain, _, more = line.partition(b"\0")
        capabilities = capabilities or more
        parts = plain.decode("utf-8", "replace").strip().split(" ", 2)
        if len(parts) == 3 and len(parts[0]) == 40:
            commands.append(Command(parts[0], parts[1], parts[2]))
    return commands, capabilities


def read_report(data: bytes, *, side_band: bool) -> set[str]:
    """Answer the refs that ``receive-pack`` reports as changed."""
    lines, _ = read_packets(data)
    if side_band:
        lines, _ = read_packets(b"".join(line[1:] for line in lines if line[:1] == b"\1"))
    return {line[3:].decode("utf-8", "replace").strip() for line in lines if line.startswith(b"ok ")}


async def _plain(request: Request) -> AsyncIterator[bytes]:
    """Read the body as it comes, unzipped."""
    zipped = request.headers.get("content-encoding", "") in {"gzip", "x-gzip"}
    opened = zlib.decompressobj(16 + zlib.MAX_WBITS) if zipped else None
    async for part in request.stream():
        plain = opened.decompress(part) if opened else part
        if plain:
            yield plain


async def _feed(process: Process, part: bytes) -> None:
    assert process.stdin is not None
    try:
        process.stdin.write(part)
        await process.stdin.drain()
    except (BrokenPipeError, ConnectionResetError):
        return  # git has refused already; what it said is in its output


async def _stream(process: Process, body: bytes) -> AsyncIterator[bytes]:
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        await _feed(process, body)
        process.stdin.close()
        while part := await process.stdout.read(_CHUNK):
            yield part
        await process.wait()
    finally:
        await _end(process)


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.kill()
        await process.wait()


def _answer(output: bytes, kind: str) -> Response:
    return Response(output, media_type=kind, headers={"Cache-Control": "no-cache"})


def _packet(data: bytes) -> bytes:
    return f"{len(data) + 4:04x}".encode() + data


def _unauthorised() -> Response:
    headers = {"WWW-Authenticate": 'Basic realm="GitHub"'}
    return PlainTextResponse("Bad credentials", 401, headers=headers)


def _hidden() -> Response:
    return PlainTextResponse("Repository not found.", 404)


def _denied(repository: Repository, token: Token) -> Response:
    text = f"Permission to {repository.full_name}.git denied to {token.user.login}."
    return PlainTextResponse(text, 403)
