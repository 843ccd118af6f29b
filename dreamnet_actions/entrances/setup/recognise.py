"""Services recognised in what was read of a repository. Pure: guesses with their reasons, never certainties.

The order is that of how surely a file says how the service starts: a Procfile does, a framework's import nearly, a
Dockerfile's last stage if its program is one of the machine's too. What containers and
Kubernetes say of names, ports and readiness is used, and a note says what is left alone: ``init`` writes processes.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from dreamnet_actions.domain.spec.forms import RESERVED
from dreamnet_actions.entrances.setup import containers
from dreamnet_actions.entrances.setup.seen import Seen, folder

PORT = "{port}"
"""What stands in a command for the port that a replica listens on."""
LOOPBACK = "127.0.0.1"
_SHELL = re.compile(r"[|&;<>()`*?~\n]|\$(?!\{?PORT\b)")
_PORT_WORD = re.compile(r"\$\{PORT(?::-?[0-9]*)?\}|\$PORT\b")


@dataclass(frozen=True, kw_only=True)
class Guess:
    """A service that seems to be there. An empty ``command`` has to be asked for; ``why`` names the file."""

    name: str
    why: str
    command: tuple[str, ...] = ()
    directory: str = "."
    port: int | None = None
    ready: str | None = None
    build: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Recognised:
    """What was recognised: services in the order of how sure they are, and what a person has to know."""

    services: tuple[Guess, ...]
    notes: tuple[str, ...] = ()


def recognise(seen: Seen) -> Recognised:
    """Look for services; at most one a folder, named apart."""
    declared = containers.declared(seen)
    found: dict[str, Guess] = {}
    for one in (
        *(*_procfile(seen), *_python(seen), *_plain_python(seen), *_node(seen)),
        *(*_go(seen), *_image(seen), *_static(seen)),
    ):
        kept = found.get(one.directory)
        if kept is None:
            found[one.directory] = one
        elif not kept.command and one.command:
            found[one.directory] = replace(kept, command=one.command, why=one.why)
    guesses = _without_nested_pages(list(found.values()))
    guesses = [_installed(_enriched(one, declared, alone=len(guesses) == 1), seen) for one in guesses]
    if not guesses and declared.services:
        first = declared.services[0]
        guesses = [Guess(name=first.name, why=first.where, port=first.port, ready=first.ready)]
    return Recognised(services=tuple(_named_apart(guesses)), notes=declared.notes)


def label(text: str, otherwise: str = "web") -> str:
    """Make a service's name of a text: a-z, 0-9 and ``-``, at most 63 characters."""
    words = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:63].strip("-")
    return otherwise if words in ("", RESERVED) else words


def words_of(line: str) -> tuple[str, ...]:
    """Split a command line: ``$PORT`` becomes ``{port}``; what only a shell understands is given to one.

    Raises ValueError where quotes do not close.
    """
    if _SHELL.search(line):
        return ("sh", "-c", line.strip())  # the shell has $PORT in its environment
    return tuple(_PORT_WORD.sub(PORT, word) for word in shlex.split(line))


def _procfile(seen: Seen) -> Iterator[Guess]:
    for path in seen.named("Procfile"):
        for line in seen.texts.get(path, "").splitlines():
            name, colon, command = line.partition(":")
            if not colon or name.strip() != "web" or not command.strip():
                continue
            try:
                words = words_of(command)
            except ValueError:
                continue
            yield Guess(name=_folder_name(seen, path), why=path, command=words, directory=folder(path))


def _python(seen: Seen) -> Iterator[Guess]:
    for path in seen.named("manage.py"):
        command: tuple[str, ...] = ("python3", "manage.py", "runserver", "--noreload", f"{LOOPBACK}:{PORT}")
        yield Guess(
            name=_folder_name(seen, path),
            why=f"{path} (Django)",
            command=command,
            directory=folder(path),
            port=8000,
        )
    for path, text in seen.code(".py"):
        module = PurePosixPath(path).stem
        if not re.fullmatch(r"[A-Za-z_]\w*", module):
            continue
        if made := re.search(r"^(\w+)\s*(?::[^=\n]+)?=\s*(FastAPI|Flask)\(", text, re.M):
            application, kind = f"{module}:{made[1]}", made[2]
            command = (
                ("python3", "-m", "uvicorn", application, "--host", LOOPBACK, "--port", PORT)
                if kind == "FastAPI"
                else (
                    "python3",
                    "-m",
                    "flask",
                    "--app",
                    application,
                    "run",
                    "--host",
                    LOOPBACK,
                    "--port",
                    PORT,
                )
            )
            yield Guess(
                name=_folder_name(seen, path),
                why=f"{path} ({kind})",
                command=command,
                directory=folder(path),
                port=8000 if kind == "FastAPI" else 5000,
                ready=_path_in(text),
            )


def _plain_python(seen: Seen) -> Iterator[Guess]:
    """Programs that serve by Python's own server, where they say how they are told their port."""
    for path, text in seen.code(".py"):
        if not re.search(r"\b(?:Threading)?HTTPServer\(", text):
            continue
        told = re.search(r"\bargv\[1\]", text)
        if not told and not re.search(r"environ\b.*[\"']PORT[\"']|getenv\([\"']PORT[\"']", text):
            continue
        usual = re.search(r"PORT[\"'],\s*[\"']?(\d{2,5})|\b(?:else|or)\s+[\"']?(\d{2,5})\b", text)
        port = int(usual[1] or usual[2]) if usual else 8000
        here = folder(path)
        program = PurePosixPath(path).name
        yield Guess(
            name=_folder_name(seen, path),
            why=f"{path} (http.server)",
            command=("python3", program, PORT) if told else ("python3", program),
            directory=here,
            port=port if 1 <= port <= 65535 else 8000,
            ready=_path_in(text),
        )


