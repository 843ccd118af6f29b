"""What a registry says of an image: which digest a tag means now (the distribution specification's HTTP API v2).

Families of adapters do not know each other; this is no family: whoever builds images and whoever runs them ask alike.
Only HEAD and GET of manifests are asked, by whoever is logged in (``registrylogins.py``).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dreamnet_actions.adapters.registrylogins import Login, Logins
from dreamnet_actions.errors import (
    ConfigError,
    DreamNetError,
    NotFound,
    PermanentError,
    TemporaryError,
    Unauthenticated,
)

if TYPE_CHECKING:
    import httpx2

TIMEOUT = 30.0
"""Seconds for one request."""
MANIFESTS = ", ".join((
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
))  # fmt: skip
"""The forms in which an image may be described; an index stays an index, so every platform of it counts."""
_DIGEST = r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-f]{32,}"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(
    rf"(?:(?P<host>(?:localhost|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+|[A-Za-z0-9-]+(?=:\d)|\[[0-9a-fA-F:]+\])(?::\d+)?)/)?"
    rf"(?P<path>{_PART}(?:/{_PART})*)(?::(?P<tag>\w[\w.-]{{0,127}}))?(?:@(?P<digest>{_DIGEST}))?"
)
_HUB = "registry-1.docker.io"


@dataclass(frozen=True, kw_only=True)
class Reference:
    """An image's name as people write it, taken apart: ``host`` as written (empty for Docker Hub), ``path``, and what
    says which one (``tag``, ``digest``)."""

    host: str
    path: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read ``[host[:port]/]path[:tag][@digest]``. Raises ConfigError."""
        found = _NAME.fullmatch(text)
        if found is None:
            raise ConfigError(
                f"{text[:200]!r} is no image.",
                hint="Write registry/path:tag or registry/path@sha256:…, in small letters.",
            )
        return cls(
            host=found["host"] or "",
            path=found["path"],
            tag=found["tag"] or "",
            digest=found["digest"] or "",
        )

    @property
    def name(self) -> str:
        """The image without tag and digest."""
        return f"{self.host}/{self.path}" if self.host else self.path

    def at(self, digest: str) -> str:
        """Write the image by a digest."""
        return f"{self.name}@{digest}"


class NoSuchImage(NotFound):
    """The registry has no image of that name and tag."""

    def __init__(self, image: str, host: str) -> None:
        super().__init__("image", image)
        self.message = f"The registry {host} has no image {image}."
        self.hint = "Look at its name and tag, and whether it was pushed."
        self.args = (self.message,)


