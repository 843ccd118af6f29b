"""The Kubernetes API as this family uses it: JSON over the official client's connections, errors translated.

Objects are plain dictionaries, as the API has them: the client's typed models take most of a second to import and most
of the time of a large list to build. Credentials, TLS, proxies and exec plugins are those of the official client.
"""

from __future__ import annotations

import builtins
import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from dreamnet_actions.adapters.kubernetes.access import advice, renewed
from dreamnet_actions.adapters.kubernetes.kinds import path_of
from dreamnet_actions.adapters.kubernetes.troubles import Asked, Expired, Missing, said, trouble
from dreamnet_actions.adapters.kubernetes.wire import as_yaml, keep_alive
from dreamnet_actions.errors import Conflict, DreamNetError, PermissionMissing, TemporaryError

if TYPE_CHECKING:
    from kubernetes.client import Configuration

MANAGER = "dreamnet"
"""Our field manager (kubernetes.io/docs/reference/using-api/server-side-apply)."""
TIMEOUT = 30.0
"""Seconds for one request that is no watch."""
STARTING = 5.0
"""Seconds for which a server is asked again that refuses everything: one that has just started has not read its Roles
yet."""
AGAIN = 0.25
"""Seconds between two of these tries."""
RACES = 10
"""How often a patch is sent whose race with others the server lost; it tries five times each
(k8s.io/apiserver, handlers/patch.go)."""
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
Object = dict[str, Any]