def _node(seen: Seen) -> Iterator[Guess]:
    for path in seen.named("package.json"):
        try:
            package = json.loads(seen.texts.get(path, ""))
        except (ValueError, RecursionError):
            continue
        scripts = package.get("scripts") if isinstance(package, dict) else None
        start = scripts.get("start") if isinstance(scripts, dict) else None
        if not isinstance(start, str) or not start.strip():
            continue
        # `node server.js` is started as it is: npm between would not pass every signal on.
        direct = re.fullmatch(r"node\s+[\w./-]+", start.strip())
        here = folder(path)
        program = seen.texts.get(_below(here, start.split()[-1]), "") if direct else ""
        locked = _below(here, "package-lock.json") in seen.files
        yield Guess(
            name=label(str(package.get("name", "")), _folder_name(seen, path)),
            why=f"{path} (scripts.start)",
            command=tuple(start.split()) if direct else ("npm", "start"),
            directory=here,
            port=_port_in(program) or 3000,
            ready=_path_in(program),
            build=("npm", "ci") if locked else (),
        )


def _go(seen: Seen) -> Iterator[Guess]:
    for path in seen.named("go.mod"):
        here = folder(path)
        text = seen.texts.get(_below(here, "main.go"), "")
        if "package main" in text and "http." in text:
            yield Guess(
                name=_folder_name(seen, path),
                why=f"{path} and main.go",
                command=("go", "run", "."),
                directory=here,
                port=_port_in(text) or 8080,
                ready=_path_in(text),
            )


def _image(seen: Seen) -> Iterator[Guess]:
    for path in seen.named("Dockerfile"):
        image = containers.dockerfile(seen.texts.get(path, ""))
        if image.port or image.command:
            yield Guess(
                name=_folder_name(seen, path),
                why=path,
                command=tuple(_PORT_WORD.sub(PORT, word) for word in image.command),
                directory=folder(path),
                port=image.port,
                ready=image.ready,
            )


def _static(seen: Seen) -> Iterator[Guess]:
    for path in seen.named("index.html")[:1]:
        command = ("python3", "-m", "http.server", PORT, "--bind", LOOPBACK)
        yield Guess(
            name=label(seen.name), why=f"{path} (files)", command=command, directory=folder(path), port=8080
        )


def _without_nested_pages(guesses: list[Guess]) -> list[Guess]:
    """Leave out files that a program serves: a page beside or below the folder of one is no service of its own."""
    programs = [one for one in guesses if not one.why.endswith("(files)")]
    return programs or guesses


def _enriched(one: Guess, declared: containers.Declared, *, alone: bool) -> Guess:
    """Fill in what an image's file, a compose file or a manifest says of the port, readiness and name of it."""
    for other in declared.images:
        if other.where_folder == one.directory:
            one = replace(one, port=other.port or one.port, ready=one.ready or other.ready)
    for service in declared.services:
        if service.directory == one.directory or (alone and len(declared.services) == 1):
            one = replace(
                one, name=service.name, port=service.port or one.port, ready=one.ready or service.ready
            )
            break
    return one


_OWN_PYTHON = ".venv/bin/python"
_INSTALL = f"python3 -m venv .venv && {_OWN_PYTHON} -m pip install -qq --disable-pip-version-check -r requirements.txt"


def _installed(one: Guess, seen: Seen) -> Guess:
    """Give a Python service what its requirements.txt names: an environment in each release's own checkout.

    Only one at the repository's root, where the build runs.
    """
    if (
        one.directory != "."
        or one.build
        or one.command[:1] != ("python3",)
        or "requirements.txt" not in seen.files
    ):
        return one
    return replace(one, command=(_OWN_PYTHON, *one.command[1:]), build=("sh", "-c", _INSTALL))


def _named_apart(guesses: list[Guess]) -> Iterator[Guess]:
    taken: set[str] = set()
    for one in guesses:
        name, number = one.name, 2
        while name in taken:
            name, number = f"{one.name[:60]}-{number}", number + 1
        taken.add(name)
        yield replace(one, name=name)


def _folder_name(seen: Seen, path: str) -> str:
    here = folder(path)
    return label(seen.name if here == "." else PurePosixPath(here).name)


def _below(here: str, name: str) -> str:
    return (PurePosixPath(here) / name).as_posix()


def _port_in(text: str) -> int | None:
    """Find the port that a program falls back to: ``process.env.PORT || 3000``, ``":8080"``, ``listen(3000``."""
    found = re.search(
        r"PORT\w*\"?\)?\]?\s*(?:\|\||\?\?)\s*[\"']?(\d{2,5})|listen\(\s*(\d{2,5})|\":(\d{2,5})\"", text
    )
    port = next((int(one) for one in found.groups() if one), 0) if found else 0
    return port if 1 <= port <= 65535 else None


def _path_in(text: str) -> str | None:
    """Find a path that is there to tell whether the service is well."""
    found = re.search(r"[\"'](?:GET )?(/(?:healthz?|health[-_]?check|readyz?|livez|ping|status))[\"']", text)
    return found[1] if found else None
