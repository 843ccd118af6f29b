"""Who we are towards a registry of images: the logins that docker, buildah and podman keep, read as they read them.

The files are ``$REGISTRY_AUTH_FILE``, ``$XDG_RUNTIME_DIR/containers/auth.json`` (containers-auth.json(5)) and
``$DOCKER_CONFIG/config.json``, else ``~/.docker/config.json``; the first that knows the registry counts. Programs named
there (``credHelpers``, ``credsStore``) are asked by docker's own protocol. Nothing of it is ever printed.
"""

from __future__ import annotations

import base64
import binascii
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dreamnet_actions.domain.secret import SecretValue
from dreamnet_actions.errors import ConfigError

HELPER_TIMEOUT = 30.0
"""Seconds that a program which keeps logins may take."""
_DOCKER_HUB = ("https://index.docker.io/v1/", "index.docker.io", "docker.io", "registry-1.docker.io")


@dataclass(frozen=True, kw_only=True)
class Login:
    """A name and password, or (with ``identity``) a token that is exchanged for others."""

    user: str
    secret: SecretValue
    identity: bool = False


class Logins:
    """The logins that ``environ`` leads to. ``others`` is asked first: it answers a login for a host, or None."""

    def __init__(
        self, environ: Mapping[str, str], others: Callable[[str], Login | None] | None = None
    ) -> None:
        self._environ, self._others = environ, others

    def of(self, host: str) -> Login | None:
        """Answer the login for a registry's ``host[:port]``, or None where nobody logged in.

        Raises ConfigError for a file that cannot be read, and for a program that fails.
        """
        if self._others is not None and (given := self._others(host)) is not None:
            return given
        for file in self._files():
            if (found := self._in(file, host)) is not None:
                return found
        return None

    def _files(self) -> Iterator[Path]:
        if given := self._environ.get("REGISTRY_AUTH_FILE"):
            yield Path(given)
        if run := self._environ.get("XDG_RUNTIME_DIR"):
            yield Path(run) / "containers" / "auth.json"
        home = self._environ.get("HOME", "")
        if docker := self._environ.get("DOCKER_CONFIG") or (f"{home}/.docker" if home else ""):
            yield Path(docker) / "config.json"

    def _in(self, file: Path, host: str) -> Login | None:
        try:
            said = json.loads(file.read_text("utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"The logins in {file} cannot be read: {error}", hint="Log in to the registry anew."
            ) from error
        if not isinstance(said, dict):
            return None
        names = _names(host)
        helpers = said.get("credHelpers") or {}
        helper = next((helpers[one] for one in names if one in helpers), said.get("credsStore"))
        if helper and (found := self._asked(str(helper), names[0])) is not None:
            return found
        logins = {_bare(key): value for key, value in (said.get("auths") or {}).items()}
        return next((found for one in names if (found := _login(logins.get(_bare(one)), file))), None)

    def _asked(self, helper: str, server: str) -> Login | None:
        """Ask a program that keeps logins (docker-credential-helpers' protocol: ``get``, the server on stdin)."""
        program = shutil.which(f"docker-credential-{helper}", path=self._environ.get("PATH"))
        if program is None:
            return None
        try:
            done = subprocess.run(
                [program, "get"],
                input=server,
                capture_output=True,
                text=True,
                timeout=HELPER_TIMEOUT,
                env=dict(self._environ),
                check=False,
            )
            told = json.loads(done.stdout) if done.returncode == 0 else {}
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            raise ConfigError(
                f"docker-credential-{helper} did not answer a login for {server}.", hint="Log in anew."
            ) from error
        if not told.get("Secret"):
            return None  # it knows of none
        user = str(told.get("Username") or "")
        return Login(user=user, secret=SecretValue(str(told["Secret"])), identity=user == "<token>")


def _names(host: str) -> tuple[str, ...]:
    """Answer the names under which a host's login may stand; the first is the one that programs know."""
    return _DOCKER_HUB if host in _DOCKER_HUB else (host, f"https://{host}")


def _bare(key: str) -> str:
    """Answer a key of ``auths`` without what differs between programs: the scheme, and docker's old path."""
    bare = key.removeprefix("https://").removeprefix("http://").rstrip("/")
    return bare.removesuffix("/v1").removesuffix("/v2")


def _login(entry: Any, file: Path) -> Login | None:
    if not isinstance(entry, dict):
        return None
    if token := entry.get("identitytoken"):
        return Login(user="<token>", secret=SecretValue(str(token)), identity=True)
    if written := entry.get("auth"):
        try:
            user, _, secret = base64.b64decode(str(written), validate=True).decode("utf-8").partition(":")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise ConfigError(
                f"A login in {file} cannot be read.", hint="Log in to the registry anew."
            ) from error
        return Login(user=user, secret=SecretValue(secret.rstrip("\0")))
    if entry.get("username") and entry.get("password"):
        return Login(user=str(entry["username"]), secret=SecretValue(str(entry["password"])))
    return None
