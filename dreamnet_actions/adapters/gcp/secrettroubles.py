"""What Secret Manager's refusals mean, in plain words, with the line that mends each."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from dreamnet_actions.adapters.gcp.troubles import member
from dreamnet_actions.errors import (
    ConfigError,
    DreamNetError,
    NotFound,
    PermanentError,
    PermissionMissing,
    Unauthenticated,
)

VIEWER, ACCESSOR = "roles/secretmanager.viewer", "roles/secretmanager.secretAccessor"
_MOST = 10
"""Names or commands that one message lists."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """What was asked: where, by whom, and in which step of ours. ``step`` is ``list``, ``look`` or ``read``."""

    project: str
    location: str | None
    who: str
    step: str

    @property
    def where(self) -> str:
        """The place, for people."""
        return f"{self.project} ({self.location})" if self.location else self.project

    @property
    def flags(self) -> str:
        """The place, for gcloud."""
        return f"--project {self.project}" + (f" --location {self.location}" if self.location else "")

    @property
    def grantee(self) -> str:
        """Who is to be given a role."""
        return member(self.who) if self.who else "serviceAccount:NAME@PROJECT.iam.gserviceaccount.com"


class SecretDenied(PermissionMissing):
    """The identity lacks a role on the secrets ``names``, or they are not there: the service does not tell which."""

    def __init__(self, message: str, *, hint: str, names: Sequence[str], step: str) -> None:
        super().__init__(message, hint=hint)
        self.names, self.step = tuple(names), step


class NoVersion(NotFound):
    """A secret has no such version. ``latest``: it has none at all, or is not there."""

    def __init__(self, name: str, version: str, case: Case) -> None:
        super().__init__(f"version of {name} in {case.where}", version)
        self.names, self.latest = (name,), version == "latest"
        if self.latest:
            self.message = f"There is no secret {name} in {case.where}, or it has no version yet."
            self.hint = f"Run: gcloud secrets versions add {name} {case.flags} --data-file=FILE"
        else:
            self.message = f"{name} in {case.where} has no version or alias {version!r}."
            self.hint = f"Run: gcloud secrets versions list {name} {case.flags}"
        self.args = (self.message,)


def denied(names: Sequence[str], case: Case) -> PermissionMissing:
    """The identity lacks a role; ``names`` are the secrets (none: the project itself)."""
    who = case.who or "This identity"
    if case.step == "list":
        return PermissionMissing(
            f"{who} may not list the secrets of {case.where} (secretmanager.secrets.list).",
            hint=f"Run: gcloud projects add-iam-policy-binding {case.project} --role {VIEWER} "
            f"--member '{case.grantee}'\n"
            "or name each secret under 'keys' of the entry: then nothing is listed.",
        )
    role, permission, may = (
        (ACCESSOR, "access", "read the value of")
        if case.step == "read"
        else (VIEWER, "get", "see the versions of")
    )
    told = ", ".join(names[:_MOST]) + (f" and {len(names) - _MOST} more" if len(names) > _MOST else "")
    commands = [
        f"gcloud secrets add-iam-policy-binding {name} {case.flags} --role {role} --member '{case.grantee}'"
        for name in names[:_MOST]
    ]
    return SecretDenied(
        f"{who} may not {may} {told} in {case.where}, or there is no such secret "
        f"(secretmanager.versions.{permission}).",
        hint="Run: " + "\n     ".join(commands),
        names=names,
        step=case.step,
    )


def missing(names: Sequence[str], known: Collection[str], case: Case) -> NotFound:
    """There are no such secrets. ``known`` are those that there are, as far as we may list them."""
    near = [one for name in names for one in difflib.get_close_matches(name, known, n=3)]
    shown = list(dict.fromkeys(near)) or sorted(known)[:_MOST]
    error = NotFound(f"secret of {case.where}", ", ".join(names[:_MOST]), shown[:_MOST])
    if not known:
        error.hint = f"Run: gcloud secrets list {case.flags}"
    return error


def no_version(name: str, version: str, case: Case) -> NoVersion:
    """The secret has no such version, or none at all yet."""
    return NoVersion(name, version, case)


def together(errors: Sequence[DreamNetError]) -> DreamNetError:
    """Answer one error that tells all of them, of the first one's class as far as its exit status goes."""
    message = "\n".join(one.message for one in errors[:_MOST])
    more = f"\nand {len(errors) - _MOST} more" if len(errors) > _MOST else ""
    hint = "\n".join(dict.fromkeys(one.hint for one in errors[:_MOST] if one.hint))
    return PermanentError(message + more, hint=hint)


def not_enabled(name: str, version: str, state: str, latest: bool, case: Case) -> PermanentError:
    """A version is there and cannot be read. ``latest``: it was asked for as the newest one."""
    word = state.lower()
    hint = f"Run: gcloud secrets versions add {name} {case.flags} --data-file=FILE"
    if state == "DISABLED":
        hint = f"Run: gcloud secrets versions enable {version} --secret {name} {case.flags}"
    if latest:
        hint += "\nor take the newest enabled one, by 'disabled: former' of the source."
    which = f"The newest version of {name} ({version})" if latest else f"Version {version} of {name}"
    return PermanentError(f"{which} in {case.where} is {word}. Nothing was written.", hint=hint)


def said(error: Any, case: Case) -> DreamNetError:
    """Answer what any other refusal means: ``error`` is a GoogleAPICallError."""
    from google.api_core import exceptions

    words = " ".join(str(error.message).split())[:400]
    if isinstance(error, exceptions.Unauthenticated):
        return Unauthenticated(
            f"Google does not take our token: {words}",
            hint="Run again; dreamnet doctor looks at each part.",
        )
    if getattr(error, "reason", None) == "SERVICE_DISABLED":
        return PermissionMissing(
            f"The Secret Manager API is switched off in the project {case.project}.",
            hint=f"Run: gcloud services enable secretmanager.googleapis.com --project {case.project}",
        )
    if isinstance(error, exceptions.PermissionDenied):
        return PermissionMissing(
            f"{case.who or 'This identity'} may not use Secret Manager of {case.where}: {words}",
            hint="docs/secret-manager.md tells which roles are needed.",
        )
    if isinstance(error, exceptions.InvalidArgument):
        return ConfigError(
            f"Secret Manager does not take what was asked of {case.where}: {words}",
            hint="Look at 'filter', 'labels' and the names under 'keys'.",
        )
    return PermanentError(f"Secret Manager of {case.where} answered: {words}")
