"""SecretManagerSource: secret values from Google's Secret Manager (the port ``SecretSource``).

**What it costs.** An access is billed ($0.03 for 10,000) and a project may make 90,000 a minute; a read of metadata
is free, and a project may make 600 a minute (https://cloud.google.com/secret-manager/pricing and /quotas). For N
names:

- ``resolve`` is N × GetSecretVersion: N reads, no access. Nothing cheaper tells what ``latest`` is: ListSecrets holds
  no versions (and nobody promises that a secret's etag changes with one), ListSecretVersions is one call a secret,
  too, and answers more. So 600 names are looked up in one minute, and N beyond that wait N/600 minutes.
- ``access`` is N accesses, and is asked only for what changed: nothing changed, nothing billed.
- ``names`` is one ListSecrets for up to 25,000 secrets. An entry whose ``keys`` name its secrets never lists.

At most eight calls are under way at once: 200 names at 20 ms a call take half a second.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, ClassVar, TypeVar

from dreamnet_actions.adapters.gcp import secrettroubles as troubles
from dreamnet_actions.adapters.gcp.identity import Identity
from dreamnet_actions.adapters.gcp.options import SecretManagerOptions, SecretManagerSourceOptions
from dreamnet_actions.adapters.gcp.secretcalls import Calls
from dreamnet_actions.adapters.googlecloud import address
from dreamnet_actions.domain.secret import Ref, SecretValue, Versioned
from dreamnet_actions.errors import DreamNetError, NotFound, PermanentError, TemporaryError
from dreamnet_actions.ports.site import Site

AT_ONCE = 8
"""Calls under way at the same time."""
PAGE = 25_000
"""Secrets that one ListSecrets answers at most."""
LATEST = "latest"
NEEDED = {"secretmanager.versions.get": "look", "secretmanager.versions.access": "read"}
"""What an identity has to be allowed on each secret, and in which step of ours."""
T = TypeVar("T")


class SecretManagerSource:
    """The secrets of one project, global or of one region. A version is the service's own number."""

    WRITES: ClassVar[frozenset[str]] = frozenset()
    kind: str = "gcp-secret-manager"

    def __init__(self, options: SecretManagerOptions, calls: Calls, identity: Identity) -> None:
        self.options, self._calls, self._identity = options, calls, identity
        self.parent = f"projects/{options.project}"
        if options.location:
            self.parent += f"/locations/{options.location}"

    @classmethod
    def at(cls, options: SecretManagerSourceOptions, site: Site) -> SecretManagerSource:
        """Make the source of the project that the options name; nothing is asked yet."""
        wanted = options.gcp_secret_manager
        identity = Identity(
            wanted,
            environ=site.environ,
            root=site.root,
            now=site.clock.now,
            mask=site.reporter.mask if site.reporter else lambda _: None,
            needs=("A source of kind gcp-secret-manager", "gcp"),
        )
        place = address("secretmanager", site.environ, location=wanted.location or "")
        say = site.reporter.say if site.reporter else lambda _: None
        calls = Calls(place, identity, environ=site.environ, clock=site.clock, say=say)
        return cls(wanted, calls, identity)

    # ── The port ────────────────────────────────────────────────────────────────────────────────────────

    def names(self, labels: Mapping[str, str] | None = None) -> Collection[str]:
        """Answer the ids of the secrets that the options' filter and labels, and these ``labels``, leave."""
        wanted = {**self.options.labels, **(labels or {})}
        parts = [f"({self.options.filter})"] if self.options.filter else []
        parts += [
            f"labels.{key}={json.dumps(value, ensure_ascii=False)}" for key, value in sorted(wanted.items())
        ]
        return self._list(" AND ".join(parts))

    def resolve(self, refs: Collection[Ref]) -> Mapping[Ref, str]:
        """Answer the number that each ref's version has now; each can be read, as far as its state goes."""
        return self._each(refs, self._number)

    def access(self, refs: Collection[Ref]) -> Mapping[Ref, Versioned]:
        """Answer values, each as its checksum says that it is."""
        return self._each(refs, self._value)

    def close(self) -> None:
        """Let go of the connection."""
        self._calls.close()

    def who(self) -> str:
        """Answer who asks: an account's address or a principal, as far as it is known."""
        return self._identity.who()

    def reach(self, names: Collection[str]) -> Iterator[tuple[str, DreamNetError | None]]:
        """Say of each secret whether the identity may see and read it, and what stands in the way (for the doctor).
        Free of charge: no value is read."""
        for name in sorted(names):
            try:
                resource = f"{self.parent}/secrets/{name}"
                request = {"resource": resource, "permissions": list(NEEDED)}
                with self._told("look"):
                    held = self._calls.call("test_iam_permissions", request).permissions
                for permission, step in NEEDED.items():
                    if permission not in held:
                        raise troubles.denied([name], self._case(step))
                self._number(Ref(name))
            except DreamNetError as error:
                yield name, error
            else:
                yield name, None

    # ── One secret ──────────────────────────────────────────────────────────────────────────────────────

    def _number(self, ref: Ref) -> str:
        found = self._version("get_secret_version", ref, "look")
        number, state = _last(found.name), found.state.name
        if state == "ENABLED":
            return number
        if ref.version == LATEST and self.options.disabled == "former":
            return self._former(ref.name, number, state)
        raise troubles.not_enabled(ref.name, number, state, ref.version == LATEST, self._case("look"))

    def _former(self, name: str, newest: str, state: str) -> str:
        """Answer the newest version that is enabled: a list has the newest first."""
        request = {"parent": f"{self.parent}/secrets/{name}", "filter": "state:ENABLED", "page_size": 1}
        with self._told("look", name):
            found = list(self._calls.call("list_secret_versions", request).versions)
        if not found:
            raise troubles.not_enabled(name, newest, state, False, self._case("look"))
        return _last(found[0].name)

    def _value(self, ref: Ref, again: bool = True) -> Versioned:
        from google.api_core import exceptions

        try:
            found = self._version("access_secret_version", ref, "read")
        except exceptions.FailedPrecondition as error:
            # Somebody disabled or destroyed it since it was looked at; or nobody looked.
            if ref.version == LATEST and self.options.disabled == "former" and again:
                return self._value(Ref(ref.name, self._number(ref)), again=False)
            state = next((one for one in ("DISABLED", "DESTROYED") if one in error.message), "not enabled")
            latest = ref.version == LATEST
            raise troubles.not_enabled(ref.name, ref.version, state, latest, self._case("read")) from error
        import google_crc32c

        data = bytes(found.payload.data)
        if google_crc32c.value(data) == found.payload.data_crc32c:
            return Versioned(value=SecretValue.of(data), version=_last(found.name))
        if again:
            return self._value(ref, again=False)
        raise TemporaryError(
            f"The value of {ref.name} came damaged twice: it has not the checksum that came with it.",
            hint="Nothing was written. Something between here and Secret Manager alters what is sent; run again.",
        )

    def _version(self, method: str, ref: Ref, step: str) -> Any:
        from google.api_core import exceptions

        try:
            with self._told(step, ref.name):
                name = f"{self.parent}/secrets/{ref.name}/versions/{ref.version}"
                return self._calls.call(method, {"name": name})
        except exceptions.NotFound as error:
            raise troubles.no_version(ref.name, ref.version, self._case(step)) from error

    # ── Many ────────────────────────────────────────────────────────────────────────────────────────────

    def _list(self, filter_: str) -> frozenset[str]:
        found: set[str] = set()
        request: dict[str, Any] = {"parent": self.parent, "filter": filter_, "page_size": PAGE}
        while True:
            with self._told("list"):
                # Page by page, and not by the client's own pager: each with a token that is good then.
                page = self._calls.call("list_secrets", request)
            found |= {_last(one.name) for one in page.secrets}
            if not page.next_page_token:
                return frozenset(found)
            request = {**request, "page_token": page.next_page_token}

    def _each(self, refs: Collection[Ref], ask: Callable[[Ref], T]) -> Mapping[Ref, T]:
        """Ask for each, ``AT_ONCE`` together: all, or an error that tells of every secret that something is wrong
        with. An outage ends it at once."""
        wanted = sorted(set(refs), key=lambda one: (one.name, one.version))
        if not wanted:
            return {}
        self._identity.token()  # once: where there is none to be had, eight need not find it out one after the other
        halt = threading.Event()

        found: dict[Ref, T] = {}
        errors: list[DreamNetError] = []

        def one(ref: Ref) -> None:
            if halt.is_set():
                return
            try:
                found[ref] = ask(ref)
            except (NotFound, PermanentError, troubles.SecretDenied) as error:
                errors.append(error)
            except BaseException:
                halt.set()
                raise

        with ThreadPoolExecutor(min(AT_ONCE, len(wanted)), thread_name_prefix="secrets") as pool:
            list(pool.map(one, wanted))
        if errors:
            raise self._all_of(sorted(errors, key=str))
        return {ref: found[ref] for ref in wanted}

    def _all_of(self, errors: list[DreamNetError]) -> DreamNetError:
        """Answer one error for many: who lacks a role is told of each secret, and what is not there is looked for."""
        refused = [one for one in errors if isinstance(one, troubles.SecretDenied)]
        lost = [one for one in errors if isinstance(one, troubles.NoVersion) and one.latest]
        if not refused and not lost:
            return errors[0] if len(errors) == 1 else troubles.together(errors)
        try:
            there: frozenset[str] | None = self._list("")
        except DreamNetError:
            there = None  # whoever may read single secrets need not be allowed to list them
        doubtful = [name for one in refused for name in one.names] + [
            name for one in lost for name in one.names
        ]
        gone = [name for name in doubtful if there is not None and name not in there]
        if gone:
            return troubles.missing(gone, there or frozenset(), self._case("look"))
        if refused:
            return troubles.denied(
                [name for one in refused for name in one.names], self._case(refused[0].step)
            )
        return errors[0] if len(errors) == 1 else troubles.together(errors)

    @contextmanager
    def _told(self, step: str, name: str | None = None) -> Iterator[None]:
        """Put a refusal in our words; what it means that a version is not there or not enabled, the caller knows."""
        from google.api_core import exceptions

        try:
            yield
        except (exceptions.NotFound, exceptions.FailedPrecondition) as error:
            if name is None:
                raise troubles.said(error, self._case(step)) from error
            raise
        except exceptions.GoogleAPICallError as error:
            if isinstance(error, exceptions.PermissionDenied) and error.reason == "IAM_PERMISSION_DENIED":
                raise troubles.denied([name] if name else [], self._case(step)) from error
            raise troubles.said(error, self._case(step)) from error

    def _case(self, step: str) -> troubles.Case:
        return troubles.Case(
            project=self.options.project, location=self.options.location, who=self._identity.who(), step=step
        )


def _last(name: str) -> str:
    """Answer the last part of a resource's name."""
    return name.rpartition("/")[2]
