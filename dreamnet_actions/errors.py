"""The error tree: every failure DreamNet can name, with its stable code, exit status and HTTP status.

::

    DreamNetError
    ├── ConfigError     exit 2   HTTP 400   the configuration is wrong; a person changes a file
    ├── RequestError    exit 3   HTTP 400   the request is wrong; the caller changes it (404, 413 by class)
    ├── RefusedError    exit 4   HTTP 403   understood and not allowed (401, 409 by class)
    ├── TemporaryError  exit 75  HTTP 503   may work later; carries ``retry_after`` in seconds
    └── PermanentError  exit 5   HTTP 502   a part of the outside world said no for good

Each class builds its message from its fields, so that the text is the same at every entrance. This module
imports nothing of DreamNet and may not: everything else may import it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Answer the one of ``known`` most like ``name``, or None when nothing is near.

    Uses difflib's ratio with its documented cutoff of 0.6.
    """
    import difflib  # late: a start without a mistake does not pay for it

    found = difflib.get_close_matches(name.lower(), {one.lower(): one for one in known}, n=1)
    lowered = {one.lower(): one for one in known}
    return lowered[found[0]] if found else None


def unknown(kind: str, name: object, known: Iterable[str]) -> str:
    """Say that ``name`` is no known ``kind``, list what is known and suggest the nearest."""
    names = sorted(known)
    text = f"Unknown {kind} {name!r}. Known: {', '.join(names) if names else 'none'}."
    suggestion = nearest(str(name), names)
    return f"{text} Did you mean {suggestion!r}?" if suggestion else text


class DreamNetError(Exception):
    """The root of every error that DreamNet raises on purpose.

    ``message`` says what is wrong, ``hint`` what to do, as plain text; ``findings`` more of it, as plain data.
    """

    code: ClassVar[str] = "dreamnet.error"
    exit_status: ClassVar[int] = 70
    http_status: ClassVar[int] = 500
    findings: Sequence[Mapping[str, object]] = ()

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def docs(self) -> str:
        """The page that explains this error, as a path below the repository's root."""
        return f"docs/errors/{self.code}.md"


# ── Configuration ────────────────────────────────────────────────────────────────────────────────────────


class ConfigError(DreamNetError):
    """The configuration cannot be used as it is."""

    code = "config.invalid"
    exit_status = 2
    http_status = 400


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake in a file: where it stands (``line`` and ``column`` count from 1) and what is wrong."""

    file: str
    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        where = f" ({self.path})" if self.path else ""
        return f"{self.file}:{self.line}:{self.column}: {self.message}{where}"


class ConfigInvalid(ConfigError):
    """A configuration file holds mistakes; all of them are listed, in the order of their lines."""

    code = "config.invalid"

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(sorted(mistakes, key=lambda one: (one.file, one.line, one.column)))
        count = len(self.mistakes)
        listed = "\n".join(str(one) for one in self.mistakes)
        super().__init__(
            f"{count} mistake{'s' if count != 1 else ''} in the configuration:\n{listed}",
            hint="Mend the lines above, then run 'dreamnet validate'.",
        )


class ConfigMissing(ConfigError):
    """No configuration file was found where one was looked for."""

    code = "config.missing"

    def __init__(self, looked: Sequence[str]) -> None:
        self.looked = tuple(looked)
        super().__init__(
            f"No configuration found. Looked for: {', '.join(self.looked)}.",
            hint="Run 'dreamnet init', or write dreamnet.yml with 'version: 1' and your services "
            "(docs/configuration.md), or name a file with --config.",
        )


class ConfigLacks(ConfigError):
    """The configuration is valid but lacks what a request names; ``lines`` shows what to add."""

    code = "config.lacks"

    def __init__(self, what: str, known: Iterable[str], *, lines: str, section: str) -> None:
        self.lines = lines
        super().__init__(
            f"The configuration has no {what}. It has in {section!r}: {', '.join(sorted(known)) or 'none'}.",
            hint=f"Add to the configuration:\n{lines}",
        )


class ExtraMissing(ConfigError):
    """A package or program that only an extra of DreamNet's brings is not installed."""

    code = "config.extra"

    def __init__(self, what: str, needs: str, extra: str) -> None:
        super().__init__(
            f"{what} needs {needs}, which is not installed.",
            hint=f"Run: pip install 'dreamnet[{extra}]'\nIn a checkout of DreamNet: bash scripts/setup.sh extras",
        )