class Registry:
    """Asks registries. ``plain_http`` are those (``host:port``) that speak no TLS; this machine's own need not be
    named, as docker has it. Safe to use from many threads."""

    def __init__(self, logins: Logins, plain_http: Collection[str] = ()) -> None:
        self._logins, self._plain = logins, frozenset(plain_http)

    def digest(self, image: str) -> str:
        """Answer the digest of an image now.

        Raises NoSuchImage where the registry has no such image, Unauthenticated where it does not show it to us,
        TemporaryError where it cannot be asked, PermanentError for an answer that is none, ConfigError.
        """
        import httpx2  # late: only a release pays for it

        one = Reference.parse(image)
        if one.digest:
            return one.digest
        host, path = _place(one)
        url = f"{self._scheme(host)}://{host}/v2/{path}/manifests/{one.tag or 'latest'}"
        try:
            with httpx2.Client(timeout=TIMEOUT, follow_redirects=True) as client:
                return self._digest(client, url, host, image)
        except httpx2.HTTPError as error:
            raise TemporaryError(
                f"The registry {host} could not be asked for {image} ({type(error).__name__}: {error}).",
                hint="That is no fault of the service. Look at the network, or write the image by its digest.",
            ) from error

    def _digest(self, client: httpx2.Client, url: str, host: str, image: str) -> str:
        headers = {"Accept": MANIFESTS, "User-Agent": "dreamnet"}
        answer = client.head(url, headers=headers)
        if answer.status_code == 401:
            headers["Authorization"] = self._proof(client, answer, host, image)
            answer = client.head(url, headers=headers)
        _look(answer, host, image)
        if found := answer.headers.get("Docker-Content-Digest", ""):
            if re.fullmatch(_DIGEST, found):
                return found
            raise PermanentError(f"The registry {host} answered no digest of {image}.")
        whole = client.get(
            url, headers=headers
        )  # the header is only asked for ("SHOULD") by the specification
        _look(whole, host, image)
        return f"sha256:{hashlib.sha256(whole.content).hexdigest()}"

    def _scheme(self, host: str) -> str:
        return "http" if host in self._plain or is_here(host) else "https"

    def _proof(self, client: httpx2.Client, refused: httpx2.Response, host: str, image: str) -> str:
        """Answer the Authorization that a 401 asks for (RFC 7235; the distribution project's token protocol)."""
        scheme, asked = _challenge(refused.headers.get("WWW-Authenticate", ""))
        login = self._logins.of(host)
        if scheme == "basic":
            if login is None:
                raise _unknown(host, image)
            return _basic(login)
        if scheme != "bearer" or not self._may_ask(asked.get("realm", ""), host):
            raise PermanentError(f"The registry {host} asks for a login of a kind that is not known.")
        query = {one: asked[one] for one in ("service", "scope") if one in asked}
        if login is not None and login.identity:
            form = {**query, "grant_type": "refresh_token", "refresh_token": login.secret.reveal()}
            told = client.post(asked["realm"], data={**form, "client_id": "dreamnet"})
        else:
            proof = {"Authorization": _basic(login)} if login else {}
            told = client.get(asked["realm"], params=query, headers=proof)
        if told.status_code in (400, 401, 403):
            raise _unknown(host, image, refused=login is not None)
        _look(told, host, image)
        try:
            data = told.json()
            token = data.get("token") or data.get("access_token")
        except (ValueError, AttributeError):
            token = None
        if not isinstance(token, str):
            raise PermanentError(f"The registry {host} gave no token for {image}.")
        return f"Bearer {token}"

    def _may_ask(self, realm: str, host: str) -> bool:
        """Say whether a login may be shown at a realm: over TLS, or where the registry itself speaks none."""
        scheme = urlsplit(realm).scheme
        return scheme == "https" or (scheme == "http" and self._scheme(host) == "http")


def is_here(host: str) -> bool:
    """Say whether a registry is on this machine, where no TLS is needed."""
    bare = re.sub(r":\d+$", "", host)
    return bare in ("localhost", "[::1]") or bare.startswith("127.")


def _place(one: Reference) -> tuple[str, str]:
    """Answer the host that is asked, and the path there: Docker Hub's have two names and a folder of its own."""
    if one.host in ("", "docker.io", "index.docker.io"):
        return _HUB, one.path if "/" in one.path else f"library/{one.path}"
    return one.host, one.path


def _look(answer: httpx2.Response, host: str, image: str) -> None:
    status = answer.status_code
    if status == 404:
        raise NoSuchImage(image, host)
    if status in (401, 403):
        raise _unknown(host, image, refused=True)
    if status == 429 or status >= 500:
        after = answer.headers.get("Retry-After", "")
        raise TemporaryError(
            f"The registry {host} answered {status} for {image}.",
            retry_after=float(after) if after.isdigit() else 30.0,
        )
    if status >= 300:
        raise PermanentError(f"The registry {host} answered {status} for {image}.")


def _unknown(host: str, image: str, *, refused: bool = False) -> DreamNetError:
    who = "does not show it to the login that is known" if refused else "asks for a login, and none is known"
    return Unauthenticated(
        f"The image {image} cannot be looked up: the registry {host} {who}.",
        hint=f"Log in before DreamNet runs (docker login {host}, buildah login {host}), or write the image by digest.",
    )


def _challenge(header: str) -> tuple[str, Mapping[str, str]]:
    scheme, _, rest = header.partition(" ")
    return scheme.lower(), dict(re.findall(r'(\w+)="([^"]*)"', rest))


def _basic(login: Login) -> str:
    from base64 import b64encode

    return "Basic " + b64encode(f"{login.user}:{login.secret.reveal()}".encode()).decode("ascii")
