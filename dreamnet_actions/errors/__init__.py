"""The error tree: every failure DreamNet can name, with its stable code, exit status and HTTP status.

::

    DreamNetError
    ├── ConfigError     exit 2   HTTP 400   the configuration is wrong; a person changes a file
    ├── RequestError    exit 3   HTTP 400   the request is wrong; the caller changes it (404, 413 by class)
    ├── RefusedError    exit 4   HTTP 403   understood and not allowed (401, 409 by class)
    ├── TemporaryError  exit 75  HTTP 503   may work later; carries ``retry_after`` in seconds
    └── PermanentError  exit 5   HTTP 502   a part of the outside world said no for good

Each class builds its message from its fields, so that the text is the same at every entrance. What is wrong with a
configuration has a module of its own (``configuration.py``). This package imports nothing else of DreamNet and may not:
everything else may import it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from dreamnet_actions.errors.words import unknown

BUG = 70
"""The exit status of a bug of ours (sysexits.h: EX_SOFTWARE), which nothing of the user's own ends with."""


class DreamNetError(Exception):
    """The root of every error that DreamNet raises on purpose.

    ``message`` says what is wrong, ``hint`` what to do, as plain text; ``findings`` more of it, as plain data.
    """

    code: ClassVar[str] = "dreamnet.error"
    exit_status: ClassVar[int] = BUG
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
