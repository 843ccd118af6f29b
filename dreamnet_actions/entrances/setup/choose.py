"""From what was recognised and what was asked for to what is set up. Pure; who asks and how is the entrance's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, get_args

from dreamnet_actions.config.source import PLACES
from dreamnet_actions.domain.spec.models import Config
from dreamnet_actions.entrances.setup.called import RUNNER, VARIABLES
from dreamnet_actions.entrances.setup.draft import Service
from dreamnet_actions.entrances.setup.recognise import Guess, label, words_of
from dreamnet_actions.entrances.setup.seen import Seen
from dreamnet_actions.entrances.setup.workflows import Wanted
from dreamnet_actions.errors import RequestInvalid
from dreamnet_actions.errors.words import nearest

AT_GITHUB = frozenset({"github-secrets", "github-variables"})
"""The kinds of sinks that no job's own token may write."""
HASHED = frozenset({"dotenv", "yaml", "json", "environment"})
"""The kinds of sources that know no versions."""
PORT = 8080
"""The port of a service of which none was recognised."""
_LATER = re.compile(r"helm|docker|compose|containers?", re.I)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What was given by flags; None means: take what was recognised, or ask."""

    service: str | None = None
    command: str | None = None
    port: int | None = None
    check: str | None = None

    @property
    def anything(self) -> bool:
        """Say whether a service was described by any flag."""
        return any(one is not None for one in (self.service, self.command, self.port, self.check))


def platform_name(text: str | None) -> str | None:
    """Answer the platform's name, None where none is given.

    Raises RequestInvalid for what is no name, or a kind that ``init`` does not write.
    """
    if text is None:
        return None
    if _LATER.fullmatch(text):
        raise RequestInvalid(
            [f"{text!r} is no name for the platform that init writes: its services are processes."],
            hint="Leave --platform out, or give the process platform a name of your own. "
            "For workloads of a cluster write --platform kubernetes, or --platform gke.",
        )
    return name(text, "--platform")


def name(text: str, flag: str) -> str:
    """Answer a name that the configuration takes. Raises RequestInvalid with one that it would take."""
    if label(text, otherwise="") != text:
        raise RequestInvalid(
            [f"{text!r} is no name; use a-z, 0-9 and '-', at most 63, and not 'self'."],
            hint=f"Write {flag} {label(text)}.",
        )
    return text


def formed(text: str, form: Any, flag: str) -> str:
    """Answer a text that has a form of the configuration's (``HttpAddress``, ``FileInside``). Raises RequestInvalid."""
    written = get_args(form)[1]
    try:
        return str(written.read(text))
    except ValueError as error:
        raise RequestInvalid([f"{flag}: {error}."], hint=f"Write {flag} {written.example}") from None


def chosen(guesses: Sequence[Guess], asked: Asked, seen: Seen) -> list[Guess]:
    """Choose the services to set up: all that were recognised, or the one that flags describe. Raises RequestInvalid
    where it is not clear which one that is."""
    if not asked.anything:
        return list(guesses)
    if asked.service is None:
        if len(guesses) > 1:
            flag = next(f"--{one}" for one in ("command", "port", "check") if getattr(asked, one) is not None)
            raise RequestInvalid(
                [f"{flag} is of one service, and there are {', '.join(one.name for one in guesses)}."],
                hint=f"Name it with --service {guesses[0].name}, or leave {flag} out and change the file afterwards.",
            )
        first = guesses[0] if guesses else Guess(name=label(seen.name), why="as asked for")
        return [first]
    wanted = name(asked.service, "--service")
    for one in guesses:
        if one.name == wanted:
            return [one]
    if asked.command is None and len(guesses) > 1:
        names = [one.name for one in guesses]
        near = nearest(wanted, names)
        raise RequestInvalid(
            [f"No service {wanted!r} was recognised; there are {', '.join(names)}."],
            hint=f"Did you mean {near!r}? " * bool(near)
            + "Name one of these, or say how it starts with --command.",
        )
    base = guesses[0] if len(guesses) == 1 else Guess(name=wanted, why="as asked for")
    return [replace(base, name=wanted)]