class Api:
    """One namespace of one cluster. Safe to use from many threads; ``close`` ends what other threads wait for."""

    def __init__(self, configuration: Configuration, namespace: str) -> None:
        from kubernetes.client.rest import RESTClientObject  # late: it takes a third of a second
        from urllib3.connection import HTTPConnection

        configuration.retries = False  # what may be tried again is decided above this
        configuration.socket_options = [*HTTPConnection.default_socket_options, *keep_alive()]
        self.namespace = namespace
        self.where = str(configuration.host)
        self._configuration = configuration
        self._client: Any = RESTClientObject(configuration)  # it has no types
        self._lock = threading.Lock()
        self._open: set[Any] = set()
        self._allowed: set[tuple[str, str]] = set()
        """What the server has let us do so far: method (or ``watch``) and path."""
        self._knows_us = False
        """Whether it has let us do anything in the namespace: then it knows its Roles, and ours among them."""
        self._refuses_since: float | None = None
        self._closing = threading.Event()
        self.closed = False
        self.before_write: Callable[[], None] = lambda: None
        """Called before each request that changes something; what it raises stops it."""

    # ── Objects ─────────────────────────────────────────────────────────────────────────────────────────

    def get(self, version: str, kind: str, name: str) -> Object | None:
        """Answer an object, or None where there is none."""
        try:
            return self.request("GET", self.path(version, kind, name))
        except Missing:
            return None

    def list(self, version: str, kind: str, *, labels: str = "", fields: str = "") -> Object:
        """Answer the list of a kind in the namespace, from the newest state, with its ``resourceVersion``."""
        chosen = {"labelSelector": labels, "fieldSelector": fields}
        query = {name: value for name, value in chosen.items() if value}
        return self.request("GET", self.path(version, kind), query=query)

    def apply(self, wanted: Mapping[str, Any], *, force: bool = False, dry_run: bool = False) -> Object:
        """Apply an object by server-side apply, as the manager ``dreamnet``. Raises ApplyConflict where fields belong
        to others and ``force`` is not said."""
        name = wanted["metadata"]["name"]
        query = {"fieldManager": MANAGER, "force": str(force).lower()}
        if dry_run:
            query["dryRun"] = "All"
        path = self.path(wanted["apiVersion"], wanted["kind"], name)
        return self._written(path, query, wanted, APPLY)

    def create(self, wanted: Mapping[str, Any], *, dry_run: bool = False) -> Object | None:
        """Create an object; None where one of that name is there already. ``dry_run``: only see whether it would be."""
        path = self.path(wanted["apiVersion"], wanted["kind"])
        query = {"fieldManager": MANAGER} | ({"dryRun": "All"} if dry_run else {})
        try:
            return self.request("POST", path, query=query, body=wanted)
        except Conflict:
            return None

    def patch(self, path: str, change: Mapping[str, Any], *, form: str = MERGE) -> Object:
        """Patch what is at ``path`` (of ``path``) as the manager ``dreamnet``."""
        return self._written(path, {"fieldManager": MANAGER}, change, form)

    def _written(self, path: str, query: Mapping[str, str], body: Mapping[str, Any], form: str) -> Object:
        """Patch what is at ``path``. Where the body asks for no certain state of the object, a Conflict only says that
        the server itself lost its race with others too often: then it is asked again, a few times."""
        certain = {"resourceVersion", "uid"} & set(body.get("metadata") or {})
        for _ in range(0 if certain else RACES - 1):
            with contextlib.suppress(Conflict):
                return self.request("PATCH", path, query=query, body=body, form=form)
        return self.request("PATCH", path, query=query, body=body, form=form)

    def delete(
        self, version: str, kind: str, name: str, *, propagation: str = "Background", uid: str = ""
    ) -> None:
        """Delete an object and what it owns; one that is not there is no error, nor is one with another ``uid``."""
        body: Object = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        if uid:
            body["preconditions"] = {"uid": uid}
        with contextlib.suppress(Missing, *([Conflict] if uid else [])):
            self.request("DELETE", self.path(version, kind, name), body=body)

    def path(self, version: str, kind: str, name: str = "", sub: str = "") -> str:
        """Answer the path of a kind, an object or its subresource in the namespace."""
        path = path_of(version, kind, self.namespace, self._discovered)
        return "/".join([path, *(quote(one, safe="") for one in (name, sub) if one)])

    # ── Requests ────────────────────────────────────────────────────────────────────────────────────────

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        form: str = "application/json",
    ) -> Object:
        """Make one request and answer its JSON. While a server has let us do nothing yet, what it refuses is asked
        again, for ``STARTING`` seconds at most.

        Raises TemporaryError (network, 429, 5xx), Unauthenticated (401), PermissionMissing (403), Missing (404),
        Conflict (409), ApplyConflict, PlatformFailed (422 and all else).
        """
        while True:
            if method != "GET":
                self.before_write()
            try:
                with self._sent(method, path, query or {}, body, form, TIMEOUT) as response:
                    data = self._read(response)
                    self._knows_us |= "/namespaces/" in path and response.status not in (401, 403)
                    if response.status >= 400:
                        raise self._trouble(method, path, response.status, data, response.headers)
                break
            except PermissionMissing:
                if not self._may_be_starting():
                    raise
                self._closing.wait(AGAIN)
        self._allowed.add((method, path))
        try:
            answer: Object = json.loads(data)
        except ValueError as error:
            raise TemporaryError(f"{method} {path}: {self.where} did not answer JSON.") from error
        return answer

    def text(self, path: str, query: Mapping[str, str], *, seconds: float = TIMEOUT) -> str:
        """Answer what is at ``path`` as text (logs), within so many seconds."""
        with self._sent("GET", path, query, None, "application/json", seconds) as response:
            data = self._read(response)
            if response.status >= 400:
                raise self._trouble("GET", path, response.status, data, response.headers)
        return data.decode("utf-8", "replace")

    def watch(
        self, path: str, version: str, seconds: int, *, opened: Callable[[], None] = lambda: None
    ) -> Iterator[Object]:
        """Answer the events that follow ``version``, for at most ``seconds``; bookmarks are among them. ``opened`` is
        called once the server has begun to watch.

        Raises Expired where the server no longer has them, TemporaryError where the connection breaks.
        """
        query = {
            "watch": "1",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(seconds),
        }
        with self._sent("GET", path, query, None, "application/json", seconds + 10.0) as response:
            if response.status in (410, 504):
                raise Expired(f"watch {path}: {response.status}")
            if response.status >= 400:
                raise self._trouble("watch", path, response.status, self._read(response), response.headers)
            self._allowed.add(("watch", path))
            opened()
            for line in self._lines(response):
                yield self._event(path, line)

    def _may_be_starting(self) -> bool:
        """Say whether a server that refuses us may only have started a moment ago."""
        now = monotonic()
        with self._lock:
            if self._refuses_since is None:
                self._refuses_since = now
            return not self._knows_us and not self.closed and now - self._refuses_since < STARTING

    def close(self) -> None:
        """End all that is open, also what another thread reads from."""
        self.closed = True
        self._closing.set()
        with self._lock:
            left = list(self._open)
        for response in left:
            # Closing would wait for the thread that reads; shutting the socket down ends its wait.
            with contextlib.suppress(OSError, ValueError, RuntimeError):
                response.shutdown()
        self._client.close()

    @contextlib.contextmanager
    def _sent(
        self, method: str, path: str, query: Mapping[str, str], body: Any, form: str, seconds: float
    ) -> Iterator[Any]:
        headers = {"Accept": "application/json", "Content-Type": form, "User-Agent": "dreamnet"}
        if token := self._configuration.get_api_key_with_prefix("BearerToken", alias="authorization"):
            headers["Authorization"] = token
        url = f"{self._configuration.host}{path}" + (f"?{urlencode(query)}" if query else "")
        answered = self._answered(method, url, headers, body, seconds)
        if answered.status == 401 and (other := renewed(self._configuration, headers.get("Authorization"))):
            answered.response.drain_conn()
            answered = self._answered(method, url, headers | {"Authorization": other}, body, seconds)
        response = answered.response
        with self._lock:
            self._open.add(response)
        try:
            yield response
        finally:
            with self._lock:
                self._open.discard(response)
            with contextlib.suppress(OSError):
                response.close()  # a connection whose answer was read to its end has gone back to the pool already

    def _answered(self, method: str, url: str, headers: dict[str, str], body: Any, seconds: float) -> Any:
        """Send one request and answer what comes back, before its body is read."""
        import urllib3

        if headers["Content-Type"] == APPLY:
            body = as_yaml(body)
        try:
            return self._client.request(
                method, url, headers=headers, body=body, _request_timeout=(10.0, seconds)
            )
        except urllib3.exceptions.HTTPError as error:
            raise self._unreachable(error) from error
        except Exception as error:
            # The client wraps a TLS error in an exception of its own.
            if type(error).__name__ != "ApiException":
                raise
            raise self._unreachable(error) from error

    def _read(self, response: Any) -> bytes:
        import urllib3

        try:
            data: bytes = response.read()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise self._unreachable(error) from error
        return data

    def _lines(self, response: Any) -> Iterator[bytes]:
        """Answer the whole lines of a stream; what is cut off at its end is no event."""
        import urllib3

        kept = b""
        try:
            for part in response.stream(65536):
                *lines, kept = (kept + part).split(b"\n")
                yield from lines
        except (urllib3.exceptions.HTTPError, OSError, ValueError, AttributeError) as error:
            # A response that another thread closes says so in several ways.
            raise self._unreachable(error) from error

    def _event(self, path: str, line: bytes) -> Object:
        try:
            event: Object = json.loads(line)
        except ValueError as error:
            raise TemporaryError(f"watch {path}: a line that is no JSON.") from error
        if event.get("type") == "ERROR":
            status = event.get("object", {})
            if status.get("code") in (410, 504):
                raise Expired(f"watch {path}: {status.get('code')}")
            raise TemporaryError(f"watch {path}: {said(status.get('message', 'an error'))}")
        return event

    def _unreachable(self, error: Exception) -> TemporaryError:
        return TemporaryError(
            f"The API server {self.where} cannot be reached: {said(error)}",
            hint=f"That is no fault of the service. {advice(self._configuration)}",
        )

    def _trouble(
        self, method: str, path: str, status: int, data: bytes, headers: Mapping[str, str]
    ) -> DreamNetError:
        asked = Asked(method, path, self.where, self.namespace, allowed=(method, path) in self._allowed)
        return trouble(asked, status, data, headers)

    def _discovered(self, version: str) -> builtins.list[Object]:
        """Ask the server for the kinds of a group."""
        where = f"/api/{version}" if "/" not in version else f"/apis/{version}"
        resources: builtins.list[Object] = self.request("GET", where).get("resources", [])
        return resources