class ConfigTooNew(ConfigError):
    """The file's ``version`` is newer than this DreamNet understands."""

    code = "config.too-new"

    def __init__(self, version: object, newest: int) -> None:
        super().__init__(
            f"The configuration has version {version!r}; this DreamNet understands up to {newest}.",
            hint="Update DreamNet, or use the version of the file that it understands.",
        )


# ── Request ──────────────────────────────────────────────────────────────────────────────────────────────


class RequestError(DreamNetError):
    """The request cannot be understood or names what is not there."""

    code = "request.invalid"
    exit_status = 3
    http_status = 400


class RequestInvalid(RequestError):
    """A request holds mistakes; all of them are in ``mistakes``, one sentence each."""

    code = "request.invalid"

    def __init__(self, mistakes: Sequence[str], *, hint: str = "") -> None:
        self.mistakes = tuple(mistakes)
        super().__init__(
            " ".join(self.mistakes),
            hint=hint
            or "The form of a request is in docs/requests.md; "
            '{"agent": "dreamkeeper", "input": {"check": "dreamnet-health", "target": "self"}} is one.',
        )


class NotFound(RequestError):
    """The request names something (a dream, message, release, flag) that does not exist."""

    code = "request.not-found"
    http_status = 404

    def __init__(self, kind: str, name: str, known: Iterable[str] = ()) -> None:
        self.kind, self.name = kind, name
        super().__init__(unknown(kind, name, known))


class NothingBefore(NotFound):
    """Something is to go back, and there is nothing before it: no former release, no former values."""

    code = "request.nothing-before"

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"former {kind} of", name)
        self.message = f"{name} has no former {kind} to go back to."
        self.hint = "There is something to go back to once it was changed a second time."
        self.args = (self.message,)


class RequestTooLarge(RequestError):
    """The request's body is larger than the limit."""

    code = "request.too-large"
    http_status = 413

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"The request has {size} bytes; at most {limit} are taken.", hint="Send less.")


# ── Refusal ──────────────────────────────────────────────────────────────────────────────────────────────


class RefusedError(DreamNetError):
    """The request is understood and will not be done."""

    code = "refused.not-allowed"
    exit_status = 4
    http_status = 403


class Unauthenticated(RefusedError):
    """The caller did not prove who it is (bearer key or signature), or DreamNet's own token is not accepted (any more).
    The latter says nothing about what the token was needed for: a message waits."""

    code = "refused.unauthenticated"
    http_status = 401

    def __init__(self, why: str, *, hint: str) -> None:
        super().__init__(why, hint=hint)


class PermissionMissing(RefusedError):
    """DreamNet's own token lacks a permission. That says nothing about what it was needed for: a message waits."""

    code = "refused.permission"


ABOUT_OUR_TOKEN: tuple[type[DreamNetError], ...] = (PermissionMissing, Unauthenticated)
"""Refusals of what DreamNet itself asked for, with its own token: it lacks a permission, or it expired in the middle of
a run. Nothing is wrong with the message that was being worked on."""


class IdReused(RefusedError):
    """The same request id came with another body."""

    code = "refused.id-reused"
    http_status = 409

    def __init__(self, request_id: str) -> None:
        super().__init__(
            f"The id {request_id!r} was already used for a request with another body.",
            hint="Send a fresh id, or the former body again.",
        )