def service(guess: Guess, asked: Asked) -> Service | None:
    """Join a guess with what was asked for; None where nobody knows how it starts."""
    command = guess.command if asked.command is None else command_of(asked.command)
    if not command:
        return None
    port = asked.port or guess.port or PORT
    ready = guess.ready
    return Service(
        name=guess.name,
        command=command,
        port=port,
        check=asked.check or f"http://127.0.0.1:{port}{ready or '/'}",
        directory=guess.directory,
        ready=ready,
        build=guess.build,
        why=guess.why,
    )


def command_of(line: str) -> tuple[str, ...]:
    """Split a command line. Raises RequestInvalid for one that is empty or whose quotes do not close."""
    try:
        words = words_of(line)
    except ValueError as error:
        raise RequestInvalid([f"The command {line!r} cannot be split into words: {error}."]) from None
    if not words:
        raise RequestInvalid(["The command is empty."], hint="Write --command 'PROGRAM ARGUMENT…'.")
    return words


def ports_apart(services: Iterable[Service]) -> list[Service]:
    """Give each service an address of its own: the next free port where two guesses fell on one."""
    taken: set[int] = set()
    apart = []
    for one in services:
        port = one.port
        while port in taken:
            port = port + 1 if port < 65535 else 1024
        taken.add(port)
        moved = one.check.replace(f"http://127.0.0.1:{one.port}/", f"http://127.0.0.1:{port}/", 1)
        apart.append(replace(one, port=port, check=moved))
    return apart


def wanted_of(
    config: Config,
    *,
    branch: str | None,
    otherwise: str | None,
    ref: str,
    runner: str = RUNNER,
    schedule: str | None = None,
) -> Wanted:
    """Answer what the callers of a configuration have to be written for.

    ``branch`` wins over the one that the configuration deploys; ``otherwise`` counts where it deploys none.
    """
    released = [
        one.release.branch for one in config.services.values() if one.release and one.release.repository
    ]
    platforms = [one.options for one in config.platforms.values()]
    base = Wanted(
        branch=branch or (released[0] if released else otherwise or "main"),
        services=tuple(config.services),
        with_env=bool(config.env),
        ref=ref,
        runner=runner,
        kubeconfig=any(getattr(one, "kubeconfig", "") is None for one in platforms),
        prometheus=token_variable(config) == VARIABLES["prometheus-token"],
        federated=bool(federated_platforms(config)),
        federated_values=bool(federated_sources(config)),
        secrets_token=any(one.kind in AT_GITHUB for entry in config.env.values() for one in entry.to),
        proposals=proposals(config),
    )
    return replace(base, schedule=schedule) if schedule else base


def proposals(config: Config) -> tuple[str, ...]:
    """Answer the files whose change in a pull request changes what EnvKeeper does; none where it has nothing to do."""
    sources = [getattr(one.from_.options, one.from_.kind, None) for one in config.env.values()]
    files = [one for one in dict.fromkeys(sources) if isinstance(one, str) and one]
    return (*PLACES, *files) if config.env else ()


def federated_platforms(config: Config) -> list[str]:
    """Answer the platforms that take a token of GitHub's, by name."""
    return [name for name, one in config.platforms.items() if _provider_of(one.options) is not None]


def federated_sources(config: Config) -> list[str]:
    """Answer the env entries whose source takes a token of GitHub's, by name."""
    return [name for name, one in config.env.items() if _provider_of(one.from_.options) is not None]


def _provider_of(options: object) -> object:
    """Answer the provider that options name, themselves or one level below."""
    below = [getattr(options, one.name) for one in fields(options)] if is_dataclass(options) else []
    found = (getattr(one, "identity_provider", None) for one in (options, *below))
    return next((one for one in found if one is not None), None)


def token_variable(config: Config) -> str | None:
    """Answer the variable that holds the token for the source of numbers; None where none is named."""
    found: str | None = getattr(getattr(config.metrics, "prometheus", None), "token_variable", None)
    return found