class TooManyHops(RefusedError):
    """A message has passed through more keepers than the hop limit allows."""

    code = "refused.too-many-hops"
    http_status = 409

    def __init__(self, hops: int, limit: int) -> None:
        super().__init__(
            f"The message has made {hops} hops; at most {limit} are allowed.",
            hint="Look at 'dreamnet messages' for the loop, and mend the route that closes it.",
        )


class Conflict(RefusedError):
    """Somebody else changed the same thing first (a compare-and-set lost)."""

    code = "refused.conflict"
    http_status = 409

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} was changed by somebody else meanwhile.", hint="Read it again and retry.")


class BudgetSpent(RefusedError):
    """A budget, cool-down or floor forbids the write now."""

    code = "refused.budget"
    http_status = 409

    def __init__(self, why: str, *, hint: str = "A person may do it by hand, or raise the budget.") -> None:
        super().__init__(why, hint=hint)


# ── Temporary ────────────────────────────────────────────────────────────────────────────────────────────


class TemporaryError(DreamNetError):
    """Something of ours or of the world's is not ready; the same request may work later.

    ``retry_after`` is in seconds.
    """

    code = "temporary.unavailable"
    exit_status = 75
    http_status = 503

    def __init__(self, message: str, *, hint: str = "", retry_after: float = 10.0) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class Paused(TemporaryError):
    """DreamNet is paused: nothing is written until somebody resumes it."""

    code = "temporary.paused"

    def __init__(self, by: str, since: str) -> None:
        super().__init__(
            f"DreamNet is paused by {by} since {since}; nothing is written.",
            hint="Run 'dreamnet resume' (or clear DREAMNET_PAUSED), then send the request again.",
            retry_after=60.0,
        )


class Leased(TemporaryError):
    """Somebody else holds the lease on the same request or service."""

    code = "temporary.leased"

    def __init__(self, what: str, holder: str) -> None:
        super().__init__(f"{what} is being worked on by {holder}.", hint="Wait for it, then ask again.")


class DeadlineExceeded(TemporaryError):
    """A wait of ours reached its limit; ``seconds`` is that limit."""

    code = "temporary.deadline"

    def __init__(self, what: str, seconds: float) -> None:
        super().__init__(f"Waited {seconds:g} s for {what}, and it did not come.", hint="See the logs of it.")


# ── Permanent ────────────────────────────────────────────────────────────────────────────────────────────


class PermanentError(DreamNetError):
    """A part of the outside world failed in a way that trying again does not mend."""

    code = "permanent.failed"
    exit_status = 5
    http_status = 502


class CommandFailed(PermanentError):
    """A command of the user's (a build, a git call) ended with an error; ``tail`` is its last output."""

    code = "permanent.command-failed"

    def __init__(self, command: str, status: int, tail: str) -> None:
        self.status, self.tail = status, tail
        super().__init__(f"{command!r} ended with status {status}. Its last lines:\n{tail}")


class PlatformFailed(PermanentError):
    """A platform could not do what it was told."""

    code = "permanent.platform"


class ReleaseFailed(PlatformFailed):
    """What has to be done before a release goes out (a migration) failed, and nothing of it is out."""

    code = "permanent.platform"


class StateDamaged(PermanentError):
    """A file of DreamNet's own state cannot be read."""

    code = "permanent.state-damaged"

    def __init__(self, file: str, why: str) -> None:
        super().__init__(
            f"{file} cannot be read: {why}.",
            hint="Move it away to start afresh; keep it if you want to know what happened.",
        )


class JournalDamaged(StateDamaged):
    """A file of the journal's branch cannot be read, or the branch is not what DreamNet left there."""

    code = "permanent.state-damaged"

    def __init__(self, file: str, why: str, *, hint: str = "") -> None:
        super().__init__(file, why)
        self.hint = hint or (
            "'dreamnet --home github journal verify' tells all that is wrong, 'dreamnet --home github journal repair' "
            "mends it and throws nothing away. Nothing is wrong with your services because of this."
        )
